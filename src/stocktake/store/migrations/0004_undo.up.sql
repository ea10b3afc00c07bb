-- What taking a run back needs besides row_version: what units were before it, and that it was done.

-- Units as they were before a run first changed or forgot them. Units a run was the first to tell
-- of need no line: they carry its run_id.
create table unit_version (
    run_id     bigint not null,
    series_id  integer not null references series on delete cascade,
    ordinal    integer not null,
    tenant_id  uuid,
    before     jsonb not null,
    primary key (series_id, ordinal, run_id)
);
create index unit_version_by_run on unit_version (run_id);

alter table unit_version enable row level security;
alter table unit_version force row level security;
create policy own_tenant on unit_version
 using (tenant_id is not distinct from
        (select nullif(current_setting('app.tenant_id', true), '')::uuid))
 with check (tenant_id is not distinct from
        (select nullif(current_setting('app.tenant_id', true), '')::uuid));
alter table unit_version alter column tenant_id
 set default nullif(current_setting('app.tenant_id', true), '')::uuid;
grant select, insert, update, delete on unit_version to stocktake_app;

-- The run that took this one back.
alter table run add column undone_by bigint references run;
