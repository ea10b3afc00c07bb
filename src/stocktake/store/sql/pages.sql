-- Statements only pages need.

-- name: ledger_version
-- A text that changes whenever a count of the system might: ledger, runs, decisions about units.
-- :system text
select concat_ws('.',
    (select max(change_id) from ledger_change),
    (select max(extract(epoch from updated_at)) from run where system = %(system)s));

-- name: storage_bytes
-- Bytes the whole database takes on disk.
select pg_database_size(current_database());

-- name: stored_objects
-- Stored bytes of captured bodies that are objects.
select coalesce(sum(object_bytes), 0)::bigint from body where content is null;

-- name: storage_by_schema
-- Bytes of tables, indexes and long values per schema, largest first; the server's own left out.
select n.nspname, sum(pg_total_relation_size(c.oid))::bigint as bytes
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'm') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
 group by n.nspname
having sum(pg_total_relation_size(c.oid)) > 0
 order by bytes desc;

-- name: days_of_changes
-- Days (UTC) before today on which the ledger of a system changed, oldest first.
-- :system text, :since date, :today date
select distinct (c.at at time zone 'UTC')::date as day
  from series s
  join ledger_change c using (series_id)
 where s.system = %(system)s
   and c.at >= %(since)s::date::timestamp at time zone 'UTC'
   and c.at < %(today)s::date::timestamp at time zone 'UTC'
 order by day;

-- name: last_changes
-- When something of each dataset of a system was last held or let go of.
-- :system text
select s.dataset, max(c.at)
  from series s
  cross join lateral (
       select c.at from ledger_change c
        where c.series_id = s.series_id and (c.added <> '{}' or c.removed <> '{}')
        order by c.at desc limit 1) c
 where s.system = %(system)s
 group by s.dataset;

-- name: changed_runs
-- Runs something happened to since an instant, and the instant of the newest change.
-- :since timestamptz
select run_id, system, state, updated_at
  from run
 where updated_at > %(since)s
 order by updated_at
 limit 200;

-- name: part_progress
-- What of each part of a run's plan is done, in the plan's order.
-- :run_id bigint
select part.wave, part.label, part.kind, part.feed, part.units, part.requests, part.is_dynamic,
       coalesce((select sum(units_in(point.done)) from checkpoint as point
                  where point.run_id = run.run_id and point.part = part.part), 0)::bigint as done
  from run
  join plan_part as part using (plan_id)
 where run.run_id = %(run_id)s
 order by part.wave, part.part;

-- name: run_failures
-- Tries of a run that failed, alike ones together, most first.
-- :run_id bigint
select feed, outcome, min(reason), count(*), max(at), max(capture_id), min(units[1])
  from attempt
 where run_id = %(run_id)s
 group by feed, outcome, regexp_replace(reason, '[0-9-]+', '#', 'g')
 order by count(*) desc
 limit 50;

-- name: run_endpoints
-- Answers a run stored, by endpoint: how many, their bytes, the median of their seconds, the seconds
-- from the first to the last, and how many are evidence of a failure only.
-- :run_id bigint
select source, endpoint, count(*), sum(bytes)::bigint,
       percentile_cont(0.5) within group (order by seconds),
       extract(epoch from max(fetched_at) - min(fetched_at))::double precision,
       count(*) filter (where flaw <> '')
  from capture
 where run_id = %(run_id)s
 group by source, endpoint
 order by source, endpoint;

-- name: run_units
-- Units that feeds took in and let go of in a run, by dataset.
-- :run_id bigint
select s.dataset, sum(units_in(c.added))::bigint, sum(units_in(c.removed))::bigint
  from ledger_change c join series s using (series_id)
 where c.run_id = %(run_id)s and s.feed <> 'member'
 group by s.dataset
 order by s.dataset;

-- name: run_checks
-- What was measured along a run, wave by wave, with the worst first.
-- :run_id bigint
select at, dataset, name, grp, severity, value, detail
  from check_result
 where run_id = %(run_id)s
 order by at, array_position(array['error', 'fail', 'warn', 'pass'], severity), dataset, name;

-- name: last_log_lines
-- The last lines of a run's log that fit, oldest first.
-- :run_id bigint, :level text or null, :text text, :upto bigint or null, :limit integer
select seq, at, level, text
  from (select seq, at, level, text
          from run_log
         where run_id = %(run_id)s
           and level = coalesce(%(level)s, level)
           and (%(upto)s::bigint is null or seq <= %(upto)s)
           and position(lower(%(text)s) in lower(text)) > 0
         order by seq desc
         limit %(limit)s) as latest
 order by seq;
