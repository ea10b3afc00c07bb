-- robots.txt of the hosts that are websites: one copy for the whole fleet.
create table robots (
    source        text not null,
    origin        text not null,
    -- absent: everything may be asked; unreachable: nothing may; null until the first answer
    state         text check (state in ('found', 'absent', 'unreachable')),
    body          bytea not null default '',
    fetched_at    timestamptz,
    expires_at    timestamptz,
    problem       text not null default '',
    -- what it says to the one we are, for people to see
    disallowed    integer not null default 0,
    delay_seconds double precision not null default 0,
    -- until when somebody is asking for it; the others wait for that answer
    asked_until   timestamptz,
    primary key (source, origin)
);
grant select, insert, update, delete on robots to stocktake_app;
