-- name: loaded_tables
-- Every table of racing that rows are loaded or derived into; not the views under their old names.
select c.table_schema, c.table_name
  from information_schema.columns c join information_schema.tables t using (table_schema, table_name)
 where c.column_name = '_loaded_at' and t.table_type = 'BASE TABLE' and c.table_schema = 'racing'
 order by 1, 2;

-- name: table_lines
-- Rows of one table as compared.
-- :without text[]
select (to_jsonb(source) - %(without)s::text[])::text from {table} as source;

-- name: held_units
-- Units held and expected per series. Members are numbered in order of arrival, so they are told
-- by their key; (dataset, its members' dataset and column) say where that is.
-- :datasets :homes :columns text[]
with home as (
    select w.dataset, m.series_id
      from unnest(%(datasets)s::text[], %(homes)s::text[], %(columns)s::text[])
           as w(dataset, home, col)
      join stocktake.series m on m.dataset = w.home and m.feed = 'member' and m.key = array[w.col]
), told as (
    select s.dataset, s.feed, s.key, 'held' as what, l.held as ranges,
           case s.feed when 'member' then s.series_id else h.series_id end as members
      from stocktake.series s
      join stocktake.ledger l using (series_id)
      left join home h on h.dataset = s.dataset
    union all
    select s.dataset, s.feed, s.key, 'expected', l.expected, s.series_id
      from stocktake.series s join stocktake.ledger l using (series_id)
)
select t.dataset, t.feed, t.key, t.what, coalesce(m.key, o.ordinal::text)
  from told t
 cross join unnest(t.ranges) as part
 cross join generate_series(lower(part), upper(part) - 1) as o(ordinal)
  left join stocktake.member m on m.series_id = t.members and m.ordinal = o.ordinal
 order by 1, 2, 3, 4, 5;

-- name: unit_lines
-- Units with a state or row counts of their own.
-- :datasets :homes :columns text[]
with home as (
    select w.dataset, m.series_id
      from unnest(%(datasets)s::text[], %(homes)s::text[], %(columns)s::text[])
           as w(dataset, home, col)
      join stocktake.series m on m.dataset = w.home and m.feed = 'member' and m.key = array[w.col]
)
select s.dataset, s.feed, s.key, coalesce(m.key, u.ordinal::text), u.state, u.reason, u.rows,
       u.expected_rows
  from stocktake.series s
  join stocktake.unit u using (series_id)
  left join home h on h.dataset = s.dataset
  left join stocktake.member m on m.series_id = h.series_id and m.ordinal = u.ordinal
 order by 1, 2, 3, 4;

-- name: runs
-- Every run: number, kind, state, requests, error.
select run_id, kind, state, requests, coalesce(error, ''), fence from stocktake.run order by run_id;

-- name: half_visible
-- Days of results that are held although no race of them is there, in one snapshot.
select s.key, o.ordinal
  from stocktake.series s
  join stocktake.ledger l using (series_id)
 cross join unnest(l.held) as part
 cross join generate_series(lower(part), upper(part) - 1) as o(ordinal)
 where s.dataset = 'ra_races'
   and not exists (select 1 from racing.ra_races r
                    where r.date = date '1970-01-01' + o.ordinal)
   and not exists (select 1 from stocktake.unit u
                    where u.series_id = s.series_id and u.ordinal = o.ordinal and u.state = 'empty');

-- name: unproven_rows
-- Races whose unit is not held, in one snapshot: rows nobody counted.
select r.date, lower(r.region)
  from racing.ra_races r
 where not exists (
    select 1 from stocktake.series s
      join stocktake.ledger l using (series_id)
     where s.dataset = 'ra_races' and l.held @> (r.date - date '1970-01-01'));

-- name: receipts
-- Rows inserted per dataset by all runs.
select dataset, sum(inserted), sum(updated) from stocktake.receipt group by 1 order by 1;

-- name: terminate_all
-- Ends every other session of this database.
select pg_terminate_backend(pid) from pg_stat_activity
 where datname = current_database() and pid <> pg_backend_pid();

-- name: pauses
-- Paused sources.
select source, reason from stocktake.source_pause;

-- name: impatient
-- Sessions of this database give up waiting for a lock after a moment.
alter database {database} set lock_timeout = '300ms';

-- name: block_horses
-- Holds a table that every batch writes.
lock table racing.ra_mst_horses in share row exclusive mode;

-- name: waiting
-- Sessions that wait for a lock on a table.
select pid from pg_locks where not granted and locktype = 'relation'
   and database = (select oid from pg_database where datname = current_database());

-- name: make_space
-- A place on another disk.
create tablespace {space} location {folder};

-- name: move_bodies
alter table stocktake.body set tablespace {space};

-- name: move_runners
alter table racing.ra_runners set tablespace {space};

-- name: drop_space
drop tablespace {space};

-- name: rejects
-- Rows set aside.
select dataset, position, code, reason from stocktake.reject order by reject_id;

-- name: a_race_with_results
-- A race whose first two may change places.
select race_id from racing.ra_race_results group by race_id having count(*) > 2 order by 1 limit 1;

-- name: former_results
-- How many results were overwritten.
select count(*) from stocktake.row_version where dataset = 'ra_race_results';

-- name: owners
-- Who executes runs now.
select owner from stocktake.run where state = 'running';

-- name: first_pages
-- What was asked and is stored: path, parameters as name, value, name, value.
select path, params from stocktake.capture where page = 0 and flaw = '' and source = 'theracingapi';

-- name: lose_a_races_runners
-- Removes the runners of one race by hand; returns the race and its region.
with lost as (
    delete from racing.ra_runners
     where race_id = (select min(race_id) from racing.ra_race_results)
 returning race_id, region
)
select distinct race_id, lower(region) from lost;

-- name: run_states
-- Each run and its state.
select run_id, state from stocktake.run order by run_id;

-- name: chunk_states
-- How many chunks are in each state.
select state, count(*) from stocktake.chunk group by state order by state;

-- name: chunk_owners
-- Who has chunks in hand.
select distinct owner from stocktake.chunk where state = 'running';

-- name: owners_at_work
-- Who has committed something of the chunk in hand.
select distinct owner from stocktake.chunk where state = 'running' and changed_at > claimed_at + interval '0.1 s';

-- name: chunks_in_hand
-- Chunks that a worker has in hand.
select chunk_id, owner from stocktake.chunk where state = 'running' order by chunk_id;

-- name: captured_bodies
-- Captures, and bodies.
select (select count(*) from stocktake.capture), (select count(*) from stocktake.body);
