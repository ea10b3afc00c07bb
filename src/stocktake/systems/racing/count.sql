-- Rows per unit and feed: key, feed, rows, and how many rows the unit should have where that is
-- known.

-- name: ra_races
-- A race that a card announced and that was not abandoned is expected in the results too. Hong Kong
-- numbers its races from 1: a number left out is a race not held.
-- :days   date[]  days wanted, null for all
-- :since  date    first day, null for all
-- :until  date    last day, included, null for all
with counted as (
    select date, lower(region) as region, count(*) as races, max(race_number) as numbers,
           count(*) filter (where _card_hash is not null) as cards,
           count(*) filter (where _result_hash is not null) as results,
           count(*) filter (where _result_hash is not null or not coalesce(is_abandoned, false))
               as to_run
      from racing.ra_races
     where (%(days)s::date[] is null or date = any(%(days)s::date[]))
       and (%(since)s::date is null or date >= %(since)s::date)
       and (%(until)s::date is null or date <= %(until)s::date)
     group by 1, 2
)
select array[date::text, region] as key, 'racecards' as feed, cards as rows, null::bigint
       as expected_rows
  from counted where region <> 'hk' and cards > 0
union all
select array[date::text, region], 'results', results, to_run
  from counted where region <> 'hk' and results > 0
union all
select array[date::text, region], 'hkjc', races, numbers
  from counted where region = 'hk';

-- name: ra_runners
-- A card expects as many runners as its field has; a result those but the non-runners it names.
-- :days   date[]  days wanted, null for all
-- :since  date    first day, null for all
-- :until  date    last day, included, null for all
with races as (
    select race_id, date, lower(region) as region, field_size, race_status,
           _card_hash is not null as has_card, _result_hash is not null as has_result,
           case when non_runners is null then 0
                else greatest(1, regexp_count(non_runners, '\)\s*(,|$)')) end as withdrawn
      from racing.ra_races
     where (%(days)s::date[] is null or date = any(%(days)s::date[]))
       and (%(since)s::date is null or date >= %(since)s::date)
       and (%(until)s::date is null or date <= %(until)s::date)
), runners as (
    select race_id, count(*) as seen,
           count(*) filter (where _card_hash is not null) as cards,
           count(*) filter (where _result_hash is not null) as results
      from racing.ra_runners
     where (%(days)s::date[] is null or race_date = any(%(days)s::date[]))
       and (%(since)s::date is null or race_date >= %(since)s::date)
       and (%(until)s::date is null or race_date <= %(until)s::date)
     group by race_id
), counted as (
    select date, region, sum(seen) as seen, sum(cards) as cards, sum(results) as results,
           sum(greatest(field_size, cards)) filter (where has_card) as declared,
           sum(case when race_status = 'run'
                    then greatest(field_size - withdrawn, results, 1) else results end)
               filter (where has_result) as told
      from races left join runners using (race_id)
     group by 1, 2
)
select array[date::text, region] as key, 'racecards' as feed, cards::bigint as rows,
       declared::bigint as expected_rows
  from counted where region <> 'hk' and cards > 0
union all
select array[date::text, region], 'results', results::bigint, told::bigint
  from counted where region <> 'hk' and results > 0
union all
select array[date::text, region], 'hkjc', seen::bigint, null
  from counted where region = 'hk' and seen > 0;

-- name: ra_race_results
-- Every run race has its starters: the field but the non-runners named, where a card told the field.
-- A race that a card announced and that has no result yet lacks them all; a day of which every race
-- is void or abandoned promises none.
-- :days   date[]  days wanted, null for all
-- :since  date    first day, null for all
-- :until  date    last day, included, null for all
with races as (
    select race_id, date, lower(region) as region, field_size, race_status,
           case when non_runners is null then 0
                else greatest(1, regexp_count(non_runners, '\)\s*(,|$)')) end as withdrawn
      from racing.ra_races
     where (%(days)s::date[] is null or date = any(%(days)s::date[]))
       and (%(since)s::date is null or date >= %(since)s::date)
       and (%(until)s::date is null or date <= %(until)s::date)
), starters as (
    select race_id, count(*) as seen
      from racing.ra_race_results
     where (%(days)s::date[] is null or race_date = any(%(days)s::date[]))
       and (%(since)s::date is null or race_date >= %(since)s::date)
       and (%(until)s::date is null or race_date <= %(until)s::date)
     group by race_id
), counted as (
    select date, region, sum(seen)::bigint as seen,
           sum(greatest(field_size - withdrawn, seen, 1))
               filter (where race_status in ('run', 'scheduled'))::bigint as expected
      from races left join starters using (race_id)
     group by 1, 2
)
select array[date::text, region] as key,
       case region when 'hk' then 'hkjc' else 'results' end as feed,
       coalesce(seen, 0) as rows,
       case when region <> 'hk' then coalesce(expected, 0) end as expected_rows
  from counted where seen > 0 or (expected is null and region <> 'hk');

-- name: ra_runner_statistics
-- One row per runner of the day.
-- :days   date[]  days wanted, null for all
-- :since  date    first day, null for all
-- :until  date    last day, included, null for all
select array[r.race_date::text, lower(r.region)] as key, 'derive' as feed,
       count(s.runner_id) as rows, count(*) as expected_rows
  from racing.ra_runners r
  left join racing.ra_runner_statistics s using (runner_id)
 where (%(days)s::date[] is null or r.race_date = any(%(days)s::date[]))
   and (%(since)s::date is null or r.race_date >= %(since)s::date)
   and (%(until)s::date is null or r.race_date <= %(until)s::date)
 group by 1
having count(s.runner_id) > 0;

-- name: hk_race_days
-- Listed days, by the list that names them.
-- :days   date[]  days wanted, null for all
-- :since  date    first day, null for all
-- :until  date    last day, included, null for all
select array[day::text] as key, 'hkjc_' || listed_by as feed, count(*) as rows, null::bigint
       as expected_rows
  from racing.hk_race_days
 where (%(days)s::date[] is null or day = any(%(days)s::date[]))
   and (%(since)s::date is null or day >= %(since)s::date)
   and (%(until)s::date is null or day <= %(until)s::date)
 group by day, listed_by;

-- name: hk_schedule
-- The promise of the hk units: listed race days; one that a list calls cancelled was cancelled.
select array['hk'] as series, day, bool_or(is_cancelled) as is_cancelled
  from racing.hk_race_days group by day order by day;

-- name: ra_mst_regions
-- All regions are one unit.
select array['all'] as key, 'regions' as feed, count(*) as rows, null::bigint as expected_rows
  from racing.ra_mst_regions having count(*) > 0;

-- name: ra_mst_courses
-- Courses per region; how many there are is told by the answer, not by the table.
select array[region_code] as key, 'courses' as feed, count(*) as rows, null::bigint
       as expected_rows
  from racing.ra_mst_courses where region_code in ('gb', 'ire') group by region_code;

-- name: ra_mst_bookmakers
-- The shipped list, merged with the regions; bookmakers first met in odds come on top.
select array['all'] as key, 'regions' as feed, count(*) as rows, null::bigint as expected_rows
  from racing.ra_mst_bookmakers where _shipped_hash is not null having count(*) > 0;

-- name: ra_entity_combinations
-- All pairs are one unit.
select array['all'] as key, 'derive' as feed, count(*) as rows, null::bigint as expected_rows
  from racing.ra_entity_combinations having count(*) > 0;

-- name: ra_performance_by_distance
-- One unit per kind of entity.
select array[entity_type] as key, 'derive' as feed, count(*) as rows, null::bigint
       as expected_rows
  from racing.ra_performance_by_distance group by entity_type;

-- name: ra_performance_by_venue
-- One unit per kind of entity.
select array[entity_type] as key, 'derive' as feed, count(*) as rows, null::bigint
       as expected_rows
  from racing.ra_performance_by_venue group by entity_type;

-- name: entity_alias
-- All spellings are one unit.
select array['all'] as key, 'derive' as feed, count(*) as rows, null::bigint as expected_rows
  from racing.entity_alias having count(*) > 0;

-- name: members_ra_mst_horses_enrich_id
-- Horses are asked for in the order in which they last ran, or will run.
-- :keys  text[]  horses
select k.key, (select max(r.race_date) from racing.ra_runners r where r.horse_id = k.key) as day,
       null::text as reason
  from unnest(%(keys)s::text[]) as k(key);

-- name: renamed_horses
-- Horses that run under another name than they used to, and since when. Cards leave the country out:
-- that is no other name.
with spelt as (
    select id, lower(regexp_replace(name, '\s*\([A-Za-z]+\)\s*$', '')) as bare_name,
           min(first_seen) as first_seen, max(last_seen) as last_seen
      from racing.entity_alias
     where entity_type = 'horse'
     group by 1, 2
),
named as (
    select id, first_seen,
           row_number() over (partition by id order by last_seen desc, first_seen desc) as latest,
           count(*) over (partition by id) as names
      from spelt
)
select id, first_seen::timestamptz from named where names > 1 and latest = 1;
