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
