create or replace view racing.starts with (security_invoker = true) as
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

drop trigger ask_race on racing.ra_race_results;
drop trigger tell_runs_of_changed_race on racing.ra_races;
drop trigger tell_runs_of_new_race on racing.ra_races;
drop function racing.ask_race();
drop function racing.tell_runs();

-- Columns of a view cannot be dropped.
drop view racing.ra_mst_race_results;
alter table racing.ra_race_results drop column course_id, drop column distance_y;
create view racing.ra_mst_race_results with (security_invoker = true) as
    select * from racing.ra_race_results;
grant select, insert, update, delete on racing.ra_mst_race_results to stocktake_app;

create index ra_race_results_pair on racing.ra_race_results (jockey_id, trainer_id);
create index ra_race_results_trainer on racing.ra_race_results (trainer_id);
create index ra_race_results_owner on racing.ra_race_results (owner_id);
create index ra_race_results_sire on racing.ra_race_results (sire_id);
create index ra_race_results_damsire on racing.ra_race_results (damsire_id);
