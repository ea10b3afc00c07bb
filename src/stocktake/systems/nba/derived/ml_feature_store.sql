-- name: touched
-- A player's own changed rows, everybody in a game of which a team's row changed, and, since
-- every row tells how complete its day is, everybody on a day of which a game came, went or moved.
select game_id, player_id from changed_player_game_summary
 union
select game_id, player_id from changed_player_daily_cache
 union
select game_id, player_id from changed_player_composite_factors
 union
select game_id, player_id from changed_player_shot_zone_analysis
 union
select p.game_id, p.player_id
  from (select distinct game_id from changed_team_defense_zone_analysis) c
  join nba.player_daily_cache p using (game_id)
 union
select p.game_id, p.player_id
  from (select game_date from changed_player_game_summary
         union
        select s.game_date
          from changed_player_game_summary c join nba.schedule s using (game_id)
         union
        select game_date from changed_schedule
         union
        select s.game_date
          from changed_game_alias a join nba.schedule s on s.game_id = a.old_id) d
  join nba.player_daily_cache p using (game_date);

-- name: every
-- Every player with a state before the game.
select game_id, player_id from nba.player_daily_cache;

-- name: units
-- One unit per game.
select distinct array[game_id] as unit from touched_keys;

-- name: compute
-- Twenty-five features of a player before a game; what is not known stays NULL, with its reason.
with days as (
    select distinct c.game_date
      from touched_keys k
      join nba.player_daily_cache c on c.game_id = k.game_id and c.player_id = k.player_id
),
games as (
    -- of each day: those held, and those the schedule knows
    select game_date, count(*) as expected, count(*) filter (where is_held) as found
      from (select distinct game_date, game_id, true as is_held
              from days join nba.team_offense_game_summary using (game_date)
             union all
            select s.game_date, s.game_id, false
              from days join nba.schedule s using (game_date)
             where nba.is_in_scope(s.season_type)
               and coalesce(s.status, '') not in ('postponed', 'cancelled')
               and not exists (select from nba.game_alias a where a.old_id = s.game_id)
               and not exists (select from nba.team_offense_game_summary g
                                where g.game_id = s.game_id)) game
     group by game_date
),
-- materialized, lest the array be built anew for each of its elements
known as materialized (
    select c.game_id, c.player_id, c.game_date, c.season, c.team_id, c.opponent_team_id, p.pts,
           c.games_played_season as games, c.is_complete, z.game_id is not null as has_plays,
           g.expected, g.found, round(100.0 * g.found / g.expected, 2) as completeness,
           t.games_played as team_games, o.games_played as opponent_games,
           array[c.points_avg_last_5, c.points_avg_last_10, c.points_avg_season,
                 c.points_std_last_10, c.games_in_last_7_days, f.fatigue_score,
                 f.shot_zone_mismatch_score, f.pace_score, f.usage_spike_score,
                 nba.clamp(t.days_rest - o.days_rest, 2), null, c.recent_trend,
                 round((c.minutes_avg_last_5 - c.minutes_avg_season)
                       / nullif(c.minutes_avg_season, 0), 4),
                 o.defensive_rating_last_15, o.team_pace_last_10,
                 case when p.is_neutral then 0.5 else p.is_home::integer end,
                 c.is_back_to_back::integer, (p.season_type in ('play_in', 'playoffs'))::integer,
                 z.paint_rate_last_10, z.mid_range_rate_last_10, c.three_pt_rate_last_10,
                 c.ft_points_share_last_10, t.team_pace_last_10, t.off_rating_last_10,
                 t.win_pct_season]::double precision[] as features
      from touched_keys k
      join nba.player_daily_cache c on c.game_id = k.game_id and c.player_id = k.player_id
      join nba.player_game_summary p on p.game_id = k.game_id and p.player_id = k.player_id
      join games g on g.game_date = c.game_date
      left join nba.player_composite_factors f on f.game_id = k.game_id
                                              and f.player_id = k.player_id
      left join nba.player_shot_zone_analysis z on z.game_id = k.game_id
                                               and z.player_id = k.player_id
      left join nba.team_defense_zone_analysis t on t.game_id = c.game_id
                                                and t.team_id = c.team_id
      left join nba.team_defense_zone_analysis o on o.game_id = c.game_id
                                                and o.team_id = c.opponent_team_id
),
measured as (
    select *, 25 - case when has_plays then 1 else 4 end as measurable,
           25 - cardinality(array_positions(features, null)) as measured
      from known
),
judged as (
    select *, round(100.0 * measured / measurable, 2) as quality,
           case when completeness < 90 then 'day incomplete'
                when not is_complete then 'history incomplete'
                when round(100.0 * measured / measurable, 2) < 90 then 'features missing' end
               as reason,
           -- why a feature is missing: of the player's own games, of either team's, of zones
           case when games = 0 then 'no earlier game' else 'not measured' end as own,
           case when least(team_games, opponent_games) = 0 then 'no earlier game of a team'
                else 'not measured' end as met,
           case when not has_plays then 'structural' when games = 0 then 'no earlier game'
                else 'no shots known' end as zone,
           case when games = 0 then 'no earlier game' else 'fewer than 2 games' end as spread,
           case when games = 0 then 'no earlier game' else 'fewer than 5 games' end as trend,
           case when games = 0 then 'no earlier game' else 'no shot in ten games' end as threes,
           case when games = 0 then 'no earlier game' else 'no point in ten games' end as throws
      from measured
)
select game_id, player_id, game_date, season, team_id, opponent_team_id, features,
       array['points_avg_last_5', 'points_avg_last_10', 'points_avg_season', 'points_std_last_10',
             'games_in_last_7_days', 'fatigue_score', 'shot_zone_mismatch_score', 'pace_score',
             'usage_spike_score', 'rest_advantage', 'injury_risk', 'recent_trend',
             'minutes_change', 'opponent_defensive_rating_last_15', 'opponent_team_pace_last_10',
             'is_home', 'is_back_to_back', 'is_playoff', 'paint_rate_last_10',
             'mid_range_rate_last_10', 'three_pt_rate_last_10', 'ft_points_share_last_10',
             'team_pace_last_10', 'off_rating_last_10', 'win_pct_season'] as feature_names,
       array[case when features[1] is null then own end, case when features[2] is null then own end,
             case when features[3] is null then own end,
             case when features[4] is null then spread end,
             case when features[5] is null then own end, case when features[6] is null then own end,
             case when features[7] is null then zone end,
             case when features[8] is null then met end, case when features[9] is null then own end,
             case when features[10] is null then met end,
             case when features[11] is null then 'structural' end,
             case when features[12] is null then trend end,
             case when features[13] is null then own end,
             case when features[14] is null then met end,
             case when features[15] is null then met end,
             case when features[16] is null then 'home team unknown' end,
             case when features[17] is null then own end,
             case when features[18] is null then own end,
             case when features[19] is null then zone end,
             case when features[20] is null then zone end,
             case when features[21] is null then threes end,
             case when features[22] is null then throws end,
             case when features[23] is null then met end,
             case when features[24] is null then met end,
             case when features[25] is null then met end] as feature_missing,
       'v1_25' as feature_version, pts as target_points, games as games_played_season,
       quality as quality_score, expected as expected_games, found as found_games,
       completeness as completeness_pct, reason is null as is_production_ready,
       reason as not_ready_reason
  from judged;
