-- name: titles
-- What was played, most first.
select title, sum(plays) as plays from shows.plays group by title order by 2 desc, 1;
