-- Derived tables of the system `nba`, layers 2 to 5. Averages and ratings are rounded once, by the
-- type of their column: two decimals, ratios four. Layer 3 is not rounded.

-- Minutes of a player: "19:09" and "PT19M09.00S" are exact, a whole number is rounded already.
create function nba.minutes(told text) returns double precision
language sql immutable parallel safe
return case
    when told ~ '^\d+(\.\d+)?$' then told::double precision
    when told ~ '^\d+:\d+(\.\d+)?$' then
        split_part(told, ':', 1)::double precision + split_part(told, ':', 2)::double precision / 60
    when told ~ '^PT(\d+M)?(\d+(\.\d+)?S)?$' then
        coalesce(substring(told from '(\d+)M')::double precision, 0)
        + coalesce(substring(told from '([\d.]+)S')::double precision, 0) / 60
    end;

create function nba.minutes_exact(told text) returns boolean
language sql immutable parallel safe
return case when nba.minutes(told) is not null then told !~ '^\d+(\.0*)?$' end;

-- Minutes of a team: the log sends 240 where files send 48.0 for the same game.
create function nba.team_minutes(told text) returns double precision
language sql immutable parallel safe
return nba.minutes(told) * case when nba.minutes(told) < 100 then 5 else 1 end;

-- A game has rows of one source, the best that holds it.
create function nba.source_rank(source text) returns integer
language sql immutable parallel safe
return case source when 'boxscorev3' then 1 when 'leaguegamelog' then 2 when 'balldontlie' then 4
                   else 3 end;

create function nba.is_in_scope(season_type text) returns boolean
language sql immutable parallel safe
return season_type in ('regular', 'play_in', 'playoffs', 'cup_final');

-- Whole days, so that frames can be told in numbers.
create function nba.day_number(day date) returns integer
language sql immutable parallel safe
return day - date '2000-01-01';

create function nba.clamp(value numeric, most numeric) returns numeric
language sql immutable parallel safe
return case when value is not null then greatest(-most, least(most, value)) end;

create table nba.source_conflict (
    game_id       text not null,
    player_id     integer not null,
    source        text not null, -- the source not chosen
    field         text not null, -- the count that differs; 'player': only one of the two has him
    chosen_source text not null,
    chosen_value  integer,
    other_value   integer,
    season        text not null,
    game_date     date,
    primary key (game_id, player_id, source, field)
);

create table nba.clean_box_score (
    game_id           text not null,
    player_id         integer not null,
    player_name       text,
    team_id           integer not null,
    team_abbreviation text,
    opponent_team_id  integer,
    season            text not null,
    season_type       text not null,
    game_date         date not null, -- the league's date (America/New_York)
    is_home           boolean,
    is_neutral        boolean not null,
    win_flag          boolean,
    did_play          boolean not null,
    dnp_reason        text,
    minutes           double precision,
    minutes_exact     boolean,
    fgm               integer not null,
    fga               integer not null,
    fg3m              integer not null,
    fg3a              integer not null,
    ftm               integer not null,
    fta               integer not null,
    oreb              integer not null,
    dreb              integer not null,
    reb               integer not null,
    ast               integer not null,
    stl               integer not null,
    blk               integer not null,
    tov               integer not null,
    pf                integer not null,
    pts               integer not null,
    fg_pct            numeric(5,3), -- fractions, NULL without an attempt
    fg3_pct           numeric(5,3),
    ft_pct            numeric(5,3),
    plus_minus        integer,
    source            text not null,
    counts_in_windows boolean not null,
    primary key (game_id, player_id)
);
create index clean_box_score_player on nba.clean_box_score (player_id, game_date);
create index clean_box_score_day on nba.clean_box_score (game_date);

create table nba.player_game_summary (
    game_id           text not null,
    player_id         integer not null,
    player_name       text,
    team_id           integer not null,
    team_abbreviation text,
    opponent_team_id  integer,
    season            text not null,
    season_type       text not null,
    game_date         date not null,
    is_home           boolean,
    is_neutral        boolean not null,
    win_flag          boolean,
    counts_in_windows boolean not null,
    minutes           double precision,
    minutes_exact     boolean,
    fgm               integer not null,
    fga               integer not null,
    fg3m              integer not null,
    fg3a              integer not null,
    ftm               integer not null,
    fta               integer not null,
    oreb              integer not null,
    dreb              integer not null,
    reb               integer not null,
    ast               integer not null,
    stl               integer not null,
    blk               integer not null,
    tov               integer not null,
    pf                integer not null,
    pts               integer not null,
    plus_minus        integer,
    usage_rate        double precision, -- percent
    ts_pct            double precision,
    efg_pct           double precision,
    three_pt_rate     double precision,
    ft_points_share   double precision,
    game_score        double precision not null,
    team_minutes      double precision,
    primary key (game_id, player_id)
);
create index player_game_summary_player on nba.player_game_summary (player_id, season, game_date);
create index player_game_summary_day on nba.player_game_summary (game_date);
create index player_game_summary_season on nba.player_game_summary (season);

create table nba.team_offense_game_summary (
    game_id           text not null,
    team_id           integer not null,
    team_abbreviation text,
    opponent_team_id  integer,
    season            text not null,
    season_type       text not null,
    game_date         date not null,
    counts_in_windows boolean not null,
    is_home           boolean,
    is_neutral        boolean not null,
    win_flag          boolean,
    fgm               integer not null,
    fga               integer not null,
    fg3m              integer not null,
    fg3a              integer not null,
    ftm               integer not null,
    fta               integer not null,
    oreb              integer not null,
    dreb              integer not null,
    reb               integer not null,
    ast               integer not null,
    stl               integer not null,
    blk               integer not null,
    tov               integer not null,
    pf                integer not null,
    pts               integer not null,
    team_minutes      double precision,
    ot_periods        integer,
    possessions       double precision,
    pace              double precision,
    off_rating        double precision,
    efg_pct           double precision,
    ts_pct            double precision,
    players_used      integer not null,
    primary key (game_id, team_id)
);
create index team_offense_game_summary_team
    on nba.team_offense_game_summary (team_id, season, game_date);
create index team_offense_game_summary_day on nba.team_offense_game_summary (game_date);

create table nba.team_defense_game_summary (
    game_id           text not null,
    team_id           integer not null,
    opponent_team_id  integer,
    season            text not null,
    season_type       text not null,
    game_date         date not null,
    counts_in_windows boolean not null,
    is_home           boolean,
    is_neutral        boolean not null,
    opp_pts           integer,
    opp_fgm           integer,
    opp_fga           integer,
    opp_fg3m          integer,
    opp_fg3a          integer,
    opp_fta           integer,
    opp_oreb          integer,
    opp_tov           integer,
    possessions       double precision,
    def_rating        double precision,
    opp_fg3_pct       double precision,
    forced_tov        integer,
    primary key (game_id, team_id)
);
create index team_defense_game_summary_team
    on nba.team_defense_game_summary (team_id, season, game_date);

create table nba.player_daily_cache (
    game_id                    text not null,
    player_id                  integer not null,
    season                     text not null,
    game_date                  date not null,
    team_id                    integer not null,
    opponent_team_id           integer,
    as_of_date                 date not null, -- games strictly before this day were read
    games_played_season        integer not null,
    points_avg_last_5          numeric(6,2),
    points_avg_last_10         numeric(6,2),
    points_avg_last_20         numeric(6,2),
    points_avg_season          numeric(6,2),
    points_std_last_10         numeric(6,2),
    minutes_avg_last_5         numeric(6,2),
    minutes_avg_last_10        numeric(6,2),
    minutes_avg_season         numeric(6,2),
    rebounds_avg_last_10       numeric(6,2),
    assists_avg_last_10        numeric(6,2),
    usage_avg_last_3           numeric(6,2),
    usage_avg_last_7           numeric(6,2),
    usage_avg_last_10          numeric(6,2),
    ts_pct_last_10             numeric(6,4),
    three_pt_rate_last_10      numeric(6,4),
    ft_points_share_last_10    numeric(6,4),
    recent_trend               numeric(6,2), -- ours: feature 11, which reads layer 3
    games_in_last_7_days       integer not null,
    games_in_last_14_days      integer not null,
    minutes_in_last_7_days     numeric(6,2) not null,
    minutes_in_last_14_days    numeric(6,2) not null,
    back_to_backs_last_14_days integer not null,
    days_since_last_game       integer,
    days_rest                  integer,
    is_back_to_back            boolean,
    games_expected             integer not null, -- of the last ten games that should be known
    games_found                integer not null,
    is_complete                boolean not null,
    is_bootstrap               boolean not null,
    contributing_game_dates    date[] not null, -- of the last ten games read, oldest first
    primary key (game_id, player_id)
);
create index player_daily_cache_day on nba.player_daily_cache (game_date);
create index player_daily_cache_player on nba.player_daily_cache (player_id, season, game_date);

create table nba.team_defense_zone_analysis (
    game_id                           text not null,
    team_id                           integer not null,
    season                            text not null,
    game_date                         date not null,
    opponent_team_id                  integer,
    games_played                      integer not null,
    win_pct_season                    numeric(6,4),
    team_pace_last_10                 numeric(6,2),
    off_rating_last_10                numeric(6,2),
    defensive_rating_last_15          numeric(6,2),
    defensive_rating_season           numeric(6,2),
    opp_points_last_15                numeric(6,2),
    opp_fg3_pct_last_15               numeric(6,4),
    days_rest                         integer,
    is_back_to_back                   boolean,
    paint_fg_pct_allowed_last_15      numeric(6,4),
    mid_range_fg_pct_allowed_last_15  numeric(6,4),
    three_pt_fg_pct_allowed_last_15   numeric(6,4),
    league_paint_fg_pct               numeric(6,4), -- ours: of the season before the day
    league_mid_range_fg_pct           numeric(6,4),
    league_three_pt_fg_pct            numeric(6,4),
    missing_reason                    text,
    primary key (game_id, team_id)
);
create index team_defense_zone_analysis_day on nba.team_defense_zone_analysis (game_date);

create table nba.player_shot_zone_analysis (
    game_id                  text not null,
    player_id                integer not null,
    season                   text not null,
    game_date                date not null,
    games_with_plays         integer not null, -- of the last ten, those whose plays are held
    shots_last_10            integer not null,
    paint_rate_last_10       numeric(6,4),
    mid_range_rate_last_10   numeric(6,4),
    three_rate_last_10       numeric(6,4),
    paint_fg_pct_last_10     numeric(6,4),
    mid_range_fg_pct_last_10 numeric(6,4),
    three_fg_pct_last_10     numeric(6,4),
    primary_zone             text check (primary_zone in ('paint', 'mid_range', 'three')),
    primary key (game_id, player_id)
);
create index player_shot_zone_analysis_season on nba.player_shot_zone_analysis (season);

create table nba.player_composite_factors (
    game_id                 text not null,
    player_id               integer not null,
    season                  text not null,
    game_date               date not null,
    fatigue_score           integer check (fatigue_score between 0 and 100),
    pace_score              numeric(6,2),
    usage_spike_score       numeric(6,2),
    shot_zone_mismatch_score numeric(6,2),
    -- placeholders: no source tells them, and a zero would pretend to be measured
    referee_score           numeric(6,2),
    look_ahead_score        numeric(6,2),
    matchup_history_score   numeric(6,2),
    momentum_score          numeric(6,2),
    total_adjustment        numeric(6,2),
    primary key (game_id, player_id)
);
create index player_composite_factors_day on nba.player_composite_factors (game_date);

create table nba.ml_feature_store (
    game_id             text not null,
    player_id           integer not null,
    game_date           date not null,
    season              text not null,
    team_id             integer not null,
    opponent_team_id    integer,
    features            double precision[] not null check (cardinality(features) = 25),
    feature_names       text[] not null check (cardinality(feature_names) = 25),
    feature_missing     text[] not null check (cardinality(feature_missing) = 25),
    feature_version     text not null,
    target_points       integer not null, -- of the game itself: never a feature
    games_played_season integer not null, -- ours: training asks for five at least
    quality_score       numeric(5,2) not null,
    expected_games      integer not null, -- in-scope games of the day
    found_games         integer not null, -- of these, held in layer 3
    completeness_pct    numeric(5,2) not null,
    is_production_ready boolean not null,
    not_ready_reason    text,
    primary key (game_id, player_id)
);
create index ml_feature_store_day on nba.ml_feature_store (game_date);
create index ml_feature_store_season on nba.ml_feature_store (season);

create table nba.team (
    team_id      integer primary key,
    abbreviation text,
    city         text,
    name         text,
    conference   text,
    first_seen   date not null,
    last_seen    date not null,
    aliases      text[] not null -- other abbreviations it was seen under, in order
);

create table nba.player (
    player_id  integer primary key,
    name       text, -- of the latest game
    first_seen date not null,
    last_seen  date not null,
    aliases    text[] not null -- other spellings, in order
);

create table nba.predictions (
    game_id          text not null,
    player_id        integer not null,
    model            text not null,
    season           text not null,
    game_date        date not null,
    predicted_points numeric(6,2) not null,
    baseline_points  numeric(6,2), -- points_avg_last_10 + total_adjustment
    actual_points    integer,
    abs_error        numeric(6,2),
    trained_until    date not null,
    primary key (game_id, player_id, model)
);
create index predictions_day on nba.predictions (game_date);

-- Shots of a game by zone; the basket is the origin, coordinates are tenths of a foot.
create function nba.shot_zone(shot_value integer, description text, x_legacy integer,
                              y_legacy integer) returns text
language sql immutable parallel safe
return case when shot_value = 3 or (shot_value is null and position('3PT' in description) > 0) then 'three'
            when abs(x_legacy) <= 80 and y_legacy <= 142 then 'paint'
            else 'mid_range' end;

create view nba.shot with (security_invoker = true) as
select game_id, person_id as player_id, team_id,
       nba.shot_zone(shot_value, description, x_legacy, y_legacy) as zone,
       shot_result = 'Made' as is_made
  from nba.play_by_play
 where is_field_goal;
create index play_by_play_shots on nba.play_by_play (game_id) where is_field_goal;
create index play_by_play_shooter on nba.play_by_play (person_id, game_id) where is_field_goal;

-- The in-scope games of which a box score should be held, with day and teams; a game known by its
-- number alone is not among them.
create view nba.final_game with (security_invoker = true) as
select s.game_id, s.season, s.season_type, s.game_date, s.home_team_id, s.away_team_id
  from nba.schedule s
 where s.status = 'final' and nba.is_in_scope(s.season_type)
   and s.game_date is not null and s.home_team_id is not null and s.away_team_id is not null
   and not exists (select from nba.game_alias a where a.old_id = s.game_id);

do $$
declare
    plain text;
begin
    foreach plain in array array['source_conflict', 'clean_box_score', 'player_game_summary',
        'team_offense_game_summary', 'team_defense_game_summary', 'player_daily_cache',
        'team_defense_zone_analysis', 'player_shot_zone_analysis', 'player_composite_factors',
        'ml_feature_store', 'team', 'player', 'predictions'] loop
        perform stocktake.adopt_table(('nba.' || plain)::regclass);
        -- Each layer asks what changed in the ones below. The engine's own index knows nothing of
        -- new pages until they are vacuumed, so every question would read the table.
        execute format('create index on nba.%I (_loaded_at)', plain);
    end loop;
end $$;
create index raw_box_score_loaded on nba.raw_box_score (_loaded_at);

grant select, insert, update, delete on all tables in schema nba to stocktake_app;
