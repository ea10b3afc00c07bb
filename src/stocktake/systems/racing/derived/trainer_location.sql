-- name: touched
-- Trainers of changed entries.
select trainer_id as id from changed_ra_runners where trainer_id is not null;

-- name: compute
-- Where a trainer was at home by the latest card that says so, whenever it was loaded.
select distinct on (k.id) k.id, e.trainer_location as location
  from touched_keys k
  left join racing.ra_runners e
    on e.trainer_id = k.id and e.trainer_location is not null
 order by k.id, e.race_date desc nulls last, e.race_id desc, e.horse_id desc;
