drop table nba.model_output, nba.model_card;
