-- name: reading
-- Readings per day.
-- :days   date[]  days wanted, null for all
-- :since  date    first day, null for all
-- :until  date    last day, included, null for all
select array[day::text] as key, 'readings' as feed, count(*) as rows, null::bigint as expected_rows
  from trivial.reading
 where (%(days)s::date[] is null or day = any(%(days)s::date[]))
   and (%(since)s::date is null or day >= %(since)s::date)
   and (%(until)s::date is null or day <= %(until)s::date)
 group by day;
