-- name: touched
-- Every race of a meeting in which a race is new or changed: one that only its card tells of,
-- abandoned between two others, moves the numbers of those after it.
select r.race_id
  from changed_ra_races c
  join racing.ra_races r
    on r.date = c.date and coalesce(r.course_id, '') = coalesce(c.course_id, '')
 where r.region <> 'HK';

-- name: compute
-- The rank of a race's start among all races known of its meeting, whoever told of them; unknown
-- starts come last. Hong Kong numbers its races itself.
with meeting as (
    select distinct r.date, coalesce(r.course_id, '') as course
      from touched_keys k join racing.ra_races r using (race_id)
), numbered as (
    select r.race_id, case when r.region = 'HK' then r.race_number
                           else row_number() over (partition by m.date, m.course
                                                   order by r.off_dt nulls last, r.race_id)
                      end as race_number
      from meeting m
      join racing.ra_races r on r.date = m.date and coalesce(r.course_id, '') = m.course
)
select race_id, race_number from numbered join touched_keys using (race_id);
