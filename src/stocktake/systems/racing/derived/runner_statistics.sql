-- name: touched
-- A changed run touches its horse's entries on later days. An entry whose own conditions changed
-- (jockey, course, going, distance), with which history is compared, touches itself.
with changed as (
    select horse_id, race_id, race_date from changed_ra_race_results
     union
    select s.horse_id, c.race_id, c.date
      from changed_ra_races c join racing.ra_race_results s on s.race_id = c.race_id
),
entered as (
    select horse_id, race_id from changed
     union
    select horse_id, race_id from changed_ra_runners
     union
    select e.horse_id, c.race_id
      from changed_ra_races c join racing.ra_runners e on e.race_id = c.race_id
)
select later.runner_id, later.horse_id
  from (select horse_id, min(race_date) as since from changed group by horse_id) h
  join racing.ra_runners later on later.horse_id = h.horse_id and later.race_date > h.since
 union
select race_id || ':' || horse_id, horse_id from entered;

-- name: every
-- Every entry.
select runner_id, horse_id from racing.ra_runners;

-- name: units
-- Day and region of the races in which touched horses are entered.
select distinct array[r.race_date::text, lower(r.region)] as unit
  from touched_keys k
  join racing.ra_runners r on r.horse_id = k.horse_id and r.runner_id = k.runner_id;

-- name: compute
-- The horse as it stood before the race: runs of earlier days only, ordered by race date, never by
-- load time.
-- :min_runs  integer  with fewer earlier runs the percentages are NULL
with horses as (
    select distinct horse_id from touched_keys
),
entry as (
    select e.runner_id, horse_id, race_id, race.date as race_date, race.off_dt, race.course_id,
           race.distance_y, race.region, coalesce(s.jockey_id, e.jockey_id) as jockey_id,
           s.prize_won, s.position = 1 as is_won,
           racing.pack_run(s.is_starter
               and coalesce(race.race_status, 'run') not in ('abandoned', 'void'), s.position) as run,
           racing.going_bucket(race.surface, race.going) as bucket,
           race.type in ('Hurdle', 'Chase', 'NH Flat') as is_jumps
      from (select * from racing.ra_runners join horses using (horse_id)) e
      full join (select * from racing.ra_race_results join horses using (horse_id)) s
                using (race_id, horse_id)
      join racing.ra_races race using (race_id)
),
history as (
    select runner_id, horse_id, race_date, course_id, distance_y, run,
           racing.add_up(run) over before as career,
           racing.add_up(run) filter (where bucket = 'firm') over before as firm,
           racing.add_up(run) filter (where bucket = 'good') over before as good,
           racing.add_up(run) filter (where bucket = 'soft') over before as soft,
           racing.add_up(run) filter (where bucket = 'heavy') over before as heavy,
           racing.add_up(run) filter (where bucket = 'aw') over before as aw,
           racing.add_up(run) filter (where is_jumps) over before as jumps,
           max(race_date) filter (where run is not null) over before as last_raced,
           max(race_date) filter (where run is not null and is_won) over before as last_won,
           min(distance_y) filter (where run is not null and is_won) over before as min_winning,
           max(distance_y) filter (where run is not null and is_won) over before as max_winning,
           racing.add_up(run) over twelve_months as last_12m,
           racing.add_up(run) filter (where course_id is not null) over same_course as course,
           racing.add_up(run) filter (where jockey_id is not null) over same_jockey as jockey,
           -- prizes of one region are in one currency
           sum(prize_won) filter (where run is not null) over same_region as prize,
           racing.add_up(run) over so_far as total
      from entry
    window before as (partition by horse_id order by race_date
                      groups between unbounded preceding and 1 preceding),
           twelve_months as (partition by horse_id order by race_date
                      range between interval '12 months -1 day' preceding
                                and interval '1 day' preceding),
           same_course as (partition by horse_id, course_id order by race_date
                      groups between unbounded preceding and 1 preceding),
           same_jockey as (partition by horse_id, jockey_id order by race_date
                      groups between unbounded preceding and 1 preceding),
           same_region as (partition by horse_id, region order by race_date
                      groups between unbounded preceding and 1 preceding),
           so_far as (partition by horse_id order by race_date, off_dt, race_id
                      rows unbounded preceding)
),
near_distance as (
    select e.runner_id, racing.add_up(s.run) as distance,
           racing.add_up(s.run) filter (where s.course_id = e.course_id) as course_distance
      from entry e
      join touched_keys k on k.runner_id = e.runner_id
      join entry s on s.horse_id = e.horse_id and s.race_date < e.race_date
                  and s.distance_y between e.distance_y - 110 and e.distance_y + 110
     where s.run is not null
     group by e.runner_id
),
counted as (
    select h.*, coalesce(n.distance, 0) as distance,
           coalesce(n.course_distance, 0) as course_distance,
           -- without the runs up to the eleventh latest
           h.career - coalesce(eleventh.total, 0) as last_10,
           nullif(h.career & 65535, 0)::double precision as runs
      from history h
      join touched_keys k on k.runner_id = h.runner_id
      left join near_distance n on n.runner_id = h.runner_id
      left join history eleventh on eleventh.horse_id = h.horse_id and eleventh.run is not null
                                and (eleventh.total & 65535) = (h.career & 65535) - 10
)
select runner_id, horse_id, prize as career_prize,
       case when runs >= %(min_runs)s then 100 * (career >> 16 & 65535) / runs end
           as career_win_percent,
       case when runs >= %(min_runs)s then
           100 * ((career >> 16 & 65535) + (career >> 32 & 65535) + (career >> 48)) / runs end
           as career_place_percent,
       course & 65535 as course_runs, course >> 16 & 65535 as course_wins,
       course >> 32 & 65535 as course_2nds, course >> 48 as course_3rds,
       course_distance & 65535 as course_distance_runs,
       course_distance >> 16 & 65535 as course_distance_wins,
       course_distance >> 32 & 65535 as course_distance_2nds,
       course_distance >> 48 as course_distance_3rds,
       distance & 65535 as distance_runs, distance >> 16 & 65535 as distance_wins,
       distance >> 32 & 65535 as distance_2nds, distance >> 48 as distance_3rds,
       firm & 65535 as firm_runs, firm >> 16 & 65535 as firm_wins,
       firm >> 32 & 65535 as firm_2nds, firm >> 48 as firm_3rds,
       good & 65535 as good_runs, good >> 16 & 65535 as good_wins,
       good >> 32 & 65535 as good_2nds, good >> 48 as good_3rds,
       soft & 65535 as soft_runs, soft >> 16 & 65535 as soft_wins,
       soft >> 32 & 65535 as soft_2nds, soft >> 48 as soft_3rds,
       heavy & 65535 as heavy_runs, heavy >> 16 & 65535 as heavy_wins,
       heavy >> 32 & 65535 as heavy_2nds, heavy >> 48 as heavy_3rds,
       aw & 65535 as aw_runs, aw >> 16 & 65535 as aw_wins,
       aw >> 32 & 65535 as aw_2nds, aw >> 48 as aw_3rds,
       jockey & 65535 as jockey_runs, jockey >> 16 & 65535 as jockey_wins,
       jockey >> 32 & 65535 as jockey_2nds, jockey >> 48 as jockey_3rds,
       jumps & 65535 as jumps_runs, jumps >> 16 & 65535 as jumps_wins,
       jumps >> 32 & 65535 as jumps_2nds, jumps >> 48 as jumps_3rds,
       last_10 & 65535 as last_10_runs, last_10 >> 16 & 65535 as last_10_wins,
       last_10 >> 32 & 65535 as last_10_2nds, last_10 >> 48 as last_10_3rds,
       last_12m & 65535 as last_12m_runs, last_12m >> 16 & 65535 as last_12m_wins,
       last_12m >> 32 & 65535 as last_12m_2nds, last_12m >> 48 as last_12m_3rds,
       last_raced, last_won, min_winning as min_winning_distance_yards,
       max_winning as max_winning_distance_yards,
       jsonb_build_object('min_runs', %(min_runs)s::integer) as query_filters
  from counted;
