-- name: touched
-- Games with changed rows, and those whose schedule row or alias changed.
select game_id from changed_raw_box_score
 union
select c.game_id
  from changed_schedule c
 where exists (select from nba.raw_box_score r where r.game_id = c.game_id)
 union
select old_id from changed_game_alias;

-- name: every
-- Every game with rows.
select distinct game_id from nba.raw_box_score;

-- name: units
-- One unit per game.
select array[game_id] as unit from touched_keys;

-- name: compute
-- The players of a game as its best source tells them. Where the schedule knows the game it names
-- the home team; the log's MATCHUP does otherwise. A game replaced by another has no rows.
with told as (
    select r.*, nba.minutes(r.min) as minutes,
           coalesce(r.fgm, 0) + coalesce(r.fga, 0) + coalesce(r.fg3m, 0) + coalesce(r.fg3a, 0)
           + coalesce(r.ftm, 0) + coalesce(r.fta, 0) + coalesce(r.oreb, 0) + coalesce(r.dreb, 0)
           + coalesce(r.reb, 0) + coalesce(r.ast, 0) + coalesce(r.stl, 0) + coalesce(r.blk, 0)
           + coalesce(r.tov, 0) + coalesce(r.pf, 0) + coalesce(r.pts, 0) as counted,
           split_part(r.matchup, ' @ ', 2) as host, -- '' where the home team's row says vs.
           sum(r.pts) over (partition by r.game_id, r.team_id) as team_points,
           sum(r.pts) over game as game_points,
           min(r.team_id) over game as one_team, max(r.team_id) over game as other_team,
           bool_and(position(' @ ' in r.matchup) > 0) over game as is_all_away,
           min(r.game_date) over game as told_date
      from (select r.*, min(nba.source_rank(r.source) || r.source) over (partition by r.game_id)
                   = nba.source_rank(r.source) || r.source as is_best
              from touched_keys k
              join nba.raw_box_score r on r.game_id = k.game_id
             where nba.is_in_scope(r.season_type)
               and not exists (select from nba.game_alias a where a.old_id = k.game_id)) r
     where r.is_best
    window game as (partition by r.game_id)
),
placed as (
    select t.*, s.home_team_id, s.away_team_id,
           coalesce(case when s.status = 'final' then s.game_date end, t.told_date, s.game_date)
               as played_on,
           coalesce(s.is_neutral, false)
               or coalesce(t.is_all_away and t.one_team <> t.other_team, false) as is_neutral,
           t.source not in ('boxscorev3', 'balldontlie')
               or not coalesce(t.comment ~ '^(DNP|DND|NWT)', false)
                  and (t.minutes is not null or t.counted > 0) as did_play
      from told t
      left join nba.schedule s on s.game_id = t.game_id
)
select game_id, player_id, player_name, team_id, team_abbreviation,
       case when team_id = home_team_id then away_team_id
            when team_id = away_team_id then home_team_id
            when team_id = one_team and other_team <> one_team then other_team
            when team_id = other_team and other_team <> one_team then one_team
            end as opponent_team_id,
       season, season_type, played_on as game_date,
       case when team_id in (home_team_id, away_team_id) then team_id = home_team_id
            when host <> '' then team_abbreviation = host
            when position(' vs. ' in matchup) > 0 then team_abbreviation = split_part(matchup, ' ', 1)
            end as is_home,
       is_neutral,
       case when wl is not null then wl = 'W'
            when game_points <> 2 * team_points then 2 * team_points > game_points
            end as win_flag,
       did_play,
       case when not did_play then coalesce(nullif(comment, ''), 'no minutes') end as dnp_reason,
       minutes, nba.minutes_exact(min) as minutes_exact,
       coalesce(fgm, 0) as fgm, coalesce(fga, 0) as fga, coalesce(fg3m, 0) as fg3m,
       coalesce(fg3a, 0) as fg3a, coalesce(ftm, 0) as ftm, coalesce(fta, 0) as fta,
       coalesce(oreb, 0) as oreb, coalesce(dreb, 0) as dreb, coalesce(reb, 0) as reb,
       coalesce(ast, 0) as ast, coalesce(stl, 0) as stl, coalesce(blk, 0) as blk,
       coalesce(tov, 0) as tov, coalesce(pf, 0) as pf, coalesce(pts, 0) as pts,
       fgm::numeric / nullif(fga, 0) as fg_pct,
       fg3m::numeric / nullif(fg3a, 0) as fg3_pct,
       ftm::numeric / nullif(fta, 0) as ft_pct,
       round(plus_minus)::integer as plus_minus, source,
       season_type <> 'cup_final' as counts_in_windows
  from placed
 where played_on is not null;
