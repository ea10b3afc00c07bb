-- name: touched
-- Pairs of changed runs, and of runs whose race changed (it may have become void).
select 'jockey' as entity1_type, jockey_id as entity1_id,
       'trainer' as entity2_type, trainer_id as entity2_id
  from changed_ra_race_results
 union
select 'jockey', s.jockey_id, 'trainer', s.trainer_id
  from changed_ra_races c join racing.ra_race_results s on s.race_id = c.race_id;

-- name: every
-- Every pair that ran often enough; most pairs never do.
-- :min_runs  integer  pairs with fewer runs have no row
select 'jockey' as entity1_type, jockey_id as entity1_id,
       'trainer' as entity2_type, trainer_id as entity2_id
  from racing.ra_race_results
 where jockey_id is not null and trainer_id is not null
 group by jockey_id, trainer_id
having count(*) >= %(min_runs)s;

-- name: compute
-- Jockey and trainer together.
-- :min_runs  integer      pairs with fewer runs have no row
-- :now       timestamptz  when this is computed
select k.entity1_type, k.entity1_id, k.entity2_type, k.entity2_id,
       count(*) as total_runs,
       count(*) filter (where position = 1) as wins,
       count(*) filter (where position = 2) as places_2nd,
       count(*) filter (where position = 3) as places_3rd,
       100.0::double precision * count(*) filter (where position = 1) / count(*) as win_percent,
       100.0::double precision * count(*) filter (where position <= 3) / count(*)
           as place_percent,
       count(*) filter (where position = 1 and chance is not null) / sum(chance) as ae_index,
       sum(profit_1u) as profit_loss_1u,
       jsonb_build_object('regions', jsonb_agg(distinct lower(region)), 'since', min(race_date),
                          'min_runs', %(min_runs)s::integer) as query_filters,
       %(now)s::timestamptz as calculated_at
  from touched_keys k
  join racing.starts s on s.jockey_id = k.entity1_id and s.trainer_id = k.entity2_id
 group by k.entity1_type, k.entity1_id, k.entity2_type, k.entity2_id
having count(*) >= %(min_runs)s;
