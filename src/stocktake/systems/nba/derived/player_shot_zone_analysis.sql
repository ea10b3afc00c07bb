-- name: touched
-- A changed game touches its own rows and the later games, in its season, of the players in it;
-- plays touch them of those who shot. The first plays of a season make it expected of everybody,
-- the last ones taken away of nobody.
with changed as (
    select game_id, player_id, season, game_date from changed_player_game_summary
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
),
turned as (
    select t.season
      from (select distinct season from played union select distinct season from changed) t
     where exists (select from nba.player_shot_zone_analysis z where z.season = t.season)
           <> exists (select from nba.team_offense_game_summary g
                        join nba.play_by_play p using (game_id) where g.season = t.season)
)
select game_id, player_id, season from changed
 union
select p.game_id, p.player_id, p.season
  from since s
  join nba.player_game_summary p on p.player_id = s.player_id and p.season = s.season
                                and p.game_date > s.game_date
 union
select p.game_id, p.player_id, p.season
  from turned join nba.player_game_summary p using (season)
 union
select p.game_id, p.player_id, p.season
  from changed_season c join nba.player_game_summary p on p.season = c.season;

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
game as (
    select p.game_id, p.player_id, p.season, p.game_date, nba.day_number(p.game_date) as day,
           p.minutes > 0 and p.counts_in_windows as counts
      from whose
      join nba.player_game_summary p using (player_id, season)
),
shots as (
    select s.game_id, s.player_id,
           count(*) filter (where s.zone = 'paint') as paint_shots,
           count(*) filter (where s.zone = 'paint' and s.is_made) as paint_made,
           count(*) filter (where s.zone = 'mid_range') as mid_range_shots,
           count(*) filter (where s.zone = 'mid_range' and s.is_made) as mid_range_made,
           count(*) filter (where s.zone = 'three') as three_shots,
           count(*) filter (where s.zone = 'three' and s.is_made) as three_made
      from game join nba.shot s using (game_id, player_id)
     group by s.game_id, s.player_id
),
entered as (
    select *, count(*) filter (where counts) over earlier as games_before
      from game
    window earlier as (partition by player_id, season order by day
                       groups between unbounded preceding and 1 preceding)
),
so_far as (
    select g.player_id, g.season, row_number() over so_far as games,
           count(*) filter (where held.game_id is not null) over last_10 as with_plays,
           coalesce(sum(paint_shots) over last_10, 0) as paint_shots,
           coalesce(sum(paint_made) over last_10, 0) as paint_made,
           coalesce(sum(mid_range_shots) over last_10, 0) as mid_range_shots,
           coalesce(sum(mid_range_made) over last_10, 0) as mid_range_made,
           coalesce(sum(three_shots) over last_10, 0) as three_shots,
           coalesce(sum(three_made) over last_10, 0) as three_made
      from game g
      left join shots s on s.game_id = g.game_id and s.player_id = g.player_id
      left join (select distinct d.game_id from (select distinct game_id from game) d
                  where exists (select from nba.play_by_play p where p.game_id = d.game_id)) held
             on held.game_id = g.game_id
     where counts
    window so_far as (partition by g.player_id, g.season order by day, g.game_id
                      rows unbounded preceding),
           last_10 as (partition by g.player_id, g.season order by day, g.game_id
                      rows 9 preceding)
),
rated as (
    select e.game_id, e.player_id, e.season, e.game_date, coalesce(s.with_plays, 0) as with_plays,
           s.paint_shots, s.paint_made, s.mid_range_shots, s.mid_range_made, s.three_shots,
           s.three_made, s.paint_shots + s.mid_range_shots + s.three_shots as shots
      from touched_keys k
      join entered e on e.game_id = k.game_id and e.player_id = k.player_id
      left join nba.season on season.season = e.season
      left join so_far s on s.player_id = e.player_id and s.season = e.season
                        and s.games = e.games_before
     where season.season is null
        or e.game_date >= season.first_regular_date + season.bootstrap_days
)
select game_id, player_id, season, game_date, with_plays as games_with_plays,
       coalesce(shots, 0) as shots_last_10,
       paint_shots / nullif(shots, 0) as paint_rate_last_10,
       mid_range_shots / nullif(shots, 0) as mid_range_rate_last_10,
       three_shots / nullif(shots, 0) as three_rate_last_10,
       paint_made / nullif(paint_shots, 0) as paint_fg_pct_last_10,
       mid_range_made / nullif(mid_range_shots, 0) as mid_range_fg_pct_last_10,
       three_made / nullif(three_shots, 0) as three_fg_pct_last_10,
       case when coalesce(shots, 0) = 0 then null
            when paint_shots >= greatest(mid_range_shots, three_shots) then 'paint'
            when mid_range_shots >= three_shots then 'mid_range'
            else 'three' end as primary_zone
  from rated;
