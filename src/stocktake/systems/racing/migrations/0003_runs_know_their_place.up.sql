-- Runs know where and how far they were: statistics by distance and by venue find the few runs of
-- a trainer at one distance by an index, and not by reading all 20,000 of his.

alter table racing.ra_race_results
    add column course_id text,     -- ours: the race's
    add column distance_y integer; -- ours: the race's, yards

-- Rewritten without the indexes that are replaced.
drop index racing.ra_race_results_pair, racing.ra_race_results_trainer,
           racing.ra_race_results_owner, racing.ra_race_results_sire,
           racing.ra_race_results_damsire;

update racing.ra_race_results s
   set course_id = r.course_id, distance_y = r.distance_y
  from racing.ra_races r
 where r.race_id = s.race_id;

-- Horses and dams have too few runs to need it. The jockeys' one also finds pairs.
create index ra_race_results_jockey
    on racing.ra_race_results (jockey_id, course_id, distance_y, trainer_id);
create index ra_race_results_trainer
    on racing.ra_race_results (trainer_id, course_id, distance_y);
create index ra_race_results_owner on racing.ra_race_results (owner_id, course_id, distance_y);
create index ra_race_results_sire on racing.ra_race_results (sire_id, course_id, distance_y);
create index ra_race_results_damsire
    on racing.ra_race_results (damsire_id, course_id, distance_y);

-- An answer tells both of its race and of its runs. What follows is for the rest: a card corrects
-- a race that has run, or knows a distance that the result left out.
create function racing.tell_runs() returns trigger language plpgsql as $$
begin
    update racing.ra_race_results s
       set course_id = new.course_id, distance_y = new.distance_y
     where s.race_id = new.race_id
       and (s.course_id, s.distance_y) is distinct from (new.course_id, new.distance_y);
    return null;
end $$;
create trigger tell_runs_of_new_race after insert on racing.ra_races for each row
    execute function racing.tell_runs();
create trigger tell_runs_of_changed_race after update of course_id, distance_y on racing.ra_races
    for each row
    when ((old.course_id, old.distance_y) is distinct from (new.course_id, new.distance_y))
    execute function racing.tell_runs();

-- After, not before: a row trigger before insert would make COPY insert rows one by one.
create function racing.ask_race() returns trigger language plpgsql as $$
begin
    update racing.ra_race_results s
       set course_id = r.course_id, distance_y = r.distance_y
      from racing.ra_races r
     where r.race_id = new.race_id and s.race_id = new.race_id and s.horse_id = new.horse_id
       and (s.course_id, s.distance_y) is distinct from (r.course_id, r.distance_y);
    return null;
end $$;
create trigger ask_race after insert or update of course_id, distance_y on racing.ra_race_results
    for each row when (new.course_id is null or new.distance_y is null)
    execute function racing.ask_race();

create or replace view racing.ra_mst_race_results with (security_invoker = true) as
    select * from racing.ra_race_results;

-- As before, with course and distance where the index is.
create or replace view racing.starts with (security_invoker = true) as
select s.race_id, s.horse_id, s.race_date, s.region, r.off_dt, s.course_id, s.distance_y, r.type,
       r.race_class, r.surface, r.going, s.jockey_id, s.trainer_id, s.owner_id, s.sire_id,
       s.dam_id, s.damsire_id, s.position, s.sp_decimal, s.dead_heat_n, s.time_seconds,
       s.prize_won,
       1 / s.sp_decimal::double precision as chance,
       case when s.position = 1 then s.sp_decimal::double precision / coalesce(s.dead_heat_n, 1) - 1
            when s.sp_decimal is not null then -1 end as profit_1u
  from racing.ra_race_results s
  join racing.ra_races r using (race_id)
 where s.is_starter and coalesce(r.race_status, 'run') not in ('abandoned', 'void');
