-- Tenants and who belongs to them; a second factor of logins; passwords nobody may choose. And one
-- way in which a table comes under the policy, for later migrations of the engine and of systems.

-- The tenant of the transaction; null for the installation itself. An unset one reads '' after a
-- transaction that had set it.
create function current_tenant() returns uuid language sql stable parallel safe
as $$ select nullif(current_setting('app.tenant_id', true), '')::uuid $$;

-- Puts a table with the column tenant_id under the policy: the installation's rows are open to the
-- installation alone, a tenant's rows only to the tenant named for the transaction. Of a choice the
-- planner takes half of the rows, of "is not distinct from" nearly none.
create function isolate_table(target regclass) returns void language plpgsql as $$
begin
    execute format('alter table %s enable row level security', target);
    execute format('alter table %s force row level security', target);
    execute format(
        $policy$create policy own_tenant on %s
            using (case when (select stocktake.current_tenant()) is null then tenant_id is null
                        else tenant_id = (select stocktake.current_tenant()) end)
            with check (tenant_id is not distinct from (select stocktake.current_tenant()))$policy$,
        target);
    execute format('alter table %s alter column tenant_id set default stocktake.current_tenant()',
                   target);
end $$;

create table tenant (
    tenant_id  uuid primary key default gen_random_uuid(),
    name       text not null check (name <> ''),
    slug       text not null unique check (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    tier       text not null default 'free'
               check (tier in ('free', 'starter', 'professional', 'enterprise')),
    status     text not null default 'active' check (status in ('active', 'suspended', 'cancelled')),
    day_zone   text not null default 'UTC',
    currency   char(3) not null default 'USD',
    created_at timestamptz not null,
    created_by text not null,
    changed_at timestamptz not null
);
-- A tenant sees its own line; the installation sees all, and alone changes them.
alter table tenant enable row level security;
alter table tenant force row level security;
create policy own_line on tenant
 using ((select current_tenant()) is null or tenant_id = (select current_tenant()))
 with check ((select current_tenant()) is null);

alter table user_account add foreign key (tenant_id) references tenant;
alter table session add foreign key (tenant_id) references tenant;
alter table api_key add foreign key (tenant_id) references tenant;

-- A session that lacks the second factor yet; it lets nobody in.
alter table session add column is_half boolean not null default false;

-- The secret is what authenticator programs are given; it has to be known to compare a code.
create table second_factor (
    user_id      bigint primary key references user_account on delete cascade,
    tenant_id    uuid,
    secret       bytea not null,
    -- null until the first code was right: only then it is asked for
    confirmed_at timestamptz,
    -- the last code's half minute: no code counts twice
    last_step    bigint not null default 0,
    -- SHA-256 of codes that each let in once without the program
    recovery     bytea[] not null default '{}',
    created_at   timestamptz not null
);

-- SHA-1 of passwords that are known to everybody: lists of them are published so.
create table breached_password (sha1 bytea primary key);

-- Two tenants may use the same key, and have the same duplicate.
alter table idempotency drop constraint idempotency_pkey;
alter table idempotency add unique nulls not distinct (tenant_id, actor, key);
drop index duplicate_once;
create unique index duplicate_once on duplicate
    (tenant_id, system, dataset, row_key, md5(other::text)) nulls not distinct;

-- Every table with tenants anew, by the one way.
do $$
declare
    target regclass;
begin
    for target in
        select c.oid from pg_class c join pg_attribute a on a.attrelid = c.oid
         where c.relnamespace = 'stocktake'::regnamespace and c.relkind in ('r', 'p')
           and a.attname = 'tenant_id' and not a.attisdropped and c.relname <> 'tenant'
    loop
        execute format('drop policy if exists own_tenant on %s', target);
        perform isolate_table(target);
    end loop;
end $$;

-- Whose an account, session, key or invitation is must be known before its row can be seen. These
-- return that one id and nothing else; the owner of the tables sees the rows for them.
create policy for_functions on user_account for select to stocktake_owner using (true);
create policy for_functions on session for select to stocktake_owner using (true);
create policy for_functions on api_key for select to stocktake_owner using (true);

create function tenant_of_account(of_name text) returns uuid
language sql stable security definer set search_path = stocktake, pg_temp
as $$ select tenant_id from stocktake.user_account where name = of_name $$;

create function tenant_of_invitation(of_hash bytea) returns uuid
language sql stable security definer set search_path = stocktake, pg_temp
as $$ select tenant_id from stocktake.user_account where invite_hash = of_hash $$;

create function tenant_of_session(of_hash bytea) returns uuid
language sql stable security definer set search_path = stocktake, pg_temp
as $$ select tenant_id from stocktake.session where token_hash = of_hash $$;

create function tenant_of_key(of_prefix text) returns uuid
language sql stable security definer set search_path = stocktake, pg_temp
as $$ select tenant_id from stocktake.api_key where prefix = of_prefix $$;

revoke execute on function tenant_of_account(text), tenant_of_invitation(bytea),
    tenant_of_session(bytea), tenant_of_key(text) from public;
grant execute on function tenant_of_account(text), tenant_of_invitation(bytea),
    tenant_of_session(bytea), tenant_of_key(text) to stocktake_app;
