-- What the derived tables share.

-- Counts of runs, wins, seconds and thirds travel through windows as one number, 16 bits each
-- (a horse runs 60 times, not 32,767): one sum instead of four. Sums and differences of such
-- numbers are sums and differences of all four counts.
create function racing.pack_run(is_run boolean, place integer) returns bigint
language sql immutable parallel safe
return case when is_run then
    1::bigint + case place when 1 then 1::bigint << 16
                              when 2 then 1::bigint << 32
                              when 3 then 1::bigint << 48 else 0 end end;

-- sum(bigint) returns numeric, which is slow and has no inverse for sliding windows.
create aggregate racing.add_up(bigint) (
    sfunc = int8pl, stype = bigint, initcond = '0', combinefunc = int8pl, parallel = safe,
    msfunc = int8pl, minvfunc = int8mi, mstype = bigint, minitcond = '0'
);

-- Exclusive buckets; all-weather is one of its own, whatever its going. NULL: unknown going.
create function racing.going_bucket(surface text, going text) returns text
language sql immutable parallel safe
return case when surface = 'AW' then 'aw' else
    case lower(going)
        when 'hard' then 'firm' when 'firm' then 'firm' when 'good to firm' then 'firm'
        when 'fast' then 'firm'
        when 'good' then 'good' when 'good to yielding' then 'good'
        when 'good to soft' then 'soft' when 'yielding' then 'soft'
        when 'yielding to soft' then 'soft' when 'soft' then 'soft' when 'very soft' then 'soft'
        when 'muddy' then 'soft'
        when 'soft to heavy' then 'heavy' when 'heavy' then 'heavy' when 'holding' then 'heavy'
        when 'sloppy' then 'heavy'
    end end;

-- Runs that count: starters of races that were not void. profit_1u: of one unit staked at starting
-- price; a dead heat divides the money, not the win.
create view racing.starts with (security_invoker = true) as
select s.race_id, s.horse_id, s.race_date, s.region, r.off_dt, r.course_id, r.distance_y, r.type,
       r.race_class, r.surface, r.going, s.jockey_id, s.trainer_id, s.owner_id, s.sire_id,
       s.dam_id, s.damsire_id, s.position, s.sp_decimal, s.dead_heat_n, s.time_seconds,
       s.prize_won,
       1 / s.sp_decimal::double precision as chance,
       case when s.position = 1 then s.sp_decimal::double precision / coalesce(s.dead_heat_n, 1) - 1
            when s.sp_decimal is not null then -1 end as profit_1u
  from racing.ra_race_results s
  join racing.ra_races r using (race_id)
 where s.is_starter and coalesce(r.race_status, 'run') not in ('abandoned', 'void');
-- The newest day with results, by which "the last 14 days" are told, never by the wall clock. GB
-- and IRE are one family.
create view racing.settled with (security_invoker = true) as
select region, max(newest) over (partition by family) as day
  from (values ('GB', 'home'), ('IRE', 'home'), ('HK', 'hk')) regions (region, family),
       lateral (select max(r.date) as newest from racing.ra_races r
                 where r.region = regions.region and r.has_result) held;

grant select on racing.starts, racing.settled to stocktake_app;
