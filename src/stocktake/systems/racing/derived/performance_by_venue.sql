-- name: touched
-- The seven entities of changed runs with the course of their race, and of runs whose race changed;
-- runs and races both as they are and as they were.
with run as (
    select race_id, horse_id, jockey_id, trainer_id, owner_id, sire_id, dam_id, damsire_id
      from changed_ra_race_results
),
race as (
    select race_id, course_id from changed_ra_races
),
changed as (
    select run.*, r.course_id from run join racing.ra_races r using (race_id)
     union
    select run.*, race.course_id from run join race using (race_id)
     union
    select race_id, s.horse_id, s.jockey_id, s.trainer_id, s.owner_id, s.sire_id, s.dam_id,
           s.damsire_id, race.course_id
      from race join racing.ra_race_results s using (race_id)
)
select entity_type, entity_id, course_id as venue_id
  from changed
 cross join lateral (
    values ('horse', horse_id), ('jockey', jockey_id), ('trainer', trainer_id),
           ('owner', owner_id), ('sire', sire_id), ('dam', dam_id), ('damsire', damsire_id)
 ) entity (entity_type, entity_id);

-- name: every
-- Everybody with each course at which they ran often enough; most pairs never are.
-- :min_runs  integer  keys with fewer runs have no row
select 'horse' as entity_type, horse_id as entity_id, course_id as venue_id
  from racing.ra_race_results
 where horse_id is not null and course_id is not null
 group by horse_id, course_id
having count(*) >= %(min_runs)s
 union all
select 'jockey', jockey_id, course_id
  from racing.ra_race_results
 where jockey_id is not null and course_id is not null
 group by jockey_id, course_id
having count(*) >= %(min_runs)s
 union all
select 'trainer', trainer_id, course_id
  from racing.ra_race_results
 where trainer_id is not null and course_id is not null
 group by trainer_id, course_id
having count(*) >= %(min_runs)s
 union all
select 'owner', owner_id, course_id
  from racing.ra_race_results
 where owner_id is not null and course_id is not null
 group by owner_id, course_id
having count(*) >= %(min_runs)s
 union all
select 'sire', sire_id, course_id
  from racing.ra_race_results
 where sire_id is not null and course_id is not null
 group by sire_id, course_id
having count(*) >= %(min_runs)s
 union all
select 'dam', dam_id, course_id
  from racing.ra_race_results
 where dam_id is not null and course_id is not null
 group by dam_id, course_id
having count(*) >= %(min_runs)s
 union all
select 'damsire', damsire_id, course_id
  from racing.ra_race_results
 where damsire_id is not null and course_id is not null
 group by damsire_id, course_id
having count(*) >= %(min_runs)s;

-- name: units
-- Types of entities among the keys.
select distinct array[entity_type] as unit from touched_keys;

-- name: compute
-- Seven kinds of entities at one course.
-- :min_runs  integer      keys with fewer runs have no row
-- :now       timestamptz  when this is computed
with run as (
    select k.*, s.*
      from touched_keys k
      join racing.starts s on s.horse_id = k.entity_id and s.course_id = k.venue_id
     where k.entity_type = 'horse'
     union all
    select k.*, s.*
      from touched_keys k
      join racing.starts s on s.jockey_id = k.entity_id and s.course_id = k.venue_id
     where k.entity_type = 'jockey'
     union all
    select k.*, s.*
      from touched_keys k
      join racing.starts s on s.trainer_id = k.entity_id and s.course_id = k.venue_id
     where k.entity_type = 'trainer'
     union all
    select k.*, s.*
      from touched_keys k
      join racing.starts s on s.owner_id = k.entity_id and s.course_id = k.venue_id
     where k.entity_type = 'owner'
     union all
    select k.*, s.*
      from touched_keys k
      join racing.starts s on s.sire_id = k.entity_id and s.course_id = k.venue_id
     where k.entity_type = 'sire'
     union all
    select k.*, s.*
      from touched_keys k
      join racing.starts s on s.dam_id = k.entity_id and s.course_id = k.venue_id
     where k.entity_type = 'dam'
     union all
    select k.*, s.*
      from touched_keys k
      join racing.starts s on s.damsire_id = k.entity_id and s.course_id = k.venue_id
     where k.entity_type = 'damsire'
)
select entity_type, entity_id, venue_id,
       count(*) as total_runs,
       count(*) filter (where position = 1) as wins,
       count(*) filter (where position = 2) as places_2nd,
       count(*) filter (where position = 3) as places_3rd,
       100.0::double precision * count(*) filter (where position = 1) / count(*) as win_percent,
       100.0::double precision * count(*) filter (where position <= 3) / count(*)
           as place_percent,
       count(*) filter (where position = 1 and chance is not null) / sum(chance) as ae_index,
       sum(profit_1u) as profit_loss_1u,
       jsonb_build_object('min_runs', %(min_runs)s::integer) as query_filters,
       %(now)s::timestamptz as calculated_at
  from run
 group by entity_type, entity_id, venue_id
having count(*) >= %(min_runs)s;
