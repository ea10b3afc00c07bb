-- name: touched
-- Everybody: what he ran before.
select race, runner from track.lap where exists (select from changed_lap);

-- name: compute
-- A runner's mean before the race: what he ran before.
select k.race, k.runner, k.day,
       (select avg(l.seconds) from track.lap l
         where l.runner = k.runner and l.day < k.day) as average,
       (select count(distinct l.race) from track.lap l where l.day = k.day) as races_of_day
  from touched_keys t join track.lap k using (race, runner);
