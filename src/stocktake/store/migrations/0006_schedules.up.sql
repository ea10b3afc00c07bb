-- When work recurs and what became of each time it was due; and what sources withdrew.

-- Declared schedules are written from the systems' declarations; a person's own ones, and what a
-- person switched on or off, stay as they are.
create table schedule (
    schedule_id    bigint generated always as identity primary key,
    tenant_id      uuid,
    system         text not null,
    name           text not null,
    cron           text not null,
    zone           text not null,
    verb           text not null,
    datasets       text[] not null default '{}',
    options        jsonb not null default '{}',
    catch_up       text not null default 'coalesce' check (catch_up in ('coalesce', 'each')),
    overlap        text not null default 'skip' check (overlap in ('skip', 'queue')),
    jitter_seconds integer not null default 0 check (jitter_seconds >= 0),
    is_declared    boolean not null,
    is_enabled     boolean not null default true,
    switched_by    text,
    switched_at    timestamptz,
    -- up to this instant, included, it is decided what became of every time it was due
    decided_until  timestamptz not null,
    changed_at     timestamptz not null,
    unique nulls not distinct (tenant_id, system, name)
);

-- One line per time due: the key is what makes two schedulers start it once.
create table schedule_fire (
    schedule_id      bigint not null references schedule on delete cascade,
    due_at           timestamptz not null,
    tenant_id        uuid,
    outcome          text not null check (outcome in ('fired', 'skipped', 'coalesced', 'missed')),
    reason           text not null default '',
    run_id           bigint references run,
    by               text not null,
    decided_at       timestamptz not null,
    lateness_seconds double precision not null,
    primary key (schedule_id, due_at)
);
create index schedule_fire_by_run on schedule_fire (run_id) where run_id is not null;


-- Rows, or facets of rows, that a full answer of their unit no longer told: removed, never silently.
-- What they were is in row_version, under the same run and key.
create table tombstone (
    tombstone_id bigint generated always as identity primary key,
    tenant_id    uuid,
    run_id       bigint not null,
    system       text not null,
    dataset      text not null,
    facet        text not null,
    feed         text not null,
    unit         text[] not null,
    row_key      jsonb not null,
    -- the answer that no longer told it
    capture_id   bigint references capture,
    -- whether the row went, or only what this facet had told of it
    is_row_gone  boolean not null,
    at           timestamptz not null,
    -- by the server's clock: that is what derivations read changes by
    noted_at     timestamptz not null default transaction_timestamp()
);
create index tombstone_by_unit on tombstone (system, dataset, unit);
create index tombstone_by_row on tombstone (system, dataset, row_key);
create index tombstone_by_run on tombstone (run_id);

do $$
declare
    target text;
begin
    foreach target in array array['schedule', 'schedule_fire', 'tombstone'] loop
        execute format('alter table %I enable row level security', target);
        execute format('alter table %I force row level security', target);
        execute format(
            'create policy own_tenant on %I using (tenant_id is not distinct from
                 (select nullif(current_setting(''app.tenant_id'', true), '''')::uuid))
             with check (tenant_id is not distinct from
                 (select nullif(current_setting(''app.tenant_id'', true), '''')::uuid))', target);
        execute format('alter table %I alter column tenant_id
             set default nullif(current_setting(''app.tenant_id'', true), '''')::uuid', target);
        execute format('grant select, insert, update, delete on %I to stocktake_app', target);
    end loop;
end $$;
grant usage, select on all sequences in schema stocktake to stocktake_app;
