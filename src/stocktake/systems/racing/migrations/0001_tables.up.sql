-- Tables of the system `racing`. Column names are those people already query by; columns marked
-- "ours" were added. No foreign keys between the hot tables: races, runners and results arrive in
-- batches from different answers, a key check per row would cost more than the merge itself, and
-- an orphan must be kept and reported (a check counts them), not refused.

create schema if not exists racing;
grant usage on schema racing to stocktake_app;

create table racing.ra_mst_regions (
    code text primary key,
    name text
);

create table racing.ra_mst_courses (
    id          text primary key,
    name        text,
    name_en     text, -- ours: English equivalent where the source speaks another language
    region_code text,
    region      text,
    longitude   numeric,
    latitude    numeric
);

create table racing.ra_mst_bookmakers (
    id        bigint,
    name      text,
    code      text primary key,
    type      text check (type in ('online', 'exchange', 'on_course')),
    is_active boolean
);

create table racing.ra_mst_jockeys (
    id                   text primary key,
    name                 text,
    total_rides          integer,
    total_wins           integer,
    total_places         integer,
    total_seconds        integer,
    total_thirds         integer,
    win_rate             numeric(5,2),
    place_rate           numeric(5,2),
    recent_14d_rides     integer,
    recent_14d_wins      integer,
    recent_14d_win_rate  numeric(5,2),
    recent_30d_rides     integer,
    recent_30d_wins      integer,
    recent_30d_win_rate  numeric(5,2),
    last_ride_date       date,
    last_win_date        date,
    days_since_last_ride integer,
    days_since_last_win  integer,
    stats_updated_at     timestamptz
);

create table racing.ra_mst_trainers (
    id                     text primary key,
    name                   text,
    location               text,
    total_runners          integer,
    total_wins             integer,
    total_places           integer,
    total_seconds          integer,
    total_thirds           integer,
    win_rate               numeric(5,2),
    place_rate             numeric(5,2),
    recent_14d_runs        integer,
    recent_14d_wins        integer,
    recent_14d_win_rate    numeric(5,2),
    recent_30d_runs        integer,
    recent_30d_wins        integer,
    recent_30d_win_rate    numeric(5,2),
    last_runner_date       date,
    last_win_date          date,
    days_since_last_runner integer,
    days_since_last_win    integer,
    stats_updated_at       timestamptz
);

create table racing.ra_mst_owners (
    id                     text primary key,
    name                   text,
    total_runners          integer,
    total_wins             integer,
    total_places           integer,
    total_seconds          integer,
    total_thirds           integer,
    win_rate               numeric(5,2),
    place_rate             numeric(5,2),
    recent_14d_runs        integer,
    recent_14d_wins        integer,
    recent_14d_win_rate    numeric(5,2),
    recent_30d_runs        integer,
    recent_30d_wins        integer,
    recent_30d_win_rate    numeric(5,2),
    last_runner_date       date,
    last_win_date          date,
    days_since_last_runner integer,
    days_since_last_win    integer,
    total_horses           integer,
    active_last_30d        boolean,
    stats_updated_at       timestamptz
);

create table racing.ra_mst_horses (
    id          text primary key,
    name        text,
    sire_id     text,
    dam_id      text,
    damsire_id  text,
    dob         date,
    age         integer,
    sex         text,
    sex_code    char(1),
    colour      text,
    colour_code text,
    breeder     text,
    region      text,
    enrich_id   text -- ours: id under which a source tells the pedigree, NULL where none does
);
create index ra_mst_horses_sire on racing.ra_mst_horses (sire_id);
create index ra_mst_horses_dam on racing.ra_mst_horses (dam_id);
create index ra_mst_horses_damsire on racing.ra_mst_horses (damsire_id);

create table racing.ra_horse_pedigree (
    horse_id   text primary key,
    sire_id    text,
    sire       text,
    dam_id     text,
    dam        text,
    damsire_id text,
    damsire    text,
    breeder    text,
    region     text
);
create index ra_horse_pedigree_sire on racing.ra_horse_pedigree (sire_id);
create index ra_horse_pedigree_dam on racing.ra_horse_pedigree (dam_id);
create index ra_horse_pedigree_damsire on racing.ra_horse_pedigree (damsire_id);

-- total_runners counts the runs of the progeny, not the progeny.
create table racing.ra_mst_sires (
    id                     text primary key,
    name                   text,
    horse_id               text,
    total_runners          integer,
    total_wins             integer,
    total_places_2nd       integer,
    total_places_3rd       integer,
    overall_win_percent    numeric(5,2),
    overall_ae_index       numeric(8,4),
    best_class             text,
    best_class_ae          numeric(8,4),
    best_distance          text,
    best_distance_ae       numeric(8,4),
    class_1_name           text,
    class_1_runners        integer,
    class_1_wins           integer,
    class_1_win_percent    numeric(5,2),
    class_1_ae             numeric(8,4),
    class_2_name           text,
    class_2_runners        integer,
    class_2_wins           integer,
    class_2_win_percent    numeric(5,2),
    class_2_ae             numeric(8,4),
    class_3_name           text,
    class_3_runners        integer,
    class_3_wins           integer,
    class_3_win_percent    numeric(5,2),
    class_3_ae             numeric(8,4),
    distance_1_name        text,
    distance_1_runners     integer,
    distance_1_wins        integer,
    distance_1_win_percent numeric(5,2),
    distance_1_ae          numeric(8,4),
    distance_2_name        text,
    distance_2_runners     integer,
    distance_2_wins        integer,
    distance_2_win_percent numeric(5,2),
    distance_2_ae          numeric(8,4),
    distance_3_name        text,
    distance_3_runners     integer,
    distance_3_wins        integer,
    distance_3_win_percent numeric(5,2),
    distance_3_ae          numeric(8,4),
    analysis_last_updated  timestamptz,
    data_quality_score     numeric(4,2)
);
create table racing.ra_mst_dams (like racing.ra_mst_sires including indexes);
create table racing.ra_mst_damsires (like racing.ra_mst_sires including indexes);

-- Every spelling an id was seen with; a name is not an identity.
create table racing.entity_alias (
    entity_type text not null,
    id          text not null,
    name        text not null,
    first_seen  date,
    last_seen   date,
    n           integer,
    primary key (entity_type, id, name)
);

create table racing.ra_races (
    race_id             text primary key,
    course_id           text,
    course_name         text,
    course_name_en      text, -- ours: English equivalent of course_name (hkjc)
    date                date not null,
    region              text not null,
    off_time            time,
    off_dt              timestamptz,
    time                time, -- old alias, equal to off_time
    race_name           text,
    race_number         integer,
    type                text,
    race_class          text,
    pattern             text,
    age_band            text,
    rating_band         text,
    sex_restriction     text,
    distance            text,
    distance_round      text,
    distance_f          text,
    distance_m          integer,
    distance_y          integer, -- ours
    surface             text,
    going               text,
    going_text          text, -- ours: the source's own wording where going holds its English
    jumps               text,
    going_detailed      text,
    rail_movements      text,
    stalls              text,
    weather             text,
    tip                 text,
    verdict             text,
    betting_forecast    text,
    prize               numeric,
    prize_currency      char(3), -- ours
    field_size          integer,
    is_big_race         boolean,
    is_abandoned        boolean,
    has_result          boolean not null default false,
    winning_time        text,
    winning_time_detail text,
    comments            text,
    non_runners         text,
    tote_win            text,
    tote_pl             text,
    tote_ex             text,
    tote_csf            text,
    tote_tricast        text,
    tote_trifecta       text,
    meet_id             text,
    race_status         text -- ours
                        check (race_status in ('scheduled', 'run', 'abandoned', 'void'))
) with (fillfactor = 85); -- room for the second facet's update on the same page
create index ra_races_day on racing.ra_races (date, region);
create index ra_races_course on racing.ra_races (course_id, date);

create table racing.ra_runners (
    runner_id               text not null,
    race_id                 text not null,
    horse_id                text not null,
    race_date               date not null, -- ours: the race's day, for as-of work and counting
    region                  text not null, -- ours: the race's region
    horse_name              text,
    jockey_name             text,
    trainer_name            text,
    owner_name              text,
    jockey_id               text,
    trainer_id              text,
    owner_id                text,
    sire_id                 text,
    dam_id                  text,
    damsire_id              text,
    number                  text,
    draw                    integer,
    weight_lbs              integer,
    weight_st_lbs           text,
    weight_stones_lbs       text, -- old alias, equal to weight_st_lbs
    age                     integer,
    sex                     text,
    headgear                text,
    jockey_claim_lbs        integer,
    body_weight_lbs         integer, -- ours: the horse's own weight (hkjc)
    sex_code                text,
    colour                  text,
    dob                     date,
    headgear_run            text,
    wind_surgery            text,
    wind_surgery_run        text,
    form                    text,
    last_run                integer,
    ofr                     integer,
    rpr                     integer,
    ts                      integer,
    comment                 text,
    spotlight               text,
    trainer_rtf             numeric,
    past_results_flags      jsonb,
    trainer_location        text,
    silk_url                text,
    is_scratched            boolean,
    claiming_price_min      numeric,
    claiming_price_max      numeric,
    medication              text,
    equipment               text,
    morning_line_odds       text,
    position                integer,
    distance_beaten         text,
    overall_beaten_distance numeric,
    prize_won               numeric,
    starting_price          text,
    starting_price_decimal  numeric,
    finishing_time          text,
    race_comment            text,
    jockey_silk_url         text,
    result_updated_at       timestamptz,
    primary key (race_id, horse_id)
) with (fillfactor = 85);
create index ra_runners_day on racing.ra_runners (race_date, region);
create index ra_runners_horse on racing.ra_runners (horse_id, race_date);

create table racing.ra_race_results (
    race_id          text not null,
    race_date        date not null,
    region           text not null, -- ours: the race's region
    horse_id         text not null,
    horse_name       text,
    jockey_name      text,
    trainer_name     text,
    owner_name       text,
    position         integer,
    position_str     text,
    number           text,
    draw             integer,
    jockey_id        text,
    jockey_claim_lbs integer,
    trainer_id       text,
    owner_id         text,
    sire_id          text,
    dam_id           text,
    damsire_id       text,
    age              integer,
    sex              text,
    weight_lbs       integer,
    weight_st_lbs    text,
    headgear         text,
    sp               text,
    sp_decimal       numeric,
    btn              numeric,
    ovr_btn          numeric,
    margin           text,
    time_seconds     numeric(7,2),
    time_display     text,
    official_rating  integer,
    rpr              integer,
    tsr              integer,
    prize_won        numeric,
    comment          text,
    silk_url         text,
    bsp_decimal      numeric, -- ours
    outcome          text,    -- ours
    is_starter       boolean not null, -- ours
    dead_heat_n      integer, -- ours: horses sharing this position, 1 normally
    sp_marker        text,    -- ours: F favourite, J joint, C co-favourite
    body_weight_lbs  integer, -- ours (hkjc)
    primary key (race_id, horse_id)
);
create index ra_race_results_day on racing.ra_race_results (race_date, region);
create index ra_race_results_horse on racing.ra_race_results (horse_id, race_date);
create index ra_race_results_pair on racing.ra_race_results (jockey_id, trainer_id);
create index ra_race_results_trainer on racing.ra_race_results (trainer_id);
create index ra_race_results_owner on racing.ra_race_results (owner_id);
create index ra_race_results_sire on racing.ra_race_results (sire_id);
create index ra_race_results_dam on racing.ra_race_results (dam_id);
create index ra_race_results_damsire on racing.ra_race_results (damsire_id);

create table racing.ra_entity_combinations (
    entity1_type     text not null,
    entity1_id       text not null,
    entity2_type     text not null,
    entity2_id       text not null,
    total_runs       integer,
    wins             integer,
    places_2nd       integer,
    places_3rd       integer,
    win_percent      numeric(5,2),
    place_percent    numeric(5,2),
    ae_index         numeric(8,4),
    profit_loss_1u   numeric(12,2),
    query_filters    jsonb,
    calculated_at    timestamptz,
    primary key (entity1_type, entity1_id, entity2_type, entity2_id)
);
create index ra_entity_combinations_second on racing.ra_entity_combinations (entity2_id);

create table racing.ra_performance_by_distance (
    entity_type      text not null,
    entity_id        text not null,
    distance_yards   integer not null,
    distance_display text,
    total_runs       integer,
    wins             integer,
    places_2nd       integer,
    places_3rd       integer,
    win_percent      numeric(5,2),
    place_percent    numeric(5,2),
    ae_index         numeric(8,4),
    profit_loss_1u   numeric(12,2),
    best_time_seconds numeric(7,2),
    avg_time_seconds  numeric(7,2),
    last_time_seconds numeric(7,2),
    going_breakdown  jsonb,
    query_filters    jsonb,
    calculated_at    timestamptz,
    primary key (entity_type, entity_id, distance_yards)
);
create index ra_performance_by_distance_entity on racing.ra_performance_by_distance (entity_id);

create table racing.ra_performance_by_venue (
    entity_type      text not null,
    entity_id        text not null,
    venue_id         text not null,
    total_runs       integer,
    wins             integer,
    places_2nd       integer,
    places_3rd       integer,
    win_percent      numeric(5,2),
    place_percent    numeric(5,2),
    ae_index         numeric(8,4),
    profit_loss_1u   numeric(12,2),
    query_filters    jsonb,
    calculated_at    timestamptz,
    primary key (entity_type, entity_id, venue_id)
);
create index ra_performance_by_venue_entity on racing.ra_performance_by_venue (entity_id);

-- The horse as it stood before the race: only runs of earlier days count.
create table racing.ra_runner_statistics (
    runner_id                  text primary key,
    horse_id                   text not null,
    career_prize               numeric,
    career_win_percent         numeric(5,2),
    career_place_percent       numeric(5,2),
    course_runs                integer,
    course_wins                integer,
    course_2nds                integer,
    course_3rds                integer,
    course_distance_runs       integer,
    course_distance_wins       integer,
    course_distance_2nds       integer,
    course_distance_3rds       integer,
    distance_runs              integer,
    distance_wins              integer,
    distance_2nds              integer,
    distance_3rds              integer,
    firm_runs                  integer,
    firm_wins                  integer,
    firm_2nds                  integer,
    firm_3rds                  integer,
    good_runs                  integer,
    good_wins                  integer,
    good_2nds                  integer,
    good_3rds                  integer,
    soft_runs                  integer,
    soft_wins                  integer,
    soft_2nds                  integer,
    soft_3rds                  integer,
    heavy_runs                 integer,
    heavy_wins                 integer,
    heavy_2nds                 integer,
    heavy_3rds                 integer,
    aw_runs                    integer,
    aw_wins                    integer,
    aw_2nds                    integer,
    aw_3rds                    integer,
    jockey_runs                integer,
    jockey_wins                integer,
    jockey_2nds                integer,
    jockey_3rds                integer,
    jumps_runs                 integer,
    jumps_wins                 integer,
    jumps_2nds                 integer,
    jumps_3rds                 integer,
    last_10_runs               integer,
    last_10_wins               integer,
    last_10_2nds               integer,
    last_10_3rds               integer,
    last_12m_runs              integer,
    last_12m_wins              integer,
    last_12m_2nds              integer,
    last_12m_3rds              integer,
    last_raced                 date,
    last_won                   date,
    min_winning_distance_yards integer,
    max_winning_distance_yards integer,
    query_filters              jsonb
);
create index ra_runner_statistics_horse on racing.ra_runner_statistics (horse_id);

-- Race days announced for series without a calendar of their own (Hong Kong): they are the
-- expectation of the hk units. One row per day and list that names it.
create table racing.hk_race_days (
    day           date not null,
    listed_by     text not null check (listed_by in ('index', 'fixtures')),
    is_cancelled  boolean not null,
    results_bytes integer,
    captured_at   timestamptz,
    primary key (day, listed_by)
);

do $$
declare
    plain text;
begin
    foreach plain in array array['ra_mst_regions', 'ra_mst_jockeys', 'ra_mst_trainers',
        'ra_mst_owners', 'ra_mst_sires', 'ra_mst_dams', 'ra_mst_damsires',
        'entity_alias', 'ra_race_results', 'ra_entity_combinations',
        'ra_performance_by_distance', 'ra_performance_by_venue', 'ra_runner_statistics',
        'hk_race_days'] loop
        perform stocktake.adopt_table(('racing.' || plain)::regclass);
    end loop;
end $$;
select stocktake.adopt_table('racing.ra_mst_courses'::regclass, array['listed', 'coordinates']);
select stocktake.adopt_table('racing.ra_mst_bookmakers'::regclass, array['seen', 'shipped']);
select stocktake.adopt_table('racing.ra_races'::regclass, array['card', 'result']);
select stocktake.adopt_table('racing.ra_runners'::regclass, array['card', 'result']);
select stocktake.adopt_table('racing.ra_mst_horses'::regclass, array['entry', 'pro']);
select stocktake.adopt_table('racing.ra_horse_pedigree'::regclass, array['entry', 'pro']);

-- When the result part of a runner last changed. A trigger, since no answer tells it and a time of
-- fetch in the row would make every identical answer look like a change.
create function racing.stamp_result() returns trigger language plpgsql as $$
begin
    new.result_updated_at := transaction_timestamp();
    return new;
end $$;
create trigger stamp_new_result before insert on racing.ra_runners for each row
    when (new._result_hash is not null) execute function racing.stamp_result();
create trigger stamp_changed_result before update on racing.ra_runners for each row
    when (new._result_hash is distinct from old._result_hash)
    execute function racing.stamp_result();

-- Old names. The people views tell days_since_* as of the reader's day, which a stored number
-- cannot: it is only right as of stats_updated_at.
create view racing.ra_mst_races with (security_invoker = true) as
    select * from racing.ra_races;
create view racing.ra_mst_runners with (security_invoker = true) as
    select * from racing.ra_runners;
create view racing.ra_mst_race_results with (security_invoker = true) as
    select * from racing.ra_race_results;
create view racing.ra_courses with (security_invoker = true) as
    select * from racing.ra_mst_courses;
create view racing.ra_bookmakers with (security_invoker = true) as
    select * from racing.ra_mst_bookmakers;
create view racing.ra_regions with (security_invoker = true) as
    select * from racing.ra_mst_regions;

create view racing.ra_jockeys with (security_invoker = true) as
    select id, name, total_rides, total_wins, total_places, total_seconds, total_thirds, win_rate,
           place_rate, recent_14d_rides, recent_14d_wins, recent_14d_win_rate, recent_30d_rides,
           recent_30d_wins, recent_30d_win_rate, last_ride_date, last_win_date,
           today.day - last_ride_date as days_since_last_ride,
           today.day - last_win_date as days_since_last_win, stats_updated_at, created_at,
           updated_at, _capture_id, _run_id, _row_hash, _loaded_at
      from racing.ra_mst_jockeys,
           (select (current_timestamp at time zone 'Europe/London')::date as day) today;
create view racing.ra_trainers with (security_invoker = true) as
    select id, name, location, total_runners, total_wins, total_places, total_seconds,
           total_thirds, win_rate, place_rate, recent_14d_runs, recent_14d_wins,
           recent_14d_win_rate, recent_30d_runs, recent_30d_wins, recent_30d_win_rate,
           last_runner_date, last_win_date,
           today.day - last_runner_date as days_since_last_runner,
           today.day - last_win_date as days_since_last_win, stats_updated_at, created_at,
           updated_at, _capture_id, _run_id, _row_hash, _loaded_at
      from racing.ra_mst_trainers,
           (select (current_timestamp at time zone 'Europe/London')::date as day) today;
create view racing.ra_owners with (security_invoker = true) as
    select id, name, total_runners, total_wins, total_places, total_seconds, total_thirds,
           win_rate, place_rate, recent_14d_runs, recent_14d_wins, recent_14d_win_rate,
           recent_30d_runs, recent_30d_wins, recent_30d_win_rate, last_runner_date, last_win_date,
           today.day - last_runner_date as days_since_last_runner,
           today.day - last_win_date as days_since_last_win, total_horses, active_last_30d,
           stats_updated_at, created_at, updated_at, _capture_id, _run_id, _row_hash, _loaded_at
      from racing.ra_mst_owners,
           (select (current_timestamp at time zone 'Europe/London')::date as day) today;
create view racing.ra_horses with (security_invoker = true) as
    select id, name, sire_id, dam_id, damsire_id, dob,
           (extract(year from today.day) - extract(year from dob))::integer as age, sex, sex_code,
           colour, colour_code, breeder, region, enrich_id, created_at, updated_at, _capture_id,
           _run_id, _row_hash, _loaded_at, _entry_hash, _entry_capture_id, _pro_hash,
           _pro_capture_id
      from racing.ra_mst_horses,
           (select (current_timestamp at time zone 'Europe/London')::date as day) today;

grant select, insert, update, delete on all tables in schema racing to stocktake_app;
