-- A system with tenants: what each show's plays were on each day.
create schema shows;
create table shows.plays (
    tenant_id uuid not null,
    play_id text primary key, day date not null, place text not null, title text, plays integer
);
select stocktake.adopt_table('shows.plays');
select stocktake.isolate_table('shows.plays');
