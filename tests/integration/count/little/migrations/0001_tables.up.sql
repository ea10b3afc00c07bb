create schema little;
create table little.visits (
    visit_id text primary key, day date not null, region text not null, guest_id text,
    on_card boolean not null default false, on_result boolean not null default false,
    announced integer
);
create table little.guests (id text primary key, name text);
create table little.totals (day date, region text, visits integer, primary key (day, region));
create table little.codes (code text primary key);
