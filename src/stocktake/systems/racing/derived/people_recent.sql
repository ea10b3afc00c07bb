-- name: touched
-- Any change may move the last settled day, and with it who ran lately. Those who did, those who
-- are thought to have, and those of changed runs: everybody else keeps nothing but zeroes.
-- :kind   text  jockey, trainer or owner
-- :as_of  text  the last day counted; empty for the last settled day of each region
with moved as (
    select jockey_id, trainer_id, owner_id from changed_ra_race_results
     union
    select s.jockey_id, s.trainer_id, s.owner_id
      from changed_ra_races c join racing.ra_race_results s using (race_id)
     union
    select s.jockey_id, s.trainer_id, s.owner_id
      from (select region, coalesce(nullif(%(as_of)s::text, '')::date, day) as day
              from racing.settled) last
      join racing.ra_race_results s using (region)
     where s.race_date > last.day - 30 and s.race_date <= last.day
)
select case %(kind)s::text when 'jockey' then jockey_id when 'trainer' then trainer_id
                           else owner_id end as id
  from moved
 union
select id from racing.ra_mst_jockeys where %(kind)s::text = 'jockey' and recent_30d_rides > 0
 union
select id from racing.ra_mst_trainers where %(kind)s::text = 'trainer' and recent_30d_runs > 0
 union
select id from racing.ra_mst_owners where %(kind)s::text = 'owner' and recent_30d_runs > 0;

-- name: compute
-- The fortnight and the month that end with the last settled day of the region.
-- :kind   text  jockey, trainer or owner
-- :as_of  text  the last day counted; empty for the last settled day of each region
with run as (
    select case %(kind)s::text when 'jockey' then s.jockey_id when 'trainer' then s.trainer_id
                               else s.owner_id end as id,
           s.race_date > last.day - 14 as is_fortnight, s.position = 1 as is_won
      from (select region, coalesce(nullif(%(as_of)s::text, '')::date, day) as day
              from racing.settled) last
      join racing.starts s using (region)
     where s.race_date > last.day - 30 and s.race_date <= last.day
),
recent as (
    select k.id, count(run.id) as runs_30,
           count(*) filter (where is_won) as wins_30,
           count(*) filter (where is_fortnight) as runs_14,
           count(*) filter (where is_fortnight and is_won) as wins_14
      from touched_keys k left join run on run.id = k.id
     group by k.id
)
select id, runs_14 as recent_14d_rides, runs_14 as recent_14d_runs, wins_14 as recent_14d_wins,
       100.0::double precision * wins_14 / nullif(runs_14, 0) as recent_14d_win_rate,
       runs_30 as recent_30d_rides, runs_30 as recent_30d_runs, wins_30 as recent_30d_wins,
       100.0::double precision * wins_30 / nullif(runs_30, 0) as recent_30d_win_rate,
       runs_30 > 0 as active_last_30d
  from recent;
