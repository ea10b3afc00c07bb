create schema track;
grant usage on schema track to stocktake_app;
create table track.lap (race text, runner int, day date not null, seconds int not null,
                        primary key (race, runner));
create table track.form (race text, runner int, day date not null, average double precision,
                         races_of_day int, primary key (race, runner));
select stocktake.adopt_table('track.lap');
select stocktake.adopt_table('track.form');
grant select, insert, update, delete on all tables in schema track to stocktake_app;
