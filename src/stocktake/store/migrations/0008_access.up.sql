-- Who may come in: users, sessions, API keys; what they did; and answers kept for a repeated request.

-- Accounts, sessions and keys are looked up before anybody knows whose tenant the caller belongs to,
-- so these tables carry tenant_id without the policy: access/ only reads them by secret or name.
create table user_account (
    user_id       bigint generated always as identity primary key,
    tenant_id     uuid,
    name          text not null unique check (name = lower(name)),
    -- NULL: invited, and has not chosen one yet
    password_hash text,
    role          text not null check (role in ('viewer', 'operator', 'admin')),
    is_active     boolean not null default true,
    invite_hash   bytea unique,
    invite_until  timestamptz,
    preferences   jsonb not null default '{}',
    created_at    timestamptz not null,
    created_by    text not null,
    last_login_at timestamptz
);

-- The token itself is only in the browser's cookie.
create table session (
    session_id bigint generated always as identity primary key,
    token_hash bytea not null unique,
    user_id    bigint not null references user_account on delete cascade,
    tenant_id  uuid,
    address    text not null,
    agent      text not null,
    created_at timestamptz not null,
    seen_at    timestamptz not null,
    ended_at   timestamptz
);
create index session_by_user on session (user_id) where ended_at is null;

create table api_key (
    key_id       bigint generated always as identity primary key,
    tenant_id    uuid,
    name         text not null,
    prefix       text not null unique,
    secret_hash  bytea not null,
    role         text not null check (role in ('viewer', 'operator', 'admin')),
    -- empty: all that its role may do
    scopes       text[] not null default '{}',
    created_at   timestamptz not null,
    created_by   text not null,
    expires_at   timestamptz,
    last_used_at timestamptz,
    revoked_at   timestamptz
);

-- Logins tried, per account and address, and per address alone (account '').
create table login_try (
    account       text not null,
    address       text not null,
    tries         integer not null,
    began_at      timestamptz not null,
    blocked_until timestamptz,
    primary key (account, address)
) with (fillfactor = 70);

create table audit (
    audit_id  bigint generated always as identity primary key,
    tenant_id uuid,
    at        timestamptz not null,
    actor     text not null,
    via       text not null,
    address   text not null,
    action    text not null,
    subject   text not null,
    details   jsonb not null default '{}'
);
create index audit_by_time on audit (at);

-- The first answer to a request that carried an Idempotency-Key, given again when it is repeated.
create table idempotency (
    actor        text not null,
    key          text not null,
    tenant_id    uuid,
    request_hash bytea not null,
    at           timestamptz not null,
    -- NULL: the first request is still being answered
    status       integer,
    headers      jsonb not null default '{}',
    content      bytea not null default '',
    primary key (actor, key)
);
create index idempotency_by_time on idempotency (at);

do $$
declare
    target text;
begin
    foreach target in array array['audit', 'idempotency'] loop
        execute format('alter table %I enable row level security', target);
        execute format('alter table %I force row level security', target);
        execute format(
            'create policy own_tenant on %I using (tenant_id is not distinct from
                 (select nullif(current_setting(''app.tenant_id'', true), '''')::uuid))
             with check (tenant_id is not distinct from
                 (select nullif(current_setting(''app.tenant_id'', true), '''')::uuid))', target);
        execute format('alter table %I alter column tenant_id
             set default nullif(current_setting(''app.tenant_id'', true), '''')::uuid', target);
    end loop;
end $$;

-- The application may add to the audit, never change it.
revoke update, delete on audit from stocktake_app;
