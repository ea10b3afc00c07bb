-- name: touched
-- Games of changed rows: what one team scored, the other allowed.
select game_id from changed_team_offense_game_summary;

-- name: every
-- Every game.
select distinct game_id from nba.team_offense_game_summary;

-- name: units
-- One unit per game.
select array[game_id] as unit from touched_keys;

-- name: compute
-- What the opponent did; unrounded.
select t.game_id, t.team_id, t.opponent_team_id, t.season, t.season_type, t.game_date,
       t.counts_in_windows, t.is_home, t.is_neutral,
       o.pts as opp_pts, o.fgm as opp_fgm, o.fga as opp_fga, o.fg3m as opp_fg3m,
       o.fg3a as opp_fg3a, o.fta as opp_fta, o.oreb as opp_oreb, o.tov as opp_tov,
       t.possessions, o.off_rating as def_rating,
       o.fg3m::double precision / nullif(o.fg3a, 0) as opp_fg3_pct, o.tov as forced_tov
  from touched_keys
  join nba.team_offense_game_summary t using (game_id)
  left join nba.team_offense_game_summary o on o.game_id = t.game_id
                                           and o.team_id = t.opponent_team_id;
