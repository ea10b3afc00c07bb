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
-- The team as it stood before the game: games of earlier days of the season only. Games that count
-- are numbered, so that a frame over the numbers holds the last ten of them.
with whose as materialized (
    select distinct team_id, season from touched_keys
),
seasons as materialized (
    select distinct season from touched_keys
),
shots as materialized (
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
           s.three_made,
           k.game_id is not null as is_wanted
      from whose
      join nba.team_offense_game_summary o using (team_id, season)
      left join nba.team_defense_game_summary d on d.game_id = o.game_id
                                               and d.team_id = o.team_id
      left join shots s on s.game_id = o.game_id and s.team_id = o.opponent_team_id
      left join touched_keys k on k.game_id = o.game_id and k.team_id = o.team_id
),
entered as (
    select *, max(day) over earlier as last_day,
           count(*) filter (where counts) over earlier as games
      from told
    window earlier as (partition by team_id, season order by day
                       groups between unbounded preceding and 1 preceding)
),
state as (
    select *,
           avg(win_flag::integer) filter (where counts) over so_far as win_pct,
           avg(pace) filter (where counts) over last_10 as pace_10,
           avg(off_rating) filter (where counts) over last_10 as off_rating_10,
           avg(def_rating) filter (where counts) over last_15 as def_rating_15,
           avg(def_rating) filter (where counts) over so_far as def_rating_season,
           avg(opp_pts) filter (where counts) over last_15 as opp_pts_15,
           sum(opp_fg3m) filter (where counts) over last_15 as fg3m_15,
           sum(opp_fg3a) filter (where counts) over last_15 as fg3a_15,
           sum(paint_made) filter (where counts) over last_15 as paint_made_15,
           sum(paint_shots) filter (where counts) over last_15 as paint_shots_15,
           sum(mid_range_made) filter (where counts) over last_15 as mid_range_made_15,
           sum(mid_range_shots) filter (where counts) over last_15 as mid_range_shots_15,
           sum(three_made) filter (where counts) over last_15 as three_made_15,
           sum(three_shots) filter (where counts) over last_15 as three_shots_15
      from entered
    window so_far as (partition by team_id, season order by games
                      range between unbounded preceding and 1 preceding),
           last_10 as (partition by team_id, season order by games
                      range between 10 preceding and 1 preceding),
           last_15 as (partition by team_id, season order by games
                      range between 15 preceding and 1 preceding)
),
-- The league's shooting on the days before each day.
league as materialized (
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
select game_id, team_id, season, game_date, opponent_team_id, games as games_played,
       win_pct as win_pct_season, pace_10 as team_pace_last_10,
       off_rating_10 as off_rating_last_10, def_rating_15 as defensive_rating_last_15,
       def_rating_season as defensive_rating_season, opp_pts_15 as opp_points_last_15,
       fg3m_15 / nullif(fg3a_15, 0)::double precision as opp_fg3_pct_last_15,
       day - last_day - 1 as days_rest, day - last_day = 1 as is_back_to_back,
       paint_made_15 / nullif(paint_shots_15, 0) as paint_fg_pct_allowed_last_15,
       mid_range_made_15 / nullif(mid_range_shots_15, 0) as mid_range_fg_pct_allowed_last_15,
       three_made_15 / nullif(three_shots_15, 0) as three_pt_fg_pct_allowed_last_15,
       paint as league_paint_fg_pct, mid_range as league_mid_range_fg_pct,
       three as league_three_pt_fg_pct,
       case when games = 0 then 'no earlier game'
            when paint_shots_15 is null then 'no play-by-play' end as missing_reason
  from state
  left join league using (season, game_date)
  left join nba.season using (season)
 where is_wanted
   and (first_regular_date is null or game_date >= first_regular_date + bootstrap_days);
