-- What people decide about refused rows and about rows that share a key.

-- How a reject ended: loaded after all, edited by a person, dismissed with a reason.
alter table reject
    add column resolution text not null default ''
        check (resolution in ('', 'loaded', 'edited', 'dismissed')),
    add column resolved_by text not null default '',
    add column resolved_reason text not null default '',
    add column resolved_run_id bigint;
-- A reason without figures and quoted words, so that alike ones can be counted together.
create function reason_shape(reason text) returns text language sql immutable parallel safe
as $$ select regexp_replace(reason, '''[^'']*''|"[^"]*"|[0-9]+([.,:/-][0-9]+)*', '…', 'g') $$;
create index reject_by_run on reject (resolved_run_id) where resolved_run_id is not null;

-- What was measured along a run.
create index check_result_by_run on check_result (run_id) where run_id is not null;

-- Which columns a merged row takes from the row that was set aside.
alter table duplicate add column from_other text[] not null default '{}';
alter table duplicate drop constraint duplicate_state_check;
alter table duplicate add constraint duplicate_state_check
    check (state in ('open', 'kept', 'replaced', 'merged', 'both', 'distinct'));

-- A capture that a person made of another one by changing one row in it: who, when, and both texts.
create table edit (
    capture_id  bigint primary key references capture,
    tenant_id   uuid,
    edits       bigint not null references capture,
    reject_id   bigint references reject,
    position    text not null,
    before      text not null,
    after       text not null,
    by          text not null,
    reason      text not null default '',
    at          timestamptz not null
);
alter table edit enable row level security;
alter table edit force row level security;
create policy own_tenant on edit
 using (case when (select nullif(current_setting('app.tenant_id', true), '')::uuid) is null
             then tenant_id is null
             else tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid)
        end)
 with check (tenant_id is not distinct from
        (select nullif(current_setting('app.tenant_id', true), '')::uuid));
alter table edit alter column tenant_id
 set default nullif(current_setting('app.tenant_id', true), '')::uuid;
grant select, insert, update, delete on edit to stocktake_app;
