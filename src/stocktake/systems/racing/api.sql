-- Statements of the views in views.py.

-- name: races
-- Races of a day, region or course; all when nothing is asked for.
-- :date  date  only of this day, NULL for all
-- :region  text  only of this region, NULL for all
-- :course_id  text  only of this course, NULL for all
select race_id, date, region, course_id, course_name, off_time, race_name, type, race_class, distance_y,
       going, surface, field_size, race_status, has_result
  from racing.ra_races
 where (%(date)s::date is null or date = %(date)s)
   and (%(region)s::text is null or region = upper(%(region)s))
   and (%(course_id)s::text is null or course_id = %(course_id)s);

-- name: race
-- One race.
-- :race_id  text  which
select race_id, date, region, course_id, course_name, off_time, off_dt, race_name, race_number, type,
       race_class, pattern, age_band, rating_band, sex_restriction, distance, distance_y, distance_m,
       surface, going, jumps, weather, prize, prize_currency, field_size, is_big_race, is_abandoned,
       has_result, winning_time, comments, non_runners, race_status
  from racing.ra_races where race_id = %(race_id)s;

-- name: race_runners
-- Who was declared for a race, by number.
-- :race_id  text  which
select runner_id, horse_id, horse_name, number, draw, age, sex, weight_lbs, jockey_id, jockey_name,
       trainer_id, trainer_name, owner_id, owner_name, sire_id, dam_id, damsire_id
  from racing.ra_runners where race_id = %(race_id)s
 order by nullif(regexp_replace(number, '[^0-9]', '', 'g'), '')::bigint, horse_id;

-- name: race_results
-- Who ran, in the order they came in.
-- :race_id  text  which
select horse_id, horse_name, position, position_str, number, draw, age, weight_lbs, jockey_id,
       jockey_name, trainer_id, trainer_name, owner_id, owner_name
  from racing.ra_race_results where race_id = %(race_id)s
 order by position nulls last, horse_id;

-- name: horse
-- One horse, with its pedigree.
-- :horse_id  text  which
select h.id, h.name, h.dob, h.age, h.sex, h.sex_code, h.colour, h.region,
       coalesce(p.breeder, h.breeder) as breeder,
       coalesce(p.sire_id, h.sire_id) as sire_id, p.sire,
       coalesce(p.dam_id, h.dam_id) as dam_id, p.dam,
       coalesce(p.damsire_id, h.damsire_id) as damsire_id, p.damsire
  from racing.ra_mst_horses h left join racing.ra_horse_pedigree p on p.horse_id = h.id
 where h.id = %(horse_id)s;

-- name: horse_form
-- The horse's races, the latest first.
-- :horse_id  text  which
select race_id, race_date, region, position, position_str, jockey_id, jockey_name, trainer_id,
       trainer_name, weight_lbs
  from racing.ra_race_results where horse_id = %(horse_id)s
 order by race_date desc, race_id
 limit 200;

-- name: jockey
-- One of the jockeys, with its figures.
-- :entity_id  text  which
select * from racing.ra_mst_jockeys where id = %(entity_id)s;

-- name: trainer
-- One of the trainers, with its figures.
-- :entity_id  text  which
select * from racing.ra_mst_trainers where id = %(entity_id)s;

-- name: owner
-- One of the owners, with its figures.
-- :entity_id  text  which
select * from racing.ra_mst_owners where id = %(entity_id)s;

-- name: sire
-- One of the sires, with its figures.
-- :entity_id  text  which
select * from racing.ra_mst_sires where id = %(entity_id)s;

-- name: dam
-- One of the dams, with its figures.
-- :entity_id  text  which
select * from racing.ra_mst_dams where id = %(entity_id)s;

-- name: damsire
-- One of the damsires, with its figures.
-- :entity_id  text  which
select * from racing.ra_mst_damsires where id = %(entity_id)s;

-- name: combinations
-- Figures of pairs.
-- :entity_id  text  either of the pair, NULL for all
-- :min_runs  integer  at least so many runs
select * from racing.ra_entity_combinations
 where (%(entity_id)s::text is null or %(entity_id)s in (entity1_id, entity2_id))
   and total_runs >= coalesce(%(min_runs)s, 0);

-- name: by_distance
-- Figures by distance.
-- :entity_id  text  whose, NULL for all
-- :min_runs  integer  at least so many runs
select * from racing.ra_performance_by_distance
 where (%(entity_id)s::text is null or entity_id = %(entity_id)s)
   and total_runs >= coalesce(%(min_runs)s, 0);

-- name: by_venue
-- Figures by course.
-- :entity_id  text  whose, NULL for all
-- :min_runs  integer  at least so many runs
select * from racing.ra_performance_by_venue
 where (%(entity_id)s::text is null or entity_id = %(entity_id)s)
   and total_runs >= coalesce(%(min_runs)s, 0);

-- name: runner_statistics
-- A horse as it stood before a race.
-- :runner_id  text  which
select * from racing.ra_runner_statistics where runner_id = %(runner_id)s;
