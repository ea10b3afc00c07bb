-- Measurements of the checks that no single table tells: grp, value, measured_rows, failing_keys.

-- name: games_missing
-- Games a layer owes and does not hold, by layer and season, each by name.
-- :since, :until  date  days measured, both included; NULL is open
-- :now  timestamptz  nothing due later is owed
select layer || ' ' || season as grp, count(*) filter (where not is_held) as value,
       count(*) as measured_rows,
       jsonb_path_query_array(
           jsonb_agg(jsonb_build_object('game_date', game_date, 'game_id', game_id)
                     order by due_on, game_id) filter (where not is_held),
           '$[0 to 99]') as failing_keys
  from nba.layer_game
 where due_on <= (%(now)s at time zone 'America/New_York')::date
   and due_on >= coalesce(%(since)s::date, '-infinity')
   and due_on <= coalesce(%(until)s::date, 'infinity')
 group by layer, season order by season, layer;

-- name: days_without_layer
-- The longest run of game days on which a layer holds nothing, by layer and season. Days without
-- games neither count nor interrupt.
-- :since, :until  date  days measured, both included; NULL is open
-- :now  timestamptz  nothing due later is owed
with days as (
    select layer, season, game_date, bool_or(is_held) as is_held
      from nba.layer_game
     where game_date is not null
       and due_on <= (%(now)s at time zone 'America/New_York')::date
       and game_date >= coalesce(%(since)s::date, '-infinity')
       and game_date <= coalesce(%(until)s::date, 'infinity')
     group by layer, season, game_date
),
numbered as (
    select *, row_number() over (partition by layer, season order by game_date)
              - row_number() over (partition by layer, season, is_held order by game_date) as stretch
      from days
),
stretches as (
    select layer, season, is_held, min(game_date) as first, max(game_date) as last, count(*) as days
      from numbered group by layer, season, is_held, stretch
)
select layer || ' ' || season as grp, coalesce(max(days) filter (where not is_held), 0) as value,
       sum(days) as measured_rows,
       jsonb_path_query_array(
           jsonb_agg(jsonb_build_object('first', first, 'last', last) order by days desc, first)
               filter (where not is_held and days > 1),
           '$[0 to 99]') as failing_keys
  from stretches group by layer, season order by season, layer;

-- name: surplus_games
-- Share of the games held in layer 1 that nobody promised: out of scope, cancelled, replaced or
-- unknown to the schedule.
-- :since, :until  date  days measured, both included; NULL is open
select h.season as grp,
       count(*) filter (where is_surplus)::double precision / count(*) as value,
       count(*) as measured_rows,
       jsonb_path_query_array(
           jsonb_agg(jsonb_build_object('game_id', h.game_id, 'why', h.why) order by h.game_id)
               filter (where is_surplus),
           '$[0 to 99]') as failing_keys
  from (select r.game_id, r.season, g.game_id is null or g.not_expected is not null as is_surplus,
               coalesce(g.not_expected, 'not in the schedule') as why
          from (select game_id, min(season) as season, min(game_date) as game_date
                  from nba.raw_box_score group by game_id) r
          left join nba.game g on g.game_id = r.game_id
         where coalesce(r.game_date, g.game_date) >= coalesce(%(since)s::date, '-infinity')
           and coalesce(r.game_date, g.game_date) <= coalesce(%(until)s::date, 'infinity')) h
 group by h.season order by h.season;

-- name: teams_of_games
-- Games in which not two teams, one winner and one loser, one home and one away team are told.
-- :since, :until  date  days measured, both included; NULL is open
with sides as (
    select c.game_id, c.team_id, bool_or(c.win_flag) as has_won, bool_and(c.win_flag) as only_won,
           bool_or(c.is_home) as is_home, bool_and(c.is_home) as only_home,
           count(*) filter (where c.win_flag is null) as unknown_results,
           count(*) filter (where c.is_home is null) as unknown_places
      from nba.clean_box_score c
      left join nba.schedule s on s.game_id = c.game_id
     where s.status is distinct from 'live'
       and c.game_date >= coalesce(%(since)s::date, '-infinity')
       and c.game_date <= coalesce(%(until)s::date, 'infinity')
     group by c.game_id, c.team_id
),
games as (
    select game_id, count(*) <> 2 as wrong_teams,
           count(*) filter (where has_won) <> 1 or count(*) filter (where not only_won) <> 1
               or sum(unknown_results) > 0 as wrong_results,
           count(*) filter (where is_home) <> 1 or count(*) filter (where not only_home) <> 1
               or sum(unknown_places) > 0 as wrong_places
      from sides group by game_id
)
select j.what as grp,
       case when count(*) > 0 then count(*) filter (where j.is_wrong) end as value,
       count(*) as measured_rows,
       jsonb_path_query_array(
           jsonb_agg(jsonb_build_object('game_id', g.game_id) order by g.game_id)
               filter (where j.is_wrong),
           '$[0 to 99]') as failing_keys
  from games g,
       lateral (values ('two teams', wrong_teams), ('one winner', wrong_results),
                       ('one home team', wrong_places)) j (what, is_wrong)
 group by j.what order by j.what;

-- name: one_game_a_day
-- Teams that played twice on one day, which nothing here can order.
-- :since, :until  date  days measured, both included; NULL is open
select case when count(*) > 0 then count(*) filter (where games > 1) end as value,
       count(*) as measured_rows,
       jsonb_path_query_array(
           jsonb_agg(jsonb_build_object('team_id', team_id, 'game_date', game_date)
                     order by game_date, team_id) filter (where games > 1),
           '$[0 to 99]') as failing_keys
  from (select team_id, game_date, count(distinct game_id) as games
          from nba.clean_box_score
         where game_date >= coalesce(%(since)s::date, '-infinity')
           and game_date <= coalesce(%(until)s::date, 'infinity')
         group by team_id, game_date) played;

-- name: points_of_teams
-- Teams whose players' points are not those of the team's log, of the schedule, or of both teams
-- as it lists them.
-- :since, :until  date  days measured, both included; NULL is open
with scored as (
    select game_id, team_id, sum(pts) as pts
      from nba.clean_box_score
     where game_date >= coalesce(%(since)s::date, '-infinity')
       and game_date <= coalesce(%(until)s::date, 'infinity')
     group by game_id, team_id
),
compared as (
    select 'team log' as what, p.game_id, p.team_id, p.pts, l.pts as told
      from scored p join nba.raw_team_log l using (game_id, team_id)
     where l.pts is not null
     union all
    select 'schedule', p.game_id, p.team_id, p.pts,
           case p.team_id when s.home_team_id then s.home_score else s.away_score end
      from scored p join nba.schedule s using (game_id)
     where s.status = 'final' and p.team_id in (s.home_team_id, s.away_team_id)
       and s.home_score is not null and s.away_score is not null
)
select what as grp, count(*) filter (where pts <> told) as value, count(*) as measured_rows,
       jsonb_path_query_array(
           jsonb_agg(jsonb_build_object('game_id', game_id, 'team_id', team_id)
                     order by game_id, team_id) filter (where pts <> told),
           '$[0 to 99]') as failing_keys
  from compared group by what order by what;

-- name: plus_minus_adds_up
-- Share of teams whose players' plus-minus is not five times the margin; of rows of logs.
-- :since, :until  date  days measured, both included; NULL is open
select count(*) filter (where is_wrong)::double precision / nullif(count(*), 0) as value,
       count(*) as measured_rows,
       jsonb_path_query_array(
           jsonb_agg(jsonb_build_object('game_id', game_id, 'team_id', team_id)
                     order by game_id, team_id) filter (where is_wrong),
           '$[0 to 99]') as failing_keys
  from (select game_id, team_id,
               sum(plus_minus) <> 5 * (2 * sum(pts) - sum(sum(pts)) over game) as is_wrong,
               count(*) over game as teams
          from nba.clean_box_score
         where source <> 'boxscorev3'
           and game_date >= coalesce(%(since)s::date, '-infinity')
           and game_date <= coalesce(%(until)s::date, 'infinity')
         group by game_id, team_id having count(*) = count(plus_minus)
        window game as (partition by game_id)) t
 where teams = 2;

-- name: minutes_of_teams
-- Share of teams whose minutes are not 240 and 25 for each overtime, or whose overtimes are not
-- the other team's. Rounded minutes may miss by 5, exact ones by 0.2.
-- :since, :until  date  days measured, both included; NULL is open
select count(*) filter (where is_wrong)::double precision / nullif(count(*), 0) as value,
       count(*) as measured_rows,
       jsonb_path_query_array(
           jsonb_agg(jsonb_build_object('game_id', game_id, 'team_id', team_id)
                     order by game_id, team_id) filter (where is_wrong),
           '$[0 to 99]') as failing_keys
  from (select game_id, team_id,
               abs(minutes - 240 - 25 * overtimes) > case when is_exact then 0.2 else 5 end
               or overtimes < 0
               or min(overtimes) over game <> max(overtimes) over game as is_wrong
          from (select c.game_id, c.team_id, sum(c.minutes) as minutes,
                       round((sum(c.minutes) - 240) / 25) as overtimes,
                       bool_and(c.minutes_exact) as is_exact
                  from nba.clean_box_score c
                  left join nba.schedule s on s.game_id = c.game_id
                 where c.did_play and s.status is distinct from 'live'
                   and c.game_date >= coalesce(%(since)s::date, '-infinity')
                   and c.game_date <= coalesce(%(until)s::date, 'infinity')
                 group by c.game_id, c.team_id having count(*) = count(c.minutes)) summed
        window game as (partition by game_id)) judged;

-- name: players_of_teams
-- Fewest and most players a team has in a game.
-- :since, :until  date  days measured, both included; NULL is open
with teams as (
    select game_id, team_id, count(*) as players
      from nba.clean_box_score
     where game_date >= coalesce(%(since)s::date, '-infinity')
       and game_date <= coalesce(%(until)s::date, 'infinity')
     group by game_id, team_id
)
select e.grp, e.value, (select count(*) from teams) as measured_rows,
       case when e.value not between 6 and 16 then
           (select jsonb_path_query_array(
                       jsonb_agg(jsonb_build_object('game_id', game_id, 'team_id', team_id)
                                 order by game_id, team_id), '$[0 to 99]')
              from teams where players = e.value) end as failing_keys
  from (select 'fewest' as grp, min(players) as value from teams
         union all
        select 'most', max(players) from teams) e;

-- name: games_per_team
-- Teams that have not played the season's number of games when its regular part is over; seasons in
-- which that number differs between teams are not judged.
-- :since, :until  date  days measured, both included; NULL is open
-- :now  timestamptz  only seasons that have ended by then
select y.season as grp, count(*) filter (where t.games <> 2 * y.regular_games / 30) as value,
       count(*) as measured_rows,
       jsonb_path_query_array(
           jsonb_agg(jsonb_build_object('team_id', t.team_id, 'games', t.games) order by t.team_id)
               filter (where t.games <> 2 * y.regular_games / 30),
           '$[0 to 99]') as failing_keys
  from nba.season y
  join (select season, team_id, count(distinct game_id) as games
          from nba.clean_box_score where season_type = 'regular' group by season, team_id) t
    using (season)
 where mod(y.regular_games, 15) = 0
   and y.last_regular_date < (%(now)s at time zone 'America/New_York')::date
   and y.last_regular_date >= coalesce(%(since)s::date, '-infinity')
   and y.last_regular_date <= coalesce(%(until)s::date, 'infinity')
 group by y.season order by y.season;

-- name: home_wins
-- Share of games the home team won, neutral ones apart, by season; of fewer than 300 it says nothing.
-- :since, :until  date  days measured, both included; NULL is open
select season as grp,
       case when count(*) >= 300 then avg(win_flag::integer)::double precision end as value,
       count(*) as measured_rows
  from nba.team_offense_game_summary
 where is_home and not is_neutral and win_flag is not null
   and game_date >= coalesce(%(since)s::date, '-infinity')
   and game_date <= coalesce(%(until)s::date, 'infinity')
 group by season order by season;

-- name: scores_of_others
-- Share of final scores of the other source that are not those of the schedule.
-- :since, :until  date  days measured, both included; NULL is open
select count(*) filter (where is_wrong)::double precision / nullif(count(*), 0) as value,
       count(*) as measured_rows,
       jsonb_path_query_array(
           jsonb_agg(jsonb_build_object('game_id', game_id) order by game_id)
               filter (where is_wrong),
           '$[0 to 99]') as failing_keys
  from (select s.game_id, (o.home_score, o.away_score) is distinct from (s.home_score, s.away_score)
                          as is_wrong
          from nba.score_check o
          join nba.schedule s using (game_date, home_team_id, away_team_id)
         where o.status = 'final' and s.status = 'final' and s.home_score is not null
           and o.game_date >= coalesce(%(since)s::date, '-infinity')
           and o.game_date <= coalesce(%(until)s::date, 'infinity')) compared;

-- name: schedule_is_independent
-- Games of a schedule told by the very bytes that also told the box scores it is to judge.
-- :since, :until  date  days measured, both included; NULL is open
select case when count(*) > 0 then count(*) filter (where is_same) end as value,
       count(*) as measured_rows,
       jsonb_path_query_array(
           jsonb_agg(jsonb_build_object('game_id', game_id) order by game_id)
               filter (where is_same),
           '$[0 to 99]') as failing_keys
  from (select s.game_id,
               exists (select from nba.raw_box_score r
                        where r.game_id = s.game_id and r._capture_id = s._listed_capture_id)
               or exists (select from nba.raw_team_log r
                           where r.game_id = s.game_id and r._capture_id = s._listed_capture_id)
                   as is_same
          from nba.schedule s
         where s._listed_hash is not null
           and (s.game_date is null
                or s.game_date >= coalesce(%(since)s::date, '-infinity')
                   and s.game_date <= coalesce(%(until)s::date, 'infinity'))) listed;
