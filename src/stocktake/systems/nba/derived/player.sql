-- name: touched
-- Players of changed games.
select player_id from changed_clean_box_score;

-- name: every
-- Every player seen.
select distinct player_id from nba.clean_box_score;

-- name: units
-- One unit per player.
select array[player_id::text] as unit from touched_keys;

-- name: compute
-- A player by his name in the latest game; the id alone is his identity.
with spelt as (
    select c.player_id, c.player_name as name, min(c.game_date) as first_seen,
           max(c.game_date) as last_seen
      from touched_keys k
      join nba.clean_box_score c using (player_id)
     group by c.player_id, c.player_name
),
latest as (
    select distinct on (player_id) player_id, name
      from spelt
     where name is not null
     order by player_id, last_seen desc, name
)
select s.player_id, l.name, min(s.first_seen) as first_seen, max(s.last_seen) as last_seen,
       coalesce(array_agg(s.name order by s.name) filter (where s.name <> l.name), '{}') as aliases
  from spelt s
  left join latest l using (player_id)
 group by s.player_id, l.name;
