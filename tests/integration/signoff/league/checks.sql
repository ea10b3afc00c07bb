-- name: mean_points
-- Mean points of the games of a range.
-- :since  date  first day, NULL for all
-- :until  date  last day, NULL for all
select '' as grp, avg(points)::double precision as value, count(*) as measured_rows
  from league.score join league.fixture using (game_id)
 where coalesce(day >= %(since)s::date, true) and coalesce(day <= %(until)s::date, true);
