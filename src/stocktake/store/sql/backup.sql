-- Statements of backup and restore.

-- name: begin_snapshot
-- From here on see the database as it is now. Ended by closing the connection.
begin transaction isolation level repeatable read read only;

-- name: export_snapshot
-- A name under which pg_dump sees the same moment.
select pg_catalog.pg_export_snapshot();

-- name: tables
-- Every table that holds rows, partitions instead of their parents; by schema, then name.
select n.nspname, c.relname
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'm')
   and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
 order by n.nspname, c.relname;

-- name: table_sum
-- Row count, and the sum of a 64-bit hash of every row, modulo 2^64.
select count(*), coalesce(sum(hashtextextended(each::text, 0)::numeric), 0) % 18446744073709551616
  from {table} as each;
