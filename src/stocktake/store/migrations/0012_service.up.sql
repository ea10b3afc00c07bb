-- What tends the fleet: tenants that have runs, and rows kept for a time.

-- Tenants whose runs workers should take on, so that nobody has to ask all of them. It names no
-- run; those are under their tenant's policy.
create table at_work (
    tenant   uuid primary key,
    noted_at timestamptz not null
);
grant select, insert, update, delete on at_work to stocktake_app;

-- Events go once nobody has to be told of them; the one index there was leaves reminders out.
create index delivery_by_event on delivery (event_id);

-- When the log of a run of workers told last what is held.
alter table run add column counted_at timestamptz;
