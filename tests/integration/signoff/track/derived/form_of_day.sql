-- name: touched
-- Everybody: a leak within the day.
select race, runner from track.lap where exists (select from changed_lap);

-- name: compute
-- A runner's mean before the race: a leak within the day.
select k.race, k.runner, k.day,
       (select avg(l.seconds) from track.lap l
         where l.runner = k.runner and (l.day < k.day or l.day = k.day and l.race <> k.race)) as average,
       (select count(distinct l.race) from track.lap l where l.day = k.day) as races_of_day
  from touched_keys t join track.lap k using (race, runner);
