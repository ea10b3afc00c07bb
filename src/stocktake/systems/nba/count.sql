-- Rows per unit and feed: key, feed, rows, and how many rows the unit should have where that is
-- known. Games are asked for by their ids.

-- name: season
-- All seasons are one unit.
select array['all'] as key, 'seasons' as feed, count(*) as rows, null::bigint as expected_rows
  from nba.season having count(*) > 0;

-- name: team_reference
-- All teams are one unit.
select array['all'] as key, 'teams' as feed, count(*) as rows, 30::bigint as expected_rows
  from nba.team_reference having count(*) > 0;

-- name: schedule
-- Games a schedule lists, per season and kind; the id rule promises games, but lists none.
-- :keys  text[]  seasons wanted, null for all
with listed as (
    select season, season_type,
           case when source = 'cdn' then 'cdn_schedule' when source = 'stats' then 'season_schedule'
                else 'schedule_file' end as feed
      from nba.schedule
     where _listed_hash is not null and season_type in ('regular', 'play_in', 'playoffs', 'cup_final')
       and (%(keys)s::text[] is null or season = any(%(keys)s))
), counted as (
    select season, season_type, count(*) as rows from listed group by 1, 2
)
select array[c.season, c.season_type] as key, f.feed, c.rows,
       case c.season_type when 'regular' then s.regular_games
                          when 'play_in' then nullif(s.play_in_games, 0) end::bigint as expected_rows
  from counted c
  join (select distinct season, season_type, feed from listed) f using (season, season_type)
  left join nba.season s using (season);

-- name: scoreboard_day
-- Games a scoreboard showed, per day.
-- :days   date[]  days wanted, null for all
-- :since  date    first day, null for all
-- :until  date    last day, included, null for all
select array[game_date::text] as key, 'scoreboard' as feed, count(*) as rows, null::bigint
       as expected_rows
  from nba.scoreboard_day
 where (%(days)s::date[] is null or game_date = any(%(days)s::date[]))
   and (%(since)s::date is null or game_date >= %(since)s::date)
   and (%(until)s::date is null or game_date <= %(until)s::date)
 group by game_date;

-- name: score_check
-- Final scores of the other source, per day.
-- :days   date[]  days wanted, null for all
-- :since  date    first day, null for all
-- :until  date    last day, included, null for all
select array[game_date::text] as key, 'balldontlie_games' as feed, count(*) as rows, null::bigint
       as expected_rows
  from nba.score_check
 where (%(days)s::date[] is null or game_date = any(%(days)s::date[]))
   and (%(since)s::date is null or game_date >= %(since)s::date)
   and (%(until)s::date is null or game_date <= %(until)s::date)
 group by game_date;

-- name: raw_box_score
-- Rows of players, by the source they came from.
-- :keys  text[]  games wanted, null for all
select array[game_id] as key,
       case source when 'leaguegamelog' then 'player_log' when 'boxscorev3' then 'box_score'
                   else 'leaguegamelog_file' end as feed,
       count(*) as rows, null::bigint as expected_rows
  from nba.raw_box_score
 where %(keys)s::text[] is null or game_id = any(%(keys)s)
 group by 1, 2;

-- name: raw_team_log
-- Rows of teams, by the source they came from; there are two teams.
-- :keys  text[]  games wanted, null for all
select array[game_id] as key,
       case source when 'leaguegamelog' then 'team_log' else 'leaguegamelog_team_file' end as feed,
       count(*) as rows, 2::bigint as expected_rows
  from nba.raw_team_log
 where %(keys)s::text[] is null or game_id = any(%(keys)s)
 group by 1, 2;

-- name: play_by_play
-- Actions of a game.
-- :keys  text[]  games wanted, null for all
select array[game_id] as key, 'plays' as feed, count(*) as rows, null::bigint as expected_rows
  from nba.play_by_play
 where %(keys)s::text[] is null or game_id = any(%(keys)s)
 group by 1;

-- name: source_conflict
-- All conflicts are one unit; that there is none is a fact, not a gap.
select array['all'] as key, 'derive' as feed, count(*) as rows, 0::bigint as expected_rows
  from nba.source_conflict;

-- name: game_days
-- Days on which games are listed.
select '{}'::text[] as series, game_date as day, false as is_cancelled
  from nba.game where game_date is not null and not_expected is null group by game_date;

-- name: days_schedule_game_id
-- The day on which a game is due: its own when it is over, else the day after. One of no known date
-- is due when the regular season is over. What no schedule lists was played when its rows say so.
-- :since  timestamptz  rows loaded before it were asked about, null for all
select g.game_id as key,
       coalesce(g.game_date + case when g.is_over then 0 else 1 end, s.last_regular_date + 1) as day
  from nba.game g left join nba.season s using (season)
 union all
select n.game_id, (select min(r.game_date) from nba.raw_box_score r where r.game_id = n.game_id)
  from (select distinct game_id from nba.raw_box_score
         where _loaded_at >= coalesce(%(since)s::timestamptz, '-infinity')) n
 where not exists (select from nba.schedule s where s.game_id = n.game_id);

-- name: waived_games
-- Games nobody has to hold, and why.
-- :settings  text[]  source settings that are true
select game_id as key, not_expected as reason from nba.game
 where not_expected is not null and %(settings)s::text[] is not null;

-- name: waived_team_logs
-- The logs of teams do not have the cup final.
-- :settings  text[]  source settings that are true
select game_id as key, coalesce(not_expected, 'not in the team log') as reason from nba.game
 where (not_expected is not null or season_type = 'cup_final') and %(settings)s::text[] is not null;

-- name: waived_features
-- No features in the first days of a season: they would look back on nothing.
-- :settings  text[]  source settings that are true
select game_id as key, coalesce(not_expected, 'bootstrap') as reason from nba.game
 where (not_expected is not null or is_bootstrap) and %(settings)s::text[] is not null;

-- name: waived_shots
-- Shot zones come from play-by-play alone, which is off unless somebody asks for it.
-- :settings  text[]  source settings that are true
select game_id as key,
       coalesce(not_expected, case when is_bootstrap then 'bootstrap' end, 'no play-by-play')
       as reason
  from nba.game
 where not_expected is not null or is_bootstrap or not 'play_by_play' = any(%(settings)s::text[]);

-- name: periods
-- Seasons by name: first and last day.
select season as name, first_regular_date as since, last_date as until from nba.season;

-- name: predictions
-- Per game of each model: a row for each player it foretold.
-- :keys  text[]  games of models wanted, null for all
select array[o.model_game] as key, 'derive' as feed, count(p.model) as rows,
       count(*) as expected_rows
  from nba.model_output o left join nba.predictions p using (model_game, player_id)
 where %(keys)s::text[] is null or o.model_game = any(%(keys)s)
 group by o.model_game having count(p.model) > 0;

-- name: model_output
-- Per model: a row for each row of its test part.
-- :keys  text[]  models wanted, null for all
select array[o.model] as key, 'model_predictions' as feed, count(*) as rows,
       max(m.test_rows)::bigint as expected_rows
  from nba.model_output o left join nba.model_card m using (model)
 where %(keys)s::text[] is null or o.model = any(%(keys)s)
 group by o.model;

-- name: clean_box_score
-- Layer 2: one row for each row of the source chosen.
-- :keys  text[]  games wanted, null for all
with above as (
    select game_id, source, count(*) as players
      from nba.raw_box_score
     where %(keys)s::text[] is null or game_id = any(%(keys)s)
     group by game_id, source
)
select array[t.game_id] as key, 'derive' as feed, count(*) as rows,
       max(a.players) as expected_rows
  from nba.clean_box_score t left join above a using (game_id, source)
 where %(keys)s::text[] is null or t.game_id = any(%(keys)s)
 group by t.game_id;

-- name: player_game_summary
-- Layer 3: one row for each player of layer 2 who played.
-- :keys  text[]  games wanted, null for all
with above as (
    select game_id, count(*) filter (where did_play) as players
      from nba.clean_box_score
     where %(keys)s::text[] is null or game_id = any(%(keys)s)
     group by game_id
)
select array[t.game_id] as key, 'derive' as feed, count(*) as rows,
       max(a.players) as expected_rows
  from nba.player_game_summary t left join above a using (game_id)
 where %(keys)s::text[] is null or t.game_id = any(%(keys)s)
 group by t.game_id;

-- name: team_offense_game_summary
-- Layer 3: two teams.
-- :keys  text[]  games wanted, null for all
select array[game_id] as key, 'derive' as feed, count(*) as rows, 2::bigint as expected_rows
  from nba.team_offense_game_summary
 where %(keys)s::text[] is null or game_id = any(%(keys)s)
 group by game_id;

-- name: team_defense_game_summary
-- Layer 3: two teams.
-- :keys  text[]  games wanted, null for all
select array[game_id] as key, 'derive' as feed, count(*) as rows, 2::bigint as expected_rows
  from nba.team_defense_game_summary
 where %(keys)s::text[] is null or game_id = any(%(keys)s)
 group by game_id;

-- name: team_defense_zone_analysis
-- Layer 4: two teams.
-- :keys  text[]  games wanted, null for all
select array[game_id] as key, 'derive' as feed, count(*) as rows, 2::bigint as expected_rows
  from nba.team_defense_zone_analysis
 where %(keys)s::text[] is null or game_id = any(%(keys)s)
 group by game_id;

-- name: player_daily_cache
-- Layer 4: one row for each player of layer 3.
-- :keys  text[]  games wanted, null for all
select array[t.game_id] as key, 'derive' as feed, count(*) as rows,
       max(a.players) as expected_rows
  from nba.player_daily_cache t left join nba.players_of(%(keys)s) a using (game_id)
 where %(keys)s::text[] is null or t.game_id = any(%(keys)s)
 group by t.game_id;

-- name: player_shot_zone_analysis
-- Layer 4: one row for each player of layer 3.
-- :keys  text[]  games wanted, null for all
select array[t.game_id] as key, 'derive' as feed, count(*) as rows,
       max(a.players) as expected_rows
  from nba.player_shot_zone_analysis t left join nba.players_of(%(keys)s) a using (game_id)
 where %(keys)s::text[] is null or t.game_id = any(%(keys)s)
 group by t.game_id;

-- name: player_composite_factors
-- Layer 4: one row for each player of layer 3.
-- :keys  text[]  games wanted, null for all
select array[t.game_id] as key, 'derive' as feed, count(*) as rows,
       max(a.players) as expected_rows
  from nba.player_composite_factors t left join nba.players_of(%(keys)s) a using (game_id)
 where %(keys)s::text[] is null or t.game_id = any(%(keys)s)
 group by t.game_id;

-- name: ml_feature_store
-- Layer 5: one row for each player of layer 4.
-- :keys  text[]  games wanted, null for all
with above as (
    select game_id, count(*) as players
      from nba.player_daily_cache
     where %(keys)s::text[] is null or game_id = any(%(keys)s)
     group by game_id
)
select array[t.game_id] as key, 'derive' as feed, count(*) as rows,
       max(a.players) as expected_rows
  from nba.ml_feature_store t left join above a using (game_id)
 where %(keys)s::text[] is null or t.game_id = any(%(keys)s)
 group by t.game_id;
