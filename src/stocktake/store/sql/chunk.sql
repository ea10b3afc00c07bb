-- Statements of chunks and of the runs that workers execute. Leases follow the database's clock
-- alone: clock_timestamp(), never what a program says the time is.

-- name: add_chunk
-- A share of a plan part, not handed out yet.
-- :run_id, :part, :wave, :place, :source, :priority, :units, :requests  as in the table
-- :ordinals jsonb, :ranked integer[] or null, :is_again boolean
insert into chunk (run_id, part, wave, place, source, priority, ordinals, ranked, units, requests,
                   state, is_again)
values (%(run_id)s, %(part)s, %(wave)s, %(place)s, %(source)s, %(priority)s, %(ordinals)s,
        %(ranked)s, %(units)s, %(requests)s, 'waiting', %(is_again)s);

-- name: lock_dispatch
-- One transaction at a time hands out chunks, so that none sees a place that another has taken.
select pg_advisory_xact_lock(hashtext('stocktake.dispatch'), 0);

-- name: dispatch
-- Hands out waiting chunks of runs under way, of each source as many as have room: the greatest
-- priority first, then the oldest run, then in the order of the plan. Needs lock_dispatch. Waits for
-- no row: who stops a run locks its chunks, and may wait for one whose end hands out the next.
-- :sources text[], :limits int[]: sources that have a limit of their own
-- :usual int: the limit of others
with room as materialized (
    select one.source,
           coalesce((select own.most from unnest(%(sources)s::text[], %(limits)s::int[])
                         as own(source, most) where own.source = one.source), %(usual)s)
           - (select count(*) from chunk as taken
               where taken.source = one.source and taken.state in ('queued', 'running')) as places
      from (select distinct source from chunk where state = 'waiting') as one
), turn as (
    select next.chunk_id
      from room cross join lateral (
          select waiting.chunk_id
            from chunk as waiting join run using (run_id)
           where waiting.source = room.source and waiting.state = 'waiting'
             and run.state = 'running'
             and (waiting.not_before is null or waiting.not_before <= clock_timestamp())
           order by waiting.priority desc, waiting.run_id, waiting.place, waiting.part
           limit greatest(room.places, 0)) as next
), free as (
    select chunk_id from chunk
     where chunk_id in (select chunk_id from turn) and state = 'waiting'
       for update skip locked
)
update chunk
   set state = 'queued', changed_at = clock_timestamp()
  from free
 where chunk.chunk_id = free.chunk_id
returning chunk.chunk_id, chunk.source, chunk.priority;

-- name: claim_chunk
-- Makes a worker the chunk's owner under a new fence; no row when there is nothing to do.
-- :chunk_id bigint, :owner text, :lease double precision (seconds)
update chunk
   set state = 'running', fence = chunk.fence + 1, owner = %(owner)s,
       lease_until = clock_timestamp() + make_interval(secs => %(lease)s),
       claimed_at = clock_timestamp(), changed_at = clock_timestamp()
  from run
 where chunk.chunk_id = %(chunk_id)s and chunk.state = 'queued'
   and run.run_id = chunk.run_id and run.state = 'running' and run.is_detached
returning chunk.run_id, chunk.fence, chunk.attempts, chunk.part, chunk.ordinals, chunk.ranked,
          chunk.suspect, chunk.is_again or chunk.fence > 1, chunk.outcomes, chunk.notes,
          run.system, run.kind, run.plan_id, run.priority, chunk.error;

-- name: hold_chunk
-- Confirms ownership within a batch's transaction and adds the batch's requests.
-- :chunk_id bigint, :fence bigint, :requests bigint, :lease double precision (seconds)
update chunk
   set asked = asked + %(requests)s, changed_at = clock_timestamp(),
       lease_until = clock_timestamp() + make_interval(secs => %(lease)s)
 where chunk_id = %(chunk_id)s and fence = %(fence)s and state = 'running'
returning chunk_id;

-- name: is_held_chunk
-- A row while this worker owns the chunk; locks nothing.
-- :chunk_id bigint, :fence bigint
select chunk_id from chunk
 where chunk_id = %(chunk_id)s and fence = %(fence)s and state = 'running';

-- name: renew_chunk
-- A sign of life; no row when the chunk is another's by now.
-- :chunk_id bigint, :fence bigint, :lease double precision (seconds)
update chunk set lease_until = clock_timestamp() + make_interval(secs => %(lease)s)
 where chunk_id = %(chunk_id)s and fence = %(fence)s and state = 'running'
returning chunk_id;

-- name: tell_chunk
-- What a batch did, in its transaction. Whoever commits something is not what kills its worker.
-- :chunk_id bigint, :done integer, :unasked integer, :outcomes jsonb, :notes jsonb
update chunk
   set done_units = done_units + %(done)s, unasked_units = unasked_units + %(unasked)s, outcomes = %(outcomes)s, notes = %(notes)s, attempts = 0,
       suspect = null
 where chunk_id = %(chunk_id)s;

-- name: suspect_chunk
-- Notes what is about to be parsed, when units are taken one by one after a worker died.
-- :chunk_id bigint, :suspect jsonb
update chunk set suspect = %(suspect)s where chunk_id = %(chunk_id)s;

-- name: bury_units
-- Counts units of a chunk that were given up; what is left of it gets a fresh start.
-- :chunk_id bigint, :units integer, :outcomes jsonb
update chunk
   set dead_units = dead_units + %(units)s, attempts = 1, suspect = null, outcomes = %(outcomes)s
 where chunk_id = %(chunk_id)s;

-- name: end_chunk
-- Ends a worker's ownership: done, or waiting for another (soon, or after a pause).
-- :chunk_id bigint, :fence bigint, :state text, :failures integer, :error text or null
-- :pause double precision (seconds)
update chunk
   set state = %(state)s, owner = null, lease_until = null, attempts = attempts + %(failures)s,
       error = %(error)s, changed_at = clock_timestamp(), fence = fence + 1,
       not_before = clock_timestamp() + make_interval(secs => %(pause)s)
 where chunk_id = %(chunk_id)s and fence = %(fence)s and state = 'running'
returning run_id;

-- name: has_open_chunks
-- Whether any chunk of a run is not done.
-- :run_id bigint
select exists (select from chunk
                where run_id = %(run_id)s and state in ('waiting', 'queued', 'running'));

-- name: lock_run
-- A detached run's row, locked until the transaction ends; no row when somebody works on it now.
-- :run_id bigint
select system, kind, state, is_exclusive, priority, plan_id, wave, options, attempts,
       coalesce(lease_until > clock_timestamp(), false), coverage, started_at, error,
       requests > 0 or exists (select from chunk as before
                                where before.run_id = run.run_id and before.state = 'dropped')
  from run where run_id = %(run_id)s and is_detached
   for no key update skip locked;

-- name: expire_chunks
-- Chunks whose workers fell silent wait again, under a fence that keeps the silent ones out. A row
-- that is locked belongs to a worker that writes at this moment.
update chunk
   set state = 'waiting', fence = fence + 1, attempts = attempts + 1,
       error = owner || ' fell silent', owner = null, lease_until = null,
       changed_at = clock_timestamp()
 where chunk_id in (select chunk_id from chunk
                     where state = 'running' and lease_until < clock_timestamp()
                       for update skip locked)
returning chunk_id, run_id, error, attempts;

-- name: recall_chunks
-- Chunks that were handed out, but whose task is not there any more, wait again. A task that was
-- fetched claims its chunk at once, or never.
-- :after double precision (seconds)
update chunk
   set state = 'waiting', changed_at = clock_timestamp()
 where state = 'queued'
   and changed_at < clock_timestamp() - make_interval(secs => %(after)s)
   and not exists (
       select from stocktake_queue.procrastinate_jobs as task
        where task.task_name = 'portion' and task.status = 'todo'
          and (task.args ->> 'chunk_id')::bigint = chunk.chunk_id)
returning chunk_id;

-- name: drop_chunks
-- Takes back what is not done of a run; waits for batches being written, refuses later ones.
-- :run_id bigint
update chunk
   set state = 'dropped', fence = fence + 1, owner = null, lease_until = null,
       changed_at = clock_timestamp()
 where run_id = %(run_id)s and state in ('waiting', 'queued', 'running');

-- name: unasked_units
-- How many units of a run nobody could be asked for since it was taken up.
-- :run_id bigint
select coalesce(sum(unasked_units), 0) from chunk where run_id = %(run_id)s;

-- name: forget_unasked
-- A run goes on: what could not be asked for is asked for again.
-- :run_id bigint
update chunk set unasked_units = 0 where run_id = %(run_id)s and unasked_units > 0;

-- name: try_lock_start
-- Whether no foreground command holds the system; held until the transaction ends.
-- :system text
select pg_try_advisory_xact_lock(hashtext('stocktake.run'), hashtext(%(system)s));

-- name: runs_in_the_way
-- Runs of a system that workers execute, or that were queued to go before one.
-- :system text, :run_id bigint, :priority smallint
select run_id, state, priority, lease_until > clock_timestamp()
  from run
 where system = %(system)s and is_detached and is_exclusive and run_id <> %(run_id)s
   and (state = 'running'
        or (state = 'queued' and (not_before is null or not_before <= clock_timestamp())
            and (priority > %(priority)s
                 or (priority = %(priority)s and run_id < %(run_id)s))))
 order by state desc, run_id;

-- name: give_way
-- Puts a run under way back into the queue; what it has done stays.
-- :run_id bigint, :message text, :pause double precision (seconds), :now timestamptz
update run
   set state = 'queued', fence = fence + 1, owner = null, lease_until = null, wave = null,
       updated_at = %(now)s, message = %(message)s,
       not_before = clock_timestamp() + make_interval(secs => %(pause)s)
 where run_id = %(run_id)s and state = 'running';

-- name: take_up_run
-- Makes a worker the one who takes a run a step on.
-- :run_id bigint, :owner text, :lease double precision (seconds), :now timestamptz
update run
   set state = 'running', fence = fence + 1, owner = %(owner)s, attempts = attempts + 1,
       started_at = case when started_at = asked_at then %(now)s else started_at end,
       lease_until = clock_timestamp() + make_interval(secs => %(lease)s),
       updated_at = %(now)s, message = ''
 where run_id = %(run_id)s
returning fence, started_at;

-- name: renew_run
-- A sign of life of who takes a run a step on; no row when it is another's by now.
-- :run_id bigint, :fence bigint, :lease double precision (seconds)
update run set lease_until = clock_timestamp() + make_interval(secs => %(lease)s)
 where run_id = %(run_id)s and fence = %(fence)s and state = 'running'
returning run_id;

-- name: keep_plan
-- Gives a run its plan.
-- :run_id bigint, :plan_id bigint, :fence bigint
update run set plan_id = %(plan_id)s
 where run_id = %(run_id)s and fence = %(fence)s and state = 'running'
returning run_id;

-- name: keep_coverage
-- What is held of what a run was asked for, before and after it.
-- :run_id bigint, :coverage jsonb, :fence bigint
update run set coverage = %(coverage)s
 where run_id = %(run_id)s and fence = %(fence)s and state = 'running'
returning run_id;

-- name: keep_result
-- What a run that brings no rows found.
-- :run_id bigint, :result jsonb, :fence bigint
update run set result = %(result)s
 where run_id = %(run_id)s and fence = %(fence)s and state = 'running'
returning run_id;

-- name: release_run
-- The chunks of a wave are out: nobody conducts the run until they are done.
-- :run_id bigint, :wave integer, :fence bigint
update run
   set wave = %(wave)s, lease_until = null, owner = null, attempts = 0
 where run_id = %(run_id)s and fence = %(fence)s and state = 'running'
returning run_id;

-- name: note_error
-- Lets go of a run on which a step went wrong; it is taken again, a bounded number of times.
-- :run_id bigint, :error text, :fence bigint
update run set error = %(error)s, lease_until = null, owner = null
 where run_id = %(run_id)s and fence = %(fence)s and state = 'running'
returning run_id;

-- name: stop_run
-- Ends or pauses a run from outside it, whoever executes it; no row when it has ended.
-- :run_id bigint, :state text, :message text, :error text or null, :now timestamptz
update run
   set state = %(state)s, fence = fence + 1, owner = null, lease_until = null,
       message = %(message)s, error = %(error)s, updated_at = %(now)s,
       finished_at = case when %(state)s in ('failed', 'cancelled') then %(now)s end
 where run_id = %(run_id)s and state in ('queued', 'running', 'paused')
returning system, extract(epoch from %(now)s - started_at)::double precision;

-- name: requeue_run
-- Lets workers go on with a run that stopped.
-- :run_id bigint, :message text, :now timestamptz
update run
   set state = 'queued', fence = fence + 1, is_detached = true, owner = null, lease_until = null,
       wave = null, not_before = null, message = %(message)s, error = null, attempts = 0, updated_at = %(now)s
 where run_id = %(run_id)s and state = 'paused'
returning priority;

-- name: sums_of_chunks
-- What the chunks of a run did: requests, units per state, notes.
-- :run_id bigint
select coalesce(sum(asked), 0)::bigint,
       (select coalesce(jsonb_object_agg(state, units), '{}')
          from (select one.key as state, sum(one.value::bigint) as units
                  from chunk as each, jsonb_each_text(each.outcomes) as one
                 where each.run_id = %(run_id)s group by one.key) as by_state),
       (select coalesce(jsonb_object_agg(note, times), '{}')
          from (select one.key as note, sum(one.value::bigint) as times
                  from chunk as each, jsonb_each_text(each.notes) as one
                 where each.run_id = %(run_id)s group by one.key) as by_note)
  from chunk where run_id = %(run_id)s;

-- name: fold_chunks
-- Forgets the chunks of a run that ended; what they asked is added to it.
-- :run_id bigint
with gone as (
    delete from chunk where run_id = %(run_id)s returning asked
)
update run set requests = requests + (select coalesce(sum(asked), 0) from gone)
 where run_id = %(run_id)s;

-- name: idle_runs
-- Detached runs that nobody takes a step on although somebody should, and for which no task waits:
-- queued ones that nothing is in the way of, and those under way without a chunk out or a
-- conductor alive.
select run.run_id, run.priority
  from run
 where run.is_detached
   and case run.state
       when 'queued' then
           (run.not_before is null or run.not_before <= clock_timestamp())
           and (not run.is_exclusive or not exists (
               select from run as other
                where other.system = run.system and other.is_detached and other.is_exclusive
                  and other.run_id <> run.run_id
                  and (other.state = 'running'
                           and (other.priority >= run.priority
                                or other.lease_until > clock_timestamp())
                       or other.state = 'queued'
                           and (other.not_before is null or other.not_before <= clock_timestamp())
                           and (other.priority > run.priority
                                or (other.priority = run.priority and other.run_id < run.run_id))
           )) and not exists (
               select from pg_locks
                where locktype = 'advisory' and granted and objsubid = 2
                  and database = (select oid from pg_database where datname = current_database())
                  and classid::bigint = (hashtext('stocktake.run')::bigint & 4294967295)
                  and objid::bigint = (hashtext(run.system)::bigint & 4294967295)))
       when 'running' then
           (run.lease_until is null or run.lease_until < clock_timestamp())
           and not exists (select from chunk
                            where chunk.run_id = run.run_id
                              and chunk.state in ('waiting', 'queued', 'running'))
       else false end
   and not exists (
       select from stocktake_queue.procrastinate_jobs as task
        where task.task_name = 'conduct' and task.status = 'todo'
          and (task.args ->> 'run_id')::bigint = run.run_id)
 order by run.priority desc, run.run_id;

-- name: next_in_line
-- Queued runs of a system, the next to be taken up first.
-- :system text
select run_id, priority
  from run
 where system = %(system)s and is_detached and state = 'queued'
   and (not_before is null or not_before <= clock_timestamp())
 order by priority desc, run_id
 limit 1;

-- name: try_lock_tending
-- Whether this transaction is the one that looks after the fleet now. Who freezes in it is thrown
-- out by the server: nobody else could.
select pg_try_advisory_xact_lock(hashtext('stocktake.tending'), 0),
       set_config('idle_in_transaction_session_timeout', '30s', true);

-- name: runs_to_count
-- Runs under way whose log is due to tell what is held; who asks does it.
-- :every double precision (seconds)
update run set counted_at = clock_timestamp()
 where is_detached and state = 'running' and kind in ('backfill', 'sync') and plan_id is not null
   and coalesce(counted_at, started_at) < clock_timestamp() - make_interval(secs => %(every)s)
returning run_id, system, plan_id;

-- name: tenants_at_work
-- Tenants that may have runs under way.
select tenant from at_work order by tenant;

-- name: forget_tenant
-- A tenant without a run that workers should take on; asked as that tenant. One that queued
-- something a moment ago stays.
delete from at_work
 where tenant = (select nullif(current_setting('app.tenant_id', true), '')::uuid)
   and noted_at < clock_timestamp() - interval '10 minutes'
   and not exists (select from run where is_detached and state in ('queued', 'running'));

-- name: silent_workers
-- Workers that gave no sign of life although they have sessions here.
-- :after double precision (seconds)
select owner from worker
 where seen_at < clock_timestamp() - make_interval(secs => %(after)s)
   and exists (select from pg_stat_activity
                where datname = current_database()
                  and right(application_name, length(owner) + 1) = ' ' || owner);

-- name: end_sessions
-- Ends the sessions of frozen programs that others wait for, or would: those amid a transaction or
-- with a lock of their own. Needs the account of the address itself.
-- :owners text[]
select pg_terminate_backend(session.pid)
  from pg_stat_activity as session, unnest(%(owners)s::text[]) as owner
 where session.datname = current_database()
   and right(session.application_name, length(owner) + 1) = ' ' || owner
   and (session.xact_start is not null
        or exists (select from pg_locks
                    where pg_locks.pid = session.pid and pg_locks.locktype = 'advisory'));

-- name: greet
-- A sign of life of a worker.
-- :owner text, :concurrency integer, :sources text[] or null, :version text
insert into worker (owner, concurrency, sources, version, started_at, seen_at)
values (%(owner)s, %(concurrency)s, %(sources)s, %(version)s, clock_timestamp(), clock_timestamp())
on conflict (owner) do update set seen_at = excluded.seen_at;

-- name: take_leave
-- A worker that ends.
-- :owner text
delete from worker where owner = %(owner)s;

-- name: forget_workers
-- Workers that have been silent for long are gone.
-- :after double precision (seconds)
delete from worker where seen_at < clock_timestamp() - make_interval(secs => %(after)s);

-- name: list_workers
-- Workers alive, with the chunks and runs they have in hand.
select worker.owner, worker.concurrency, worker.sources, worker.version, worker.started_at,
       worker.seen_at,
       (select count(*) from chunk where chunk.owner = worker.owner and chunk.state = 'running')
  from worker order by worker.started_at, worker.owner;

-- name: progress_of_run
-- How far the chunks of a run are, and how fast the run asks: captures of the last minute.
-- :run_id bigint
select (select coalesce(jsonb_object_agg(state, several), '{}')
          from (select state, count(*) as several from chunk
                 where run_id = %(run_id)s group by state) as by_state),
       (select coalesce(sum(units), 0) from chunk
         where run_id = %(run_id)s and state <> 'dropped'),
       (select coalesce(sum(done_units + dead_units), 0) from chunk where run_id = %(run_id)s),
       (select coalesce(sum(dead_units), 0) from chunk where run_id = %(run_id)s),
       (select coalesce(sum(greatest(requests - asked, 0)), 0) from chunk
         where run_id = %(run_id)s and state in ('waiting', 'queued', 'running')),
       (select coalesce(sum(part.requests), 0) from plan_part as part
         where part.plan_id = run.plan_id and part.kind = 'fetch'
           and part.wave > coalesce(run.wave, -1)),
       (select coalesce(array_agg(distinct owner), '{}') from chunk
         where run_id = %(run_id)s and state = 'running'),
       (select min(lease_until) from chunk
         where run_id = %(run_id)s and state = 'running'),
       recent.asked, recent.seconds
  from run
 cross join lateral (
     select count(*) as asked,
            coalesce(extract(epoch from max(fetched_at) - min(fetched_at)), 0)::double precision
                as seconds
       from (select fetched_at from capture where run_id = run.run_id
              order by capture_id desc limit 2000) as latest
      where fetched_at > (select max(fetched_at) - interval '60 seconds' from (
                select fetched_at from capture where run_id = run.run_id
                 order by capture_id desc limit 1) as last)) as recent
 where run.run_id = %(run_id)s;

-- name: log_since
-- Lines of a run's log after one, oldest first.
-- :run_id bigint, :seq bigint, :level text or null, :limit integer
select seq, at, level, text from run_log
 where run_id = %(run_id)s and seq > %(seq)s
   and (%(level)s::text is null or level = %(level)s)
 order by seq limit %(limit)s;

-- name: queued_run
-- The system of a run that waits to be planned.
-- :run_id bigint
select system from run
 where run_id = %(run_id)s and state = 'queued' and kind in ('backfill', 'sync')
   and plan_id is null;
