-- name: export_rows
-- Every row of a dataset in the order of its key; equal tables give equal files.
-- {columns} its own columns, {table} schema and table, {key} its key columns
select {columns} from {table} order by {key};

-- name: table_columns
-- A table's columns in order, without the engine's, which begin with an underscore.
-- :schema text, :table text
select column_name::text
  from information_schema.columns
 where table_schema = %(schema)s and table_name = %(table)s and left(column_name, 1) <> '_'
 order by ordinal_position;

-- name: table_rows
-- How many rows a table holds.
select count(*) from {table};

-- name: add_signoff
-- A sign-off; its number.
-- :system text, :since date or null, :until date, :signed_by text, :signed_at timestamptz
insert into stocktake.signoff (system, since, until, signed_by, signed_at)
values (%(system)s, %(since)s, %(until)s, %(signed_by)s, %(signed_at)s)
returning signoff_id;

-- name: add_signoff_item
-- One criterion as it was measured.
-- :signoff_id bigint, :place integer, :name text, :title text, :kind text, :severity text,
-- :value double precision or null, :threshold text, :detail text, :lines jsonb, :waived text
insert into stocktake.signoff_item (signoff_id, place, name, title, kind, severity, value,
                                    threshold, detail, lines, waived)
values (%(signoff_id)s, %(place)s, %(name)s, %(title)s, %(kind)s, %(severity)s, %(value)s,
        %(threshold)s, %(detail)s, %(lines)s, %(waived)s);

-- name: list_signoffs
-- Sign-offs, newest first.
-- :system text or null, :signoff_id bigint or null
select signoff_id, system, since, until, signed_by, signed_at
  from stocktake.signoff
 where system = coalesce(%(system)s, system)
   and signoff_id = coalesce(%(signoff_id)s, signoff_id)
 order by signoff_id desc;

-- name: signoff_items
-- What was measured for a sign-off, in order.
-- :signoff_id bigint
select name, title, kind, severity, value, threshold, detail, lines, waived
  from stocktake.signoff_item
 where signoff_id = %(signoff_id)s
 order by place;
