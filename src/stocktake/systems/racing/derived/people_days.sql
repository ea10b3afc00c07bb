-- name: touched
-- Whoever's days are not those up to the last settled day: a person who does not run changes with
-- it too. So the days told never depend on the order in which seasons were loaded.
-- :kind  text  jockey, trainer or owner
with person as (
    select id, last_ride_date as last_date, last_win_date, days_since_last_ride as last_days,
           days_since_last_win as win_days
      from racing.ra_mst_jockeys where %(kind)s::text = 'jockey'
     union all
    select id, last_runner_date, last_win_date, days_since_last_runner, days_since_last_win
      from racing.ra_mst_trainers where %(kind)s::text = 'trainer'
     union all
    select id, last_runner_date, last_win_date, days_since_last_runner, days_since_last_win
      from racing.ra_mst_owners where %(kind)s::text = 'owner'
)
select p.id
  from person p
  join racing.settled on settled.region = case when p.id like 'hk\_%%' then 'HK' else 'GB' end
 where (last_days, win_days) is distinct from (settled.day - last_date, settled.day - last_win_date);

-- name: compute
-- Days from a person's last run and win to the last settled day, by the career told beside them.
-- :kind  text         jockey, trainer or owner
-- :now   timestamptz  when this is computed
with person as (
    select id, last_ride_date as last_date, last_win_date
      from racing.ra_mst_jockeys where %(kind)s::text = 'jockey'
     union all
    select id, last_runner_date, last_win_date
      from racing.ra_mst_trainers where %(kind)s::text = 'trainer'
     union all
    select id, last_runner_date, last_win_date
      from racing.ra_mst_owners where %(kind)s::text = 'owner'
)
select id, settled.day - last_date as days_since_last_ride,
       settled.day - last_date as days_since_last_runner,
       settled.day - last_win_date as days_since_last_win, %(now)s::timestamptz as stats_updated_at
  from touched_keys k
  join person using (id)
  join racing.settled on settled.region = case when id like 'hk\_%%' then 'HK' else 'GB' end;
