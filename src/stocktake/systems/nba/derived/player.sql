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
-- From name to name by the index: hundreds of games have one or two.
with recursive names as (
    select k.player_id, (select c.player_name from nba.clean_box_score c
                          where c.player_id = k.player_id
                          order by c.player_name limit 1) as name
      from touched_keys k
     union all
    select n.player_id, (select c.player_name from nba.clean_box_score c
                          where c.player_id = n.player_id and c.player_name > n.name
                          order by c.player_name limit 1)
      from names n where n.name is not null
),
spelt as (
    select n.player_id, n.name,
           (select c.game_date from nba.clean_box_score c
             where c.player_id = n.player_id and c.player_name = n.name
             order by c.game_date desc limit 1) as last_seen
      from names n where n.name is not null
),
latest as (
    select distinct on (player_id) player_id, name
      from spelt
     where name is not null
     order by player_id, last_seen desc, name
)
select p.player_id, l.name, p.first_seen, p.last_seen,
       coalesce((select array_agg(s.name order by s.name) from spelt s
                  where s.player_id = p.player_id and s.name <> l.name), '{}') as aliases
  from (select k.player_id,
               (select c.game_date from nba.clean_box_score c where c.player_id = k.player_id
                 order by c.game_date limit 1) as first_seen,
               (select c.game_date from nba.clean_box_score c where c.player_id = k.player_id
                 order by c.game_date desc limit 1) as last_seen
          from touched_keys k) p
  left join latest l using (player_id)
 where p.first_seen is not null;
