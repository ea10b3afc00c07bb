-- name: touched
-- Teams of changed games, and those seen of which the shipped list changed.
select team_id from changed_team_offense_game_summary
 union
select r.team_id from changed_team_reference r
 where exists (select from nba.team_offense_game_summary g where g.team_id = r.team_id);

-- name: every
-- Every team seen.
select distinct team_id from nba.team_offense_game_summary;

-- name: units
-- One unit per team.
select array[team_id::text] as unit from touched_keys;

-- name: compute
-- A team by its abbreviation in the latest game; city, name and conference are of the shipped list.
select g.team_id, (array_agg(g.team_abbreviation order by g.game_date desc, g.game_id desc))[1]
           as abbreviation,
       min(r.city) as city, min(r.name) as name, min(r.conference) as conference,
       min(g.game_date) as first_seen, max(g.game_date) as last_seen,
       array_remove(array_agg(distinct g.team_abbreviation),
                    (array_agg(g.team_abbreviation order by g.game_date desc, g.game_id desc))[1])
           as aliases
  from touched_keys k
  join nba.team_offense_game_summary g using (team_id)
  left join nba.team_reference r using (team_id)
 group by g.team_id;
