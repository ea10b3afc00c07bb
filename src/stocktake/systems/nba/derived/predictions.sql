-- name: touched
-- What was foretold anew, and whose outcome or baseline changed.
select model_game, player_id from changed_model_output
 union
select o.model_game, o.player_id
  from (select game_id, player_id from changed_player_game_summary
         union
        select game_id, player_id from changed_player_daily_cache
         union
        select game_id, player_id from changed_player_composite_factors) c
  join nba.model_output o using (game_id, player_id);

-- name: every
-- Everything foretold.
select model_game, player_id from nba.model_output;

-- name: units
-- Games of each model.
select distinct array[model_game] as unit from touched_keys;

-- name: compute
-- Prediction, a simple baseline and the outcome side by side; points.
select o.model, o.game_id, o.model_game, o.player_id, s.season, s.game_date, o.predicted_points,
       c.points_avg_last_10 + coalesce(f.total_adjustment, 0) as baseline_points,
       s.pts as actual_points, abs(s.pts - o.predicted_points) as abs_error, m.trained_until
  from touched_keys k
  join nba.model_output o using (model_game, player_id)
  join nba.model_card m on m.model = o.model
  join nba.player_game_summary s on s.game_id = o.game_id and s.player_id = o.player_id
  left join nba.player_daily_cache c on c.game_id = o.game_id and c.player_id = o.player_id
  left join nba.player_composite_factors f on f.game_id = o.game_id
                                          and f.player_id = o.player_id;
