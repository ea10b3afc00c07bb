-- Statements about the schema that Procrastinate works in.

-- name: queue_version
-- The version of Procrastinate whose schema is there; no row when there is none yet.
select version from stocktake.queue_schema;

-- name: has_queue_ledger
-- Whether the migration that makes room for the queue was applied.
select pg_catalog.to_regclass('stocktake.queue_schema') is not null;

-- name: create_queue_schema
-- A schema of its own, for the owner to fill.
create schema if not exists stocktake_queue;

-- name: open_queue
-- Let the application use what Procrastinate made, and let its functions find their tables whatever
-- the search path of who calls them.
do $$
declare
    made regprocedure;
begin
    for made in select p.oid::regprocedure from pg_catalog.pg_proc p
                  join pg_catalog.pg_namespace n on n.oid = p.pronamespace
                 where n.nspname = 'stocktake_queue' loop
        execute format('alter function %s set search_path = stocktake_queue, pg_temp', made);
    end loop;
    grant usage on schema stocktake_queue to stocktake_app;
    grant select, insert, update, delete on all tables in schema stocktake_queue to stocktake_app;
    grant usage, select on all sequences in schema stocktake_queue to stocktake_app;
end
$$;

-- name: record_queue_version
-- Remember whose schema it is.
-- :version  text  such as 3.10.0
insert into stocktake.queue_schema (version) values (%(version)s::text)
on conflict (only_row) do update set version = excluded.version,
                                     applied_at = transaction_timestamp();

-- name: defer_tasks
-- Hands tasks to Procrastinate, in the caller's transaction; returns their numbers. Tasks of a
-- tenant say so, and whoever looks after the fleet learns that the tenant has runs.
-- :queues text[], :task text, :priorities int[], :arguments jsonb[], :not_before timestamptz or null
with whose as (
    select nullif(current_setting('app.tenant_id', true), '')::uuid as tenant
),
noted as (
    insert into stocktake.at_work (tenant, noted_at)
    select tenant, clock_timestamp() from whose where tenant is not null
    on conflict (tenant) do update set noted_at = excluded.noted_at
     where at_work.noted_at < excluded.noted_at - interval '1 minute'
)
select stocktake_queue.procrastinate_defer_jobs_v1(array_agg(
           row(queue, %(task)s::text, priority, null, null,
               arguments || jsonb_strip_nulls(jsonb_build_object('tenant', whose.tenant)),
               %(not_before)s::timestamptz)::stocktake_queue.procrastinate_job_to_defer_v1
           order by place))
  from whose,
       unnest(%(queues)s::text[], %(priorities)s::int[], %(arguments)s::jsonb[])
       with ordinality as task(queue, priority, arguments, place);

-- name: queue_run
-- A run for workers, not begun; options and plan as a foreground run keeps them.
-- :system text, :kind text, :plan_id bigint or null, :options jsonb, :exclusive boolean,
-- :priority smallint, :by text, :now timestamptz
insert into run (system, kind, plan_id, state, options, is_detached, is_exclusive, priority,
                 asked_by, asked_at, started_at, updated_at)
values (%(system)s, %(kind)s, %(plan_id)s, 'queued', %(options)s, true, %(exclusive)s, %(priority)s,
        %(by)s, %(now)s, %(now)s, %(now)s)
returning run_id;
