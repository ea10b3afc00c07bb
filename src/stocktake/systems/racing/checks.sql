-- name: runners_per_race
-- Runners known for each run race, by year and region: a year whose runners are missing stands out
-- even when its races are all there.
-- :since, :until  date  days measured, both included; NULL is open
select extract(year from r.date)::integer || ' ' || r.region as grp,
       sum(coalesce(e.n, 0))::double precision / count(*) as value, count(*) as measured_rows
  from racing.ra_races r
  left join (select race_id, count(*) as n from racing.ra_runners
              where race_date >= coalesce(%(since)s::date, '-infinity')
                and race_date <= coalesce(%(until)s::date, 'infinity')
              group by race_id) e
    using (race_id)
 where r.race_status = 'run' and r.region in ('GB', 'IRE')
   and r.date >= coalesce(%(since)s::date, '-infinity')
   and r.date <= coalesce(%(until)s::date, 'infinity')
 group by 1 order by 1;

-- name: starters_per_race
-- Starters for each run race, by year and region.
-- :since, :until  date  days measured, both included; NULL is open
select extract(year from r.date)::integer || ' ' || r.region as grp,
       sum(coalesce(s.n, 0))::double precision / count(*) as value, count(*) as measured_rows
  from racing.ra_races r
  left join (select race_id, count(*) as n from racing.ra_race_results
               where is_starter
                 and race_date >= coalesce(%(since)s::date, '-infinity')
                 and race_date <= coalesce(%(until)s::date, 'infinity')
               group by race_id) s using (race_id)
 where r.race_status = 'run' and r.region in ('GB', 'IRE')
   and r.date >= coalesce(%(since)s::date, '-infinity')
   and r.date <= coalesce(%(until)s::date, 'infinity')
 group by 1 order by 1;

-- name: hk_starters_per_race
-- The same for Hong Kong, where fields are larger.
-- :since, :until  date  days measured, both included; NULL is open
select extract(year from r.date)::integer::text as grp,
       sum(coalesce(s.n, 0))::double precision / count(*) as value, count(*) as measured_rows
  from racing.ra_races r
  left join (select race_id, count(*) as n from racing.ra_race_results
               where is_starter
                 and race_date >= coalesce(%(since)s::date, '-infinity')
                 and race_date <= coalesce(%(until)s::date, 'infinity')
               group by race_id) s using (race_id)
 where r.race_status = 'run' and r.region = 'HK'
   and r.date >= coalesce(%(since)s::date, '-infinity')
   and r.date <= coalesce(%(until)s::date, 'infinity')
 group by 1 order by 1;

-- name: races_with_runners
-- Share of run races that have two runners or more, by year and region.
-- :since, :until  date  days measured, both included; NULL is open
select extract(year from r.date)::integer || ' ' || r.region as grp,
       count(*) filter (where e.n >= 2)::double precision / count(*) as value,
       count(*) as measured_rows,
       jsonb_path_query_array(
           jsonb_agg(jsonb_build_object('race_id', r.race_id)) filter (where e.n is null or e.n < 2),
           '$[0 to 99]') as failing_keys
  from racing.ra_races r
  left join (select race_id, count(*) as n from racing.ra_runners
              where race_date >= coalesce(%(since)s::date, '-infinity')
                and race_date <= coalesce(%(until)s::date, 'infinity')
              group by race_id) e
    using (race_id)
 where r.race_status = 'run'
   and r.date >= coalesce(%(since)s::date, '-infinity')
   and r.date <= coalesce(%(until)s::date, 'infinity')
 group by 1 order by 1;

-- name: races_decided
-- Share of run races without two starters, or without exactly one first (or a dead heat of it).
-- :since, :until  date  days measured, both included; NULL is open
select count(*) filter (where is_wrong)::double precision / nullif(count(*), 0) as value,
       count(*) as measured_rows,
       jsonb_path_query_array(
           jsonb_agg(jsonb_build_object('race_id', race_id)) filter (where is_wrong),
           '$[0 to 99]') as failing_keys
  from (select r.race_id,
               coalesce(s.starters, 0) < 2 or s.winners = 0 or s.winners <> s.sharing as is_wrong
          from racing.ra_races r
          left join (select race_id, count(*) filter (where is_starter) as starters,
                            count(*) filter (where position = 1) as winners,
                            max(coalesce(dead_heat_n, 1)) filter (where position = 1) as sharing
                       from racing.ra_race_results
                      where race_date >= coalesce(%(since)s::date, '-infinity')
                        and race_date <= coalesce(%(until)s::date, 'infinity')
                      group by race_id) s using (race_id)
         where r.race_status = 'run'
           and r.date >= coalesce(%(since)s::date, '-infinity')
           and r.date <= coalesce(%(until)s::date, 'infinity')) judged;

-- name: field_size_agrees
-- Share of run races with a card whose field size is not its starters and non-runners together.
-- :since, :until  date  days measured, both included; NULL is open
select count(*) filter (where is_wrong)::double precision / nullif(count(*), 0) as value,
       count(*) as measured_rows,
       jsonb_path_query_array(
           jsonb_agg(jsonb_build_object('race_id', race_id)) filter (where is_wrong),
           '$[0 to 99]') as failing_keys
  from (select r.race_id, r.field_size <> coalesce(s.n, 0) + coalesce(e.n, 0) as is_wrong
          from racing.ra_races r
          left join (select race_id, count(*) as n from racing.ra_race_results
                       where is_starter
                         and race_date >= coalesce(%(since)s::date, '-infinity')
                         and race_date <= coalesce(%(until)s::date, 'infinity')
                       group by race_id) s using (race_id)
          left join (select race_id, count(*) as n from racing.ra_runners
                       where is_scratched
                         and race_date >= coalesce(%(since)s::date, '-infinity')
                         and race_date <= coalesce(%(until)s::date, 'infinity')
                       group by race_id) e using (race_id)
         where r.race_status = 'run' and r.field_size is not null and r.region in ('GB', 'IRE')
           and r.date >= coalesce(%(since)s::date, '-infinity')
           and r.date <= coalesce(%(until)s::date, 'infinity')) judged;

-- name: riders_agree
-- Share of races whose riders the result names otherwise than the card does: a jockey may be
-- replaced, most of a field's are not; then a column was shifted, though every id in it is one. Races
-- with four runners or more that both name a rider for. What a card told otherwise than the result
-- is kept in _overruled.
-- :since, :until  date  days measured, both included; NULL is open
select extract(year from race_date)::integer::text as grp,
       count(*) filter (where is_wrong)::double precision / count(*) as value,
       count(*) as measured_rows,
       jsonb_path_query_array(
           jsonb_agg(jsonb_build_object('race_id', race_id)) filter (where is_wrong),
           '$[0 to 99]') as failing_keys
  from (select race_id, race_date,
               2 * count(*) filter (where _overruled #>> '{card,jockey_id}' <> jockey_id) > count(*)
                   as is_wrong
          from racing.ra_runners
         where _card_hash is not null and _result_hash is not null and jockey_id is not null
           and region in ('GB', 'IRE')
           -- a card without the rider had nothing to compare
           and not coalesce(_overruled #> '{card,jockey_id}' = 'null', false)
           and race_date >= coalesce(%(since)s::date, '-infinity')
           and race_date <= coalesce(%(until)s::date, 'infinity')
         group by race_id, race_date having count(*) >= 4) compared
 group by 1 order by 1;

-- name: fields_plausible
-- Share of races with more than 40 runners, or where two starters bear one number.
-- :since, :until  date  days measured, both included; NULL is open
select count(*) filter (where is_wrong)::double precision / nullif(count(*), 0) as value,
       count(*) as measured_rows,
       jsonb_path_query_array(
           jsonb_agg(jsonb_build_object('race_id', race_id)) filter (where is_wrong),
           '$[0 to 99]') as failing_keys
  from (select race_id, e.n > 40 or s.numbers <> s.numbered as is_wrong
          from (select race_id, count(*) as n from racing.ra_runners
                 where race_date >= coalesce(%(since)s::date, '-infinity')
                   and race_date <= coalesce(%(until)s::date, 'infinity')
                 group by race_id) e
          left join (select race_id, count(number) as numbered, count(distinct number) as numbers
                       from racing.ra_race_results
                      where is_starter
                        and race_date >= coalesce(%(since)s::date, '-infinity')
                        and race_date <= coalesce(%(until)s::date, 'infinity')
                      group by race_id) s using (race_id)) judged;

-- name: fields_run_once
-- Races whose starters are exactly those of another race: a day was loaded twice under two names.
-- :since, :until  date  days measured, both included; NULL is open
select coalesce(sum(copies - 1), 0) as value, count(*) as measured_rows,
       jsonb_path_query_array(
           jsonb_agg(jsonb_build_object('race_id', race_id)) filter (where copies > 1),
           '$[0 to 99]') as failing_keys
  from (select max(race_id) as race_id, count(*) as copies
          from (select race_id, count(*) as n, bit_xor(hashtextextended(horse_id, 0)) as field
                  from racing.ra_race_results
                 where is_starter
                   and race_date >= coalesce(%(since)s::date, '-infinity')
                   and race_date <= coalesce(%(until)s::date, 'infinity')
                 group by race_id having count(*) >= 4) fields
         group by n, field) compared
having count(*) > 0;

-- name: races_per_year
-- Races of each year that is over and asked about as a whole, both regions together; 2020 lost three
-- months and is judged apart.
-- :now    timestamptz  instant of the check
-- :since  date         first day asked about, NULL for all
-- :until  date         last day asked about, NULL for all
select year::text as grp, coalesce(r.n, 0) as value, coalesce(r.n, 0) as measured_rows
  from (select min(extract(year from date))::integer as first from racing.ra_races
         where region in ('GB', 'IRE')) seen,
       generate_series(seen.first, extract(year from %(now)s::timestamptz)::integer - 1) year
  left join (select extract(year from date)::integer as year, count(*) as n from racing.ra_races
              where region in ('GB', 'IRE') group by 1) r using (year)
 where year <> 2020
   and coalesce(%(since)s::date <= make_date(year, 1, 1), true)
   and coalesce(%(until)s::date >= make_date(year, 12, 31), true)
 order by 1;

-- name: races_in_2020
-- Races of the year of the pandemic, when all of it is asked about.
-- :now    timestamptz  instant of the check
-- :since  date         first day asked about, NULL for all
-- :until  date         last day asked about, NULL for all
select '2020' as grp, count(*) as value, count(*) as measured_rows
  from racing.ra_races
 where region in ('GB', 'IRE') and date between '2020-01-01' and '2020-12-31'
   and %(now)s::timestamptz > '2021-01-01'
   and coalesce(%(since)s::date <= '2020-01-01', true)
   and coalesce(%(until)s::date >= '2020-12-31', true)
having count(*) > 0;

-- name: draw_missing_on_flat
-- Share of Flat starters without a draw; over jumps there is none.
-- :since, :until  date  days measured, both included; NULL is open
select count(*) filter (where s.draw is null)::double precision / nullif(count(*), 0) as value,
       count(*) as measured_rows
  from racing.ra_race_results s join racing.ra_races r using (race_id)
 where s.is_starter and r.type = 'Flat' and s.region in ('GB', 'IRE')
   and s.race_date >= coalesce(%(since)s::date, '-infinity')
   and s.race_date <= coalesce(%(until)s::date, 'infinity');

-- name: pedigrees_complete
-- Share of horses whose own page was read.
select count(p._pro_hash)::double precision / nullif(count(*), 0) as value,
       count(*) as measured_rows
  from racing.ra_mst_horses h left join racing.ra_horse_pedigree p on p.horse_id = h.id
 where h.id not like 'hk\_%%';

-- name: jockey_wins_add_up
-- Wins told by the jockeys' table minus winners with a jockey.
select (select sum(total_wins) from racing.ra_mst_jockeys) - count(*) as value,
       count(*) as measured_rows
  from racing.starts where position = 1 and jockey_id is not null
having (select count(total_wins) from racing.ra_mst_jockeys) > 0;

-- name: pair_runs_add_up
-- Runs told by the pairs' table minus runs of all pairs with as many runs as it asks for.
select (select sum(total_runs) from racing.ra_entity_combinations) - sum(n) as value,
       count(*) as measured_rows
  from (select count(*) as n from racing.starts
         where jockey_id is not null and trainer_id is not null
         group by jockey_id, trainer_id
        having count(*) >= (select min((query_filters ->> 'min_runs')::integer)
                              from racing.ra_entity_combinations)) pairs
having (select count(*) from racing.ra_entity_combinations) > 0;

-- name: runner_statistics_per_runner
-- Runners without statistics, and statistics without a runner.
select count(*) filter (where e.runner_id is null or s.runner_id is null) as value,
       count(*) as measured_rows,
       jsonb_path_query_array(
           jsonb_agg(jsonb_build_object('runner_id', coalesce(e.runner_id, s.runner_id)))
               filter (where e.runner_id is null or s.runner_id is null),
           '$[0 to 99]') as failing_keys
  from racing.ra_runners e full join racing.ra_runner_statistics s using (runner_id)
having (select count(*) from racing.ra_runner_statistics) > 0;

-- name: weekly_pairs_agree
-- Pairs with ten runs or more that the stored table lacks, or has too many of.
select abs((select count(*) from racing.ra_entity_combinations where total_runs >= 10)
           - count(*)) as value, count(*) as measured_rows
  from (select 1 from racing.starts where jockey_id is not null and trainer_id is not null
         group by jockey_id, trainer_id having count(*) >= 10) pairs
having (select count(*) from racing.ra_entity_combinations) > 0;
