-- name: runs_page
-- Runs below a number, the newest first: the columns of list_runs, then what operations tell besides.
-- :system text or null, :state text or null, :kind text or null, :before bigint or null
-- :limit integer
select run.run_id, run.system, run.kind, run.state,
       run.requests
         + (select coalesce(sum(asked), 0) from chunk where chunk.run_id = run.run_id)::bigint,
       run.counts, run.units, run.message, run.error, run.owner, run.plan_id, run.options,
       run.started_at, run.updated_at, run.finished_at, run.undone_by, run.is_detached,
       run.priority, run.asked_by, run.coverage, run.result, run.not_before,
       (plan.summary->>'requests')::bigint
  from run left join plan using (plan_id)
 where (%(system)s::text is null or run.system = %(system)s)
   and (%(state)s::text is null or run.state = %(state)s)
   and (%(kind)s::text is null or run.kind = %(kind)s)
   and (%(before)s::bigint is null or run.run_id < %(before)s)
 order by run.run_id desc
 limit %(limit)s;

-- name: one_operation
-- One run, with the columns of runs_page and the number of its last log line.
-- :run_id bigint
select run.run_id, run.system, run.kind, run.state,
       run.requests
         + (select coalesce(sum(asked), 0) from chunk where chunk.run_id = run.run_id)::bigint,
       run.counts, run.units, run.message, run.error, run.owner, run.plan_id, run.options,
       run.started_at, run.updated_at, run.finished_at, run.undone_by, run.is_detached,
       run.priority, run.asked_by, run.coverage, run.result, run.not_before,
       (plan.summary->>'requests')::bigint,
       (select coalesce(max(seq), 0) from run_log where run_log.run_id = run.run_id)
  from run left join plan using (plan_id)
 where run.run_id = %(run_id)s;

-- name: plans_page
-- Kept plans below a number, the newest first.
-- :system text or null, :before bigint or null, :limit integer
select plan_id, system, (summary->>'requests')::bigint, (summary->>'seconds')::double precision,
       made_at, approved_at, approved_by
  from plan
 where (%(system)s::text is null or system = %(system)s)
   and (%(before)s::bigint is null or plan_id < %(before)s)
 order by plan_id desc
 limit %(limit)s;

-- name: approval
-- Who approved a plan, and when.
-- :plan_id bigint
select approved_at, approved_by from plan where plan_id = %(plan_id)s;

-- name: latest_results
-- The newest result of each check and group of a system.
-- :system text
select distinct on (name, grp) dataset, name, grp, severity, value, measured_rows, failing_keys, detail,
       since, until, at, run_id
  from check_result
 where system = %(system)s
 order by name, grp, at desc, result_id desc;
