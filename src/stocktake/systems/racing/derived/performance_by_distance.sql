-- name: touched
-- The seven entities of changed runs with the distance of their race, and of runs whose race
-- changed; runs and races both as they are and as they were.
with run as (
    select race_id, horse_id, jockey_id, trainer_id, owner_id, sire_id, dam_id, damsire_id
      from changed_ra_race_results
),
race as (
    select race_id, distance_y from changed_ra_races
),
changed as (
    select run.*, r.distance_y from run join racing.ra_races r using (race_id)
     union
    select run.*, race.distance_y from run join race using (race_id)
     union
    select race_id, s.horse_id, s.jockey_id, s.trainer_id, s.owner_id, s.sire_id, s.dam_id,
           s.damsire_id, race.distance_y
      from race join racing.ra_race_results s using (race_id)
)
select entity_type, entity_id, distance_y as distance_yards
  from changed
 cross join lateral (
    values ('horse', horse_id), ('jockey', jockey_id), ('trainer', trainer_id),
           ('owner', owner_id), ('sire', sire_id), ('dam', dam_id), ('damsire', damsire_id)
 ) entity (entity_type, entity_id);

-- name: every
-- Everybody with each distance at which they ran often enough; most pairs never are.
-- :min_runs  integer  keys with fewer runs have no row
select 'horse' as entity_type, horse_id as entity_id, distance_y as distance_yards
  from racing.ra_race_results
 where horse_id is not null and distance_y is not null
 group by horse_id, distance_y
having count(*) >= %(min_runs)s
 union all
select 'jockey', jockey_id, distance_y
  from racing.ra_race_results
 where jockey_id is not null and distance_y is not null
 group by jockey_id, distance_y
having count(*) >= %(min_runs)s
 union all
select 'trainer', trainer_id, distance_y
  from racing.ra_race_results
 where trainer_id is not null and distance_y is not null
 group by trainer_id, distance_y
having count(*) >= %(min_runs)s
 union all
select 'owner', owner_id, distance_y
  from racing.ra_race_results
 where owner_id is not null and distance_y is not null
 group by owner_id, distance_y
having count(*) >= %(min_runs)s
 union all
select 'sire', sire_id, distance_y
  from racing.ra_race_results
 where sire_id is not null and distance_y is not null
 group by sire_id, distance_y
having count(*) >= %(min_runs)s
 union all
select 'dam', dam_id, distance_y
  from racing.ra_race_results
 where dam_id is not null and distance_y is not null
 group by dam_id, distance_y
having count(*) >= %(min_runs)s
 union all
select 'damsire', damsire_id, distance_y
  from racing.ra_race_results
 where damsire_id is not null and distance_y is not null
 group by damsire_id, distance_y
having count(*) >= %(min_runs)s;

-- name: units
-- Types of entities among the keys.
select distinct array[entity_type] as unit from touched_keys;

-- name: compute
-- Seven kinds of entities at one exact distance. Runs are first added up by going, for the
-- breakdown, and these sums then once more.
-- :min_runs  integer      keys with fewer runs have no row
-- :now       timestamptz  when this is computed
with run as (
    select k.*, s.*
      from touched_keys k
      join racing.starts s on s.horse_id = k.entity_id and s.distance_y = k.distance_yards
     where k.entity_type = 'horse'
     union all
    select k.*, s.*
      from touched_keys k
      join racing.starts s on s.jockey_id = k.entity_id and s.distance_y = k.distance_yards
     where k.entity_type = 'jockey'
     union all
    select k.*, s.*
      from touched_keys k
      join racing.starts s on s.trainer_id = k.entity_id and s.distance_y = k.distance_yards
     where k.entity_type = 'trainer'
     union all
    select k.*, s.*
      from touched_keys k
      join racing.starts s on s.owner_id = k.entity_id and s.distance_y = k.distance_yards
     where k.entity_type = 'owner'
     union all
    select k.*, s.*
      from touched_keys k
      join racing.starts s on s.sire_id = k.entity_id and s.distance_y = k.distance_yards
     where k.entity_type = 'sire'
     union all
    select k.*, s.*
      from touched_keys k
      join racing.starts s on s.dam_id = k.entity_id and s.distance_y = k.distance_yards
     where k.entity_type = 'dam'
     union all
    select k.*, s.*
      from touched_keys k
      join racing.starts s on s.damsire_id = k.entity_id and s.distance_y = k.distance_yards
     where k.entity_type = 'damsire'
),
by_going as (
    select entity_type, entity_id, distance_yards, going,
           count(*) as runs,
           count(*) filter (where position = 1) as wins,
           count(*) filter (where position = 2) as seconds,
           count(*) filter (where position = 3) as thirds,
           count(*) filter (where position = 1 and chance is not null) as priced_wins,
           sum(chance) as chance, sum(profit_1u) as profit,
           min(time_seconds) filter (where is_timed) as best_time,
           sum(time_seconds) filter (where is_timed) as total_time,
           count(*) filter (where is_timed) as timed,
           -- the largest is the latest: day, instant, then its time
           max(array[race_date - date '1970-01-01', extract(epoch from off_dt), time_seconds]
               ) filter (where is_timed) as latest
      from (select *, entity_type = 'horse' and time_seconds is not null as is_timed from run) r
     group by entity_type, entity_id, distance_yards, going
)
select entity_type, entity_id, distance_yards,
       case when distance_yards < 1400 then 'sprint' when distance_yards < 1800 then 'mile'
            when distance_yards < 2400 then 'middle' else 'staying' end as distance_display,
       sum(runs) as total_runs, sum(wins) as wins, sum(seconds) as places_2nd,
       sum(thirds) as places_3rd,
       100 * sum(wins)::double precision / sum(runs)::double precision as win_percent,
       100 * sum(wins + seconds + thirds)::double precision / sum(runs)::double precision
           as place_percent,
       sum(priced_wins)::double precision / sum(chance) as ae_index,
       sum(profit) as profit_loss_1u,
       min(best_time) as best_time_seconds, sum(total_time) / sum(timed) as avg_time_seconds,
       (max(latest))[3] as last_time_seconds,
       coalesce(jsonb_object_agg(going, runs) filter (where going is not null), '{}')
           as going_breakdown,
       jsonb_build_object('min_runs', %(min_runs)s::integer) as query_filters,
       %(now)s::timestamptz as calculated_at
  from by_going
 group by entity_type, entity_id, distance_yards
having sum(runs) >= %(min_runs)s;
