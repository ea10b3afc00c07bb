-- Fetched tables of the system `nba`. No foreign keys: games, box scores and logs arrive in batches
-- from different answers, and a row without its game must be kept and counted as surplus.

create schema if not exists nba;
grant usage on schema nba to stocktake_app;

create table nba.season (
    season             text primary key check (season ~ '^\d{4}-\d{2}$'),
    start_year         integer not null,
    first_regular_date date not null,
    last_regular_date  date not null,
    last_date          date not null, -- last day a game of the season can have
    regular_games      integer not null check (regular_games > 0),
    play_in_games      integer not null check (play_in_games >= 0),
    dense_ids          boolean not null, -- false: ids have holes, they promise nothing
    bootstrap_days     integer not null check (bootstrap_days >= 0)
);

create table nba.team_reference (
    team_id      integer primary key,
    abbreviation text not null,
    city         text not null,
    name         text not null,
    conference   text not null check (conference in ('East', 'West'))
);

-- A game whose _scored_hash and _listed_hash are NULL is promised by the id rule alone.
-- status NULL: no answer told it (then the game is scheduled, as far as anyone knows).
create table nba.schedule (
    game_id        text primary key check (length(game_id) = 10),
    season         text not null,
    season_type    text not null check (season_type in ('pre', 'regular', 'cup_final', 'all_star',
                       'play_in', 'playoffs')),
    game_date      date,
    tipoff_utc     timestamptz,
    home_team_id   integer,
    away_team_id   integer,
    is_neutral     boolean,
    status         text check (status in ('scheduled', 'live', 'final', 'postponed', 'cancelled')),
    home_score     integer check (home_score >= 0),
    away_score     integer check (away_score >= 0),
    arena          text,
    first_listed   date, -- day the schedule first named the game
    last_listed    date, -- day the schedule last told something new of it
    previous_dates date[] not null default '{}', -- dates it was moved from, oldest first
    source         text
) with (fillfactor = 85); -- room for the next facet's update on the same page
create index schedule_day on nba.schedule (game_date);
create index schedule_season on nba.schedule (season, season_type);

create table nba.game_alias (
    old_id text primary key check (length(old_id) = 10),
    new_id text not null check (length(new_id) = 10),
    reason text not null
);

create table nba.raw_box_score (
    game_id           text not null check (length(game_id) = 10),
    player_id         integer not null,
    source            text not null, -- leaguegamelog, boxscorev3, balldontlie, file:…
    season            text not null,
    season_type       text not null,
    player_name       text,
    team_id           integer not null,
    team_abbreviation text,
    game_date         date, -- NULL where the answer does not tell it (boxscorev3)
    matchup           text,
    wl                char(1),
    min               text, -- as sent
    fgm               integer,
    fga               integer,
    fg3m              integer,
    fg3a              integer,
    ftm               integer,
    fta               integer,
    oreb              integer,
    dreb              integer,
    reb               integer,
    ast               integer,
    stl               integer,
    blk               integer,
    tov               integer,
    pf                integer,
    pts               integer,
    fg_pct            numeric,
    fg3_pct           numeric,
    ft_pct            numeric,
    plus_minus        numeric,
    comment           text,
    start_position    text,
    season_id         text,
    payload_hash      bytea not null,
    primary key (game_id, player_id, source)
);
create index raw_box_score_season on nba.raw_box_score (season, season_type);
create index raw_box_score_day on nba.raw_box_score (game_date);

create table nba.raw_team_log (
    game_id           text not null check (length(game_id) = 10),
    team_id           integer not null,
    source            text not null,
    season            text not null,
    season_type       text not null,
    team_abbreviation text,
    team_name         text,
    game_date         date,
    matchup           text,
    wl                char(1),
    min               text, -- as sent: 240 or 48.0
    fgm               integer,
    fga               integer,
    fg3m              integer,
    fg3a              integer,
    ftm               integer,
    fta               integer,
    oreb              integer,
    dreb              integer,
    reb               integer,
    ast               integer,
    stl               integer,
    blk               integer,
    tov               integer,
    pf                integer,
    pts               integer,
    fg_pct            numeric,
    fg3_pct           numeric,
    ft_pct            numeric,
    plus_minus        numeric,
    season_id         text,
    payload_hash      bytea not null,
    primary key (game_id, team_id, source)
);
create index raw_team_log_season on nba.raw_team_log (season, season_type);
create index raw_team_log_day on nba.raw_team_log (game_date);

create table nba.play_by_play (
    game_id       text not null check (length(game_id) = 10),
    action_id     integer not null,
    action_number integer,
    period        integer,
    clock         text,
    team_id       integer,
    person_id     integer,
    player_name   text,
    x_legacy      integer, -- tenths of a foot from the basket
    y_legacy      integer,
    shot_distance integer, -- feet
    shot_result   text,
    is_field_goal boolean not null,
    shot_value    integer,
    score_home    integer,
    score_away    integer,
    points_total  integer,
    location      text,
    description   text,
    action_type   text,
    sub_type      text,
    primary key (game_id, action_id)
);

create table nba.score_check (
    id           integer primary key, -- the other source's own
    game_date    date not null,
    home_team_id integer not null,
    away_team_id integer not null,
    home_score   integer,
    away_score   integer,
    status       text not null check (status in ('scheduled', 'live', 'final', 'postponed',
                     'cancelled'))
);
create index score_check_day on nba.score_check (game_date, home_team_id);

do $$
declare
    plain text;
begin
    foreach plain in array array['season', 'team_reference', 'game_alias', 'raw_box_score',
        'raw_team_log', 'play_by_play', 'score_check'] loop
        perform stocktake.adopt_table(('nba.' || plain)::regclass);
    end loop;
end $$;
select stocktake.adopt_table('nba.schedule'::regclass, array['ids', 'scored', 'listed']);

-- Moves of a game, and the days the schedule named it. Triggers, since no answer tells them and
-- days of fetching in the row would make every identical answer look like a change.
create function nba.keep_former_date() returns trigger language plpgsql as $$
begin
    if not old.game_date = any (new.previous_dates) then
        new.previous_dates := new.previous_dates || old.game_date;
    end if;
    return new;
end $$;
create trigger keep_former_date before update on nba.schedule for each row
    when (old.game_date is not null and new.game_date is not null
          and new.game_date <> old.game_date)
    execute function nba.keep_former_date();

create function nba.stamp_listed() returns trigger language plpgsql as $$
declare
    listed date := (coalesce((select fetched_at from stocktake.capture
                               where capture_id = new._listed_capture_id),
                             transaction_timestamp()) at time zone 'America/New_York')::date;
begin
    new.first_listed := least(new.first_listed, listed);
    new.last_listed := greatest(new.last_listed, listed);
    return new;
end $$;
create trigger stamp_newly_listed before insert on nba.schedule for each row
    when (new._listed_hash is not null) execute function nba.stamp_listed();
create trigger stamp_listed_again before update on nba.schedule for each row
    when (new._listed_hash is distinct from old._listed_hash)
    execute function nba.stamp_listed();

grant select, insert, update, delete on all tables in schema nba to stocktake_app;
