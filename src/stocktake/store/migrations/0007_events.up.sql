-- What happened, told in the transaction in which it happened; what is wrong now; who was told. And
-- what each endpoint did on each day.

-- What is wrong now, one row a dedupe key; the row stays when it is well again, and is opened anew.
create table alert (
    alert_id     bigint generated always as identity primary key,
    tenant_id    uuid,
    dedupe       text not null check (dedupe <> ''),
    kind         text not null,
    system       text not null default '',
    subject      text not null,
    details      jsonb not null default '{}',
    -- of the present opening: since when, seen last, how often; resolved_at is null while it is open
    opened_at    timestamptz not null,
    last_seen_at timestamptz not null,
    seen         bigint not null default 1,
    resolved_at  timestamptz,
    muted_until  timestamptz,
    muted_by     text not null default '',
    mute_reason  text not null default '',
    unique nulls not distinct (tenant_id, dedupe)
);
create index alert_open on alert (opened_at) where resolved_at is null;

-- The outbox. Of an alert only its opening and its end are events; while it is open, further
-- sightings only count in its row.
create table event (
    event_id   bigint generated always as identity primary key,
    tenant_id  uuid,
    kind       text not null,
    system     text not null default '',
    subject    text not null,
    details    jsonb not null default '{}',
    dedupe     text not null default '',
    resolves   boolean not null default false,
    alert_id   bigint references alert,
    at         timestamptz not null,
    -- when its deliveries were made; null while nobody looked
    routed_at  timestamptz
);
create index event_to_route on event (event_id) where routed_at is null;
create index event_by_alert on event (alert_id, event_id) where alert_id is not null;

-- One message to one channel. It is pending until the channel took it, it was given up (dead), or
-- it was overtaken by the end of what it tells (skipped).
create table delivery (
    delivery_id  bigint generated always as identity primary key,
    tenant_id    uuid,
    event_id     bigint not null references event,
    alert_id     bigint references alert,
    channel      text not null,
    is_reminder  boolean not null default false,
    state        text not null default 'pending'
                 check (state in ('pending', 'sent', 'dead', 'skipped')),
    attempts     integer not null default 0,
    made_at      timestamptz not null,
    next_try_at  timestamptz not null,
    -- by the database's clock: until then one courier is sending it
    leased_until timestamptz,
    ended_at     timestamptz,
    response     text not null default '',
    -- the same for every try, so that receivers know it again
    message_id   uuid not null default gen_random_uuid()
);
create unique index delivery_once on delivery (event_id, channel) where not is_reminder;
create index delivery_due on delivery (next_try_at) where state = 'pending';
create index delivery_by_alert on delivery (alert_id, channel, delivery_id)
    where alert_id is not null;

-- What an endpoint did on a day (UTC). Histograms count by the bounds of observe/buckets.py.
create table endpoint_day (
    source   text not null,
    endpoint text not null,
    day      date not null,
    requests bigint not null default 0,
    bytes    bigint not null default 0,
    rows     bigint not null default 0,
    -- answers by status, and by what failed where none came
    codes    jsonb not null default '{}',
    seconds  double precision not null default 0,
    waited   double precision not null default 0,
    seconds_counts bigint[] not null default '{}',
    waited_counts  bigint[] not null default '{}',
    primary key (source, endpoint, day)
) with (fillfactor = 50);

-- Tells of something in the caller's transaction; returns its number, null when it is no news.
-- Without a dedupe key it is a note. With one it opens an alert, or is one more sighting of an open
-- one; with of_resolves it ends an open one, and tells nothing when none is open.
create function emit_event(
    of_kind text, of_system text, of_subject text, of_details jsonb, of_at timestamptz,
    of_dedupe text, of_resolves boolean
) returns bigint language plpgsql as $$
declare
    of_alert bigint;
    times    bigint := 1;
    told     bigint;
begin
    if of_dedupe <> '' and of_resolves then
        update stocktake.alert a set resolved_at = of_at, last_seen_at = of_at
         where a.dedupe = of_dedupe and a.resolved_at is null
        returning a.alert_id into of_alert;
        if of_alert is null then
            return null;
        end if;
    elsif of_dedupe <> '' then
        insert into stocktake.alert as a (dedupe, kind, system, subject, details, opened_at,
                                          last_seen_at)
        values (of_dedupe, of_kind, of_system, of_subject, of_details, of_at, of_at)
            on conflict (tenant_id, dedupe) do update
           set kind = excluded.kind, system = excluded.system, subject = excluded.subject,
               details = excluded.details, last_seen_at = excluded.last_seen_at,
               opened_at = case when a.resolved_at is null then a.opened_at
                                else excluded.opened_at end,
               seen = case when a.resolved_at is null then a.seen + 1 else 1 end,
               resolved_at = null
        returning a.alert_id, a.seen into of_alert, times;
        if times > 1 then
            return null;
        end if;
    end if;
    insert into stocktake.event (kind, system, subject, details, dedupe, resolves, alert_id, at)
    values (of_kind, of_system, of_subject, of_details, of_dedupe, of_resolves, of_alert, of_at)
    returning event_id into told;
    return told;
end $$;

do $$
declare
    target text;
begin
    foreach target in array array['alert', 'event', 'delivery'] loop
        execute format('alter table %I enable row level security', target);
        execute format('alter table %I force row level security', target);
        execute format(
            'create policy own_tenant on %I using (tenant_id is not distinct from
                 (select nullif(current_setting(''app.tenant_id'', true), '''')::uuid))
             with check (tenant_id is not distinct from
                 (select nullif(current_setting(''app.tenant_id'', true), '''')::uuid))', target);
        execute format('alter table %I alter column tenant_id
             set default nullif(current_setting(''app.tenant_id'', true), '''')::uuid', target);
    end loop;
end $$;
grant select, insert, update, delete on alert, event, delivery, endpoint_day to stocktake_app;
