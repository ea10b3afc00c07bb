-- name: fill_series
-- Makes the series of a benchmark dataset.
-- :series  int  how many
insert into series (system, dataset, feed, key)
select 'bench', 'units', 'feed', array[n::text] from generate_series(0, %(series)s - 1) as n;

-- name: fill_ledger
-- Holds blocks of five days, one in ten missing, the same ones in every run.
-- :days   int  days per series
-- :first  int  ordinal of the first day
insert into ledger (series_id, chunk, held)
select s.series_id, (%(first)s + b * 5) >> 12,
       range_agg(int4range(%(first)s + b * 5,
                           least(%(first)s + b * 5 + 5, ((%(first)s + b * 5) >> 12) * 4096 + 4096)))
  from series s cross join generate_series(0, (%(days)s - 1) / 5) as b
 where s.system = 'bench' and (hashint4(s.key[1]::int * 7919 + b)::bigint & 1023) > 102
 group by 1, 2;

-- name: analyze_tables
-- What a server does by itself after a while.
analyze series, ledger;

-- name: ledger_bytes
-- Size of the ledger with its index.
select pg_total_relation_size('ledger');

-- name: backend
-- Process id of this connection's server process.
select pg_backend_pid();
