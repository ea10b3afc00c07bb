-- name: touched
-- People of changed runs, and of runs whose race changed.
-- :kind  text  jockey, trainer or owner
with changed as (
    select jockey_id, trainer_id, owner_id from changed_ra_race_results
     union
    select s.jockey_id, s.trainer_id, s.owner_id
      from changed_ra_races c join racing.ra_race_results s using (race_id)
)
select case %(kind)s::text when 'jockey' then jockey_id when 'trainer' then trainer_id
                           else owner_id end as id
  from changed;

-- name: compute
-- A person's whole career. Columns are called differently for riders; each table takes its own.
-- :kind  text         jockey, trainer or owner
-- :now   timestamptz  when this is computed
with career as (
    select k.id, count(s.race_id) as runs,
           count(*) filter (where position = 1) as wins,
           count(*) filter (where position <= 3) as places,
           count(*) filter (where position = 2) as seconds,
           count(*) filter (where position = 3) as thirds,
           nullif(count(s.race_id), 0)::double precision as divisor,
           max(race_date) as last_date,
           max(race_date) filter (where position = 1) as won_date,
           case when %(kind)s::text = 'owner' then count(distinct horse_id) end as horses
      from touched_keys k
      left join racing.starts s
        on case %(kind)s::text when 'jockey' then s.jockey_id when 'trainer' then s.trainer_id
                               else s.owner_id end = k.id
     group by k.id
)
select id, runs as total_rides, runs as total_runners, wins as total_wins, places as total_places,
       seconds as total_seconds, thirds as total_thirds, horses as total_horses,
       100 * wins / divisor as win_rate, 100 * places / divisor as place_rate,
       last_date as last_ride_date, last_date as last_runner_date, won_date as last_win_date,
       %(now)s::timestamptz as stats_updated_at
  from career;
