-- name: touched
-- The seven entities of changed runs, and of runs whose race changed.
with changed as (
    select horse_id, jockey_id, trainer_id, owner_id, sire_id, dam_id, damsire_id
      from changed_ra_race_results
     union
    select s.horse_id, s.jockey_id, s.trainer_id, s.owner_id, s.sire_id, s.dam_id, s.damsire_id
      from changed_ra_races c join racing.ra_race_results s using (race_id)
)
select 'horse' as entity_type, horse_id as entity_id from changed
 union
select 'jockey', jockey_id from changed
 union
select 'trainer', trainer_id from changed
 union
select 'owner', owner_id from changed
 union
select 'sire', sire_id from changed
 union
select 'dam', dam_id from changed
 union
select 'damsire', damsire_id from changed;

-- name: every
-- Everybody who ever ran, rode, trained, owned or bred.
select 'horse' as entity_type, horse_id as entity_id from racing.ra_race_results where horse_id is not null
 union
select 'jockey', jockey_id from racing.ra_race_results where jockey_id is not null
 union
select 'trainer', trainer_id from racing.ra_race_results where trainer_id is not null
 union
select 'owner', owner_id from racing.ra_race_results where owner_id is not null
 union
select 'sire', sire_id from racing.ra_race_results where sire_id is not null
 union
select 'dam', dam_id from racing.ra_race_results where dam_id is not null
 union
select 'damsire', damsire_id from racing.ra_race_results where damsire_id is not null;

-- name: units
-- Types of entities among the keys.
select distinct array[entity_type] as unit from touched_keys;

-- name: compute
-- Seven kinds of entities at one course.
-- :min_runs  integer      keys with fewer runs have no row
-- :now       timestamptz  when this is computed
with run as (
    select k.entity_type, k.entity_id, course_id as venue_id, position, chance, profit_1u
      from touched_keys k join racing.starts s on s.horse_id = k.entity_id
     where k.entity_type = 'horse'
     union all
    select k.entity_type, k.entity_id, course_id as venue_id, position, chance, profit_1u
      from touched_keys k join racing.starts s on s.jockey_id = k.entity_id
     where k.entity_type = 'jockey'
     union all
    select k.entity_type, k.entity_id, course_id as venue_id, position, chance, profit_1u
      from touched_keys k join racing.starts s on s.trainer_id = k.entity_id
     where k.entity_type = 'trainer'
     union all
    select k.entity_type, k.entity_id, course_id as venue_id, position, chance, profit_1u
      from touched_keys k join racing.starts s on s.owner_id = k.entity_id
     where k.entity_type = 'owner'
     union all
    select k.entity_type, k.entity_id, course_id as venue_id, position, chance, profit_1u
      from touched_keys k join racing.starts s on s.sire_id = k.entity_id
     where k.entity_type = 'sire'
     union all
    select k.entity_type, k.entity_id, course_id as venue_id, position, chance, profit_1u
      from touched_keys k join racing.starts s on s.dam_id = k.entity_id
     where k.entity_type = 'dam'
     union all
    select k.entity_type, k.entity_id, course_id as venue_id, position, chance, profit_1u
      from touched_keys k join racing.starts s on s.damsire_id = k.entity_id
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
 where venue_id is not null
 group by entity_type, entity_id, venue_id
having count(*) >= %(min_runs)s;
