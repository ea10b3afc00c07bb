-- Statements of undo: rows first, then ledger and units, then captures. {table} is the system's
-- table, t a row of it, f what a row was before the run (former_rows).

-- name: column_types
-- Columns of a table that can be written, with their full types, in order.
-- :target  text  quoted name of the table
select a.attname, format_type(a.atttypid, a.atttypmod)
  from pg_attribute a
 where a.attrelid = %(target)s::regclass and a.attnum > 0 and not a.attisdropped
   and a.attgenerated = ''
 order by a.attnum;

-- name: key_column
-- One column of a row's key.
t.{column} = (f.row_key ->> {name})::{kind}

-- name: key_pair
-- A column of the key, by name.
{name}, t.{column}

-- name: former_column
-- A column of the former self.
former.{column}

-- name: is_mentioned
-- Rows of a later run mention this one: it only was the first to.
-- :run_id  bigint  the run
exists (select from {others} x where x.{column} = t.{key} and x._run_id > %(run_id)s)

-- name: later_runs
-- Runs, newest first, that changed rows after the run had written them, and were not taken back.
-- Only runs with receipts after its first one can have.
-- :system  text  the system
-- :datasets  text[]  fetched datasets
-- :run_id  bigint  the run
select distinct v.run_id, r.kind, r.started_at
  from stocktake.run r
  join stocktake.row_version v using (run_id)
 where r.system = %(system)s and r.run_id <> %(run_id)s and r.undone_by is null
   and r.kind <> 'undo' and v.system = %(system)s and v.dataset = any(%(datasets)s)
   and (v.before ->> '_run_id')::bigint = %(run_id)s
   and exists (select from stocktake.receipt c
                where c.run_id = r.run_id
                  and c.receipt_id > (select min(m.receipt_id) from stocktake.receipt m
                                       where m.run_id = %(run_id)s))
 order by v.run_id desc;

-- name: drop_former
-- Forget the former rows of another table.
drop table if exists former_rows;

-- name: gather_former
-- What rows were before the run first touched them: its versions laid over one another, the oldest
-- last. Rows that it had made itself are told by is_own.
-- :system  text  the system
-- :dataset  text  the dataset
-- :run_id  bigint  the run
create temporary table former_rows on commit drop as
select g.row_key, g.before,
       (g.before ->> '_run_id')::bigint is not distinct from %(run_id)s as is_own
  from (select v.row_key, stocktake.laid_over(v.before order by v.version_id desc) as before
          from stocktake.row_version v
         where v.run_id = %(run_id)s and v.system = %(system)s and v.dataset = %(dataset)s
         group by v.row_key) g;

-- name: analyze_former
-- The planner must know whether these are ten rows or all.
analyze former_rows;

-- name: count_restored
-- Rows that would become again what they were.
-- :run_id  bigint  the run
select count(*) from {table} t join former_rows f on {same_key}
 where t._run_id = %(run_id)s and (not f.is_own or {mentioned});

-- name: count_removed
-- Rows that would go.
-- :run_id  bigint  the run
select count(*) from {table} t
 where t._run_id = %(run_id)s and not {mentioned}
   and not exists (select from former_rows f where {same_key} and not f.is_own);

-- name: count_kept
-- Rows that would stay as the work of the later run that names them.
-- :run_id  bigint  the run
select count(*) from {table} t where t._run_id = %(run_id)s and {mentioned};

-- name: keep_restored
-- What is about to be put back, whole: derivations look for keys in what changed.
-- :run_id  bigint  the run
-- :by  bigint  the run that takes it back
-- :system  text  the system
-- :dataset  text  the dataset
insert into stocktake.row_version (run_id, system, dataset, row_key, operation, before)
select %(by)s, %(system)s, %(dataset)s, f.row_key, 'update', to_jsonb(t)
  from {table} t join former_rows f on {same_key}
 where t._run_id = %(run_id)s and (not f.is_own or {mentioned});

-- name: restore
-- Puts rows back as they were. When they were loaded is now: that is how derivations notice.
-- :run_id  bigint  the run
update {table} t
   set ({columns}) = (select {former} from jsonb_populate_record(t, f.before) as former),
       _loaded_at = transaction_timestamp()
  from former_rows f
 where {same_key} and t._run_id = %(run_id)s and (not f.is_own or {mentioned});

-- name: count_returning
-- Rows the run had taken away that would come back.
select count(*) from former_rows f
 where not f.is_own and not exists (select from {table} t where {same_key});

-- name: bring_back
-- Rows the run had taken away, because their source withdrew them, are there again as they were.
insert into {table} ({all_columns}, _loaded_at)
select {all_former}, transaction_timestamp()
  from former_rows f
 cross join lateral jsonb_populate_record(null::{table}, f.before) as former
 where not f.is_own and not exists (select from {table} t where {same_key});

-- name: drop_tombstones
-- What the run had found withdrawn; loading the answer again finds it again.
-- :run_id  bigint  the run
delete from stocktake.tombstone where run_id = %(run_id)s;

-- name: pass_on
-- Gives rows that later runs mention to the first of these: who takes that one back removes them.
-- :run_id  bigint  the run
update {table} t
   set _run_id = (select min(x._run_id) from {others} x
                   where x.{column} = t.{key} and x._run_id > %(run_id)s)
 where t._run_id = %(run_id)s and {mentioned};

-- name: keep_removed
-- What is about to go, for derivations that read this table; without nulls, since they unpack it.
-- :run_id  bigint  the run
-- :by  bigint  the run that takes it back
-- :system  text  the system
-- :dataset  text  the dataset
insert into stocktake.row_version (run_id, system, dataset, row_key, operation, before)
select %(by)s, %(system)s, %(dataset)s, jsonb_build_object({pairs}), 'delete',
       jsonb_strip_nulls(to_jsonb(t))
  from {table} t where t._run_id = %(run_id)s;

-- name: remove
-- Removes the rows that are still the run's own.
-- :run_id  bigint  the run
delete from {table} t where t._run_id = %(run_id)s;

-- name: done_by
-- Rows per table that a run removed and put back as the work of an undo.
-- :system  text  the system
-- :datasets  text[]  fetched datasets
-- :by  bigint  the run that takes another one back
select dataset, count(*) filter (where operation = 'delete'),
       count(*) filter (where operation = 'update')
  from stocktake.row_version
 where run_id = %(by)s and system = %(system)s and dataset = any(%(datasets)s)
 group by dataset;

-- name: released_by
-- Units that fetched feeds let go of by the work of a run.
-- :by  bigint  the run
select coalesce(sum(stocktake.units_in(c.removed)), 0)::bigint
  from stocktake.ledger_change c join stocktake.series s using (series_id)
 where c.run_id = %(by)s and s.feed not in ('derive', 'member');

-- name: close_rejects
-- Rows the run had set aside need no decision any more.
-- :run_id  bigint  the run
-- :now  timestamptz  the run's clock
update stocktake.reject set resolved_at = %(now)s
 where run_id = %(run_id)s and resolved_at is null;

-- name: reopen_rejects
-- Rows that the run had loaded after all wait for a decision again.
-- :run_id  bigint  the run
update stocktake.reject
   set resolved_at = null, resolution = '', resolved_by = '', resolved_reason = '',
       resolved_run_id = null
 where resolved_run_id = %(run_id)s;

-- name: drop_duplicates
-- Pairs the run had found and nobody decided about; loading the answer again finds them again.
-- :run_id  bigint  the run
delete from stocktake.duplicate where run_id = %(run_id)s and state = 'open';

-- name: ledger_back
-- Ordinals per series that a run took in or let go, in the end: to be removed and added again,
-- then the same of what is expected.
-- :run_id  bigint  the run
select s.series_id, s.dataset, s.feed, s.key,
       stocktake.replay_ranges(c.added, c.removed order by c.change_id desc)::text,
       stocktake.replay_ranges(c.removed, c.added order by c.change_id desc)::text,
       stocktake.replay_ranges(c.expected_added, c.expected_removed order by c.change_id desc)::text,
       stocktake.replay_ranges(c.expected_removed, c.expected_added order by c.change_id desc)::text
  from stocktake.ledger_change c join stocktake.series s using (series_id)
 where c.run_id = %(run_id)s
 group by s.series_id, s.dataset, s.feed, s.key
 order by s.series_id;

-- name: passed_on
-- Ordinals per series that earlier undos ascribed to runs which stand: taken in, promised. Rows
-- they are held for need not be of those very runs. Units proven empty are left out.
-- :system  text  the system
-- :by  bigint  the run that takes another one back
with first as (
    select min(c.change_id) as change_id, r.run_id
      from stocktake.ledger_change c join stocktake.run r using (run_id)
     where r.system = %(system)s and r.kind = 'undo' and r.run_id <> %(by)s
     group by r.run_id
),
passed as (
    select c.series_id, range_agg(c.added) as added, range_agg(c.expected_added) as promised
      from stocktake.ledger_change c join stocktake.run r using (run_id)
     where r.system = %(system)s and r.kind <> 'undo' and r.undone_by is null
       and exists (select from first
                    where first.run_id > c.run_id and first.change_id < c.change_id)
     group by c.series_id
)
select s.series_id, s.dataset, s.feed, s.key,
       (coalesce(p.added, '{}') - coalesce(empty.ordinals, '{}'))::text,
       coalesce(p.promised, '{}')::text
  from passed p join stocktake.series s using (series_id)
  left join lateral (
      select range_agg(int4range(u.ordinal, u.ordinal + 1)) as ordinals
        from stocktake.unit u where u.series_id = p.series_id and u.state = 'empty') as empty on true
 where s.feed <> 'derive'
 order by s.series_id;

-- name: names_of
-- Members by number.
-- :series_id  integer  their series
-- :ordinals  integer[]  which
select ordinal, key from stocktake.member
 where series_id = %(series_id)s and ordinal = any(%(ordinals)s);

-- name: still_promised
-- Of members, those that a row still names.
-- :series_id  integer  their series
-- :ordinals  integer[]  which
select m.ordinal
  from stocktake.member m
 where m.series_id = %(series_id)s and m.ordinal = any(%(ordinals)s)
   and exists (select from {table} t where t.{column}::text = m.key);

-- name: next_teller
-- The first later run that told of a dataset and was not taken back.
-- :system  text  the system
-- :dataset  text  the dataset
-- :run_id  bigint  the run
select min(c.run_id)
  from stocktake.receipt c join stocktake.run r using (run_id)
 where r.system = %(system)s and c.dataset = %(dataset)s and c.run_id > %(run_id)s
   and r.undone_by is null and r.kind <> 'undo';

-- name: forget_new_units
-- Lines of units that only the run told of.
-- :system  text  the system
-- :run_id  bigint  the run
delete from stocktake.unit u
 using stocktake.series s
 where u.run_id = %(run_id)s and s.series_id = u.series_id and s.system = %(system)s
   and not exists (select from stocktake.unit_version v
                    where v.run_id = %(run_id)s and v.series_id = u.series_id
                      and v.ordinal = u.ordinal);

-- name: restore_units
-- Lines as they were before the run, unless a later run told more since; forgotten ones again.
-- :run_id  bigint  the run
-- :now  timestamptz  the run's clock
insert into stocktake.unit as u
       (series_id, ordinal, state, reason, rows, expected_rows, attempts, next_try_at, settled_at,
        decided_by, decided_until, run_id, changed_at)
select former.series_id, former.ordinal, former.state, former.reason, former.rows,
       former.expected_rows, former.attempts, former.next_try_at, former.settled_at,
       former.decided_by, former.decided_until, former.run_id, %(now)s
  from stocktake.unit_version v
 cross join lateral jsonb_populate_record(null::stocktake.unit, v.before) as former
 where v.run_id = %(run_id)s
   and not exists (select from stocktake.unit_version x
                    where x.series_id = v.series_id and x.ordinal = v.ordinal
                      and (x.before ->> 'run_id')::bigint = %(run_id)s)
 order by 1, 2
on conflict (series_id, ordinal) do update
   set state = excluded.state, reason = excluded.reason, rows = excluded.rows,
       expected_rows = excluded.expected_rows, attempts = excluded.attempts,
       next_try_at = excluded.next_try_at, settled_at = excluded.settled_at,
       decided_by = excluded.decided_by, decided_until = excluded.decided_until,
       run_id = excluded.run_id, changed_at = excluded.changed_at
 where u.run_id = %(run_id)s;

-- name: empty_again
-- Derived units that an undo found without rows, and that no run which stands had held: they came
-- with runs that were taken back, in whatever order.
-- :by  bigint  the run that takes another one back
with found as (
    select u.series_id, u.ordinal
      from stocktake.unit u join stocktake.series s using (series_id)
     where s.feed = 'derive' and u.state = 'empty' and u.run_id = %(by)s
),
told as (
    select c.series_id, range_agg(c.added) as added
      from stocktake.ledger_change c join stocktake.run r using (run_id)
     where c.series_id in (select series_id from found)
       and r.undone_by is null and r.kind <> 'undo'
     group by c.series_id
)
select f.series_id, f.ordinal
  from found f left join told t using (series_id)
 where t.added is null or not t.added @> f.ordinal;

-- name: mark_undone
-- Notes who took a run back; no row when somebody did already.
-- :run_id  bigint  the run
-- :by  bigint  the run that took it back
update stocktake.run set undone_by = %(by)s, message = 'undone by run ' || %(by)s::text
 where run_id = %(run_id)s and undone_by is null
returning run_id;

-- name: add_receipt
-- Rows put back in a table.
-- :run_id  bigint  the run that puts them back
-- :dataset  text  the dataset
-- :restored  integer  rows
-- :now  timestamptz  the run's clock
insert into stocktake.receipt (run_id, dataset, facet, read, inserted, updated, unchanged, rejected,
                               duplicates, at)
values (%(run_id)s, %(dataset)s, 'undo', %(restored)s, 0, %(restored)s, 0, 0, 0, %(now)s);
