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

-- name: list_plans
-- Saved plans of a system, newest first, with the run that used each last.
-- :system text, :limit integer
select plan.plan_id, plan.made_at, plan.approved_at, plan.approved_by,
       (plan.summary ->> 'requests')::bigint as requests,
       (plan.summary ->> 'seconds')::float8 as seconds,
       (select max(run_id) from run where run.plan_id = plan.plan_id) as run_id
  from plan
 where plan.system = %(system)s
 order by plan.plan_id desc
 limit %(limit)s;
