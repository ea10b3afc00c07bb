-- Trained models and what they foretold; how near they came is derived.

create table nba.model_card (
    model           text primary key,
    target          text not null,
    feature_version text not null,
    seed            integer not null,
    trained_at      timestamptz not null,
    trained_since   date not null,
    trained_until   date not null,
    test_since      date not null,
    test_until      date not null,
    test_rows       integer not null,
    mae             numeric(8,4) not null, -- points
    baseline_mae    numeric(8,4) not null,
    improvement     numeric(9,6) not null, -- share of the baseline's error
    verdict         text not null,
    metrics         text not null -- JSON, as trained
);

create table nba.model_output (
    model            text not null,
    game_id          text not null check (length(game_id) = 10),
    player_id        integer not null,
    predicted_points numeric(6,2) not null,
    primary key (model, game_id, player_id)
);
create index model_output_game on nba.model_output (game_id, player_id);

select stocktake.adopt_table('nba.model_card'::regclass);
select stocktake.adopt_table('nba.model_output'::regclass);
