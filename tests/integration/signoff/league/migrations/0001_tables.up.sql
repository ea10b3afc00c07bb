create schema league;
grant usage on schema league to stocktake_app;
create table league.fixture (game_id text primary key, day date);
create table league.score (game_id text primary key, points int);
create table league.rain (station text, day date, millimetres int, primary key (station, day));
select stocktake.adopt_table('league.fixture');
select stocktake.adopt_table('league.score');
select stocktake.adopt_table('league.rain');
grant select, insert, update, delete on all tables in schema league to stocktake_app;
