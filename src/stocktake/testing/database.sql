-- Statements that make and drop throw-away databases.

-- name: template_exists
-- Whether the template is complete.
-- :name  text  the template's name
select exists (select from pg_catalog.pg_database where datname = %(name)s::text);

-- name: lock_templates
-- One program at a time makes a template.
select pg_catalog.pg_advisory_lock(hashtextextended('stocktake.testing', 0));

-- name: unlock_templates
-- Let the next one look.
select pg_catalog.pg_advisory_unlock(hashtextextended('stocktake.testing', 0));

-- name: create_database
-- An empty database.
create database {name};

-- name: create_from_template
-- A copy of a template.
create database {name} template {template};

-- name: rename_database
-- Give a finished template its name.
alter database {name} rename to {new_name};

-- name: drop_database
-- Also when a session was forgotten in it.
drop database if exists {name} with (force);

-- name: deallocate_all
-- Prepared statements outlive a rollback.
deallocate all;
