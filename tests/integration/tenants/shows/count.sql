-- name: plays
-- Plays per day and place.
select array[day::text, place] as key, 'plays_csv' as feed, count(*) as rows, null as expected_rows
  from shows.plays
 where (%(days)s::date[] is null or day = any(%(days)s::date[]))
   and (%(since)s::date is null or day >= %(since)s) and (%(until)s::date is null or day <= %(until)s)
 group by day, place;
