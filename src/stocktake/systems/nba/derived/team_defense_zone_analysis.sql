-- name: touched
-- A changed game touches itself and the later games of its teams in the season. Plays touch the
-- later games of everybody in the season, since the league's shooting is compared with.
with changed as (
    select game_id, team_id, season, game_date from changed_team_offense_game_summary
     union
    select game_id, team_id, season, game_date from changed_team_defense_game_summary
),
since as (
    select team_id, season, min(game_date) as game_date from changed group by team_id, season
),
played as (
    select season, min(game_date) as game_date
      from (select g.season, g.game_date
              from (select distinct game_id from changed_play_by_play) c
              join nba.team_offense_game_summary g using (game_id)
             union all
            select c.season, c.game_date from changed_team_offense_game_summary c
             where exists (select from nba.play_by_play p where p.game_id = c.game_id)) c
     group by season
)
select game_id, team_id, season from changed
 union
select g.game_id, g.team_id, g.season
  from since s
  join nba.team_offense_game_summary g on g.team_id = s.team_id and g.season = s.season
                                      and g.game_date > s.game_date
 union
select g.game_id, g.team_id, g.season
  from played s
  join nba.team_offense_game_summary g on g.season = s.season and g.game_date > s.game_date
 union
select g.game_id, g.team_id, g.season
  from changed_season c join nba.team_offense_game_summary g on g.season = c.season;

-- name: every
-- Both teams of every game.
select game_id, team_id, season from nba.team_offense_game_summary;

-- name: units
-- Games but those of the bootstrap, which have no rows.
select distinct array[k.game_id] as unit
  from touched_keys k
 where not exists (select from nba.team_offense_game_summary g
                     join nba.season s on s.season = g.season
                    where g.game_id = k.game_id
                      and g.game_date < s.first_regular_date + s.bootstrap_days);

-- name: compute
-- The team as it stood before the game: games of earlier days of the season only.
with whose as (
    select distinct team_id, season from touched_keys
),
seasons as (
    select distinct season from touched_keys
),
shots as (
    select s.game_id, s.team_id,
           count(*) filter (where s.zone = 'paint') as paint_shots,
           count(*) filter (where s.zone = 'paint' and s.is_made) as paint_made,
           count(*) filter (where s.zone = 'mid_range') as mid_range_shots,
           count(*) filter (where s.zone = 'mid_range' and s.is_made) as mid_range_made,
           count(*) filter (where s.zone = 'three') as three_shots,
           count(*) filter (where s.zone = 'three' and s.is_made) as three_made
      from nba.shot s
     where s.game_id in (select g.game_id from seasons
                           join nba.team_offense_game_summary g using (season))
     group by s.game_id, s.team_id
),
told as (
    select o.game_id, o.team_id, o.season, o.game_date, o.opponent_team_id,
           nba.day_number(o.game_date) as day, o.counts_in_windows as counts,
           o.win_flag, o.pace, o.off_rating, d.def_rating, d.opp_pts, d.opp_fg3m, d.opp_fg3a,
           s.paint_shots, s.paint_made, s.mid_range_shots, s.mid_range_made, s.three_shots,
           s.three_made
      from whose
      join nba.team_offense_game_summary o using (team_id, season)
      left join nba.team_defense_game_summary d on d.game_id = o.game_id
                                               and d.team_id = o.team_id
      left join shots s on s.game_id = o.game_id and s.team_id = o.opponent_team_id
),
entered as (
    select *, max(day) over earlier as last_day,
           count(*) filter (where counts) over earlier as games_before
      from told
    window earlier as (partition by team_id, season order by day
                       groups between unbounded preceding and 1 preceding)
),
so_far as (
    select team_id, season, row_number() over so_far as games,
           avg(win_flag::integer) over so_far as win_pct,
           avg(pace) over last_10 as pace_10, avg(off_rating) over last_10 as off_rating_10,
           avg(def_rating) over last_15 as def_rating_15,
           avg(def_rating) over so_far as def_rating_season,
           sum(opp_pts) over last_15 / count(opp_pts) over last_15::double precision as opp_pts_15,
           sum(opp_fg3m) over last_15 as opp_fg3m_15, sum(opp_fg3a) over last_15 as opp_fg3a_15,
           sum(paint_made) over last_15 / nullif(sum(paint_shots) over last_15, 0) as paint_15,
           sum(mid_range_made) over last_15 / nullif(sum(mid_range_shots) over last_15, 0)
               as mid_range_15,
           sum(three_made) over last_15 / nullif(sum(three_shots) over last_15, 0) as three_15
      from told
     where counts
    window so_far as (partition by team_id, season order by day, game_id
                      rows unbounded preceding),
           last_10 as (partition by team_id, season order by day, game_id rows 9 preceding),
           last_15 as (partition by team_id, season order by day, game_id rows 14 preceding)
),
-- The league's shooting on the days before each day.
league as (
    select g.season, g.game_date,
           sum(sum(s.paint_made)) over earlier
               / nullif(sum(sum(s.paint_shots)) over earlier, 0) as paint,
           sum(sum(s.mid_range_made)) over earlier
               / nullif(sum(sum(s.mid_range_shots)) over earlier, 0) as mid_range,
           sum(sum(s.three_made)) over earlier
               / nullif(sum(sum(s.three_shots)) over earlier, 0) as three
      from seasons
      join nba.team_offense_game_summary g using (season)
      left join shots s on s.game_id = g.game_id and s.team_id = g.team_id
                       and g.counts_in_windows
     where exists (select from shots)
     group by g.season, g.game_date
    window earlier as (partition by g.season order by g.game_date
                       groups between unbounded preceding and 1 preceding)
)
select e.game_id, e.team_id, e.season, e.game_date, e.opponent_team_id,
       e.games_before as games_played, s.win_pct as win_pct_season,
       s.pace_10 as team_pace_last_10, s.off_rating_10 as off_rating_last_10,
       s.def_rating_15 as defensive_rating_last_15,
       s.def_rating_season as defensive_rating_season, s.opp_pts_15 as opp_points_last_15,
       s.opp_fg3m_15 / nullif(s.opp_fg3a_15, 0)::double precision as opp_fg3_pct_last_15,
       e.day - e.last_day - 1 as days_rest, e.day - e.last_day = 1 as is_back_to_back,
       s.paint_15 as paint_fg_pct_allowed_last_15,
       s.mid_range_15 as mid_range_fg_pct_allowed_last_15,
       s.three_15 as three_pt_fg_pct_allowed_last_15,
       l.paint as league_paint_fg_pct, l.mid_range as league_mid_range_fg_pct,
       l.three as league_three_pt_fg_pct,
       case when s.paint_15 is null and s.mid_range_15 is null and s.three_15 is null
            then case when e.games_before = 0 then 'no earlier game' else 'no play-by-play' end
            end as missing_reason
  from touched_keys k
  join entered e on e.game_id = k.game_id and e.team_id = k.team_id
  left join nba.season on season.season = e.season
  left join so_far s on s.team_id = e.team_id and s.season = e.season
                    and s.games = e.games_before
  left join league l on l.season = e.season and l.game_date = e.game_date
 where season.season is null
    or e.game_date >= season.first_regular_date + season.bootstrap_days;
