-- One table of one row a day: what a unit costs when its rows cost nothing.
create schema trivial;
create table trivial.reading (day date primary key, number integer);
select stocktake.adopt_table('trivial.reading');
