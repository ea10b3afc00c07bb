-- A small system for the tests of load: two facets with shared and longest columns, a table whose
-- rows are only ever added, and one of many types.
create schema yard;
create table yard.race (race_id text primary key, name text, day date, going text, purse numeric(9,2));
select stocktake.adopt_table('yard.race');
create table yard.runner (
    race_id text, horse_id text, horse_name text, number integer, jockey text, weight numeric(5,2),
    form text, flags text[], odds jsonb, position integer, seconds double precision,
    primary key (race_id, horse_id)
);
select stocktake.adopt_table('yard.runner', array['card', 'result']);
create table yard.horse (id text primary key, name text, foaled date);
select stocktake.adopt_table('yard.horse');
create table yard.kind (
    id bigint primary key, small smallint, whole integer, wide bigint, exact numeric(6,2),
    loose numeric, real_number double precision, flag boolean, code char(3), short varchar(5),
    label text not null, day date, at timestamptz, clock time, words text[], tree jsonb,
    positive integer check (positive > 0)
);
select stocktake.adopt_table('yard.kind');
