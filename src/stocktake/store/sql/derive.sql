-- name: oldest_transaction
-- Start of the oldest transaction that may still commit rows we cannot see, else the instant after
-- our own start: what this transaction writes is seen by whoever reads it in this transaction. Of
-- sessions of other logins nothing is shown: an hour is granted to them. Only the login sees its
-- own sessions' starts, so we act as it (role 'none') between the first statement and the last.
select set_config('stocktake.role', current_setting('role'), true),
       set_config('role', 'none', true);
select least(
    transaction_timestamp() + interval '1 microsecond',
    min(xact_start),
    case when count(*) filter (where query = '<insufficient privilege>') > 0
         then transaction_timestamp() - interval '1 hour' end)
  from pg_stat_activity
 where datname = current_database() and pid <> pg_backend_pid()
   and backend_type <> 'autovacuum worker'; -- which writes no rows
select set_config('role', current_setting('stocktake.role'), true);

-- name: table_columns
-- Columns of tables with their full types, in order.
-- :names  text[]  how the tables are called here
-- :tables  text[]  their quoted names
select t.name, a.attname, format_type(a.atttypid, a.atttypmod)
  from unnest(%(names)s::text[], %(tables)s::text[]) as t(name, quoted)
  join pg_attribute a on a.attrelid = t.quoted::regclass
 where a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
 order by t.name, a.attnum;

-- name: take_turns
-- A derivation is recomputed by one session at a time; the other waits here.
-- :names  text[]  the derivations, in the order in which they are computed
select pg_advisory_xact_lock(hashtextextended(n.name, 0))
  from unnest(%(names)s::text[]) with ordinality as n(name, place) order by n.place;

-- name: read_states
-- Where the last recomputations stopped, with which parameters, and what was noted as stale since.
-- :system  text  its system
select dataset, sql, watermark, parameters, noted_until
  from stocktake.derive_state where system = %(system)s;

-- name: write_states
-- Remember where recomputations stopped.
-- :system  text  their system
-- :datasets  text[]  tables
-- :stems  text[]  file stems of the derivations
-- :parameters  jsonb[]  those used
-- :watermark  timestamptz  from here on nothing was seen
-- :run_id  bigint  the run
-- :at  timestamptz  when
insert into stocktake.derive_state (tenant_id, system, dataset, sql, watermark, parameters,
                                    run_id, at)
select nullif(current_setting('app.tenant_id', true), '')::uuid, %(system)s, d.dataset, d.sql,
       %(watermark)s, d.parameters, %(run_id)s, %(at)s
  from unnest(%(datasets)s::text[], %(stems)s::text[], %(parameters)s::jsonb[])
           as d(dataset, sql, parameters)
    on conflict (tenant_id, system, dataset, sql)
    do update set watermark = excluded.watermark, parameters = excluded.parameters,
                  run_id = excluded.run_id, at = excluded.at, noted_until = null;

-- name: write_noted
-- Remember up to where changes were noted as stale, unless it was recomputed meanwhile.
-- :system  text  their system
-- :datasets  text[]  tables
-- :stems  text[]  file stems of the derivations
-- :watermarks  timestamptz[]  of the recomputations since which changes were looked for
-- :noted_until  timestamptz  from here on nothing was seen
update stocktake.derive_state s
   set noted_until = %(noted_until)s
  from unnest(%(datasets)s::text[], %(stems)s::text[], %(watermarks)s::timestamptz[])
           as d(dataset, sql, watermark)
 where s.system = %(system)s and s.dataset = d.dataset and s.sql = d.sql
   and s.watermark = d.watermark;

-- name: changes
-- What changed of an input, under the name that statements know it by.
{name} as not materialized ({changes})

-- name: loaded
-- Rows of an input that were loaded since the watermark.
select t.* from {input} t where t._loaded_at >= {watermark}

-- name: former
-- What rows of an input were before each change since the watermark: a former self is the present
-- row with the versions laid over it, newest first.
select former.*
  from (select w.row_key,
               stocktake.laid_over(w.before) over (
                   partition by w.row_key order by w.version_id desc) as before
          from stocktake.row_version w
         where w.system = {system} and w.dataset = {dataset} and w.at >= {watermark}) v
  left join {input} t on {matches_version}
 cross join lateral jsonb_populate_record(t, v.before || v.row_key) former

-- name: nothing
-- An input of which nothing changed.
select t.* from {input} t where false

-- name: everything
-- Every row of an input, for derivations that do not list their keys themselves.
{name} as not materialized (select t.* from {input} t)

-- name: is_loaded
-- The name of a dataset of which anything was loaded or changed since the watermark.
select {dataset}::text, true where exists (select from {input} where _loaded_at >= {watermark})

-- name: is_versioned
-- The names of datasets of which anything was overwritten or removed since the watermark.
select d.name, false
  from unnest({datasets}::text[]) as d(name)
 where exists (select from stocktake.row_version
                where system = {system} and dataset = d.name and at >= {watermark})

-- name: drop_scratch
-- Tables of an earlier derivation of this transaction.
drop table if exists touched_keys, computed;

-- name: create_touched_keys
-- The keys to recompute.
create temporary table touched_keys on commit drop as
select {scope} from {target} with no data;

-- name: touched_of_changes
-- The keys that changes touch, each once; keys with NULL name nothing.
with {changes}
select distinct {typed_scope} from ({touched}) touched where num_nulls({scope}) = 0

-- name: few_keys
-- Up to so many keys, column by column; one more says that there are more.
select count(*)::integer, {arrays} from (select * from ({keys}) keys limit {most}) few

-- name: array_of
-- All values of a column, as a literal.
array_agg({column})::text

-- name: create_touched_keys_of
-- The keys to recompute.
create temporary table touched_keys on commit drop as {keys};

-- name: keys_given
-- The keys to recompute, when they are few: a temporary table means six files made and removed.
touched_keys ({scope}) as materialized (select * from unnest({arrays}))

-- name: relate_touched_keys
-- Columns of a key hang together: taken for independent, a few combinations seem to occur again and
-- again, and looking each key up in its turn seems cheaper than reading a table once. For all keys
-- only: a day's few are looked up faster without.
create statistics pg_temp.touched_keys_together (ndistinct) on {scope} from touched_keys;

-- name: fill_touched_keys
-- Each key once; keys with NULL name nothing.
insert into touched_keys ({scope})
with {changes}
select distinct {scope} from ({touched}) touched where num_nulls({scope}) = 0;

-- name: with_new_rows
-- The keys, and those of rows that others loaded since the watermark.
({keys}) union (select {typed_scope} from {target} where _loaded_at >= {watermark})

-- name: with_units
-- The keys, and those of units that should be there and are not, whatever changed: somebody deleted
-- their rows.
({keys}) union
(select {typed_scope} from ({every}) every_key where {column}::text = any({units}::text[]))

-- name: every_row
-- Every row whose columns are derived.
select {scope} from {target}

-- name: fill_every_key
-- The derivation lists each key once itself.
insert into touched_keys ({scope}) select {scope} from ({every}) every_key;

-- name: fill_sample
-- A share of the keys that are stored or could be, at least so many; the same for the same seed.
-- :seed  integer  which keys
-- :least  integer  keys at least
-- :share  double precision  part of the keys, 0 to 1
insert into touched_keys ({scope})
with {changes}
select {scope}
  from (select {scope} from ({every}) every_key
         union select {scope} from {target}) k
 order by hashtextextended(k::text, %(seed)s)
 limit greatest(%(least)s,
    (select ceil(count(*) * %(share)s) from (select 1 from {target}) counted))::bigint;

-- name: analyze_touched_keys
-- The planner must know whether these are ten keys or all.
analyze touched_keys;

-- name: count_touched_keys
-- How many keys are recomputed.
select count(*) from touched_keys;

-- name: is_empty
-- Whether the target has no row yet.
select not exists (select from {target});

-- name: rows_of
-- What compute gives, as the target stores it, with its hash.
select r.*, hash_record_extended(row({compared}), 0) as _row_hash
  from (select {typed} from ({compute}) c) r

-- name: insert_all
-- The first rows of an empty table.
-- :_run_id  bigint  the run rows are ascribed to
insert into {target} ({columns}, _row_hash, _run_id)
select {columns}, _row_hash, %(_run_id)s from ({rows}) r;

-- name: create_computed
-- Recompute the touched keys beside the table.
create temporary table computed on commit drop as
select {columns}, _row_hash from ({rows}) r;

-- name: analyze_computed
-- Merging three rows and merging all of them want different plans; rows are found by their key.
analyze computed ({key_list});

-- name: index_computed
-- Columns of a key depend on one another, so the planner takes many rows for one and would compare
-- all with all: what was computed for each stored row.
create index on computed ({key_list});

-- name: index_touched_keys
-- The same of the keys that were touched, for each stored row that was not computed.
create index on touched_keys ({scope});

-- name: merge_few
-- Recompute few keys and merge what differs, all at once. Every part sees the table as it was.
with {keys},
computed as materialized (select {columns}, _row_hash from ({rows}) r),
{parts}
select (select count(*) from computed), {counts};

-- name: part
-- One of several changes made at once.
{name} as ({statement} returning 1)

-- name: part_count
-- How many rows one of them changed.
(select count(*) from {name})

-- name: keep_deleted
-- What is about to vanish, for derivations that read this table.
-- :_run_id  bigint  the run
-- :_system  text  its system
-- :_dataset  text  table
insert into stocktake.row_version (tenant_id, run_id, system, dataset, row_key, operation, before)
select nullif(current_setting('app.tenant_id', true), '')::uuid, %(_run_id)s, %(_system)s,
       %(_dataset)s, jsonb_build_object({key_pairs}), 'delete', to_jsonb(t)
  from {target} t
 where {is_vanished};

-- name: keep_updated
-- What is about to change, for derivations that read this table.
-- :_run_id  bigint  the run
-- :_system  text  its system
-- :_dataset  text  table
insert into stocktake.row_version (tenant_id, run_id, system, dataset, row_key, operation, before)
select nullif(current_setting('app.tenant_id', true), '')::uuid, %(_run_id)s, %(_system)s,
       %(_dataset)s, jsonb_build_object({key_pairs}), 'update', to_jsonb(t)
  from {target} t
  join computed c on {same_key}
 where {differs};

-- name: is_vanished
-- A stored row of a touched key that was not computed again. Said with "not exists", the planner
-- takes what is left for one row, and compares it with all touched keys one by one.
({stored_key}) in (select {stored_key} from {target} t
                    where exists (select from touched_keys k where {in_scope})
                   except all
                   select {computed_key} from computed c)

-- name: is_vanished_of_all
-- A stored row that was not computed again, when all was computed.
not exists (select from computed c where {same_key})

-- name: delete_vanished
-- Stored rows that were not computed again.
delete from {target} t where {is_vanished};

-- name: update_changed
-- Stored rows whose values changed.
-- :_run_id  bigint  the run rows are ascribed to
update {target} t
   set {assignments}, _row_hash = c._row_hash, _run_id = %(_run_id)s,
       _loaded_at = transaction_timestamp(), updated_at = transaction_timestamp()
  from computed c
 where {same_key} and {differs};

-- name: update_columns
-- Derived columns of a fetched table whose values changed; who loaded the row, and when, stays.
update {target} t
   set {assignments}, updated_at = transaction_timestamp()
  from computed c
 where {same_key} and {differs};

-- name: insert_new
-- Computed rows whose key is not stored yet.
-- :_run_id  bigint  the run rows are ascribed to
insert into {target} ({columns}, _row_hash, _run_id)
select {columns}, c._row_hash, %(_run_id)s
  from computed c
 where not exists (select from {target} t where {same_key});

-- name: units_touched
-- Units in which touched keys lie.
{keys} select unit from ({units}) touched_units;

-- name: differences
-- Keys of the touched scope where stored and recomputed rows differ, with what is wrong.
select {key_list}, case when not is_stored then 'absent'
                        when not is_computed then 'surplus' else 'differs' end
  from (select {keys}, t.is_stored is not null as is_stored, c.is_computed is not null as is_computed
          from (select t.*, true as is_stored from {target} t
                 where exists (select from touched_keys k where {in_scope})) t
          full join (select c.*, true as is_computed from computed c) c on {same_key}
         where t.is_stored is null or c.is_computed is null or {differs}) d
 order by {key_list};

-- name: differences_of_columns
-- Stored rows of the touched scope whose derived columns differ.
select {keys}, 'differs' from {target} t join computed c on {same_key}
 where {differs} order by {keys};

-- name: days_stored
-- Days of which rows are stored, with a number drawn by the seed.
-- :since  date  first day, NULL for all
-- :until  date  last day, included, NULL for all
-- :seed  integer  which number
select distinct hashtextextended({day}::text, %(seed)s), {day} from {target}
 where {day} >= coalesce(%(since)s::date, '-infinity')
   and {day} <= coalesce(%(until)s::date, 'infinity');

-- name: own_of_day
-- One of the things that happened on a day, drawn by the seed.
-- :on  date  the day
-- :seed  integer  which one
select {own}::text from {target} where {day} = %(on)s
 order by hashtextextended({own}::text, %(seed)s) limit 1;

-- name: touch_stored
-- Keys of stored rows of a day, drawn by the seed.
-- :on  date  the day
-- :seed  integer  which keys
-- :most  bigint  keys at most
insert into touched_keys ({scope})
select {scope} from (select distinct {scope} from {target} where {day} = %(on)s and {chosen}) k
 order by hashtextextended(k::text, %(seed)s) limit %(most)s;

-- name: is_own
-- Of one thing that happened on the day.
-- :own  text  which
{own}::text = %(own)s

-- name: delete_later
-- What came after a day; always rolled back.
-- :on  date  the day
delete from {target} where {day} > %(on)s;

-- name: delete_beside
-- What else happened on a day; always rolled back.
-- :on  date  the day
-- :own  text  what stays
delete from {target} where {day} = %(on)s and {own}::text <> %(own)s;

-- name: units_withdrawn
-- Units of inputs that lost rows to their source: no key leads to those any more.
-- :system  text  its system
-- :inputs  text[]  inputs cut into the same units
-- :watermark  timestamptz  lost since
select distinct unit from stocktake.tombstone
 where system = %(system)s and dataset = any(%(inputs)s) and noted_at >= %(watermark)s;
