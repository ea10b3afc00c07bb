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
-- Who played, with rates of the game; unrounded. Team sums are those of its players.
select game_id, player_id, player_name, team_id, team_abbreviation, opponent_team_id, season,
       season_type, game_date, is_home, is_neutral, win_flag, counts_in_windows, minutes,
       minutes_exact, fgm, fga, fg3m, fg3a, ftm, fta, oreb, dreb, reb, ast, stl, blk, tov, pf, pts,
       plus_minus,
       100 * (fga + 0.44::double precision * fta + tov) * (sum(minutes) over team / 5)
           / nullif(minutes * (sum(fga) over team + 0.44::double precision * sum(fta) over team
                               + sum(tov) over team), 0) as usage_rate,
       pts / nullif(2 * (fga + 0.44::double precision * fta), 0) as ts_pct,
       (fgm + 0.5::double precision * fg3m) / nullif(fga, 0) as efg_pct,
       fg3a::double precision / nullif(fga, 0) as three_pt_rate,
       ftm::double precision / nullif(pts, 0) as ft_points_share,
       pts + 0.4::double precision * fgm - 0.7::double precision * fga
           - 0.4::double precision * (fta - ftm) + 0.7::double precision * oreb
           + 0.3::double precision * dreb + stl + 0.7::double precision * ast
           + 0.7::double precision * blk - 0.4::double precision * pf - tov as game_score,
       sum(minutes) over team as team_minutes
  from touched_keys
  join nba.clean_box_score using (game_id)
 where did_play
window team as (partition by game_id, team_id order by player_id
                rows between unbounded preceding and unbounded following);
