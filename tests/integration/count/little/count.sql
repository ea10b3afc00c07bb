-- name: visits
-- Visits per day and region, by the feed that told of them.
with counted as (
    select day, region, count(*) filter (where on_card) as cards,
           count(*) filter (where on_result) as results, max(announced) as announced
      from little.visits
     where %(days)s::date[] is null or day = any(%(days)s::date[])
     group by day, region
)
select array[day::text, region] as key, 'cards' as feed, cards as rows, announced as expected_rows
  from counted where cards > 0
union all
select array[day::text, region], 'results', results, announced from counted where results > 0;

-- name: totals
-- Derived rows per day and region.
select array[day::text, region] as key, 'derive' as feed, count(*) as rows, null as expected_rows
  from little.totals where %(days)s::date[] is null or day = any(%(days)s::date[])
 group by day, region;

-- name: codes
-- The three codes.
select array[code] as key, null as feed, count(*) as rows, null as expected_rows
  from little.codes group by code;

-- name: waived_guests
-- One of them left before anybody could ask, unless everybody is wanted.
select 'bob' as key, 'left early' as reason where not 'everybody' = any(%(settings)s::text[]);

-- name: days_visits_guest_id
-- The first day of a guest.
select guest_id as key, min(day) as day from little.visits group by guest_id;
