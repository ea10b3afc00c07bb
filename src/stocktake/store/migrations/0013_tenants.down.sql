-- Tenants, second factors and the list of breached passwords are lost; rows of tenants stay, and no
-- account can see them.
drop function tenant_of_key(text);
drop function tenant_of_session(bytea);
drop function tenant_of_invitation(bytea);
drop function tenant_of_account(text);

drop policy for_functions on api_key;
drop policy for_functions on session;
drop policy for_functions on user_account;

do $$
declare
    target regclass;
begin
    for target in
        select c.oid from pg_class c join pg_attribute a on a.attrelid = c.oid
         where c.relnamespace = 'stocktake'::regnamespace and c.relkind in ('r', 'p')
           and a.attname = 'tenant_id' and not a.attisdropped
           and c.relname not in ('tenant', 'second_factor')
    loop
        execute format('drop policy own_tenant on %s', target);
        if target in ('user_account'::regclass, 'session'::regclass, 'api_key'::regclass) then
            execute format('alter table %s no force row level security', target);
            execute format('alter table %s disable row level security', target);
            execute format('alter table %s alter column tenant_id drop default', target);
        else
            execute format(
                $policy$create policy own_tenant on %s using (
                    case when (select nullif(current_setting('app.tenant_id', true), '')::uuid) is null
                         then tenant_id is null
                         else tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid)
                    end)
                with check (tenant_id is not distinct from
                    (select nullif(current_setting('app.tenant_id', true), '')::uuid))$policy$, target);
            execute format('alter table %s alter column tenant_id
                 set default nullif(current_setting(''app.tenant_id'', true), '''')::uuid', target);
        end if;
    end loop;
end $$;

drop index duplicate_once;
create unique index duplicate_once on duplicate
    (system, dataset, row_key, md5(other::text)) nulls not distinct;
alter table idempotency drop constraint idempotency_tenant_id_actor_key_key;
alter table idempotency add primary key (actor, key);

drop table breached_password;
drop table second_factor;
delete from session where is_half;
alter table session drop column is_half;
alter table session drop constraint session_tenant_id_fkey;
alter table user_account drop constraint user_account_tenant_id_fkey;
alter table api_key drop constraint api_key_tenant_id_fkey;
drop table tenant;
drop function isolate_table(regclass);
drop function current_tenant();
