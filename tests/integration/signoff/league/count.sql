-- name: fixture
-- The one list of games.
select array['all'] as key, 'fixtures' as feed, count(*) as rows, null::bigint as expected_rows
  from league.fixture having count(*) > 0;

-- name: rain
-- Readings per day and station.
select array[day::text, station] as key, 'readings' as feed, count(*) as rows,
       null::bigint as expected_rows
  from league.rain
 where (%(days)s::date[] is null or day = any(%(days)s::date[]))
   and (%(since)s::date is null or day >= %(since)s)
   and (%(until)s::date is null or day <= %(until)s)
 group by day, station;
