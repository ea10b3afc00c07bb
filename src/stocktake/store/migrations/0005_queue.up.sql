-- Runs that workers execute: what is queued, its chunks with leases and fences, and who works.

alter table run add column is_detached boolean not null default false;
-- Whether it brings or changes rows: of these a system has one at a time.
alter table run add column is_exclusive boolean not null default true;
-- The greater goes first, across systems too.
alter table run add column priority smallint not null default 0;
alter table run add column asked_by text not null default '';
alter table run add column asked_at timestamptz;
-- The wave whose chunks are out; null before the first.
alter table run add column wave integer;
alter table run add column not_before timestamptz;
-- Workers that died one after another while they took it a step on.
alter table run add column attempts integer not null default 0;
-- {dataset: {"before": {...}, "after": {...}}}: what was asked for, counted again at the end.
alter table run add column coverage jsonb not null default '{}';
-- What a verb that brings no rows has to tell, as its --json would.
alter table run add column result jsonb;
create index run_unfinished on run (system, priority desc, run_id)
 where state in ('queued', 'running', 'paused');

-- A share of a plan part for one worker at a time. The checkpoints say what is done; chunks only
-- who does what is left, and are cut anew whenever a run is taken up again.
create table chunk (
    chunk_id    bigint generated always as identity primary key,
    run_id      bigint not null references run on delete cascade,
    tenant_id   uuid,
    part        integer not null,
    wave        integer not null,
    -- its turn among the chunks of its part
    place       integer not null,
    source      text not null,
    priority    smallint not null,
    ordinals    jsonb not null,
    -- members in the order wanted; null: ordinals tell it
    ranked      integer[],
    units       integer not null,
    requests    integer not null,
    -- waiting: not yet handed out; queued: handed to the queue; dropped: the run stopped before
    state       text not null check (state in ('waiting', 'queued', 'running', 'done', 'dropped')),
    -- answers of its units may lie there that nobody has loaded
    is_again    boolean not null default false,
    fence       bigint not null default 0,
    owner       text,
    lease_until timestamptz,
    attempts    integer not null default 0,
    not_before  timestamptz,
    -- what was under way when units are taken one by one after a worker died
    suspect     jsonb,
    asked       bigint not null default 0,
    done_units  integer not null default 0,
    dead_units  integer not null default 0,
    unasked_units integer not null default 0,
    outcomes    jsonb not null default '{}',
    notes       jsonb not null default '{}',
    error       text,
    claimed_at  timestamptz,
    changed_at  timestamptz not null default clock_timestamp()
) with (fillfactor = 50);
create index chunk_by_run on chunk (run_id, state);
create index chunk_open on chunk (source, priority desc, run_id, place)
 where state in ('waiting', 'queued', 'running');

alter table chunk enable row level security;
alter table chunk force row level security;
create policy own_tenant on chunk
 using (tenant_id is not distinct from
        (select nullif(current_setting('app.tenant_id', true), '')::uuid))
 with check (tenant_id is not distinct from
        (select nullif(current_setting('app.tenant_id', true), '')::uuid));
alter table chunk alter column tenant_id
 set default nullif(current_setting('app.tenant_id', true), '')::uuid;
grant select, insert, update, delete on chunk to stocktake_app;

-- Workers that live: each tells so every few seconds.
create table worker (
    owner       text primary key,
    concurrency integer not null,
    -- null: every source
    sources     text[],
    version     text not null,
    started_at  timestamptz not null,
    seen_at     timestamptz not null
);
grant select, insert, update, delete on worker to stocktake_app;

-- Which version of Procrastinate made the schema stocktake_queue; see store/queue_schema.py.
create table queue_schema (
    only_row   boolean primary key default true check (only_row),
    version    text not null,
    applied_at timestamptz not null default transaction_timestamp()
);
grant select on queue_schema to stocktake_app;
