-- name: touched
-- Parents of changed runs, and of runs whose race changed; and the parent that a changed horse is
-- itself: its ids share their digits.
-- :parent  text  sire, dam or damsire
with changed as (
    select sire_id, dam_id, damsire_id from changed_ra_race_results
     union
    select s.sire_id, s.dam_id, s.damsire_id
      from changed_ra_races c join racing.ra_race_results s using (race_id)
)
select case %(parent)s::text when 'sire' then sire_id when 'dam' then dam_id
                             else damsire_id end as id
  from changed
 union
select case %(parent)s::text when 'sire' then 'sir_' when 'dam' then 'dam_' else 'dsi_' end
       || substr(id, 5)
  from changed_ra_mst_horses;

-- name: compute
-- Runs of a parent's progeny: overall, and its three classes and furlong bands with most runs.
-- :parent  text         sire, dam or damsire
-- :now     timestamptz  when this is computed
with run as (
    select k.id, s.position, s.chance, s.race_class,
           round(s.distance_y / 220.0) || 'f' as band, round(s.distance_y / 220.0) as furlongs
      from touched_keys k
      join racing.starts s
        on case %(parent)s::text when 'sire' then s.sire_id when 'dam' then s.dam_id
                                 else s.damsire_id end = k.id
),
grouped as (
    select id, grouping(race_class) = 0 as is_class, grouping(band) = 0 as is_band,
           coalesce(race_class, band) as name, min(furlongs) as furlongs,
           count(*) as runs,
           count(*) filter (where position = 1) as wins,
           count(*) filter (where position = 2) as seconds,
           count(*) filter (where position = 3) as thirds,
           100.0::double precision * count(*) filter (where position = 1) / count(*) as win_percent,
           round((count(*) filter (where position = 1 and chance is not null)
                  / sum(chance))::numeric, 4) as ae,
           count(*) filter (where chance is not null and race_class is not null
                                  and furlongs is not null)::double precision / count(*) as quality
      from run
     group by grouping sets ((id), (id, race_class), (id, band))
),
ranked as (
    select *, row_number() over (partition by id, is_class
                                     order by runs desc, furlongs_or_zero, name) as place,
           first_value(name) over best as best, first_value(best_ae) over best as best_value
      from (select *, case when is_band then furlongs else 0 end as furlongs_or_zero,
                   case when runs >= 10 then ae end as best_ae
              from grouped
             where (is_class or is_band) and name is not null) named
    window best as (partition by id, is_class order by best_ae desc nulls last, runs desc,
                    furlongs_or_zero, name)
),
detail as (
    select id as detail_id,
           max(best) filter (where is_class and best_value is not null) as best_class,
           max(best_value) filter (where is_class) as best_class_ae,
           max(best) filter (where is_band and best_value is not null) as best_distance,
           max(best_value) filter (where is_band) as best_distance_ae,
           max(name) filter (where is_class and place = 1) as class_1_name,
           max(runs) filter (where is_class and place = 1) as class_1_runners,
           max(wins) filter (where is_class and place = 1) as class_1_wins,
           max(win_percent) filter (where is_class and place = 1) as class_1_win_percent,
           max(ae) filter (where is_class and place = 1) as class_1_ae,
           max(name) filter (where is_class and place = 2) as class_2_name,
           max(runs) filter (where is_class and place = 2) as class_2_runners,
           max(wins) filter (where is_class and place = 2) as class_2_wins,
           max(win_percent) filter (where is_class and place = 2) as class_2_win_percent,
           max(ae) filter (where is_class and place = 2) as class_2_ae,
           max(name) filter (where is_class and place = 3) as class_3_name,
           max(runs) filter (where is_class and place = 3) as class_3_runners,
           max(wins) filter (where is_class and place = 3) as class_3_wins,
           max(win_percent) filter (where is_class and place = 3) as class_3_win_percent,
           max(ae) filter (where is_class and place = 3) as class_3_ae,
           max(name) filter (where is_band and place = 1) as distance_1_name,
           max(runs) filter (where is_band and place = 1) as distance_1_runners,
           max(wins) filter (where is_band and place = 1) as distance_1_wins,
           max(win_percent) filter (where is_band and place = 1) as distance_1_win_percent,
           max(ae) filter (where is_band and place = 1) as distance_1_ae,
           max(name) filter (where is_band and place = 2) as distance_2_name,
           max(runs) filter (where is_band and place = 2) as distance_2_runners,
           max(wins) filter (where is_band and place = 2) as distance_2_wins,
           max(win_percent) filter (where is_band and place = 2) as distance_2_win_percent,
           max(ae) filter (where is_band and place = 2) as distance_2_ae,
           max(name) filter (where is_band and place = 3) as distance_3_name,
           max(runs) filter (where is_band and place = 3) as distance_3_runners,
           max(wins) filter (where is_band and place = 3) as distance_3_wins,
           max(win_percent) filter (where is_band and place = 3) as distance_3_win_percent,
           max(ae) filter (where is_band and place = 3) as distance_3_ae
      from ranked
     group by id
)
select k.id, coalesce(g.runs, 0) as total_runners, coalesce(g.wins, 0) as total_wins,
       coalesce(g.seconds, 0) as total_places_2nd, coalesce(g.thirds, 0) as total_places_3rd,
       g.win_percent as overall_win_percent, g.ae as overall_ae_index,
       g.quality as data_quality_score, own.id as horse_id, detail.*,
       %(now)s::timestamptz as analysis_last_updated
  from touched_keys k
  left join racing.ra_mst_horses own on own.id = 'hrs_' || substr(k.id, 5)
  left join grouped g on g.id = k.id and not g.is_class and not g.is_band
  left join detail on detail.detail_id = k.id;
