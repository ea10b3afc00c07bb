-- The schema of the engine, the ledger of migrations, and what this database is for.
-- The roles stocktake_owner and stocktake_app exist already: the runner makes them first, because
-- they belong to the server, not to this database. Every migration runs as stocktake_owner.
create schema stocktake;
comment on schema stocktake is 'Tables of the Stocktake engine; each system has its own schema.';

-- What the owner makes from now on, in any schema, the application may use.
alter default privileges grant usage on schemas to stocktake_app;
alter default privileges grant select, insert, update, delete on tables to stocktake_app;
alter default privileges grant usage, select on sequences to stocktake_app;
grant usage on schema stocktake to stocktake_app;

create table stocktake.migration (
    component text not null,
    number integer not null check (number > 0),
    name text not null,
    checksum text not null,
    applied_at timestamptz not null default clock_timestamp(),
    seconds double precision not null,
    catalog jsonb not null,
    primary key (component, number)
);
comment on table stocktake.migration is
    'Ledger: which migration of which component was applied, with the hash of its files and of '
    'each catalog object of its schema afterwards.';
revoke insert, update, delete on stocktake.migration from stocktake_app;

create table stocktake.installation (
    only_row boolean primary key default true check (only_row),
    installation_id uuid not null default gen_random_uuid(),
    kind text not null check (kind in ('real', 'sandbox')),
    created_at timestamptz not null default now()
);
comment on table stocktake.installation is
    'One row: whether this database holds real or sandbox rows. It never changes.';
revoke update, delete on stocktake.installation from stocktake_app;
