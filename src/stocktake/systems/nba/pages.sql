-- What the pages of the NBA show.

-- name: seasons
-- Games of each season by kind, and how many are over.
select season, season_type as kind, count(*) filter (where is_over) || ' of ' || count(*) as games
  from nba.game
 where not_expected is null
 group by season, season_type
 order by season desc;

-- name: season_layers
-- Games of a season that each layer should hold by now, holds and lacks.
-- :season  text
select layer, count(*) as due, count(*) filter (where is_held) as held,
       count(*) filter (where not is_held) as missing,
       round(100.0 * count(*) filter (where is_held) / count(*), 2) || ' %%' as coverage
  from nba.layer_game
 where season = %(season)s and due_on <= current_date
 group by layer, level
 order by level, layer;

-- name: layer_months
-- Games each layer lacks, of those due, by month of a season.
-- :season  text
select layer, to_char(game_date, 'YYYY-MM') as month,
       count(*) filter (where not is_held) || '/' || count(*) as missing
  from nba.layer_game
 where season = %(season)s and due_on <= current_date and game_date is not null
 group by layer, level, month
 order by level, layer, month;

-- name: layer_days
-- Games each layer lacks, of those due, by day of a month.
-- :month  text  2025-01; empty for the latest with a game that was due
with chosen as (
    select coalesce(nullif(%(month)s::text, ''),
                    (select to_char(max(game_date), 'YYYY-MM') from nba.layer_game
                      where due_on <= current_date and level = 1)) as month
)
select layer, to_char(game_date, 'DD') as day,
       count(*) filter (where not is_held) || '/' || count(*) as missing
  from nba.layer_game, chosen
 where to_char(game_date, 'YYYY-MM') = chosen.month and due_on <= current_date
 group by layer, level, game_date
 order by level, layer, game_date;

-- name: hole_days
-- Days of a season on which a layer lacks a game, the latest first.
-- :season  text
select game_date as day, count(distinct game_id) as games,
       count(distinct game_id) filter (where not is_held) as with_a_hole,
       min(level) filter (where not is_held) as deepest_layer_missing,
       string_agg(distinct layer, ', ') filter (where not is_held) as layers
  from nba.layer_game
 where season = %(season)s and due_on <= current_date and game_date is not null
 group by game_date
having bool_or(not is_held)
 order by game_date desc;

-- name: day_games
-- Games of a day, and whether each layer holds them.
-- :day  text  empty for the latest with a hole, else the latest with a game
with chosen as (
    select coalesce(nullif(%(day)s::text, '')::date,
                    (select max(game_date) from nba.layer_game
                      where not is_held and due_on <= current_date),
                    (select max(game_date) from nba.layer_game
                      where is_held)) as day
)
select game.game_date as day, game.game_id as game, home.abbreviation as home,
       away.abbreviation as away,
       case bool_and(l.is_held) filter (where l.level = 1) when true then 'held' when false
            then 'missing' else 'not expected' end as layer_1,
       case bool_and(l.is_held) filter (where l.level = 2) when true then 'held' when false
            then 'missing' else 'not expected' end as layer_2,
       case bool_and(l.is_held) filter (where l.level = 3) when true then 'held' when false
            then 'missing' else 'not expected' end as layer_3,
       case bool_and(l.is_held) filter (where l.level = 4) when true then 'held' when false
            then 'missing' else 'not expected' end as layer_4,
       case bool_and(l.is_held) filter (where l.level = 5) when true then 'held' when false
            then 'missing' else 'not expected' end as layer_5
  from chosen
  join nba.game as game on game.game_date = chosen.day
  join nba.schedule as schedule using (game_id)
  left join nba.team_reference as home on home.team_id = schedule.home_team_id
  left join nba.team_reference as away on away.team_id = schedule.away_team_id
  left join nba.layer_game as l using (game_id)
 group by game.game_date, game.game_id, home.abbreviation, away.abbreviation
 order by game.game_id;

-- name: day_reach
-- Rows of later games of the teams that played on a day: how many read it among their last ten
-- games, how many lack games, and how many a model may learn from.
-- :day  text  as in day_games
with chosen as (
    select coalesce(nullif(%(day)s::text, '')::date,
                    (select max(game_date) from nba.layer_game
                      where not is_held and due_on <= current_date),
                    (select max(game_date) from nba.layer_game
                      where is_held)) as day
),
played as (
    select s.season, team.team_id, chosen.day
      from chosen
      join nba.game g on g.game_date = chosen.day and g.not_expected is null
      join nba.schedule s on s.game_id = g.game_id
     cross join lateral (values (s.home_team_id), (s.away_team_id)) team (team_id)
)
select count(*) as rows_of_layer_4,
       count(*) filter (where p.day = any(c.contributing_game_dates)) as read_this_day,
       count(*) filter (where not c.is_complete) as lack_a_game,
       count(f.game_id) as rows_of_layer_5,
       count(*) filter (where f.is_production_ready) as ready_to_learn_from
  from played p
  join nba.player_daily_cache c on c.season = p.season and c.team_id = p.team_id
                               and c.game_date > p.day
  left join nba.ml_feature_store f using (game_id, player_id);

-- name: touched_games
-- Later games of the teams that played on a day, the first ones first: what their rows make of it.
-- :day  text  as in day_games
with chosen as (
    select coalesce(nullif(%(day)s::text, '')::date,
                    (select max(game_date) from nba.layer_game
                      where not is_held and due_on <= current_date),
                    (select max(game_date) from nba.layer_game
                      where is_held)) as day
),
played as (
    select s.season, team.team_id, chosen.day
      from chosen
      join nba.game g on g.game_date = chosen.day and g.not_expected is null
      join nba.schedule s on s.game_id = g.game_id
     cross join lateral (values (s.home_team_id), (s.away_team_id)) team (team_id)
)
select c.game_date as day, c.game_id as game, count(*) as rows_of_these_teams,
       count(*) filter (where p.day = any(c.contributing_game_dates)) as read_this_day,
       count(*) filter (where not c.is_complete) as lack_a_game,
       count(*) filter (where f.is_production_ready) as ready_to_learn_from
  from played p
  join nba.player_daily_cache c on c.season = p.season and c.team_id = p.team_id
                               and c.game_date > p.day
  left join nba.ml_feature_store f using (game_id, player_id)
 group by c.game_date, c.game_id
 order by c.game_date, c.game_id;

-- name: players
-- Players by name.
-- :name  text  part of it; empty for all
select name as player, first_seen, last_seen, cardinality(aliases) as other_spellings, player_id
  from nba.player
 where position(lower(%(name)s::text) in lower(name)) > 0
 order by name, player_id;

-- name: player
-- One player.
-- :player_id  text
select name, first_seen, last_seen, array_to_string(aliases, ', ') as other_spellings, player_id
  from nba.player where player_id = %(player_id)s::integer;

-- name: player_rows
-- A player's rows before each game, the newest first.
-- :player_id  text
select c.game_id as game, c.game_date as day, own.abbreviation as team,
       other.abbreviation as opponent, c.points_avg_last_5, c.points_avg_last_10,
       c.points_avg_season, c.games_found || ' of ' || c.games_expected as games_known,
       case when f.is_production_ready then 'ready' else f.not_ready_reason end as for_training,
       f.target_points as points, c.player_id as _player_id
  from nba.player_daily_cache c
  left join nba.ml_feature_store f using (game_id, player_id)
  left join nba.team_reference own on own.team_id = c.team_id
  left join nba.team_reference other on other.team_id = c.opponent_team_id
 where c.player_id = %(player_id)s::integer
 order by c.game_date desc;

-- name: player_row
-- What was known of a player before a game.
-- :player_id  text, :game_id  text
select coalesce(p.name, c.player_id::text) as player, c.game_date as day, c.game_id, c.season,
       c.games_played_season, c.points_avg_last_5, c.points_avg_last_10, c.points_avg_last_20,
       c.points_avg_season, c.points_std_last_10, c.minutes_avg_last_10, c.usage_avg_last_10,
       c.ts_pct_last_10, c.games_in_last_7_days, c.days_rest, c.games_expected, c.games_found,
       case when c.is_complete then 'yes' else 'no' end as is_complete,
       array_to_string(c.contributing_game_dates, ', ') as last_ten_games_read
  from nba.player_daily_cache c
  left join nba.player p using (player_id)
 where c.player_id = %(player_id)s::integer and c.game_id = %(game_id)s;

-- name: window_games
-- The games a row looks back on: those of the player before that day, in the same season, that
-- count in windows, with their values and the averages they are part of.
-- :player_id  text, :game_id  text
select row_number() over (order by s.game_date desc, s.game_id desc) as back,
       s.game_date as day, s.game_id as game, other.abbreviation as opponent, s.pts as points,
       round(s.minutes::numeric, 1) as minutes, round(s.usage_rate::numeric, 2) as usage_rate,
       case when row_number() over (order by s.game_date desc, s.game_id desc) <= 5
            then 'last 5, 10 and 20'
            when row_number() over (order by s.game_date desc, s.game_id desc) <= 10
            then 'last 10 and 20'
            when row_number() over (order by s.game_date desc, s.game_id desc) <= 20
            then 'last 20' else 'season' end as part_of
  from nba.player_daily_cache c
  join nba.player_game_summary s on s.player_id = c.player_id and s.season = c.season
                                and s.game_date < c.game_date
  left join nba.team_reference other on other.team_id = s.opponent_team_id
 where c.player_id = %(player_id)s::integer and c.game_id = %(game_id)s
   and s.counts_in_windows and s.minutes > 0
 order by back;

-- name: row_features
-- The features of a row, with the reason of each that is missing.
-- :player_id  text, :game_id  text
select at.place - 1 as number, at.name as feature, at.value, at.missing
  from nba.ml_feature_store f,
       unnest(f.feature_names, f.features, f.feature_missing) with ordinality
           as at (name, value, missing, place)
 where f.player_id = %(player_id)s::integer and f.game_id = %(game_id)s
 order by at.place;

-- name: season_games
-- Games of a season, newest first.
-- :season  text
select coalesce(game.game_date, schedule.game_date) as day, game.season_type as kind,
       home.name as home, schedule.home_score, away.name as away, schedule.away_score,
       game.status, game.not_expected, game.game_id as game
  from nba.game as game
  join nba.schedule as schedule using (game_id)
  left join nba.team_reference as home on home.team_id = schedule.home_team_id
  left join nba.team_reference as away on away.team_id = schedule.away_team_id
 where game.season = %(season)s
 order by day desc nulls last, game.game_id;

-- name: models
-- Trained models against their baseline, newest first.
select trained_at, model, target, test_rows, mae, baseline_mae, round(improvement, 4) as improvement,
       verdict, trained_since, trained_until, test_since, test_until, feature_version, seed
  from nba.model_card
 order by trained_at desc;

-- name: conflicts
-- What two sources tell differently of one game.
select game_id as game, player_id as player, field, chosen_source, source
  from nba.source_conflict
 order by game_id, player_id
 limit 500;
