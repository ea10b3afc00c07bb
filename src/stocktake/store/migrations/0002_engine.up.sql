-- The engine's own tables. Every table that can hold a tenant's rows carries tenant_id under one
-- policy; installation-wide rows (all of racing, nba, meets, events) have null there.

-- A series: all units of a dataset and feed that share every key but the counted one.
create table series (
    series_id  integer generated always as identity primary key,
    tenant_id  uuid,
    system     text not null,
    dataset    text not null,
    feed       text not null,
    key        text[] not null default '{}',
    unique nulls not distinct (tenant_id, system, dataset, feed, key)
);

-- Which ordinals of a series are held, 4,096 to a row. "expected" is kept only where the promise is
-- read from another dataset's rows; rules on the calendar are computed when counting.
create table ledger (
    series_id  integer not null references series on delete cascade,
    chunk      integer not null,
    tenant_id  uuid,
    held       int4multirange not null default '{}',
    expected   int4multirange not null default '{}',
    primary key (series_id, chunk)
);

-- What each batch added to and removed from the ledger: coverage as of any instant.
create table ledger_change (
    change_id  bigint generated always as identity primary key,
    series_id  integer not null references series on delete cascade,
    tenant_id  uuid,
    run_id     bigint,
    at         timestamptz not null,
    added      int4multirange not null default '{}',
    removed    int4multirange not null default '{}',
    expected_added   int4multirange not null default '{}',
    expected_removed int4multirange not null default '{}'
);
create index ledger_change_series on ledger_change (series_id, at);

-- Ordinals of keys that are not days: one row a key, numbered in order of first sight.
create table member (
    series_id  integer not null references series on delete cascade,
    ordinal    integer not null,
    tenant_id  uuid,
    key        text not null,
    day        date,
    primary key (series_id, ordinal),
    unique (series_id, key)
);

-- Units that are not simply held or missing, and counts of rows per unit where a dataset counts.
create table unit (
    series_id     integer not null references series on delete cascade,
    ordinal       integer not null,
    tenant_id     uuid,
    state         text not null check (state in ('complete', 'thin', 'empty', 'stale', 'missing',
                      'failed', 'blocked', 'unrecoverable', 'not_expected', 'accepted')),
    reason        text not null default '',
    rows          integer,
    expected_rows integer,
    attempts      integer not null default 0,
    next_try_at   timestamptz,
    settled_at    timestamptz,
    decided_by    text,
    decided_until date,
    run_id        bigint,
    changed_at    timestamptz not null,
    primary key (series_id, ordinal)
);
create index unit_by_state on unit (series_id, state) where state <> 'complete';

-- A response's bytes, once per content.
create table body (
    sha256    bytea primary key,
    bytes     bigint not null,
    encoding  text not null default 'zstd',
    content   bytea not null
);
alter table body alter column content set storage external;

create table capture (
    capture_id    bigint generated always as identity primary key,
    tenant_id     uuid,
    system        text not null,
    source        text not null,
    feed          text not null,
    endpoint      text not null,
    path          text not null,
    params        text[] not null default '{}',
    units         text[] not null default '{}',
    page          integer not null default 0,
    first_page_id bigint,
    status        integer not null,
    headers       jsonb not null default '{}',
    sha256        bytea not null references body,
    bytes         bigint not null,
    fetched_at    timestamptz not null,
    seconds       real not null,
    run_id        bigint,
    is_loaded     boolean not null default false,
    -- why it must not be parsed: evidence of a failure
    flaw          text not null default ''
);
-- parameters may be longer than an index entry, hence their hash
create index capture_by_address on capture
    (system, feed, path, hash_array(params), fetched_at desc);
create index capture_by_run on capture (run_id, capture_id);
create index capture_further_pages on capture (first_page_id, page) where first_page_id is not null;

-- What loading a capture did to a table; append-only, so provenance is never orphaned.
create table receipt (
    receipt_id  bigint generated always as identity primary key,
    tenant_id   uuid,
    capture_id  bigint references capture,
    run_id      bigint not null,
    dataset     text not null,
    facet       text not null default '',
    read        integer not null,
    inserted    integer not null,
    updated     integer not null,
    unchanged   integer not null,
    rejected    integer not null,
    duplicates  integer not null,
    at          timestamptz not null,
    check (read = inserted + updated + unchanged + rejected + duplicates)
);
create index receipt_by_capture on receipt (capture_id);
create index receipt_by_run on receipt (run_id);

create table reject (
    reject_id  bigint generated always as identity primary key,
    tenant_id  uuid,
    system     text not null,
    dataset    text not null,
    capture_id bigint references capture,
    run_id     bigint not null,
    position   text not null,
    code       text not null,
    reason     text not null,
    raw        text not null,
    at         timestamptz not null,
    resolved_at timestamptz
);
create index reject_by_capture on reject (capture_id);

create table duplicate (
    duplicate_id bigint generated always as identity primary key,
    tenant_id    uuid,
    system       text not null,
    dataset      text not null,
    row_key      text not null,
    kept         jsonb not null,
    other        jsonb not null,
    capture_id   bigint references capture,
    run_id       bigint not null,
    at           timestamptz not null,
    state        text not null default 'open'
                 check (state in ('open', 'kept', 'replaced', 'both')),
    decided_by   text,
    decided_at   timestamptz
);
create unique index duplicate_once on duplicate
    (system, dataset, row_key, md5(other::text)) nulls not distinct;

-- Rows as they were before a run changed or removed them. Rows a run created need no line: they
-- carry its _run_id.
create table row_version (
    version_id  bigint generated always as identity primary key,
    tenant_id   uuid,
    run_id      bigint not null,
    system      text not null,
    dataset     text not null,
    facet       text not null default '',
    row_key     jsonb not null,
    operation   text not null check (operation in ('update', 'delete')),
    before      jsonb not null,
    at          timestamptz not null default transaction_timestamp()
);
create index row_version_by_run on row_version (run_id, system, dataset);
create index row_version_by_time on row_version (system, dataset, at);

create table plan (
    plan_id     bigint generated always as identity primary key,
    tenant_id   uuid,
    system      text not null,
    options     jsonb not null,
    summary     jsonb not null,
    made_at     timestamptz not null,
    approved_at timestamptz,
    approved_by text
);

create table plan_part (
    plan_id   bigint not null references plan on delete cascade,
    part      integer not null,
    tenant_id uuid,
    wave      integer not null,
    label     text not null,
    kind      text not null check (kind in ('fetch', 'derive')),
    feed      text not null,
    ordinals  jsonb not null,
    units     bigint not null,
    requests  bigint not null,
    is_dynamic boolean not null default false,
    reason    text not null default '',
    primary key (plan_id, part)
);

create table run (
    run_id      bigint generated always as identity primary key,
    tenant_id   uuid,
    system      text not null,
    kind        text not null,
    plan_id     bigint references plan,
    state       text not null check (state in
                    ('queued', 'running', 'paused', 'done', 'failed', 'cancelled')),
    options     jsonb not null default '{}',
    requests    bigint not null default 0,
    counts      jsonb not null default '{}',
    units       jsonb not null default '{}',
    message     text not null default '',
    error       text,
    fence       bigint not null default 0,
    owner       text,
    lease_until timestamptz,
    started_at  timestamptz not null,
    updated_at  timestamptz not null,
    finished_at timestamptz
);

-- What of each plan part is durably done: written in the transaction that loads the units.
create table checkpoint (
    run_id    bigint not null references run on delete cascade,
    part      integer not null,
    series    text[] not null,
    tenant_id uuid,
    done      int4multirange not null default '{}',
    primary key (run_id, part, series)
);

create table run_log (
    run_id bigint not null references run on delete cascade,
    seq    bigint generated always as identity,
    tenant_id uuid,
    at     timestamptz not null,
    level  text not null,
    text   text not null,
    primary key (run_id, seq)
);

-- Tries that did not succeed at once; successes are captures.
create table attempt (
    attempt_id bigint generated always as identity primary key,
    tenant_id  uuid,
    run_id     bigint,
    system     text not null,
    feed       text not null,
    units      text[] not null,
    at         timestamptz not null,
    outcome    text not null,
    reason     text not null,
    status     integer,
    seconds    real,
    capture_id bigint references capture
);
create index attempt_by_unit on attempt using gin (units);

-- One row per endpoint: the rate gate, the circuit and the day's quota, shared by all processes.
create table gate (
    source         text not null,
    endpoint       text not null,
    next_slot_at   timestamptz not null default '-infinity',
    spacing_us     bigint not null,
    learned_per_second double precision,
    paused_until   timestamptz,
    pause_reason   text,
    failures       integer not null default 0,
    opened_at      timestamptz,
    quota_day      date,
    quota_used     bigint not null default 0,
    requests       bigint not null default 0,
    errors         bigint not null default 0,
    refusals       bigint not null default 0,
    seconds        double precision not null default 0,
    last_success_at timestamptz,
    last_error_at   timestamptz,
    last_error      text,
    primary key (source, endpoint)
) with (fillfactor = 50);

create table source_pause (
    source text primary key,
    at     timestamptz not null,
    reason text not null,
    by     text not null
);

create table derive_state (
    system    text not null,
    dataset   text not null,
    sql       text not null,
    tenant_id uuid,
    -- rows with _loaded_at from this instant on have not been seen by the last derive
    watermark timestamptz not null,
    -- changes before this instant were noted as stale since; NULL: none
    noted_until timestamptz,
    parameters jsonb not null default '{}',
    run_id    bigint,
    at        timestamptz not null,
    unique nulls not distinct (tenant_id, system, dataset, sql)
);

create table check_result (
    result_id bigint generated always as identity primary key,
    tenant_id uuid,
    run_id    bigint,
    system    text not null,
    dataset   text not null,
    name      text not null,
    grp       text not null default '',
    severity  text not null,
    value     double precision,
    measured_rows bigint,
    failing_keys jsonb not null default '[]',
    detail    text not null default '',
    since     date,
    until     date,
    at        timestamptz not null
);
create index check_result_by_name on check_result (system, name, grp, at desc);

-- What was signed off: by whom, when, over which days. Written once, never changed.
create table signoff (
    signoff_id bigint generated always as identity primary key,
    tenant_id  uuid,
    system     text not null,
    since      date,
    until      date not null,
    signed_by  text not null,
    signed_at  timestamptz not null
);
create index signoff_by_system on signoff (system, signoff_id);

-- What was measured for it, criterion by criterion, in the declared order.
create table signoff_item (
    signoff_id bigint not null references signoff,
    place      integer not null,
    tenant_id  uuid,
    name       text not null,
    title      text not null,
    kind       text not null,
    severity   text not null,
    value      double precision,
    threshold  text not null,
    detail     text not null,
    lines      jsonb not null default '[]',
    -- why it was signed although it failed; empty when it did not
    waived     text not null default '',
    primary key (signoff_id, place)
);

-- Applies additions and removals in order: what a series held after them.
create function apply_ranges(held int4multirange, added int4multirange, removed int4multirange)
returns int4multirange language sql immutable parallel safe
as $$ select held - removed + added $$;

create aggregate replay_ranges(int4multirange, int4multirange) (
    sfunc = apply_ranges, stype = int4multirange, initcond = '{}'
);

-- Lays objects over one another: the later one's fields win.
create aggregate laid_over(jsonb) (sfunc = jsonb_concat, stype = jsonb, initcond = '{}');

-- How many ordinals a multirange holds.
create function units_in(ranges int4multirange) returns bigint language sql immutable parallel safe
as $$ select coalesce(sum(upper(part)::bigint - lower(part)), 0) from unnest(ranges) as part $$;

-- The one answer to "what is known of these units": per series (and feed, when asked) the ranges of
-- each state and reason. count, gaps, needs, heatmap and why all read it.
--
-- of_keys, of_profiles: the series wanted (key parts joined by the unit separator, U+001F), each with
-- the number of its promise (equal promises are passed once). The rule_* arrays hold the promises; feed '' is the dataset's own:
--   ('', missing)       promised up to today        ('', future)        promised later
--   ('', unrecoverable) promised, no feed has it    ('', not_expected)  not promised, with reason
--   ('', window)        the ordinals asked about
--   (feed, required | optional)                     what the feed can deliver
--   (feed, not_expected | unrecoverable)            what it cannot, with reason
--   (feed, future)                                  days after today it already tells of
-- Claims are made in order of rank; a unit belongs to the first that names it.
create function unit_states(
    of_system text, of_dataset text, of_keys text[], of_profiles integer[],
    rule_profile integer[], rule_feed text[], rule_state text[], rule_reason text[],
    rule_ranges int4multirange[], upstream text[], as_of timestamptz, today date, by_feed boolean
) returns table (key text[], feed text, state text, reason text, ranges int4multirange)
language sql stable rows 100000
-- How many series are asked about is not known when it is planned; loops over them are ruinous.
set enable_nestloop to off
set work_mem to '64MB'
as $$
with asked_for as materialized (
    select string_to_array(w.key, chr(31)) as key, w.profile
      from unnest(of_keys, of_profiles) as w(key, profile)
), rule as materialized (
    select r.* from unnest(rule_profile, rule_feed, rule_state, rule_reason, rule_ranges)
        as r(profile, feed, state, reason, ranges)
), promise as materialized (
    select r.profile,
           coalesce(range_agg(r.ranges) filter (where r.feed = '' and r.state = 'missing'), '{}')
               as promised,
           coalesce(range_agg(r.ranges) filter (where r.feed = '' and r.state = 'future'), '{}')
               as future,
           coalesce(range_agg(r.ranges) filter (where r.feed = '' and r.state = 'window'), '{}')
               as asked,
           coalesce(range_agg(r.ranges) filter (where r.state = 'required'), '{}') as required,
           count(*) filter (where r.state in ('required', 'optional')) as routes
      from rule r group by r.profile
), mine as materialized (
    select s.series_id, s.key, s.feed from stocktake.series s
     where s.system = of_system and s.dataset = of_dataset
), recorded as materialized (
    select s.key, s.feed, l.held from mine s join (
        select l.series_id, range_agg(l.held) as held from stocktake.ledger l
         where as_of is null and l.series_id = any(array(select m.series_id from mine m))
         group by l.series_id
        union all
        select c.series_id, stocktake.replay_ranges(c.added, c.removed order by c.change_id)
          from stocktake.ledger_change c
         where c.at <= as_of and c.series_id = any(array(select m.series_id from mine m))
         group by c.series_id) l using (series_id)
), above as materialized (
    select s.dataset, s.key, range_agg(l.held) as held
      from stocktake.series s join stocktake.ledger l using (series_id)
     where as_of is null and s.system = of_system and s.dataset = any(upstream)
     group by s.dataset, s.key
    union all
    select c.dataset, c.key, range_agg(c.held) from (
        select s.dataset, s.key, stocktake.replay_ranges(c.added, c.removed order by c.change_id)
                   as held
          from stocktake.series s join stocktake.ledger_change c using (series_id)
         where c.at <= as_of and s.system = of_system and s.dataset = any(upstream)
         group by s.series_id) c
     group by c.dataset, c.key
), exception as materialized (
    select s.key, s.feed, u.state, u.reason,
           range_agg(int4range(u.ordinal, u.ordinal + 1)) as ranges
      from mine s join stocktake.unit u using (series_id)
     where u.series_id = any(array(select m.series_id from mine m)) and u.state <> 'complete'
       and (as_of is null or u.changed_at <= as_of)
       and (u.decided_until is null or u.decided_until >= today)
     group by s.key, s.feed, u.state, u.reason
), simple as materialized ( -- one feed, and nothing but held or missing to tell
    select w.key, w.profile, p.promised, p.future, r.feed, r.ranges * p.promised as reach,
           (coalesce(h.held, '{}') - p.future) * p.asked as held
      from asked_for w
      join promise p using (profile)
      join rule r on r.profile = w.profile and r.state in ('required', 'optional')
      left join recorded h on h.key = w.key and h.feed = r.feed
     where p.routes = 1 and r.feed <> 'derive' and not exists (
           select from exception x where x.key = w.key)
), wanted as materialized (
    select w.* from asked_for w where not exists (select from simple s where s.key = w.key)
), route as materialized (
    select w.key, w.profile, r.feed, r.state = 'required' as is_required,
           r.ranges * p.promised as reach,
           (coalesce(h.held, '{}') - p.future) * p.asked as held
      from wanted w
      join rule r on r.profile = w.profile and r.state in ('required', 'optional')
      join promise p on p.profile = w.profile
      left join recorded h on h.key = w.key and h.feed = r.feed
), told as materialized (
    select r.*, x.state, x.reason, x.ranges
      from route r join exception x on x.key = r.key and x.feed = r.feed
), gone as materialized ( -- its own source has no such unit; other rows only mention it
    select t.key, range_agg(t.ranges * t.reach) - coalesce((
               select range_agg(r.held) from route r where r.key = t.key and r.feed <> 'extract'),
               '{}') as ranges
      from told t where t.is_required and t.state = 'unrecoverable'
     group by t.key
), united as materialized (
    select r.key, p.promised, p.required,
           range_agg(r.held) - coalesce((select g.ranges from gone g where g.key = r.key), '{}')
               as held
      from route r join promise p on p.profile = r.profile
     group by r.key, p.promised, p.required
), satisfied as materialized ( -- held by a required feed without a complaint
    select r.key, range_agg(r.held - coalesce(t.ranges, '{}')) as held
      from route r
      left join (select t.key, t.feed, range_agg(t.ranges) as ranges from told t
                  where t.state in ('thin', 'stale') group by t.key, t.feed) t
        on t.key = r.key and t.feed = r.feed
     where r.is_required
     group by r.key
), claim (key, feed, rank, state, reason, ranges) as (
    select w.key, '', 0, 'future', '', p.future
      from wanted w join promise p using (profile) where not by_feed
    union all
    select u.key, '', 1, 'surplus', '', u.held - u.promised
      from united u where not by_feed
    union all
    select t.key, '', case t.state when 'thin' then 2 else 5 end, t.state, t.reason,
           case when t.is_required then t.ranges * t.held
                else t.ranges * t.held - coalesce(s.held, '{}') end
      from told t left join satisfied s using (key)
     where t.state in ('thin', 'stale') and not by_feed
    union all
    select t.key, '', 3, 'thin', t.feed || ': ' || coalesce(nullif(t.reason, ''), t.state),
           (t.ranges - t.held) * u.held * t.reach
      from told t join united u using (key)
     where t.is_required and t.state in ('failed', 'blocked', 'unrecoverable') and not by_feed
    union all
    select r.key, '', 4, 'thin', r.feed || ' missing', (r.reach - r.held) * u.held
      from route r join united u using (key) where r.is_required and not by_feed
    union all
    select e.key, '', 6, 'empty', e.reason, e.held from (
        select r.key, min(t.reason) as reason,
               range_agg(t.ranges * r.held) - range_agg(r.held - coalesce(t.ranges, '{}')) as held
          from route r
          left join (select t.key, t.feed, min(t.reason) as reason, range_agg(t.ranges) as ranges
                       from told t where t.state = 'empty' group by t.key, t.feed) t
            on t.key = r.key and t.feed = r.feed
         where not by_feed group by r.key) e
    union all
    select u.key, '', 7, 'complete', '', u.held from united u where not by_feed
    union all
    select x.key, '', 8, 'accepted', x.reason, x.ranges * u.promised
      from exception x join united u using (key)
     where x.feed = '' and x.state = 'accepted' and not by_feed
    union all
    select t.key, '', case t.state when 'failed' then 9 when 'missing' then 10
                                   when 'blocked' then 13 else 14 end,
           t.state, t.reason, t.ranges * t.reach
      from told t
     where t.state in ('failed', 'missing', 'blocked', 'unrecoverable') and not by_feed
    union all
    select r.key, '', 11, 'blocked', d.dataset || ' missing', r.reach - coalesce(a.held, '{}')
      from route r cross join unnest(upstream) as d(dataset)
      left join above a on a.key = r.key and a.dataset = d.dataset
     where r.feed = 'derive' and not by_feed
    union all
    select r.key, '', 12, 'missing', '', r.reach - coalesce(t.ranges, '{}')
      from route r
      left join (select t.key, t.feed, range_agg(t.ranges) as ranges from told t
                  where t.state in ('blocked', 'unrecoverable') group by t.key, t.feed) t
        on t.key = r.key and t.feed = r.feed
     where not by_feed
    union all
    select w.key, '', case r.state when 'unrecoverable' then 15 when 'not_expected' then 16 else 17
                      end, r.state, r.reason, r.ranges * p.asked
      from wanted w join rule r using (profile) join promise p using (profile)
     where r.feed = '' and r.state in ('unrecoverable', 'not_expected', 'missing') and not by_feed
    union all -- from here on: what each feed owes
    select t.key, t.feed, case t.state when 'thin' then 2 when 'stale' then 5 when 'empty' then 6
                                       when 'failed' then 9 when 'missing' then 10
                                       when 'blocked' then 13 else 14 end,
           t.state, t.reason,
           case when t.state in ('thin', 'stale') then t.ranges * t.held * t.reach
                when t.state = 'empty' then t.ranges * t.held
                else t.ranges * t.reach - case when t.is_required then t.held else u.held end end
      from told t join united u using (key) where by_feed
    union all
    select r.key, r.feed, 7, 'complete', '', r.held from route r where by_feed
    union all
    select r.key, r.feed, 8, 'accepted', x.reason, x.ranges * r.reach - r.held
      from route r join exception x on x.key = r.key and x.feed = '' and x.state = 'accepted'
     where by_feed
    union all
    select r.key, r.feed, 11, 'blocked', d.dataset || ' missing', r.reach - coalesce(a.held, '{}')
      from route r cross join unnest(upstream) as d(dataset)
      left join above a on a.key = r.key and a.dataset = d.dataset
     where r.feed = 'derive' and by_feed
    union all -- an optional feed is asked only where no required one can deliver
    select r.key, r.feed, 12, 'missing', '',
           case when r.is_required then r.reach else r.reach - u.required - u.held end
               - coalesce(t.ranges, '{}')
      from route r join united u using (key)
      left join (select t.key, t.feed, range_agg(t.ranges) as ranges from told t
                  where t.state in ('blocked', 'unrecoverable') group by t.key, t.feed) t
        on t.key = r.key and t.feed = r.feed
     where by_feed
    union all
    select w.key, r.feed, 16, r.state, r.reason, r.ranges
      from wanted w join rule r using (profile)
     where r.feed <> '' and r.state in ('unrecoverable', 'not_expected', 'future') and by_feed
), settled as (
    select c.key, c.feed, c.state, c.reason,
           c.ranges - coalesce(range_agg(c.ranges) over (
               partition by c.key, c.feed order by c.rank, c.state, c.reason
               rows between unbounded preceding and 1 preceding), '{}') as ranges
      from claim c where not isempty(c.ranges)
)
select s.key, s.feed, s.state, s.reason, range_agg(s.ranges) from settled s
 where not isempty(s.ranges)
 group by s.key, s.feed, s.state, s.reason
union all
select s.key, case when by_feed then s.feed else '' end, t.state, '', t.ranges
  from simple s cross join lateral (
       values ('complete', case when by_feed then s.held else s.held * s.promised end),
              ('missing', s.reach - s.held),
              ('surplus', case when by_feed then '{}' else s.held - s.promised end),
              ('future', case when by_feed then '{}' else s.future end)) as t(state, ranges)
 where not isempty(t.ranges)
union all
select s.key, r.feed, r.state, r.reason, t.ranges
  from simple s join promise p using (profile) join rule r using (profile)
       cross join lateral (select case when r.state = 'future' then r.ranges
                                       else r.ranges * p.asked - s.held end as ranges) as t
 where r.state in ('unrecoverable', 'not_expected', 'future')
   and (r.feed <> '') = by_feed and not (r.feed = '' and r.state = 'future')
   and not isempty(t.ranges)
$$;

-- Gives a system's table the engine's columns. Facets beyond one get a hash and a capture each, and
-- the row what they told of shared columns that is not the value shown ({facet: {column: value}}).
create function adopt_table(target regclass, facets text[] default '{}')
returns void language plpgsql as $$
declare
    facet text;
begin
    execute format(
        'alter table %s add column created_at timestamptz not null default transaction_timestamp(),
                        add column updated_at timestamptz not null default transaction_timestamp(),
                        add column _capture_id bigint, add column _run_id bigint,
                        add column _row_hash bigint,
                        add column _loaded_at timestamptz not null default transaction_timestamp()',
        target);
    foreach facet in array facets loop
        execute format('alter table %s add column %I bigint, add column %I bigint', target,
            '_' || facet || '_hash', '_' || facet || '_capture_id');
    end loop;
    if cardinality(facets) > 0 then
        execute format('alter table %s add column _overruled jsonb', target);
    end if;
    execute format('create index on %s using brin (_loaded_at) with (pages_per_range = 16)', target);
end $$;

-- One policy for every table with tenants: installation rows are open to installation users,
-- a tenant's rows only to the tenant named for the transaction.
do $$
declare
    target text;
begin
    foreach target in array array['series', 'ledger', 'ledger_change', 'member', 'unit', 'capture',
        'receipt', 'reject', 'duplicate', 'row_version', 'plan', 'plan_part', 'run', 'checkpoint',
        'run_log', 'attempt', 'derive_state', 'check_result', 'signoff', 'signoff_item'] loop
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

grant usage on schema stocktake to stocktake_app;
grant select, insert, update, delete on all tables in schema stocktake to stocktake_app;
grant usage, select on all sequences in schema stocktake to stocktake_app;
revoke insert, update, delete on migration from stocktake_app;
revoke update, delete on installation, signoff, signoff_item from stocktake_app;
