drop view nba.final_game;
drop view nba.shot;
drop index nba.raw_box_score_loaded;
drop index nba.play_by_play_shooter;
drop index nba.play_by_play_shots;
drop function nba.shot_zone(integer, text, integer, integer);
drop table nba.predictions, nba.player, nba.team, nba.ml_feature_store,
    nba.player_composite_factors, nba.player_shot_zone_analysis, nba.team_defense_zone_analysis,
    nba.player_daily_cache, nba.team_defense_game_summary, nba.team_offense_game_summary,
    nba.player_game_summary, nba.clean_box_score, nba.source_conflict;
drop function nba.clamp(numeric, numeric);
drop function nba.day_number(date);
drop function nba.is_in_scope(text);
drop function nba.source_rank(text);
drop function nba.team_minutes(text);
drop function nba.minutes_exact(text);
drop function nba.minutes(text);
