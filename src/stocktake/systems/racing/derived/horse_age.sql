-- name: touched
-- Horses whose age is not that of the year: all turn a year older on the first of January.
select h.id
  from racing.ra_mst_horses h
  join racing.settled on settled.region = 'GB'
 where h.age is distinct from extract(year from settled.day) - extract(year from h.dob);

-- name: compute
-- Years from the horse's birth to the year of the last settled day, as racing counts them.
select h.id, extract(year from settled.day) - extract(year from h.dob) as age
  from touched_keys k
  join racing.ra_mst_horses h using (id)
  join racing.settled on settled.region = 'GB';
