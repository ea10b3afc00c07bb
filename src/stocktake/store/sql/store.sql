-- Statements of the store itself: roles, sessions, migrations, installation.

-- name: create_roles
-- Create the owner and the application role, allow the owner to create schemas in this database.
-- Run as the login user. Roles belong to the whole server: another database may have made them,
-- also at this very moment.
do $$
declare
    role_name text;
begin
    foreach role_name in array array['stocktake_owner', 'stocktake_app'] loop
        if not exists (select from pg_catalog.pg_roles where rolname = role_name) then
            begin
                execute format('create role %I nologin nobypassrls', role_name);
            exception when duplicate_object or unique_violation then
                null;
            end;
        end if;
        -- From 16 on a member may lack the right to SET ROLE, which is the one we need.
        if not pg_catalog.pg_has_role(current_user, role_name, case
               when current_setting('server_version_num')::int >= 160000 then 'set'
               else 'member' end) then
            execute format('grant %I to current_user', role_name);
        end if;
    end loop;
    if not pg_catalog.has_database_privilege('stocktake_owner', current_database(), 'create') then
        execute format('grant create, connect, temporary on database %I to stocktake_owner',
                       current_database());
    end if;
    if not pg_catalog.has_database_privilege('stocktake_app', current_database(), 'connect')
       or not pg_catalog.has_database_privilege('stocktake_app', current_database(), 'temporary')
    then
        execute format('grant connect, temporary on database %I to stocktake_app',
                       current_database());
    end if;
end
$$;

-- name: drop_roles
-- Take the roles' rights in this database back; drop them when no other database uses them.
do $$
declare
    role_name text;
begin
    foreach role_name in array array['stocktake_app', 'stocktake_owner'] loop
        execute format('revoke all on database %I from %I', current_database(), role_name);
        begin
            execute format('drop role %I', role_name);
        exception when dependent_objects_still_exist or insufficient_privilege then
            null;
        end;
    end loop;
end
$$;

-- name: become_owner
-- Act as the owner of every table, until the session ends.
set role stocktake_owner;

-- name: become_app
-- Undo what a borrower of this connection set, and act as the application.
reset all; set role stocktake_app;

-- name: set_tenant
-- Show only this tenant's rows until the transaction ends.
-- :tenant  text  the tenant's id; '' for none
select set_config('app.tenant_id', %(tenant)s::text, true);

-- name: set_lock_timeout
-- Give up waiting for locks after this long, in this transaction.
-- :wait  text  such as '5s'
select set_config('lock_timeout', %(wait)s::text, true);

-- name: set_search_path
-- Resolve unqualified names in these schemas, until the transaction ends.
-- :schemas  text  such as 'racing, stocktake, public'
select set_config('search_path', %(schemas)s::text, true);

-- name: database_exists
-- Whether the server has a database of that name.
-- :name  text  the database's name
select exists (select from pg_catalog.pg_database where datname = %(name)s::text);

-- name: database_names
-- The databases somebody made, by name.
select datname
  from pg_catalog.pg_database
 where not datistemplate and datallowconn and datname <> 'postgres'
 order by datname;

-- name: server_facts
-- The server's clock, whether it keeps what it acknowledged, and whether the application's role
-- could see other tenants' rows.
select clock_timestamp(),
       current_setting('fsync')::bool and current_setting('full_page_writes')::bool
           and current_setting('synchronous_commit') <> 'off',
       exists (select from pg_catalog.pg_roles
                where rolname = 'stocktake_app' and (rolsuper or rolbypassrls));

-- name: create_database
-- Create the database itself.
create database {name};

-- name: lock_migrations
-- Let one program at a time migrate this database; held until the session ends.
select pg_catalog.pg_advisory_lock(hashtextextended('stocktake.migration', 0));

-- name: has_ledger
-- Whether any migration was ever applied here.
select pg_catalog.to_regclass('stocktake.migration') is not null;

-- name: applied_migrations
-- Applied migrations, each component's in order.
select component, number, name, checksum, applied_at, seconds, catalog
  from stocktake.migration
 order by component, number;

-- name: record_migration
-- Enter one migration in the ledger, in the transaction that applied it.
-- :component  text    whose it is
-- :number     int     its number, from 1
-- :name       text    what it does
-- :checksum   text    SHA-256 of both files
-- :seconds    float8  how long it took
-- :catalog    jsonb   hash of each object of the schema afterwards
insert into stocktake.migration (component, number, name, checksum, seconds, catalog)
values (%(component)s::text, %(number)s::int, %(name)s::text, %(checksum)s::text,
        %(seconds)s::float8, %(catalog)s::jsonb);

-- name: forget_migration
-- Take one migration out of the ledger.
-- :component  text  whose it is
-- :number     int   its number, from 1
delete from stocktake.migration
 where component = %(component)s::text and number = %(number)s::int;

-- name: catalog_fingerprint
-- One hash per table, view, index, constraint, policy, trigger and function of a schema, keyed by
-- what it is. Partitions are left out: they are made while running.
-- :schema  text  name of the schema
with relation as (
    select c.oid, c.relname, c.relkind, c.relrowsecurity, c.relforcerowsecurity,
           pg_catalog.pg_get_userbyid(c.relowner) as owner, c.reloptions, c.relacl,
           pg_catalog.pg_get_expr(c.relpartbound, c.oid) as bound
      from pg_catalog.pg_class c
      join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where n.nspname = %(schema)s::text and not c.relispartition
),
part(thing, definition) as (
    select 'relation ' || relname,
           concat_ws('|', relkind, relrowsecurity, relforcerowsecurity, owner, reloptions::text,
                     (select string_agg(acl::text, ',' order by acl::text) from unnest(relacl) acl),
                     case when relkind in ('v', 'm') then pg_catalog.pg_get_viewdef(oid) end)
      from relation where relkind in ('r', 'p', 'v', 'm', 'S', 'f')
    union all
    select 'column ' || r.relname || '.' || a.attname,
           concat_ws('|', pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull,
                     a.attidentity, a.attgenerated, pg_catalog.pg_get_expr(d.adbin, d.adrelid))
      from relation r
      join pg_catalog.pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
      left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
     where r.relkind in ('r', 'p', 'v', 'm', 'f')
    union all
    select 'index ' || relname, pg_catalog.pg_get_indexdef(oid)
      from relation where relkind in ('i', 'I')
    union all
    select 'constraint ' || r.relname || '.' || k.conname, pg_catalog.pg_get_constraintdef(k.oid)
      from relation r join pg_catalog.pg_constraint k on k.conrelid = r.oid
     where k.contype <> 'n'
    union all
    select 'policy ' || r.relname || '.' || p.polname,
           concat_ws('|', p.polcmd, p.polpermissive, pg_catalog.pg_get_expr(p.polqual, p.polrelid),
                     pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid))
      from relation r join pg_catalog.pg_policy p on p.polrelid = r.oid
    union all
    select 'trigger ' || r.relname || '.' || t.tgname, pg_catalog.pg_get_triggerdef(t.oid)
      from relation r join pg_catalog.pg_trigger t on t.tgrelid = r.oid and not t.tgisinternal
    union all
    select 'function ' || p.proname || '(' || pg_catalog.pg_get_function_identity_arguments(p.oid)
           || ')', pg_catalog.pg_get_functiondef(p.oid)
      from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
     where n.nspname = %(schema)s::text and p.prokind in ('f', 'p')
)
select coalesce(jsonb_object_agg(thing, md5(definition)), jsonb_build_object()) from part;

-- name: read_installation
-- What this database was created for; no row before 'init'.
select installation_id, kind, created_at from stocktake.installation;

-- name: create_installation
-- Say what this database is for, once.
-- :kind  text  'real' or 'sandbox'
insert into stocktake.installation (kind) values (%(kind)s::text)
on conflict (only_row) do nothing;

-- name: become_login
-- Act as the login user again.
reset role;

-- name: change_kind_while_unused
-- Change what the database is for, unless something was fetched or loaded already. As the owner.
-- :kind  text  real or sandbox
update stocktake.installation
   set kind = %(kind)s
 where kind <> %(kind)s
   and not exists (select from stocktake.body) and not exists (select from stocktake.plan);

-- name: outgrown
-- Tables that grew by a fifth since the planner learnt what is in them, or of which it knows
-- nothing. By their sizes, since the server's own counts of changes come seconds late.
-- :schemas text[] schemas
select format('%%I.%%I', n.nspname, c.relname)
  from pg_class as c
  join pg_namespace as n on n.oid = c.relnamespace
 where n.nspname = any(%(schemas)s::text[])
   and c.relkind = 'r'
   and pg_relation_size(c.oid)
       > current_setting('block_size')::bigint * (1.2 * greatest(c.relpages, 0) + 8);

-- name: analyze
-- Lets the planner learn what is in tables.
analyze {tables};
