-- Pieces that stocktake.load.tables puts into the {placeholders} of load.sql; none is a statement.
-- "held" is the row in the table, "given" the staged row, "shown" what comes of both.

-- name: same_column
-- One column of a key is equal.
held.{column} = {other}.{column}

-- name: one_of
-- One column of a key is among those of an array.
held.{column} = any({array})

-- name: key_given
-- One column of a key has the value given as text.
held.{column} = {value}

-- name: falling
-- A column of the order, the last first.
{column} desc

-- name: held_pair
-- A column of the row, by name.
{name}, held.{column}

-- name: told_by
-- The row as another facet told it: what is shown, but for what was overruled.
cross join lateral jsonb_populate_record(held, held._overruled -> {facet}) as {told}

-- name: own_value
-- What is given is taken, also NULL.
given.{column} as {column}

-- name: held_column
-- A column of the row as it was.
held.{column}

-- name: shown_column
-- A column of the row as it becomes.
shown.{column}

-- name: staged_row
-- Begins the list of shown values, which may be empty.
given._n

-- name: strongest_value
-- The strongest facet that told a value wins; values are listed strongest first.
coalesce({values}) as {column}

-- name: longest_value
-- The longer text wins, then the greater by code points.
case when length(given.{column}) > length(held.{column})
       or length(given.{column}) = length(held.{column})
          and given.{column} collate "C" > held.{column} collate "C" then given.{column}
     else coalesce(held.{column}, given.{column}) end as {column}

-- name: unchanged_name
-- The name of a column that stays as it is.
case when held.{column} is not distinct from shown.{column} then {name} end

-- name: changes
-- What the columns that change were.
({former}) - array_remove(array[{unchanged}]::text[], null)

-- name: nothing_changes
-- For facets of nothing but a key.
'{}'::jsonb

-- name: told_field
-- A column of another facet's row.
{told}.{column}

-- name: overruled_told
-- What another facet told and is not shown.
case when held.{hash} is not null and ({told_values}) is distinct from ({shown_values})
     then jsonb_build_object({facet}, {differences}) else '{{}}'::jsonb end

-- name: overruled_given
-- What this facet tells and is not shown.
case when ({told_values}) is distinct from ({shown_values})
     then jsonb_build_object({facet}, {differences}) else '{{}}'::jsonb end

-- name: overruled_value
-- One column told otherwise than shown.
case when {told} is distinct from shown.{column}
     then jsonb_build_object({name}, {told}) else '{{}}'::jsonb end

-- name: told_value
-- What another facet told, NULL when it has not spoken.
case when held.{hash} is not null then {told}.{column} end

-- name: given_value
-- What this facet tells.
given.{column}

-- name: overruled_all
-- NULL when every facet agrees with what is shown, as nearly always.
nullif({parts}, '{{}}'::jsonb)

-- name: overruled_none
-- For facets without shared columns.
null::jsonb

-- name: json_object
-- Pairs as one object.
jsonb_build_object({pairs})

-- name: assign_column
-- A merged value.
{column} = compared.{column}

-- name: assign_default
-- A column that nobody tells any more.
{column} = default

-- name: assign_given
-- The capture that told last.
_capture_id = compared._given_capture

-- name: assign_row_hash
-- The hash of the table's only facet.
_row_hash = compared._given_hash

-- name: assign_facet_hash
-- Hash and capture of one of several facets; the row's hash is all of theirs, combined by xor.
_row_hash = coalesce(held._row_hash, 0) # coalesce(held.{hash}, 0) # compared._given_hash,
       {hash} = compared._given_hash, {capture} = compared._given_capture

-- name: assign_overruled
-- What facets told and is not shown.
_overruled = compared._given_overruled

-- name: applies_always
-- The facet's latest word: its hash changes in any case.
true

-- name: applies_when_telling
-- The facet's latest word, of which a longer text may be held already: then nothing is touched.
(compared._changes <> '{{}}' or compared._former -> {hash} = 'null'
 or compared._given_overruled is distinct from nullif(compared._former -> '_overruled', 'null'))

-- name: applies_when_changed
-- Older than what is held: the row is touched only when a text became longer.
compared._changes <> '{}'
