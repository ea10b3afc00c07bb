-- A player's names one by one, each with its first and last day.
create index clean_box_score_spelling on nba.clean_box_score (player_id, player_name, game_date);
