-- name: touched
-- Games with changed rows.
select game_id from changed_clean_box_score;

-- name: every
-- Every game.
select distinct game_id from nba.clean_box_score;

-- name: units
-- One unit per game.
select array[game_id] as unit from touched_keys;

-- name: compute
-- Sums over the players of each team; unrounded. Possessions are the mean of what both teams'
-- counts say, so they are known only where both teams are.
with team as (
    select game_id, team_id, min(team_abbreviation) as team_abbreviation,
           min(opponent_team_id) as opponent_team_id, min(season) as season,
           min(season_type) as season_type, min(game_date) as game_date,
           bool_and(counts_in_windows) as counts_in_windows, bool_and(is_home) as is_home,
           bool_or(is_neutral) as is_neutral, bool_and(win_flag) as win_flag,
           sum(fgm)::integer as fgm, sum(fga)::integer as fga, sum(fg3m)::integer as fg3m,
           sum(fg3a)::integer as fg3a, sum(ftm)::integer as ftm, sum(fta)::integer as fta,
           sum(oreb)::integer as oreb, sum(dreb)::integer as dreb, sum(reb)::integer as reb,
           sum(ast)::integer as ast, sum(stl)::integer as stl, sum(blk)::integer as blk,
           sum(tov)::integer as tov, sum(pf)::integer as pf, sum(pts)::integer as pts,
           -- in one order, lest the last bit differ between two computations
           sum(minutes order by player_id) as team_minutes, count(*) as players_used,
           sum(fga) + 0.44::double precision * sum(fta) - sum(oreb) + sum(tov) as plays
      from touched_keys
      join nba.clean_box_score using (game_id)
     where did_play
     group by game_id, team_id
),
met as (
    select t.*,
           (t.plays + o.plays) / 2 as possessions
      from team t
      left join team o on o.game_id = t.game_id and o.team_id = t.opponent_team_id
)
select game_id, team_id, team_abbreviation, opponent_team_id, season, season_type, game_date,
       counts_in_windows, is_home, is_neutral, win_flag, fgm, fga, fg3m, fg3a, ftm, fta, oreb, dreb,
       reb, ast, stl, blk, tov, pf, pts, team_minutes,
       round((team_minutes - 240) / 25)::integer as ot_periods, possessions,
       48 * possessions / nullif(team_minutes / 5, 0) as pace,
       100 * pts / nullif(possessions, 0) as off_rating,
       (fgm + 0.5::double precision * fg3m) / nullif(fga, 0) as efg_pct,
       pts / nullif(2 * (fga + 0.44::double precision * fta), 0) as ts_pct, players_used
  from met;
