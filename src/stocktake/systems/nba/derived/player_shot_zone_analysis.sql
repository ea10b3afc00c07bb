-- name: touched
-- A changed game touches its own rows and the later games, in its season, of the players in it;
-- plays touch them of those who shot. The first plays of a season make it expected of everybody,
-- the last ones taken away of nobody.
with live as materialized (
    -- seasons that have rows, or should
    select t.season, exists (select from nba.player_shot_zone_analysis z
                              where z.season = t.season) as has_rows,
           exists (select from nba.team_offense_game_summary g join nba.play_by_play p using (game_id)
                    where g.season = t.season) as has_plays
      from (select season from changed_player_game_summary
             union
            select g.season
              from (select distinct game_id from changed_play_by_play) c
              join nba.team_offense_game_summary g using (game_id)
             union
            select season from changed_season) t
),
changed as (
    select c.game_id, c.player_id, c.season, c.game_date
      from changed_player_game_summary c
     where c.season in (select season from live where has_rows or has_plays)
),
played as (
    select distinct g.game_id, g.season, g.game_date
      from changed_play_by_play c join nba.team_offense_game_summary g using (game_id)
),
since as (
    select player_id, season, min(game_date) as game_date
      from (select player_id, season, game_date from changed
             union all
            select p.player_id, p.season, p.game_date
              from played join nba.player_game_summary p using (game_id)) r
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
  from live join nba.player_game_summary p using (season)
 where live.has_rows <> live.has_plays
 union
select p.game_id, p.player_id, p.season
  from changed_season c join nba.player_game_summary p on p.season = c.season
 where c.season in (select season from live where has_plays);

-- name: every
-- Every player in every game of a season of which plays are held.
select p.game_id, p.player_id, p.season
  from nba.player_game_summary p
 where p.season in (select distinct g.season from nba.team_offense_game_summary g
                     where exists (select from nba.play_by_play a where a.game_id = g.game_id));

-- name: units
-- Games with rows, but for those of the bootstrap and of seasons without plays, which have none.
select distinct array[k.game_id] as unit
  from touched_keys k
 where exists (select from nba.player_shot_zone_analysis z where z.season = k.season)
   and not exists (select from nba.team_offense_game_summary g
                     join nba.season s on s.season = g.season
                    where g.game_id = k.game_id
                      and g.game_date < s.first_regular_date + s.bootstrap_days);

-- name: compute
-- Where the player shot from in his last ten games before the game, of those whose plays are held.
with seasons as materialized (
    select s.season
      from (select distinct season from touched_keys) s
     where exists (select from nba.team_offense_game_summary g
                     join nba.play_by_play p using (game_id) where g.season = s.season)
),
whose as (
    select distinct player_id, season from touched_keys join seasons using (season)
),
told as (
    select p.game_id, p.player_id, p.season, p.game_date, nba.day_number(p.game_date) as day,
           p.minutes > 0 and p.counts_in_windows as counts,
           k.game_id is not null as is_wanted
      from whose
      join nba.player_game_summary p using (player_id, season)
      left join touched_keys k on k.game_id = p.game_id and k.player_id = p.player_id
),
shots as materialized (
    select s.game_id, s.player_id,
           count(*) filter (where s.zone = 'paint') as paint_shots,
           count(*) filter (where s.zone = 'paint' and s.is_made) as paint_made,
           count(*) filter (where s.zone = 'mid_range') as mid_range_shots,
           count(*) filter (where s.zone = 'mid_range' and s.is_made) as mid_range_made,
           count(*) filter (where s.zone = 'three') as three_shots,
           count(*) filter (where s.zone = 'three' and s.is_made) as three_made
      from nba.shot s
     where s.player_id in (select player_id from whose)
     group by s.game_id, s.player_id
),
held as materialized (
    select g.game_id
      from (select distinct game_id from nba.team_offense_game_summary join seasons using (season)) g
     where exists (select from nba.play_by_play p where p.game_id = g.game_id)
),
entered as (
    select t.*, s.paint_shots, s.paint_made, s.mid_range_shots, s.mid_range_made, s.three_shots,
           s.three_made,
           h.game_id is not null as has_plays,
           count(*) filter (where counts) over earlier as games
      from told t
      left join shots s on s.game_id = t.game_id and s.player_id = t.player_id
      left join held h on h.game_id = t.game_id
    window earlier as (partition by t.player_id, season order by day
                       groups between unbounded preceding and 1 preceding)
),
state as (
    select *, count(*) filter (where counts and has_plays) over last_10 as with_plays_10,
           coalesce(sum(paint_shots) filter (where counts) over last_10, 0) as paint_shots_10,
           coalesce(sum(paint_made) filter (where counts) over last_10, 0) as paint_made_10,
           coalesce(sum(mid_range_shots) filter (where counts) over last_10, 0)
               as mid_range_shots_10,
           coalesce(sum(mid_range_made) filter (where counts) over last_10, 0)
               as mid_range_made_10,
           coalesce(sum(three_shots) filter (where counts) over last_10, 0) as three_shots_10,
           coalesce(sum(three_made) filter (where counts) over last_10, 0) as three_made_10
      from entered
    window last_10 as (partition by player_id, season order by games
                       range between 10 preceding and 1 preceding)
),
rated as (
    select *, nullif(paint_shots_10 + mid_range_shots_10 + three_shots_10, 0) as shots
      from state
      left join nba.season using (season)
     where is_wanted
       and (first_regular_date is null or game_date >= first_regular_date + bootstrap_days)
)
select game_id, player_id, season, game_date, with_plays_10 as games_with_plays,
       coalesce(shots, 0) as shots_last_10,
       paint_shots_10 / shots as paint_rate_last_10,
       mid_range_shots_10 / shots as mid_range_rate_last_10,
       three_shots_10 / shots as three_rate_last_10,
       paint_made_10 / nullif(paint_shots_10, 0) as paint_fg_pct_last_10,
       mid_range_made_10 / nullif(mid_range_shots_10, 0) as mid_range_fg_pct_last_10,
       three_made_10 / nullif(three_shots_10, 0) as three_fg_pct_last_10,
       case when shots is null then null
            when paint_shots_10 >= greatest(mid_range_shots_10, three_shots_10) then 'paint'
            when mid_range_shots_10 >= three_shots_10 then 'mid_range'
            else 'three' end as primary_zone
  from rated;
