-- What every layer owes and holds, game by game: one view for the checks of gaps and freshness.
-- Logs of teams are no layer: they are held against the layers. Whether a game is held is asked of
-- the tables' keys one by one: no estimate of the planner can spoil that.
create view nba.layer_game with (security_invoker = true) as
select l.layer, l.level, g.game_id, g.season, g.game_date, g.is_over, s.tipoff_utc,
       -- a game is due when it is over, else the day after it, else after the season
       coalesce(g.game_date + case when g.is_over then 0 else 1 end, y.last_regular_date + 1)
           as due_on,
       case l.layer
           when 'L1 raw_box_score' then
               exists (select from nba.raw_box_score h where h.game_id = g.game_id)
           when 'L2 clean_box_score' then
               exists (select from nba.clean_box_score h where h.game_id = g.game_id)
           when 'L3 player_game_summary' then
               exists (select from nba.player_game_summary h where h.game_id = g.game_id)
           when 'L3 team_offense_game_summary' then
               exists (select from nba.team_offense_game_summary h where h.game_id = g.game_id)
           when 'L3 team_defense_game_summary' then
               exists (select from nba.team_defense_game_summary h where h.game_id = g.game_id)
           when 'L4 player_daily_cache' then
               exists (select from nba.player_daily_cache h where h.game_id = g.game_id)
           when 'L4 team_defense_zone_analysis' then
               exists (select from nba.team_defense_zone_analysis h where h.game_id = g.game_id)
           when 'L4 player_composite_factors' then
               exists (select from nba.player_composite_factors h where h.game_id = g.game_id)
           when 'L5 ml_feature_store' then
               exists (select from nba.ml_feature_store h where h.game_id = g.game_id)
       end as is_held
  from (values ('L1 raw_box_score', 1), ('L2 clean_box_score', 2), ('L3 player_game_summary', 3),
               ('L3 team_offense_game_summary', 3), ('L3 team_defense_game_summary', 3),
               ('L4 player_daily_cache', 4), ('L4 team_defense_zone_analysis', 4),
               ('L4 player_composite_factors', 4), ('L5 ml_feature_store', 5)) l (layer, level)
  join nba.game g on g.not_expected is null
                 and (l.level <= 3 or g.is_bootstrap is not true)
  join nba.schedule s on s.game_id = g.game_id
  left join nba.season y on y.season = g.season;

grant select on nba.layer_game to stocktake_app;
