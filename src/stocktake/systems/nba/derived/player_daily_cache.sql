-- name: touched
-- A changed game touches the later games, in its season, of the players in it, and of those who
-- were in its teams' games just before and after it: whether they are thought to have played in
-- it depends on whether it is held. It touches its own rows, too. A schedule row matters where it
-- names a game that is not held, a season where its bootstrap ends.
with changed as (
    select game_id, player_id, season, game_date from changed_player_game_summary
),
moved as (
    select distinct c.season, c.game_date, c.team_id from changed_player_game_summary c
     union
    select s.season, s.game_date, t.team_id
      from (select * from nba.schedule where game_id in (select old_id from changed_game_alias)
             union all
            select * from changed_schedule) s,
           lateral (values (s.home_team_id), (s.away_team_id)) t (team_id)
     where s.status = 'final' and s.season_type in ('regular', 'play_in', 'playoffs')
       and not exists (select from nba.team_offense_game_summary g where g.game_id = s.game_id)
),
beside as (
    select m.season, m.game_date, n.game_id, m.team_id
      from moved m,
           lateral ((select g.game_id from nba.team_offense_game_summary g
                      where g.team_id = m.team_id and g.season = m.season
                        and g.game_date < m.game_date and g.counts_in_windows
                      order by g.game_date desc limit 1)
                    union all
                    (select g.game_id from nba.team_offense_game_summary g
                      where g.team_id = m.team_id and g.season = m.season
                        and g.game_date > m.game_date and g.counts_in_windows
                      order by g.game_date limit 1)) n
),
since as (
    select player_id, season, min(game_date) as game_date
      from (select player_id, season, game_date from changed
             union all
            select p.player_id, b.season, b.game_date
              from beside b
              join nba.player_game_summary p on p.game_id = b.game_id and p.team_id = b.team_id) r
     group by player_id, season
)
select game_id, player_id, season from changed
 union
select p.game_id, p.player_id, p.season
  from since s
  join nba.player_game_summary p on p.player_id = s.player_id and p.season = s.season
                                and p.game_date > s.game_date
 union
select p.game_id, p.player_id, p.season
  from changed_season c join nba.player_game_summary p on p.season = c.season;

-- name: every
-- Every player in every game.
select game_id, player_id, season from nba.player_game_summary;

-- name: units
-- Games but those of the bootstrap, which have no rows.
select distinct array[k.game_id] as unit
  from touched_keys k
 where not exists (select from nba.team_offense_game_summary g
                     join nba.season s on s.season = g.season
                    where g.game_id = k.game_id
                      and g.game_date < s.first_regular_date + s.bootstrap_days);

-- name: compute
-- The player as he stood before the game: games of earlier days of the season only. Games that
-- count are numbered, so that a frame over the numbers holds the last ten of them whatever lies
-- between.
with whose as materialized (
    select distinct player_id, season from touched_keys
),
lost as materialized (
    select f.season, f.game_date, f.home_team_id, f.away_team_id
      from nba.final_game f
     where f.season in (select season from whose) and f.season_type <> 'cup_final'
       and not exists (select from nba.team_offense_game_summary g where g.game_id = f.game_id)
),
absent as materialized (
    select f.season, f.game_date, t.team_id, before.game_id as before_id,
           after.game_id as after_id, before.game_date as before_date, after.game_date as after_date
      from lost f,
           lateral (values (f.home_team_id), (f.away_team_id)) t (team_id),
           lateral (select g.game_id, g.game_date from nba.team_offense_game_summary g
                     where g.team_id = t.team_id and g.season = f.season
                       and g.game_date < f.game_date and g.counts_in_windows
                     order by g.game_date desc limit 1) before,
           lateral (select g.game_id, g.game_date from nba.team_offense_game_summary g
                     where g.team_id = t.team_id and g.season = f.season
                       and g.game_date > f.game_date and g.counts_in_windows
                     order by g.game_date limit 1) after
),
told as (
    select p.game_id, p.player_id, p.season, p.game_date, p.team_id, p.opponent_team_id,
           nba.day_number(p.game_date) as day, p.minutes > 0 as plays,
           p.minutes > 0 and p.counts_in_windows as counts, false as is_missed,
           p.minutes, p.pts, p.reb, p.ast, p.fga, p.fta, p.fg3a, p.ftm, p.usage_rate,
           k.game_id is not null as is_wanted
      -- Looked up player by player, then marked: a few players' games are a small part of all.
      from (select g.*
              from whose w
             cross join lateral (select * from nba.player_game_summary s
                                  where s.player_id = w.player_id and s.season = w.season
                                 offset 0) g
            offset 0) p
      left join touched_keys k on k.game_id = p.game_id and k.player_id = p.player_id
     union all
    -- A game of his team that is not held, between two held ones he was in, without a row of his
    -- in between: he is taken to have played in it.
    select null, b.player_id, m.season, m.game_date, null, null, nba.day_number(m.game_date),
           false, false, true, null, null, null, null, null, null, null, null, null, false
      from absent m
      join nba.player_game_summary b on b.game_id = m.before_id and b.team_id = m.team_id
      join nba.player_game_summary a on a.game_id = m.after_id and a.team_id = m.team_id
                                    and a.player_id = b.player_id
     where (b.player_id, m.season) in (select player_id, season from whose)
       and not exists (select from nba.player_game_summary p
                        where p.player_id = b.player_id and p.season = m.season
                          and p.game_date > m.before_date and p.game_date < m.after_date)
),
rested as (
    select *, max(day) filter (where plays) over earlier as last_day,
           count(*) filter (where counts) over earlier as games,
           count(*) filter (where counts or is_missed) over earlier as available,
           sum(pts) filter (where counts) over earlier as pts_season,
           avg(minutes) filter (where counts) over earlier as minutes_season
      from told
    window earlier as (partition by player_id, season order by day
                       groups between unbounded preceding and 1 preceding)
),
-- What lies more than twenty games before the first row wanted is in no frame any more.
recent as (
    select *
      from (select *, min(games) filter (where is_wanted)
                          over (partition by player_id, season) as wanted_games
              from rested) numbered
     where games >= wanted_games - 20
),
state as (
    select *,
           count(*) filter (where plays) over week as games_7,
           count(*) filter (where plays) over fortnight as games_14,
           sum(minutes) filter (where plays) over week as minutes_7,
           sum(minutes) filter (where plays) over fortnight as minutes_14,
           count(*) filter (where plays and day - last_day = 1) over fortnight as back_to_backs,
           count(*) filter (where counts) over known as found,
           sum(pts) filter (where counts) over last_2 as pts_2,
           sum(pts) filter (where counts) over last_5 as pts_5,
           sum(pts) filter (where counts) over last_10 as pts_10,
           sum(pts) filter (where counts) over last_20 as pts_20,
           stddev_samp(pts::double precision) filter (where counts) over last_10 as pts_deviation,
           avg(minutes) filter (where counts) over last_5 as minutes_5,
           avg(minutes) filter (where counts) over last_10 as minutes_10,
           sum(reb) filter (where counts) over last_10 as reb_10,
           sum(ast) filter (where counts) over last_10 as ast_10,
           sum(fga) filter (where counts) over last_10 as fga_10,
           sum(fta) filter (where counts) over last_10 as fta_10,
           sum(fg3a) filter (where counts) over last_10 as fg3a_10,
           sum(ftm) filter (where counts) over last_10 as ftm_10,
           avg(usage_rate) filter (where counts) over last_3 as usage_3,
           avg(usage_rate) filter (where counts) over last_7 as usage_7,
           avg(usage_rate) filter (where counts) over last_10 as usage_10,
           array_agg(game_date) filter (where counts) over last_10 as dates
      from recent
    window week as (partition by player_id, season order by day
                    range between 7 preceding and 1 preceding),
           fortnight as (partition by player_id, season order by day
                    range between 14 preceding and 1 preceding),
           known as (partition by player_id, season order by available
                    range between 10 preceding and 1 preceding),
           last_2 as (partition by player_id, season order by games
                      range between 2 preceding and 1 preceding),
           last_3 as (partition by player_id, season order by games
                      range between 3 preceding and 1 preceding),
           last_5 as (partition by player_id, season order by games
                      range between 5 preceding and 1 preceding),
           last_7 as (partition by player_id, season order by games
                      range between 7 preceding and 1 preceding),
           last_10 as (partition by player_id, season order by games
                      range between 10 preceding and 1 preceding),
           last_20 as (partition by player_id, season order by games
                      range between 20 preceding and 1 preceding)
)
select game_id, player_id, season, game_date, team_id, opponent_team_id, game_date as as_of_date,
       games as games_played_season,
       pts_5 / least(games, 5)::double precision as points_avg_last_5,
       pts_10 / least(games, 10)::double precision as points_avg_last_10,
       pts_20 / least(games, 20)::double precision as points_avg_last_20,
       pts_season / games::double precision as points_avg_season,
       pts_deviation as points_std_last_10,
       minutes_5 as minutes_avg_last_5, minutes_10 as minutes_avg_last_10,
       minutes_season as minutes_avg_season,
       reb_10 / least(games, 10)::double precision as rebounds_avg_last_10,
       ast_10 / least(games, 10)::double precision as assists_avg_last_10,
       usage_3 as usage_avg_last_3, usage_7 as usage_avg_last_7, usage_10 as usage_avg_last_10,
       pts_10 / nullif(2 * (fga_10 + 0.44::double precision * fta_10), 0) as ts_pct_last_10,
       fg3a_10 / nullif(fga_10, 0)::double precision as three_pt_rate_last_10,
       case when pts_10 > 0 then least(0.5, ftm_10 / pts_10::double precision) end
           as ft_points_share_last_10,
       case when games >= 5 then
           pts_2 / 2::double precision - (pts_5 - pts_2) / 3::double precision end as recent_trend,
       games_7 as games_in_last_7_days, games_14 as games_in_last_14_days,
       coalesce(minutes_7, 0) as minutes_in_last_7_days,
       coalesce(minutes_14, 0) as minutes_in_last_14_days,
       back_to_backs as back_to_backs_last_14_days,
       day - last_day as days_since_last_game, day - last_day - 1 as days_rest,
       day - last_day = 1 as is_back_to_back,
       least(available, 10) as games_expected, found as games_found,
       found >= least(available, 10) as is_complete, available < 10 as is_bootstrap,
       coalesce(dates, '{}') as contributing_game_dates
  from state
  left join nba.season using (season)
 where is_wanted
   and (first_regular_date is null or game_date >= first_regular_date + bootstrap_days);
