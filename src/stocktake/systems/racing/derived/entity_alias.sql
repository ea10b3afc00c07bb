-- name: touched
-- Whoever is named in a changed entry, or as a parent in a changed pedigree.
select 'horse' as entity_type, horse_id as id from changed_ra_runners
 union
select 'jockey', jockey_id from changed_ra_runners
 union
select 'trainer', trainer_id from changed_ra_runners
 union
select 'owner', owner_id from changed_ra_runners
 union
select 'sire', sire_id from changed_ra_horse_pedigree
 union
select 'dam', dam_id from changed_ra_horse_pedigree
 union
select 'damsire', damsire_id from changed_ra_horse_pedigree
 union
-- a parent's spelling is as old as the runs of its progeny
select e.entity_type, e.id
  from changed_ra_runners c
  join racing.ra_horse_pedigree p using (horse_id),
       lateral (values ('sire', p.sire_id), ('dam', p.dam_id), ('damsire', p.damsire_id))
           e (entity_type, id);

-- name: every
-- Everybody named anywhere.
select 'horse' as entity_type, horse_id as id from racing.ra_runners
 union
select 'jockey', jockey_id from racing.ra_runners where jockey_id is not null
 union
select 'trainer', trainer_id from racing.ra_runners where trainer_id is not null
 union
select 'owner', owner_id from racing.ra_runners where owner_id is not null
 union
select 'sire', sire_id from racing.ra_horse_pedigree where sire_id is not null
 union
select 'dam', dam_id from racing.ra_horse_pedigree where dam_id is not null
 union
select 'damsire', damsire_id from racing.ra_horse_pedigree where damsire_id is not null;

-- name: units
-- All spellings are one unit.
select array['all'] as unit from touched_keys limit 1;

-- name: compute
-- Every spelling of a name, with the race days it was seen on and in how many entries.
with named as (
    select k.entity_type, k.id, e.horse_name as name, e.race_date
      from touched_keys k join racing.ra_runners e on e.horse_id = k.id
     where k.entity_type = 'horse'
     union all
    select k.entity_type, k.id, e.jockey_name, e.race_date
      from touched_keys k join racing.ra_runners e on e.jockey_id = k.id
     where k.entity_type = 'jockey'
     union all
    select k.entity_type, k.id, e.trainer_name, e.race_date
      from touched_keys k join racing.ra_runners e on e.trainer_id = k.id
     where k.entity_type = 'trainer'
     union all
    select k.entity_type, k.id, e.owner_name, e.race_date
      from touched_keys k join racing.ra_runners e on e.owner_id = k.id
     where k.entity_type = 'owner'
     union all
    select k.entity_type, k.id, p.sire, e.race_date
      from touched_keys k join racing.ra_horse_pedigree p on p.sire_id = k.id
      left join racing.ra_runners e on e.horse_id = p.horse_id
     where k.entity_type = 'sire'
     union all
    select k.entity_type, k.id, p.dam, e.race_date
      from touched_keys k join racing.ra_horse_pedigree p on p.dam_id = k.id
      left join racing.ra_runners e on e.horse_id = p.horse_id
     where k.entity_type = 'dam'
     union all
    select k.entity_type, k.id, p.damsire, e.race_date
      from touched_keys k join racing.ra_horse_pedigree p on p.damsire_id = k.id
      left join racing.ra_runners e on e.horse_id = p.horse_id
     where k.entity_type = 'damsire'
)
select entity_type, id, name, min(race_date) as first_seen, max(race_date) as last_seen,
       count(*) as n
  from named
 where name is not null
 group by entity_type, id, name;
