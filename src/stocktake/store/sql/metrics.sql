-- name: endpoint_totals
-- Everything each endpoint ever did: requests by code, time, and how both are spread.
select d.source, d.endpoint, sum(d.seconds), sum(d.waited),
       (select coalesce(jsonb_object_agg(c.code, c.n), '{}')
          from (select k.key as code, sum(k.value::bigint) as n
                  from endpoint_day e, jsonb_each_text(e.codes) k
                 where e.source = d.source and e.endpoint = d.endpoint
                 group by k.key) c),
       (select array_agg(t.n order by t.place)
          from (select u.place, sum(u.n)::bigint as n
                  from endpoint_day e, unnest(e.seconds_counts) with ordinality as u(n, place)
                 where e.source = d.source and e.endpoint = d.endpoint
                 group by u.place) t),
       (select array_agg(t.n order by t.place)
          from (select u.place, sum(u.n)::bigint as n
                  from endpoint_day e, unnest(e.waited_counts) with ordinality as u(n, place)
                 where e.source = d.source and e.endpoint = d.endpoint
                 group by u.place) t)
  from endpoint_day d
 group by d.source, d.endpoint
 order by d.source, d.endpoint;

-- name: rows_merged
-- Rows of all runs by what became of them: of ended runs as they were added up, of others by receipt.
with ended as (
    select sum((t.value ->> 'inserted')::bigint) as inserted,
           sum((t.value ->> 'updated')::bigint) as updated,
           sum((t.value ->> 'unchanged')::bigint) as unchanged,
           sum((t.value ->> 'rejected')::bigint) as rejected,
           sum((t.value ->> 'duplicates')::bigint) as duplicate
      from run r, jsonb_each(r.counts) t
     where r.finished_at is not null
), going as (
    select sum(c.inserted) as inserted, sum(c.updated) as updated, sum(c.unchanged) as unchanged,
           sum(c.rejected) as rejected, sum(c.duplicates) as duplicate
      from run r join receipt c using (run_id)
     where r.finished_at is null
)
select (coalesce(e.inserted, 0) + coalesce(g.inserted, 0))::bigint,
       (coalesce(e.updated, 0) + coalesce(g.updated, 0))::bigint,
       (coalesce(e.unchanged, 0) + coalesce(g.unchanged, 0))::bigint,
       (coalesce(e.rejected, 0) + coalesce(g.rejected, 0))::bigint,
       (coalesce(e.duplicate, 0) + coalesce(g.duplicate, 0))::bigint
  from ended e, going g;

-- name: check_standing
-- The newest severity of each check and group.
select distinct on (system, name, grp) system, dataset, name, severity
  from check_result
 order by system, name, grp, at desc, result_id desc;

-- name: lateness
-- How late the newest fire of each enabled schedule was, in seconds.
select s.system, s.name, f.lateness_seconds
  from schedule s
  join lateral (select lateness_seconds from schedule_fire
                 where schedule_id = s.schedule_id and outcome in ('fired', 'missed')
                 order by due_at desc limit 1) f on true
 where s.is_enabled
 order by s.system, s.name;

-- name: systems_begun
-- Systems that anything was ever loaded of.
select distinct system from series order by system;

-- name: workers
-- How many workers lived within the last seconds, when one was seen last, and whether runs wait.
-- :seconds  float8  how long one may be silent
select count(*) filter (where seen_at > clock_timestamp() - make_interval(secs => %(seconds)s)),
       extract(epoch from clock_timestamp() - max(seen_at))::float8,
       (select count(*) from run where state in ('queued', 'running') and is_detached)
  from worker;

-- name: overdue_schedules
-- Enabled schedules, and until when it is decided what became of them.
select system || '.' || name, cron, zone, decided_until from schedule where is_enabled;

-- name: held_back
-- Sources that are paused, and endpoints whose circuit is open.
select 'paused', source, reason from source_pause
union all
select 'circuit', source || '/' || endpoint, coalesce(last_error, '') from gate
 where opened_at is not null
 order by 1, 2;

-- name: is_writable
-- Whether the server takes writes.
select not pg_is_in_recovery();
