-- name: start_run
-- A new run, owned by this process.
-- :system text, :kind text, :plan_id bigint or null, :options jsonb, :owner text, :now timestamptz
insert into run (system, kind, plan_id, state, options, fence, owner, started_at, updated_at)
values (%(system)s, %(kind)s, %(plan_id)s, 'running', %(options)s, 1, %(owner)s, %(now)s, %(now)s)
returning run_id, fence;

-- name: try_lock_system
-- Whether this session now holds the system's run lock; released when the session ends.
-- :system text
select pg_try_advisory_lock(hashtext('stocktake.run'), hashtext(%(system)s));

-- name: unlock_system
-- Gives the system's run lock back at once.
-- :system text
select pg_advisory_unlock(hashtext('stocktake.run'), hashtext(%(system)s));

-- name: is_system_busy
-- Whether any session holds the system's run lock.
-- :system text
select exists (
    select from pg_locks
     where locktype = 'advisory' and granted and objsubid = 2
       and database = (select oid from pg_database where datname = current_database())
       and classid::bigint = (hashtext('stocktake.run')::bigint & 4294967295)
       and objid::bigint = (hashtext(%(system)s)::bigint & 4294967295));

-- name: is_here
-- Whether the session lives.
select true;

-- name: is_held_run
-- A row while this process owns the run; locks nothing.
-- :run_id bigint, :fence bigint
select run_id from run
 where run_id = %(run_id)s and fence = %(fence)s and state = 'running';

-- name: holder_of_system
-- Who runs something of the system in the foreground now: newest run first.
-- :system text
select run_id, kind, owner, started_at
  from run
 where system = %(system)s and state = 'running' and not is_detached
 order by run_id desc
 limit 1;

-- name: detached_run
-- The run of a system that workers execute now, if any.
-- :system text
select run_id, kind, started_at
  from run
 where system = %(system)s and state = 'running' and is_detached and is_exclusive
 limit 1;

-- name: interrupted_run
-- The newest unfinished run of this kind and with these options, if any.
-- :system text, :kind text, :options jsonb
select run_id, plan_id, started_at
  from run
 where system = %(system)s and kind = %(kind)s and state in ('running', 'paused')
   and options = %(options)s
 order by run_id desc
 limit 1;

-- name: park_interrupted_runs
-- Runs that nobody executes any more become paused: they can be resumed. Needs the system's lock.
-- Whether workers still execute theirs is told by leases.
-- :system text, :now timestamptz
update run
   set state = 'paused', updated_at = %(now)s,
       message = 'interrupted; run the same command again to go on'
 where system = %(system)s and state = 'running' and not is_detached
returning run_id;

-- name: supersede_runs
-- Unfinished runs of a kind that a newer one makes up for are ended. Needs the system's lock.
-- :system text, :kind text, :but bigint (0: none), :now timestamptz
update run
   set state = 'cancelled', fence = fence + 1, updated_at = %(now)s, finished_at = %(now)s,
       message = 'interrupted; a newer run does what was left'
 where system = %(system)s and kind = %(kind)s and state in ('running', 'paused')
   and run_id <> %(but)s
returning run_id;

-- name: take_over_run
-- Makes this process the run's owner; an older owner's fence no longer fits.
-- :run_id bigint, :owner text, :now timestamptz
update run
   set state = 'running', fence = fence + 1, owner = %(owner)s, updated_at = %(now)s, error = null,
       message = '', finished_at = null, is_detached = false, lease_until = null
 where run_id = %(run_id)s
returning fence, plan_id;

-- name: hold_run
-- Confirms ownership within a batch's transaction and adds the batch's counts.
-- :run_id bigint, :fence bigint, :requests bigint, :now timestamptz
update run
   set requests = requests + %(requests)s, updated_at = %(now)s
 where run_id = %(run_id)s and fence = %(fence)s and state = 'running'
returning run_id;

-- name: state_of_run
-- What a run is now.
-- :run_id bigint
select state from run where run_id = %(run_id)s;

-- name: finish_run
-- Write how a run ended; no row when another process owns it by now.
-- :run_id bigint, :fence bigint, :state text, :counts jsonb, :units jsonb, :message text, :error text or null, :now timestamptz
update run
   set state = %(state)s, counts = %(counts)s, units = %(units)s, message = %(message)s,
       error = %(error)s, updated_at = %(now)s,
       finished_at = case when %(state)s in ('done', 'failed', 'cancelled') then %(now)s end
 where run_id = %(run_id)s and fence = %(fence)s and state = 'running'
returning run_id;

-- name: run_row_counts
-- What a run did per table, from its receipts: the truth also after a resume.
-- :run_id bigint
select dataset, sum(read), sum(inserted), sum(updated), sum(unchanged), sum(rejected),
       sum(duplicates)
  from receipt
 where run_id = %(run_id)s
 group by dataset
 order by dataset;

-- name: write_run_log
-- Keep one line about a run.
-- :run_id bigint, :at timestamptz, :level text, :text text
insert into run_log (run_id, at, level, text) values (%(run_id)s, %(at)s, %(level)s, %(text)s);

-- name: list_runs
-- Newest runs first.
-- :system text or null, :limit integer
select run_id, system, kind, state,
       requests + (select coalesce(sum(asked), 0) from chunk where chunk.run_id = run.run_id)::bigint,
       counts, units, message, error, owner, plan_id,
       options, started_at, updated_at, finished_at, undone_by, is_detached, priority, asked_by,
       coverage, result, not_before
  from run
 where system = coalesce(%(system)s, system)
 order by run_id desc
 limit %(limit)s;

-- name: unfinished_runs
-- Runs of a system that have not ended, newest first, with the columns of list_runs.
-- :system text
select run_id, system, kind, state,
       requests + (select coalesce(sum(asked), 0) from chunk where chunk.run_id = run.run_id)::bigint,
       counts, units, message, error, owner, plan_id,
       options, started_at, updated_at, finished_at, undone_by, is_detached, priority, asked_by,
       coverage, result, not_before
  from run
 where system = %(system)s and state in ('queued', 'running', 'paused')
 order by run_id desc;

-- name: one_run
-- One run, with the columns of list_runs.
-- :run_id bigint
select run_id, system, kind, state,
       requests + (select coalesce(sum(asked), 0) from chunk where chunk.run_id = run.run_id)::bigint,
       counts, units, message, error, owner, plan_id,
       options, started_at, updated_at, finished_at, undone_by, is_detached, priority, asked_by,
       coverage, result, not_before
  from run
 where run_id = %(run_id)s;

-- name: run_log_lines
-- The last lines of a run's log, newest first.
-- :run_id bigint, :limit integer
select at, level, text
  from run_log
 where run_id = %(run_id)s
 order by seq desc
 limit %(limit)s;

-- name: write_derived_receipts
-- What recomputing did to tables; derived rows have no capture.
-- :run_id bigint, :datasets text[], :read integer[], :inserted integer[], :updated integer[],
-- :at timestamptz
insert into receipt (run_id, dataset, facet, read, inserted, updated, unchanged, rejected,
                     duplicates, at)
select %(run_id)s, d.dataset, 'derive', d.read, d.inserted, d.updated,
       d.read - d.inserted - d.updated, 0, 0, %(at)s
  from unnest(%(datasets)s::text[], %(read)s::integer[], %(inserted)s::integer[],
              %(updated)s::integer[]) with ordinality as d(dataset, read, inserted, updated, place)
 order by d.place;

-- name: captures_of_files
-- Files of these formats that were loaded, by hash.
-- :system text, :feeds text[]
select feed, sha256 from capture
 where system = %(system)s and feed = any(%(feeds)s) and is_loaded;
