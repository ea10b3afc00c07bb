-- name: declare_schedules
-- Writes what systems declare, where it differs. What a person switched stays, and so does a clock
-- that a person set; a schedule whose clock changed is due from now on only.
-- :declared jsonb list of objects, :now timestamptz
insert into schedule as s (system, name, cron, zone, verb, datasets, options, catch_up, overlap,
                           jitter_seconds, is_declared, decided_until, changed_at)
select d.system, d.name, d.cron, d.zone, d.verb, d.datasets, d.options, d.catch_up, d.overlap,
       d.jitter_seconds, true, %(now)s, %(now)s
  from jsonb_to_recordset(%(declared)s) as d(system text, name text, cron text, zone text,
       verb text, datasets text[], options jsonb, catch_up text, overlap text,
       jitter_seconds integer)
 order by d.system, d.name
on conflict (tenant_id, system, name) do update
   set cron = case when s.is_changed then s.cron else excluded.cron end,
       zone = case when s.is_changed then s.zone else excluded.zone end, verb = excluded.verb,
       datasets = excluded.datasets, options = excluded.options, catch_up = excluded.catch_up,
       overlap = excluded.overlap, jitter_seconds = excluded.jitter_seconds, is_declared = true,
       decided_until = case when not s.is_changed
                             and (s.cron, s.zone) is distinct from (excluded.cron, excluded.zone)
                            then greatest(s.decided_until, excluded.decided_until)
                            else s.decided_until end,
       changed_at = excluded.changed_at
 where (s.cron, s.zone, s.verb, s.datasets, s.options, s.catch_up, s.overlap, s.jitter_seconds,
        s.is_declared)
       is distinct from
       (excluded.cron, excluded.zone, excluded.verb, excluded.datasets, excluded.options,
        excluded.catch_up, excluded.overlap, excluded.jitter_seconds, true);

-- name: forget_undeclared
-- Removes schedules that systems declare no longer, with their history.
-- :systems text[] the systems looked at, :names text[] system.name of each still declared
delete from schedule
 where is_declared and system = any(%(systems)s) and not system || '.' || name = any(%(names)s);

-- name: list_schedules
-- Every schedule with its latest fire.
-- :system text or null for all
select s.schedule_id, s.system, s.name, s.cron, s.zone, s.verb, s.datasets, s.options, s.catch_up,
       s.overlap, s.jitter_seconds, s.is_declared, s.is_enabled, s.switched_by, s.switched_at,
       s.decided_until, s.is_changed, f.due_at, f.outcome, f.reason, f.run_id, f.by, f.decided_at,
       f.lateness_seconds, r.state
  from schedule s
  left join lateral (
       select * from schedule_fire f where f.schedule_id = s.schedule_id
        order by f.due_at desc limit 1) f on true
  left join run r using (run_id)
 where s.system = coalesce(%(system)s, s.system)
 order by s.system, s.name;

-- name: hold_schedule
-- Up to when fires of a schedule are decided, if it is enabled; others wait until the transaction
-- ends.
-- :schedule_id bigint
select decided_until from schedule where schedule_id = %(schedule_id)s and is_enabled for update;

-- name: add_fires
-- What became of times due; those another scheduler was first to decide are left out.
-- :schedule_id bigint, :due timestamptz[], :outcome text[], :reason text[], :by text,
-- :now timestamptz, :lateness double precision[] seconds
insert into schedule_fire (schedule_id, due_at, outcome, reason, by, decided_at, lateness_seconds)
select %(schedule_id)s, d.due_at, d.outcome, d.reason, %(by)s, %(now)s, d.lateness
  from unnest(%(due)s::timestamptz[], %(outcome)s::text[], %(reason)s::text[],
              %(lateness)s::double precision[]) as d(due_at, outcome, reason, lateness)
on conflict (schedule_id, due_at) do nothing
returning due_at;

-- name: decided
-- Everything due up to an instant is decided.
-- :schedule_id bigint, :until timestamptz
update schedule set decided_until = greatest(decided_until, %(until)s)
 where schedule_id = %(schedule_id)s;

-- name: name_run
-- The run that a fire started.
-- :schedule_id bigint, :due_at timestamptz, :run_id bigint
update schedule_fire set run_id = %(run_id)s
 where schedule_id = %(schedule_id)s and due_at = %(due_at)s;

-- name: miss_fire
-- A fire whose run could not be queued.
-- :schedule_id bigint, :due_at timestamptz, :reason text
update schedule_fire set outcome = 'missed', reason = %(reason)s
 where schedule_id = %(schedule_id)s and due_at = %(due_at)s;

-- name: unfinished_of_schedule
-- The newest run of a schedule that waits or is under way.
-- :schedule_id bigint
select r.run_id, r.state
  from schedule_fire f join run r using (run_id)
 where f.schedule_id = %(schedule_id)s and r.state in ('queued', 'running')
 order by r.run_id desc
 limit 1;

-- name: switch_schedule
-- Enables or disables; what was due while it was off is not made up for.
-- :schedule_id bigint, :is_enabled boolean, :by text, :now timestamptz
update schedule
   set is_enabled = %(is_enabled)s, switched_by = %(by)s, switched_at = %(now)s,
       changed_at = %(now)s, decided_until = greatest(decided_until, %(now)s)
 where schedule_id = %(schedule_id)s and is_enabled <> %(is_enabled)s
returning schedule_id;

-- name: change_clock
-- Gives a schedule another clock, or (declared) lets its system's own come back; it is due by it
-- from now on only.
-- :schedule_id bigint, :cron text, :zone text, :declared boolean, :by text, :now timestamptz
update schedule
   set cron = %(cron)s, zone = %(zone)s, is_changed = is_declared and not %(declared)s,
       switched_by = %(by)s, switched_at = %(now)s, changed_at = %(now)s,
       decided_until = greatest(decided_until, %(now)s)
 where schedule_id = %(schedule_id)s;

-- name: add_schedule
-- A person's own schedule; no row when the name is taken.
-- :system text, :name text, :cron text, :zone text, :verb text, :datasets text[], :options jsonb,
-- :catch_up text, :overlap text, :jitter_seconds integer, :by text, :now timestamptz
insert into schedule (system, name, cron, zone, verb, datasets, options, catch_up, overlap,
                      jitter_seconds, is_declared, switched_by, switched_at, decided_until,
                      changed_at)
values (%(system)s, %(name)s, %(cron)s, %(zone)s, %(verb)s, %(datasets)s, %(options)s,
        %(catch_up)s, %(overlap)s, %(jitter_seconds)s, false, %(by)s, %(now)s, %(now)s, %(now)s)
on conflict (tenant_id, system, name) do nothing
returning schedule_id;

-- name: remove_schedule
-- Removes a person's own schedule with its history.
-- :schedule_id bigint
delete from schedule where schedule_id = %(schedule_id)s and not is_declared
returning schedule_id;

-- name: list_fires
-- Fires with what became of their runs, newest first.
-- :schedule_id bigint or null for all, :system text or null for all, :limit integer
select s.system, s.name, f.due_at, f.outcome, f.reason, f.run_id, f.by, f.decided_at,
       f.lateness_seconds, r.state
  from schedule_fire f
  join schedule s using (schedule_id)
  left join run r using (run_id)
 where f.schedule_id = coalesce(%(schedule_id)s, f.schedule_id)
   and s.system = coalesce(%(system)s, s.system)
 order by f.due_at desc, s.system, s.name
 limit %(limit)s;

-- name: was_ever_run
-- Whether the system was ever worked on.
-- :system text
select exists (select from run where system = %(system)s);
