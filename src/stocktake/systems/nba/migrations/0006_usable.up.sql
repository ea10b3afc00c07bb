-- Predictions are counted game by game, and rows of features that may be used now are told apart
-- from those of which an input has changed since.

alter table nba.model_output
    add column model_game text, -- model:game_id
    add column game_date date;
update nba.model_output set model_game = model || ':' || game_id;
alter table nba.model_output alter column model_game set not null;
create index model_output_model_game on nba.model_output (model_game, player_id);

alter table nba.predictions add column model_game text;
update nba.predictions set model_game = model || ':' || game_id;
alter table nba.predictions alter column model_game set not null;
create index predictions_model_game on nba.predictions (model_game, player_id);

-- Per season the first day on which rows of a layer no longer follow from what they were computed
-- of: they look back as far as the season's beginning, so every later day rests on it.
create view nba.stale_since with (security_invoker = true) as
select g.season, min(g.game_date) as game_date
  from stocktake.unit u
  join stocktake.series s using (series_id)
  join stocktake.series h on h.system = 'nba' and h.dataset = 'schedule' and h.feed = 'member'
                         and h.key = array['game_id']
  join stocktake.member m on m.series_id = h.series_id and m.ordinal = u.ordinal
  join nba.schedule g on g.game_id = m.key
 where s.system = 'nba' and s.feed = 'derive' and u.state = 'stale'
   and s.dataset in ('clean_box_score', 'player_game_summary', 'team_offense_game_summary',
                     'team_defense_game_summary', 'team_defense_zone_analysis',
                     'player_daily_cache', 'player_shot_zone_analysis',
                     'player_composite_factors', 'ml_feature_store')
 group by g.season;

-- The feature store as it may be used at this moment: as stored, but no row is ready whose inputs
-- are stale. Derived again, they are ready again.
create view nba.usable_features with (security_invoker = true) as
select f.game_id, f.player_id, f.game_date, f.season, f.team_id, f.opponent_team_id, f.features,
       f.feature_names, f.feature_missing, f.feature_version, f.target_points,
       f.games_played_season, f.quality_score, f.expected_games, f.found_games,
       f.completeness_pct, f.is_production_ready and not t.is_stale as is_production_ready,
       case when f.not_ready_reason is not null then f.not_ready_reason
            when t.is_stale then 'input stale' end as not_ready_reason
  from nba.ml_feature_store f
  left join nba.stale_since s using (season),
       lateral (values (coalesce(f.game_date >= s.game_date, false))) t (is_stale);

grant select on nba.stale_since, nba.usable_features to stocktake_app;
