-- What the pages of racing show; the first column of a card names it.

-- name: race
-- One race as card and result tell it.
-- :race_id  text
select race_name as race, course_name as course, date, off_time as off, region, type,
       race_class as class, distance_f as furlongs, going, prize, field_size as runners,
       winning_time, race_status as status, course_id as _course_id
  from racing.ra_races
 where race_id = %(race_id)s;

-- name: race_card
-- Who was announced, with what came of it.
-- :race_id  text
select runner.number, runner.horse_name as horse, runner.jockey_name as jockey,
       runner.trainer_name as trainer, runner.draw, runner.weight_lbs as lbs, runner.ofr as rating,
       result.position_str as finished, result.ovr_btn as beaten_by, result.sp as price,
       runner.horse_id as _horse_id, runner.jockey_id as _jockey_id, runner.trainer_id as _trainer_id
  from racing.ra_runners as runner
  left join racing.ra_race_results as result using (race_id, horse_id)
 where runner.race_id = %(race_id)s
 order by result.position nulls last, runner.number;

-- name: race_day
-- The races of a day.
-- :day  date
select off_time as off, course_name as course, race_name as race, region, field_size as runners,
       race_status as status, race_id as _race_id
  from racing.ra_races
 where date = %(day)s::date
 order by region, course_name, off_time;

-- name: horse
-- One horse with its parents.
-- :horse_id  text
select horse.name as horse, horse.dob as born, horse.sex, horse.colour, pedigree.sire, pedigree.dam,
       pedigree.damsire, pedigree.breeder
  from racing.ra_mst_horses as horse
  left join racing.ra_horse_pedigree as pedigree on pedigree.horse_id = horse.id
 where horse.id = %(horse_id)s;

-- name: horse_form
-- Its runs, newest first.
-- :horse_id  text
select result.race_date as day, race.course_name as course, race.race_name as race,
       result.position_str as finished, result.jockey_name as jockey, result.sp as price,
       result.official_rating as rating, result.race_id as _race_id
  from racing.ra_race_results as result
  left join racing.ra_races as race using (race_id)
 where result.horse_id = %(horse_id)s
 order by result.race_date desc, race.off_time desc
 limit 200;

-- name: leaders
-- Jockeys with trainers by share of wins, among those with enough runs together.
-- :min_runs  text  least runs
select jockey.name as jockey, trainer.name as trainer, pair.total_runs as runs, pair.wins,
       pair.win_percent, pair.place_percent, pair.ae_index as actual_to_expected,
       pair.profit_loss_1u as profit
  from racing.ra_entity_combinations as pair
  join racing.ra_mst_jockeys as jockey
    on pair.entity1_type = 'jockey' and jockey.id = pair.entity1_id
  join racing.ra_mst_trainers as trainer
    on pair.entity2_type = 'trainer' and trainer.id = pair.entity2_id
 where pair.total_runs >= %(min_runs)s::integer
 order by pair.win_percent desc, pair.total_runs desc
 limit 100;

-- name: years
-- Races, courses and runners per race of each year.
with runners as (
    select extract(year from race_date)::integer as year, count(*) as runners
      from racing.ra_runners
     group by 1
), races as (
    select extract(year from date)::integer as year, count(*) as races,
           count(distinct course_id) as courses
      from racing.ra_races
     group by 1
)
select year::text as year, races, courses, round(runners / races::numeric, 2) as runners_per_race
  from races left join runners using (year)
 order by year desc;

-- name: courses_by_year
-- Races per course and year.
select course_name as course, extract(year from date)::integer as year, count(*) as races
  from racing.ra_races
 where course_name is not null
 group by course_name, extract(year from date)
 order by course_name;

-- name: enrichment
-- How many of the horses seen have a pedigree, and how many of these name both parents.
select (select count(*) from racing.ra_mst_horses) as horses_seen,
       (select count(*) from racing.ra_horse_pedigree) as with_pedigree,
       (select count(*) from racing.ra_horse_pedigree where breeder is not null)
           as with_breeder;
