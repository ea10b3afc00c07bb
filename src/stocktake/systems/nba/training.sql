-- name: training
-- Rows a model may learn from: ready, no input stale, and of players with five games or more
-- behind them.
-- :since  date  first day, null for all
-- :until  date  last day, included, null for all
select f.game_id, f.player_id, f.game_date, f.features, f.feature_names,
       f.target_points::double precision as target,
       c.points_avg_last_10::double precision as points_avg_last_10,
       c.points_avg_last_5::double precision as points_avg_last_5,
       c.points_avg_season::double precision as points_avg_season
  from nba.usable_features f
  join nba.player_daily_cache c using (game_id, player_id)
 where f.is_production_ready and f.target_points is not null and c.games_played_season >= 5
   and (%(since)s::date is null or f.game_date >= %(since)s)
   and (%(until)s::date is null or f.game_date <= %(until)s)
 order by f.game_date, f.game_id, f.player_id;
