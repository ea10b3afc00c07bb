-- Statements of the views in views.py.

-- name: game_features
-- Feature rows of a player, with what each feature is called and whether it was missing.
-- :player_id  text  whose
-- :date  date  only of this day, NULL for all
select game_id, player_id, game_date, season, team_id, opponent_team_id, feature_names, features,
       feature_missing, feature_version, target_points, games_played_season, quality_score,
       completeness_pct, is_production_ready, not_ready_reason
  from nba.ml_feature_store
 where player_id = %(player_id)s::integer and (%(date)s::date is null or game_date = %(date)s);

-- name: models
-- Models with their error against the baseline.
select model, target, feature_version, seed, trained_at, trained_since, trained_until, test_since,
       test_until, test_rows, mae, baseline_mae, improvement, verdict
  from nba.model_card;
