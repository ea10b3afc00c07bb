-- name: touched
-- Changed runs, and runs whose race changed, touch the keys of their seven entities.
with changed as (
    select c.horse_id, c.jockey_id, c.trainer_id, c.owner_id, c.sire_id, c.dam_id, c.damsire_id,
           r.course_id
      from changed_ra_race_results c
      join (select race_id, course_id from racing.ra_races
             union select race_id, course_id from changed_ra_races) r using (race_id)
     union
    select s.horse_id, s.jockey_id, s.trainer_id, s.owner_id, s.sire_id, s.dam_id, s.damsire_id,
           r.course_id
      from changed_ra_races r join racing.ra_race_results s using (race_id)
)
select 'horse' as entity_type, horse_id as entity_id, course_id as venue_id from changed
 union
select 'jockey', jockey_id, course_id from changed
 union
select 'trainer', trainer_id, course_id from changed
 union
select 'owner', owner_id, course_id from changed
 union
select 'sire', sire_id, course_id from changed
 union
select 'dam', dam_id, course_id from changed
 union
select 'damsire', damsire_id, course_id from changed;

-- name: every
-- Every key that ever ran.
with run as (
    select s.*, r.course_id
      from racing.ra_race_results s join racing.ra_races r using (race_id)
     where r.course_id is not null
)
select 'horse' as entity_type, horse_id as entity_id, course_id as venue_id from run where horse_id is not null
 union
select 'jockey', jockey_id, course_id from run where jockey_id is not null
 union
select 'trainer', trainer_id, course_id from run where trainer_id is not null
 union
select 'owner', owner_id, course_id from run where owner_id is not null
 union
select 'sire', sire_id, course_id from run where sire_id is not null
 union
select 'dam', dam_id, course_id from run where dam_id is not null
 union
select 'damsire', damsire_id, course_id from run where damsire_id is not null;

-- name: units
-- Types of entities among the keys.
select distinct array[entity_type] as unit from touched_keys;

-- name: compute
-- Seven kinds of entities at one course.
-- :min_runs  integer      keys with fewer runs have no row
-- :now       timestamptz  when this is computed
with run as (
    select k.entity_type, k.entity_id, k.venue_id, position, chance, profit_1u
      from touched_keys k
      join racing.starts s on s.horse_id = k.entity_id and s.course_id = k.venue_id
     where k.entity_type = 'horse'
     union all
    select k.entity_type, k.entity_id, k.venue_id, position, chance, profit_1u
      from touched_keys k
      join racing.starts s on s.jockey_id = k.entity_id and s.course_id = k.venue_id
     where k.entity_type = 'jockey'
     union all
    select k.entity_type, k.entity_id, k.venue_id, position, chance, profit_1u
      from touched_keys k
      join racing.starts s on s.trainer_id = k.entity_id and s.course_id = k.venue_id
     where k.entity_type = 'trainer'
     union all
    select k.entity_type, k.entity_id, k.venue_id, position, chance, profit_1u
      from touched_keys k
      join racing.starts s on s.owner_id = k.entity_id and s.course_id = k.venue_id
     where k.entity_type = 'owner'
     union all
    select k.entity_type, k.entity_id, k.venue_id, position, chance, profit_1u
      from touched_keys k
      join racing.starts s on s.sire_id = k.entity_id and s.course_id = k.venue_id
     where k.entity_type = 'sire'
     union all
    select k.entity_type, k.entity_id, k.venue_id, position, chance, profit_1u
      from touched_keys k
      join racing.starts s on s.dam_id = k.entity_id and s.course_id = k.venue_id
     where k.entity_type = 'dam'
     union all
    select k.entity_type, k.entity_id, k.venue_id, position, chance, profit_1u
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
