-- What every layer owes and holds, game by game: one view for the checks of coverage, gaps and
-- freshness. Logs of teams are no layer: they are held against the layers.
create view nba.layer_game with (security_invoker = true) as
select l.layer, l.level, g.game_id, g.season, g.game_date, s.tipoff_utc,
       -- a game is due when it is over, else the day after it, else after the season
       coalesce(g.game_date + case when g.is_over then 0 else 1 end, y.last_regular_date + 1)
           as due_on,
       h.game_id is not null as is_held
  from (values ('L1 raw_box_score', 1), ('L2 clean_box_score', 2), ('L3 player_game_summary', 3),
               ('L3 team_offense_game_summary', 3), ('L3 team_defense_game_summary', 3),
               ('L4 player_daily_cache', 4), ('L4 team_defense_zone_analysis', 4),
               ('L4 player_composite_factors', 4), ('L5 ml_feature_store', 5)) l (layer, level)
  join nba.game g on g.not_expected is null
                 and (l.level <= 3 or g.is_bootstrap is not true)
  join nba.schedule s on s.game_id = g.game_id
  left join nba.season y on y.season = g.season
  left join (select 'L1 raw_box_score' as layer, game_id from nba.raw_box_score group by game_id
              union all
             select 'L2 clean_box_score', game_id from nba.clean_box_score group by game_id
              union all
             select 'L3 player_game_summary', game_id from nba.player_game_summary group by game_id
              union all
             select 'L3 team_offense_game_summary', game_id from nba.team_offense_game_summary
              group by game_id
              union all
             select 'L3 team_defense_game_summary', game_id from nba.team_defense_game_summary
              group by game_id
              union all
             select 'L4 player_daily_cache', game_id from nba.player_daily_cache group by game_id
              union all
             select 'L4 team_defense_zone_analysis', game_id from nba.team_defense_zone_analysis
              group by game_id
              union all
             select 'L4 player_composite_factors', game_id from nba.player_composite_factors
              group by game_id
              union all
             select 'L5 ml_feature_store', game_id from nba.ml_feature_store group by game_id) h
    on h.layer = l.layer and h.game_id = g.game_id;

grant select on nba.layer_game to stocktake_app;
