-- name: seed
-- The same rows each time.
select setseed(0.5);

-- name: make_entries
-- Careers of :horses horses, 1 to 60 runs, mostly few, three to six weeks apart, shuffled into
-- races of about ten on each day.
-- :horses  integer  horses; runners are about 7.5 times as many
-- :last_day  date   day of the newest race
create unlogged table entry as
with horse as (
    select h, least(60, 1 + floor(-6.6 * ln(1 - u)))::integer as runs, first_day
      from (select h, random() as u, floor(random() * 4300)::integer as first_day
              from generate_series(1, %(horses)s::integer) h) drawn
),
run as (
    select h, %(last_day)s::date - (first_day + (n - 1) * (20 + (h * 31 + n * 17) %% 25)) %% 4300 as day
      from horse cross join generate_series(1, runs) n
),
placed as (
    select h, day, (row_number() over (partition by day order by random()) - 1) / 10 as race_in_day
      from (select distinct h, day from run) once
)
select h, day, race_in_day, 'rac_' || to_char(day, 'YYYYMMDD') || to_char(race_in_day, 'FM000') as race_id,
       random() as luck, random() as price, random() < 0.08 as is_scratched
  from placed;

-- name: make_races
-- One race for each group of entries.
insert into racing.ra_races (race_id, course_id, date, region, off_dt, type, race_class, surface,
                             going, distance_y, distance_m, field_size, race_status, has_result)
select race_id, 'crs_' || (n * 7 + race_in_day / 8) %% 101, day,
       case when n %% 100 < 22 then 'IRE' else 'GB' end,
       day + time '13:00' + race_in_day * interval '10 minutes',
       (array['Flat', 'Flat', 'Hurdle', 'Chase', 'NH Flat'])[1 + n %% 5],
       'Class ' || 1 + n %% 6, case when n %% 6 = 0 then 'AW' else 'Turf' end,
       case when n %% 6 = 0 then 'Standard'
            else (array['Good', 'Good To Firm', 'Good To Soft', 'Soft', 'Heavy', 'Firm'])[1 + n %% 6]
       end,
       yards, round(yards * 0.9144), field, 'run', true
  from (select race_id, day, race_in_day, count(*) as field,
               abs(hashtext(race_id)::bigint) as n,
               1100 + 220 * (abs(hashtext(race_id)::bigint) %% 13) + abs(hashtext(race_id || 'y')::bigint) %% 40 as yards
          from entry group by race_id, day, race_in_day) r;

-- name: make_runners
-- Every entry.
insert into racing.ra_runners (runner_id, race_id, horse_id, race_date, region, number, jockey_id,
                               trainer_id, owner_id, sire_id, dam_id, damsire_id, age, weight_lbs,
                               draw, is_scratched)
select race_id || ':hrs_' || h, race_id, 'hrs_' || h, day, r.region,
       row_number() over (partition by race_id)::text,
       'jky_' || floor(5000 * luck ^ 2), 'trn_' || floor(3500 * (h %% 1000 / 1000.0) ^ 2),
       'own_' || h %% 60000, 'sir_' || h %% 15000, 'dam_' || h %% 100000, 'dsi_' || h %% 20000,
       3 + h %% 8, 120 + h %% 30, 1 + h %% 12, is_scratched
  from entry join racing.ra_races r using (race_id)
 order by day, race_id;

-- name: make_results
-- Every starter; prices follow luck loosely.
insert into racing.ra_race_results (race_id, race_date, region, horse_id, number, jockey_id,
                                    trainer_id, owner_id, sire_id, dam_id, damsire_id, age,
                                    weight_lbs, draw, position, position_str, sp_decimal,
                                    dead_heat_n, time_seconds, prize_won, official_rating, rpr, tsr,
                                    outcome, is_starter, course_id, distance_y)
select race_id, race_date, region, horse_id, number, jockey_id, trainer_id, owner_id, sire_id,
       dam_id, damsire_id, age, weight_lbs, draw, case when fell then null else place end,
       case when fell then 'PU' else place::text end,
       round((1.5 + 12 * abs(luck - price) + 8 * price)::numeric, 2), 1,
       case when not fell then 60 + 30 * price end, case when place < 4 then 4000 / place end,
       60, 70, 65, case when fell then 'PU' else 'finished' end, true, course_id, distance_y
  from (select r.*, a.course_id, a.distance_y, e.luck, e.price, e.luck > 0.97 as fell,
               row_number() over (partition by r.race_id order by e.luck) as place
          from racing.ra_runners r
          join racing.ra_races a using (race_id)
          join entry e on r.race_id = e.race_id and r.horse_id = 'hrs_' || e.h
         where not e.is_scratched) placed
 order by race_date, race_id;

-- name: settle
-- Let the planner know what was made.
analyze racing.ra_races, racing.ra_runners, racing.ra_race_results;

-- name: drop_entries
-- They were scaffolding.
drop table entry;

-- name: make_next_day_races
-- One more race day: copies of the races of an ordinary day, a day after the newest.
-- :day  date  the day
insert into racing.ra_races (race_id, course_id, date, region, off_dt, type, race_class, surface,
                             going, distance_y, distance_m, field_size, race_status, has_result)
select 'new_' || race_id, course_id, %(day)s, region, off_dt - date + %(day)s::date, type, race_class,
       surface, going, distance_y, distance_m, field_size, race_status, has_result
  from racing.ra_races where date = %(day)s::date - 40;

-- name: make_next_day_runners
-- Their runners.
-- :day  date  the day
insert into racing.ra_runners (runner_id, race_id, horse_id, race_date, region, number, jockey_id,
                               trainer_id, owner_id, sire_id, dam_id, damsire_id, age, weight_lbs,
                               draw, is_scratched)
select 'new_' || runner_id, 'new_' || race_id, horse_id, %(day)s, region, number, jockey_id,
       trainer_id, owner_id, sire_id, dam_id, damsire_id, age, weight_lbs, draw, is_scratched
  from racing.ra_runners where race_date = %(day)s::date - 40;

-- name: make_next_day_results
-- Their results.
-- :day  date  the day
insert into racing.ra_race_results (race_id, race_date, region, horse_id, number, jockey_id,
                                    trainer_id, owner_id, sire_id, dam_id, damsire_id, age,
                                    weight_lbs, draw, position, position_str, sp_decimal,
                                    dead_heat_n, time_seconds, prize_won, official_rating, rpr, tsr,
                                    outcome, is_starter, course_id, distance_y)
select 'new_' || race_id, %(day)s, region, horse_id, number, jockey_id, trainer_id, owner_id,
       sire_id, dam_id, damsire_id, age, weight_lbs, draw, position, position_str, sp_decimal,
       dead_heat_n, time_seconds, prize_won, official_rating, rpr, tsr, outcome, is_starter,
       course_id, distance_y
  from racing.ra_race_results where race_date = %(day)s::date - 40;

-- name: plain_keys
-- All keys, straight from where they are listed.
create temporary view touched_keys as {every};

-- name: plain_table
-- An empty table with the same columns and indexes.
create temporary table plain_rows (like {target} including defaults including indexes);

-- name: plain_rows
-- The derived rows, as one would write them by hand.
insert into plain_rows ({columns}) select {columns} from ({compute}) c;

-- name: plain_drop
-- Ready for the next round.
drop table plain_rows; drop view touched_keys;

-- name: bare_checks
-- Counts of NULLs of fifteen columns, with the same filter each check has.
select count(*) filter (where is_starter and region in ('GB', 'IRE')) as starters, {counts}
  from racing.ra_race_results;
