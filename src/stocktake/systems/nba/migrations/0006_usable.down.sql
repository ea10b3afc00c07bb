drop view nba.usable_features, nba.stale_since;
alter table nba.predictions drop column model_game;
alter table nba.model_output drop column model_game, drop column game_date;
