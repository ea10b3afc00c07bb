-- Statements of load. {placeholders} are identifiers and pieces of load_fragments.sql, put in by
-- stocktake.load.tables; what it composes is kept per dataset and facet.

-- name: table_columns
-- The columns of a table in order: name, type to send (text for what is sent as text: character
-- types, enums), length and scale limits where the type has them, whether NULL is refused.
-- :schema  text  the system's schema
-- :name    text  the table
select attribute.attname::text,
       (case when type.typcategory in ('S', 'E') then 'text'::regtype::oid
             else coalesce(nullif(type.typbasetype, 0), type.oid) end)::bigint,
       case when type.typname in ('varchar', 'bpchar') and attribute.atttypmod >= 4
            then attribute.atttypmod - 4 end,
       case when type.typname = 'numeric' and attribute.atttypmod >= 4
            then (attribute.atttypmod - 4) >> 16 end,
       case when type.typname = 'numeric' and attribute.atttypmod >= 4
            then (attribute.atttypmod - 4) & 2047 end,
       attribute.attnotnull
  from pg_catalog.pg_attribute as attribute
  join pg_catalog.pg_class as relation on relation.oid = attribute.attrelid
  join pg_catalog.pg_namespace as namespace on namespace.oid = relation.relnamespace
  join pg_catalog.pg_type as type on type.oid = attribute.atttypid
 where namespace.nspname = %(schema)s and relation.relname = %(name)s
   and attribute.attnum > 0 and not attribute.attisdropped
 order by attribute.attnum;

-- name: any_held
-- Whether the table holds one of a few keys. Column by column: it may say yes for a mixture of two
-- keys, which only costs a comparison, but never no for a key that is held.
select exists (select from {table} as held where {one_of});

-- name: stage_exists
-- Whether this connection has made the staging table.
-- :stage  text  its quoted name
select to_regclass(%(stage)s) is not null;

-- name: create_stage
-- A staging table beside a table; emptied by every commit.
create temporary table {stage} on commit delete rows as
select 0 as _n, 0::bigint as _hash, 0::bigint as _capture, {columns}
  from {table} with no data;

-- name: empty_stage
-- Rows of an earlier merge of the same transaction.
delete from {stage};

-- name: copy_rows
-- Rows in PostgreSQL's binary format.
copy {target} ({columns}) from stdin (format binary);

-- name: insert_new
-- Rows copied beside a table of tenants; whose they are, its default says.
insert into {table} ({columns}) select {columns} from {stage};

-- name: differing
-- Which staged keys the table lacks (false) or holds with another hash (true); equal rows are not
-- listed, so an identical load returns nothing. A staged hash of NULL is equal to none. Key by key
-- through the index (that is what limit does): the planner knows nothing of the stage and would read
-- the whole table.
select given._n, held.{first_key} is not null
  from {stage} as given
  left join lateral (select {held} from {table} as held where {same_key} limit 1) as held on true
 where held.{first_key} is null or given._hash is null or held.{hash} is distinct from given._hash;

-- name: lacking
-- Which staged keys the table lacks.
select given._n, false
  from {stage} as given
  left join lateral (select {held} from {table} as held where {same_key} limit 1) as held on true
 where held.{first_key} is null;

-- name: lock_changed
-- Locks the rows about to change, in the order of the stage.
select count(*)
  from (select given._n
          from {stage} as given join {table} as held on {same_key}
         order by given._n
           for update of held) as locked;

-- name: judge_changed
-- Says of each row about to change whether another transaction made it equal meanwhile, and whether
-- what it holds was fetched later than the stage. Rows are locked by a statement before this one:
-- a locking statement sees the row as it is now beside captures as they were.
select given._n,
       held.{hash} is not distinct from given._hash,
       coalesce((told.fetched_at, told.capture_id) > (telling.fetched_at, telling.capture_id), false)
  from {stage} as given
  join {table} as held on {same_key}
  left join stocktake.capture as told on told.capture_id = held.{capture}
  left join stocktake.capture as telling on telling.capture_id = given._capture;

-- name: overwrite
-- Merges staged rows into rows that exist (and are locked), keeping what they were. Returns the
-- staged rows applied.
-- :run_id   bigint    the run
-- :system   text      the system
-- :dataset  text      the dataset
-- :facet    text      the facet that tells
-- :numbers  integer[] the staged rows to apply
with compared as materialized (
    select given._n as _given_n, given._hash as _given_hash, given._capture as _given_capture,
           {columns}, {key_object} as _key, {former_engine} as _former, {changes} as _changes,
           {overruled} as _given_overruled
      from {stage} as given
      join {table} as held on {same_key} {told}
     cross join lateral (select {shown}) as shown
     where given._n = any(%(numbers)s)
), kept as (
    insert into stocktake.row_version
           (tenant_id, run_id, system, dataset, facet, row_key, operation, before)
    select nullif(current_setting('app.tenant_id', true), '')::uuid, %(run_id)s, %(system)s,
           %(dataset)s, %(facet)s, compared._key, 'update', compared._former || compared._changes
      from compared
     where {applies}
)
update {table} as held
   set {assignments},
       updated_at = case when compared._changes = '{{}}' then held.updated_at
                         else transaction_timestamp() end,
       _loaded_at = transaction_timestamp(),
       _run_id = %(run_id)s
  from compared
 where {same_key_compared} and {applies}
returning compared._given_n;

-- name: retell
-- Notes of rows in which nothing changed what the facet told last: nobody who reads rows or what
-- changed of them is to notice.
-- :numbers  integer[] the staged rows
update {table} as held
   set {assignments}
  from (select given.*, given._hash as _given_hash, given._capture as _given_capture
          from {stage} as given where given._n = any(%(numbers)s)) as compared
 where {same_key_compared} and held.{hash} is distinct from compared._given_hash;

-- name: add_receipts
-- One line per capture, dataset and facet that had rows.
-- :run_id  bigint  the run
-- :at  timestamptz  the run's clock
-- :capture  bigint[]  one element a line
-- :dataset  text[]  one element a line
-- :facet  text[]  one element a line
-- :read  integer[]  one element a line
-- :inserted  integer[]  one element a line
-- :updated  integer[]  one element a line
-- :unchanged  integer[]  one element a line
-- :rejected  integer[]  one element a line
-- :duplicates  integer[]  one element a line
insert into stocktake.receipt (tenant_id, capture_id, run_id, dataset, facet, read, inserted,
                               updated, unchanged, rejected, duplicates, at)
select nullif(current_setting('app.tenant_id', true), '')::uuid, line.capture_id, %(run_id)s,
       line.dataset, line.facet, line.read, line.inserted, line.updated, line.unchanged,
       line.rejected, line.duplicates, %(at)s
  from unnest(%(capture)s::bigint[], %(dataset)s::text[], %(facet)s::text[], %(read)s::integer[],
              %(inserted)s::integer[], %(updated)s::integer[], %(unchanged)s::integer[],
              %(rejected)s::integer[], %(duplicates)s::integer[])
       as line(capture_id, dataset, facet, read, inserted, updated, unchanged, rejected, duplicates);

-- name: add_rejects
-- Rows refused, with their place in the capture.
-- :run_id  bigint  the run
-- :at  timestamptz  the run's clock
-- :system  text  the system
-- :capture  bigint[]  one element a line
-- :dataset  text[]  one element a line
-- :position  text[]  one element a line
-- :code  text[]  one element a line
-- :reason  text[]  one element a line
-- :raw  text[]  one element a line
insert into stocktake.reject (tenant_id, system, dataset, capture_id, run_id, position, code,
                              reason, raw, at)
select nullif(current_setting('app.tenant_id', true), '')::uuid, %(system)s, line.dataset,
       line.capture_id, %(run_id)s, line.position, line.code, line.reason, line.raw, %(at)s
  from unnest(%(capture)s::bigint[], %(dataset)s::text[], %(position)s::text[], %(code)s::text[],
              %(reason)s::text[], %(raw)s::text[])
       as line(capture_id, dataset, position, code, reason, raw);

-- name: add_duplicates
-- Rows of one answer that share a key and differ; the same pair is kept once, of several answers
-- the last. One whose merged row changed since it was decided is open again.
-- :run_id  bigint  the run
-- :at  timestamptz  the run's clock
-- :system  text  the system
-- :capture  bigint[]  one element a line
-- :dataset  text[]  one element a line
-- :row_key  text[]  one element a line
-- :kept  jsonb[]  one element a line
-- :other  jsonb[]  one element a line
insert into stocktake.duplicate as d (tenant_id, system, dataset, row_key, kept, other, capture_id,
                                 run_id, at)
select distinct on (line.dataset, line.row_key, md5(line.other::text))
       nullif(current_setting('app.tenant_id', true), '')::uuid, %(system)s, line.dataset,
       line.row_key, line.kept, line.other, line.capture_id, %(run_id)s, %(at)s
  from unnest(%(capture)s::bigint[], %(dataset)s::text[], %(row_key)s::text[], %(kept)s::jsonb[],
              %(other)s::jsonb[])
       with ordinality as line(capture_id, dataset, row_key, kept, other, place)
 order by line.dataset, line.row_key, md5(line.other::text), line.place desc
    on conflict (tenant_id, system, dataset, row_key, md5(other::text)) do update
   set kept = excluded.kept, capture_id = excluded.capture_id, run_id = excluded.run_id,
       at = excluded.at, state = 'open', from_other = '{}', decided_by = null, decided_at = null
 where d.kept <> excluded.kept;

-- name: list_rejects
-- Open rejects of a system, newest first.
-- :system  text  the system
-- :datasets  text[]  only these, empty for all
-- :code  text  only this code, NULL for all
-- :shape  text  only reasons of this shape, NULL for all
-- :run_id  bigint  only this run's, NULL for all
-- :before  bigint  only those with a smaller number, NULL for all
-- :limit  bigint  at most so many, NULL for all
select reject_id, dataset, capture_id, run_id, position, code, reason, raw, at
  from stocktake.reject
 where system = %(system)s and resolved_at is null
   and (%(datasets)s::text[] = '{}' or dataset = any(%(datasets)s::text[]))
   and (%(code)s::text is null or code = %(code)s::text)
   and (%(shape)s::text is null or stocktake.reason_shape(reason) = %(shape)s::text)
   and (%(run_id)s::bigint is null or run_id = %(run_id)s)
   and (%(before)s::bigint is null or reject_id < %(before)s)
 order by reject_id desc
 limit %(limit)s;

-- name: one_reject
-- One reject, open or not, with its system and how it ended; one whose run was undone says so.
-- :reject_id  bigint  which
select reject_id, dataset, capture_id, run_id, position, code, reason, raw, at, system,
       case when resolution = '' and resolved_at is not null then 'undone' else resolution end,
       resolved_by, resolved_reason
  from stocktake.reject where reject_id = %(reject_id)s;

-- name: reject_groups
-- Open rejects alike: dataset, code, reason without its figures and quoted words, how many, how
-- many were refused (open or not) in the last seven days and in the seven before, the newest.
-- :system  text  the system
-- :datasets  text[]  only these, empty for all
-- :now  timestamptz  the present instant
-- :newest  bigint  only so many of the newest of all systems are looked at, NULL for all
with told as (
    select r.dataset, r.code, r.reason,
           count(*) filter (where r.resolved_at is null) as open,
           count(*) filter (where r.at > %(now)s::timestamptz - interval '7 days') as this_week,
           count(*) filter (where r.at <= %(now)s::timestamptz - interval '7 days'
                              and r.at > %(now)s::timestamptz - interval '14 days') as week_before,
           max(r.reject_id) filter (where r.resolved_at is null) as newest
      from (select * from stocktake.reject order by reject_id desc limit %(newest)s) as r
     where r.system = %(system)s
       and (%(datasets)s::text[] = '{}' or r.dataset = any(%(datasets)s::text[]))
       and (r.resolved_at is null or r.at > %(now)s::timestamptz - interval '14 days')
     group by 1, 2, 3 -- first by the text: finding a reason's shape costs most
)
select dataset, code, stocktake.reason_shape(reason), sum(open)::bigint, sum(this_week)::bigint,
       sum(week_before)::bigint, max(newest)
  from told
 group by 1, 2, 3
having sum(open) > 0
 order by 4 desc, 1, 2, 3;

-- name: about_rejects
-- How many rejects there are of all systems, open or not, by the server's own estimate.
select greatest(reltuples, 0)::bigint from pg_class where oid = 'stocktake.reject'::regclass;

-- name: captures_of_rejects
-- Answers that hold open rejects of one kind: first pages, oldest first.
-- :system text, :datasets text[], :code text, :shape text  as list_rejects
select distinct coalesce(c.first_page_id, c.capture_id)
  from stocktake.reject r join stocktake.capture c using (capture_id)
 where r.system = %(system)s and r.resolved_at is null
   and (%(datasets)s::text[] = '{}' or r.dataset = any(%(datasets)s::text[]))
   and (%(code)s::text is null or r.code = %(code)s::text)
   and (%(shape)s::text is null or stocktake.reason_shape(r.reason) = %(shape)s::text)
 order by 1;

-- name: retold_rejects
-- What is known of the rejects of captures that are loaded again: those that are open, and those
-- that a person settled.
-- :captures  bigint[]  captures told anew
select reject_id, capture_id, dataset, position, code, raw, resolution
  from stocktake.reject
 where capture_id = any(%(captures)s)
   and (resolved_at is null or resolution in ('edited', 'dismissed'));

-- name: resolve_rejects
-- Ends open rejects.
-- :reject_ids  bigint[]  which
-- :resolution  text  loaded, edited or dismissed
-- :by text, :reason text  who and why
-- :run_id  bigint  the run that did it, NULL for none
-- :now  timestamptz  when
update stocktake.reject
   set resolved_at = %(now)s, resolution = %(resolution)s, resolved_by = %(by)s,
       resolved_reason = %(reason)s, resolved_run_id = %(run_id)s
 where reject_id = any(%(reject_ids)s) and resolved_at is null;

-- name: dismiss_rejects
-- Ends all open rejects of one kind.
-- :system text, :datasets text[], :code text, :shape text  as list_rejects
-- :by text, :reason text, :now timestamptz  who, why and when
update stocktake.reject
   set resolved_at = %(now)s, resolution = 'dismissed', resolved_by = %(by)s,
       resolved_reason = %(reason)s
 where system = %(system)s and resolved_at is null
   and (%(datasets)s::text[] = '{}' or dataset = any(%(datasets)s::text[]))
   and (%(code)s::text is null or code = %(code)s::text)
   and (%(shape)s::text is null or stocktake.reason_shape(reason) = %(shape)s::text);

-- name: add_edit
-- Notes that a capture was made of another one by a person.
-- :capture_id bigint, :edits bigint, :reject_id bigint, :position text, :before text, :after text
-- :by text, :reason text, :now timestamptz
insert into stocktake.edit (capture_id, edits, reject_id, position, before, after, by, reason, at)
values (%(capture_id)s, %(edits)s, %(reject_id)s, %(position)s, %(before)s, %(after)s, %(by)s,
        %(reason)s, %(now)s);

-- name: mark_edited
-- Says of a reject that ended as loaded that a person had edited it.
-- :reject_id bigint, :by text, :reason text
update stocktake.reject
   set resolution = 'edited', resolved_by = %(by)s, resolved_reason = %(reason)s
 where reject_id = %(reject_id)s and resolution = 'loaded';

-- name: count_rejects
-- How many open rejects of one kind there are.
-- :system text, :datasets text[], :code text, :shape text  as list_rejects
select count(*) from stocktake.reject
 where system = %(system)s and resolved_at is null
   and (%(datasets)s::text[] = '{}' or dataset = any(%(datasets)s::text[]))
   and (%(code)s::text is null or code = %(code)s::text)
   and (%(shape)s::text is null or stocktake.reason_shape(reason) = %(shape)s::text);

-- name: edit_of
-- What a person changed in a capture.
-- :capture_id  bigint  the capture
select edits, position, before, after, by, reason, at
  from stocktake.edit where capture_id = %(capture_id)s;

-- name: touched_rows
-- Rows as a run that is not committed left them: key by column, and the whole row.
-- :run_id  bigint  the run, :limit  integer  at most so many
select jsonb_build_object({pairs}), to_jsonb(held)
  from {table} as held
 where held._loaded_at >= transaction_timestamp() and held._run_id = %(run_id)s
 limit %(limit)s;

-- name: versions_of_run
-- What rows of a dataset were before a run changed them.
-- :run_id bigint, :system text, :dataset text
select row_key, before
  from stocktake.row_version
 where run_id = %(run_id)s and system = %(system)s and dataset = %(dataset)s
 order by version_id;

-- name: one_duplicate
-- One pair, decided or not, and its system.
-- :duplicate_id  bigint  which
select duplicate_id, dataset, row_key, kept, other, capture_id, run_id, state, at, from_other,
       decided_by, decided_at, system
  from stocktake.duplicate where duplicate_id = %(duplicate_id)s;

-- name: restore_decision
-- Puts a decision back as it was.
-- :duplicate_id bigint, :state text, :from_other text[], :by text, :at timestamptz
update stocktake.duplicate
   set state = %(state)s, from_other = %(from_other)s, decided_by = %(by)s, decided_at = %(at)s
 where duplicate_id = %(duplicate_id)s;

-- name: reopen_duplicate
-- Takes a decision back.
-- :duplicate_id  bigint  which
update stocktake.duplicate
   set state = 'open', from_other = '{}', decided_by = null, decided_at = null
 where duplicate_id = %(duplicate_id)s and state <> 'open';

-- name: decided_pairs
-- Of pairs met again, those of which somebody decided that the row is to be another one: place in
-- the list, columns taken from the other row.
-- :system text, :dataset text
-- :row_key  text[]  one element a pair
-- :kept  jsonb[], :other  jsonb[]  one element a pair
select (line.place - 1)::integer, d.from_other
  from unnest(%(row_key)s::text[], %(kept)s::jsonb[], %(other)s::jsonb[]) with ordinality
       as line(row_key, kept, other, place)
  join stocktake.duplicate d
    on d.system = %(system)s and d.dataset = %(dataset)s and d.row_key = line.row_key
   and md5(d.other::text) = md5(line.other::text)
 where d.state in ('replaced', 'merged') and d.kept = line.kept;

-- name: decisions_of_row
-- What was decided about rows with a key, latest first.
-- :system text, :dataset text, :row_key text
select duplicate_id, dataset, row_key, kept, other, capture_id, run_id, state, at, from_other,
       decided_by, decided_at
  from stocktake.duplicate
 where system = %(system)s and dataset = %(dataset)s and row_key = %(row_key)s
   and state <> 'open'
 order by decided_at desc;

-- name: list_duplicates
-- Duplicates of a system in one state, newest first. Two values differ when their JSON does; a value
-- that is not there is NULL.
-- :system  text  the system
-- :datasets  text[]  only these, empty for all
-- :state  text  open, kept, replaced, merged, both, distinct; NULL for all that were decided
-- :differing  text[]  only those that differ in these columns, sorted; empty for any
-- :alike  double precision  only those of which at least this share of the columns is equal
-- :before  bigint  only those with a smaller number, NULL for all
-- :limit  bigint  at most so many, NULL for all
select d.duplicate_id, d.dataset, d.row_key, d.kept, d.other, d.capture_id, d.run_id, d.state, d.at,
       d.from_other, d.decided_by, d.decided_at
  from stocktake.duplicate d
 where d.system = %(system)s
   and (d.state = %(state)s::text or (%(state)s::text is null and d.state <> 'open'))
   and (%(datasets)s::text[] = '{}' or d.dataset = any(%(datasets)s::text[]))
   and (%(before)s::bigint is null or d.duplicate_id < %(before)s)
   and ((%(differing)s::text[] = '{}' and %(alike)s::double precision <= 0) or exists (
       select from (
           select coalesce(array_agg(one.name order by one.name collate "C") filter (where
                      coalesce(d.kept -> one.name, 'null') <> coalesce(d.other -> one.name, 'null')),
                      '{}') as differing, count(*) as columns
             from jsonb_object_keys(d.kept) as one(name)) as told
        where (%(differing)s::text[] = '{}' or told.differing = %(differing)s::text[])
          and 1 - cardinality(told.differing)::double precision / greatest(told.columns, 1)
              >= %(alike)s::double precision))
 order by d.duplicate_id desc
 limit %(limit)s;

-- name: pair_groups
-- Open pairs that differ in the same columns: dataset, the columns, share of those that are equal,
-- how many pairs, the newest.
-- :system text, :datasets text[], :differing text[], :alike double precision  as list_duplicates
select told.dataset, told.differing, told.alike, count(*), max(told.duplicate_id)
  from (select d.dataset, d.duplicate_id, apart.differing,
               1 - cardinality(apart.differing)::double precision / greatest(apart.columns, 1)
                   as alike
          from stocktake.duplicate d
         cross join lateral (
               select coalesce(array_agg(one.name order by one.name collate "C") filter (where
                          coalesce(d.kept -> one.name, 'null')
                          <> coalesce(d.other -> one.name, 'null')), '{}') as differing,
                      count(*) as columns
                 from jsonb_object_keys(d.kept) as one(name)) as apart
         where d.system = %(system)s and d.state = 'open'
           and (%(datasets)s::text[] = '{}' or d.dataset = any(%(datasets)s::text[]))) as told
 where (%(differing)s::text[] = '{}' or told.differing = %(differing)s::text[])
   and told.alike >= %(alike)s::double precision
 group by 1, 2, 3
 order by 4 desc, 1, 2;

-- name: sittings
-- The last times that several pairs were decided at once: when, by whom, how, how many.
-- :system  text  the system
select decided_at, min(decided_by), array_agg(distinct state), count(*)
  from stocktake.duplicate
 where system = %(system)s and state <> 'open'
 group by decided_at
having count(*) > 1
 order by decided_at desc
 limit 10;

-- name: decided_at
-- Pairs that were decided at an instant.
-- :system text, :at timestamptz
select duplicate_id, dataset, row_key, kept, other, capture_id, run_id, state, at, from_other,
       decided_by, decided_at
  from stocktake.duplicate
 where system = %(system)s and state <> 'open' and decided_at = %(at)s
 order by duplicate_id;

-- name: decide_duplicate
-- Writes down a decision about an open duplicate.
-- :duplicate_id  bigint  which
-- :decision  text  kept, replaced, merged, both or distinct
-- :from_other  text[]  columns that the row takes from the one set aside
-- :by  text  who decided
-- :at  timestamptz  when
update stocktake.duplicate
   set state = %(decision)s, from_other = %(from_other)s, decided_by = %(by)s, decided_at = %(at)s
 where duplicate_id = %(duplicate_id)s and state = 'open';

-- name: read_row
-- A row as JSON, its key, when it was first loaded and when a value last changed. The parameters
-- are named by {same_key}.
select to_jsonb(held), jsonb_build_object({pairs}), held.created_at, held.updated_at
  from {table} as held where {same_key};

-- name: keys_near
-- Keys of a table next to one, in the order of the key: that many after it, that many before. The
-- parameters are named by {values}.
-- :limit  integer  how many on each side
(select jsonb_build_object({pairs}) from {table} as held
  where ({key}) > ({values}) order by {ascending} limit %(limit)s)
union all
(select jsonb_build_object({pairs}) from {table} as held
  where ({key}) < ({values}) order by {descending} limit %(limit)s);

-- name: read_origin
-- A capture, and the latest receipt it has for a dataset and facet.
-- :capture_id  bigint  the capture
-- :dataset  text  the dataset
-- :facet  text  the facet
select capture.source || ' ' || capture.endpoint,
       capture.path || coalesce('?' || (
           select string_agg(capture.params[at] || '=' || capture.params[at + 1], '&' order by at)
             from generate_series(1, cardinality(capture.params), 2) as at), ''),
       capture.fetched_at, receipt.run_id, receipt.at, receipt.read, receipt.inserted,
       receipt.updated, receipt.unchanged, receipt.rejected, receipt.duplicates
  from stocktake.capture as capture
  left join lateral (
       select * from stocktake.receipt as told
        where told.capture_id = capture.capture_id and told.dataset = %(dataset)s
          and told.facet = %(facet)s
        order by told.receipt_id limit 1) as receipt on true
 where capture.capture_id = %(capture_id)s;

-- name: read_versions
-- What a row was before each change, latest change first.
-- :system  text  the system
-- :dataset  text  the dataset
-- :row_key  jsonb  the row's key by column
select run_id, facet, operation, before, at
  from stocktake.row_version
 where system = %(system)s and dataset = %(dataset)s and row_key = %(row_key)s::jsonb
 order by version_id desc;

-- name: add_derived_receipt
-- What a run computed of a derived dataset; no capture stands behind it.
-- :run_id  bigint  the run
-- :at  timestamptz  the run's clock
-- :dataset  text  the dataset
-- :read  integer  rows computed
-- :inserted  integer  new rows
-- :updated  integer  rows changed
-- :unchanged  integer  rows equal to what was there
-- :rejected  integer  rows refused
-- :duplicates  integer  copies
insert into stocktake.receipt (tenant_id, run_id, dataset, read, inserted, updated, unchanged,
                               rejected, duplicates, at)
values (nullif(current_setting('app.tenant_id', true), '')::uuid, %(run_id)s, %(dataset)s,
        %(read)s, %(inserted)s, %(updated)s, %(unchanged)s, %(rejected)s, %(duplicates)s, %(at)s);

-- name: rows_of_units
-- Rows of a facet, with the unit each belongs to and when the answer was fetched that told it.
-- :positions  text[]  the units' values along the counted dimension
select array[{unit}]::text[], told.fetched_at, jsonb_build_object({pairs}), {key}
  from {table} as held
  left join stocktake.capture as told on told.capture_id = held.{capture}
 where {position} = any(%(positions)s::{kind}[]) and held.{hash} is not null {condition};

-- name: split_withdrawn
-- Of keys, whether another facet still tells their row.
-- :keys  jsonb  list of objects
select jsonb_build_object({pairs}), {is_told_otherwise}
  from {table} as held join jsonb_populate_recordset(null::{table}, %(keys)s) as given on {same_key};

-- name: keep_withdrawn
-- What rows were before they go; without nulls, since derivations unpack it.
-- :keys  jsonb  list of objects, :run_id  bigint  the run, :system  text, :dataset  text
-- :facet  text  the facet
insert into stocktake.row_version (run_id, system, dataset, facet, row_key, operation, before)
select %(run_id)s, %(system)s, %(dataset)s, %(facet)s, jsonb_build_object({pairs}), 'delete',
       jsonb_strip_nulls(to_jsonb(held))
  from {table} as held join jsonb_populate_recordset(null::{table}, %(keys)s) as given on {same_key};

-- name: remove_withdrawn
-- Removes rows that nobody tells any more.
-- :keys  jsonb  list of objects
delete from {table} as held
 using jsonb_populate_recordset(null::{table}, %(keys)s) as given
 where {same_key};

-- name: keep_cleared
-- What rows were, whole, before one of their facets goes.
-- :keys  jsonb  list of objects, :run_id  bigint  the run, :system  text, :dataset  text
-- :facet  text  the facet
insert into stocktake.row_version (run_id, system, dataset, facet, row_key, operation, before)
select %(run_id)s, %(system)s, %(dataset)s, %(facet)s, jsonb_build_object({pairs}), 'update',
       to_jsonb(held)
  from {table} as held join jsonb_populate_recordset(null::{table}, %(keys)s) as given on {same_key};

-- name: clear_facet
-- Takes back what one facet told of rows that others tell too: its own columns are as they are
-- without it, of shared ones the strongest value left is shown.
-- :keys  jsonb  list of objects, :run_id  bigint  the run
with compared as materialized (
    select {key}, {shared_columns} {overruled} as _given_overruled
      from {table} as held
      join jsonb_populate_recordset(null::{table}, %(keys)s) as given on {same_key} {told}
     cross join lateral (select 0 as _n {shown}) as shown
)
update {table} as held
   set {assignments}
       _row_hash = coalesce(held._row_hash, 0) # coalesce(held.{hash}, 0),
       {hash} = null, {capture} = null, _capture_id = coalesce({captures}),
       _overruled = compared._given_overruled, _run_id = %(run_id)s,
       updated_at = transaction_timestamp(), _loaded_at = transaction_timestamp()
  from compared
 where {same_key_compared};

-- name: add_tombstones
-- Notes what a source withdrew.
-- :run_id bigint, :system text, :dataset text, :facet text, :feed text, :now timestamptz
-- :lines  jsonb  list of objects: unit, row_key, capture_id, is_row_gone
insert into stocktake.tombstone (run_id, system, dataset, facet, feed, unit, row_key, capture_id,
                                 is_row_gone, at)
select %(run_id)s, %(system)s, %(dataset)s, %(facet)s, %(feed)s, l.unit, l.row_key, l.capture_id,
       l.is_row_gone, %(now)s
  from jsonb_to_recordset(%(lines)s) as l(unit text[], row_key jsonb, capture_id bigint,
       is_row_gone boolean);

-- name: tombstones_of_row
-- When a source withdrew a row or a facet of it, latest first.
-- :system text, :dataset text, :row_key jsonb
select run_id, feed, facet, capture_id, is_row_gone, at
  from stocktake.tombstone
 where system = %(system)s and dataset = %(dataset)s and row_key = %(row_key)s::jsonb
 order by tombstone_id desc;

-- name: key_as_stored
-- A row's key by column, as the table would hold it.
-- :given  jsonb  its texts by column
select jsonb_build_object({pairs}) from jsonb_populate_record(null::{table}, %(given)s) as held;
