-- Statements of the fetch stage: the rate gate, captures, pauses and attempts.

-- name: begin_gate_session
-- A slot lost in a crash costs nothing, so the gate does not wait for the disk.
set synchronous_commit = off;

-- name: declare_gate
-- Make the endpoint's row, or give it the declared spacing; a learned limit above that is none.
-- :source      text    source
-- :endpoint    text    endpoint
-- :spacing_us  bigint  microseconds between two requests at the declared rate
insert into gate (source, endpoint, spacing_us)
values (%(source)s, %(endpoint)s, %(spacing_us)s)
    on conflict (source, endpoint) do update
   set spacing_us = excluded.spacing_us,
       learned_per_second = case when gate.learned_per_second < 1050000.0 / excluded.spacing_us
                                 then gate.learned_per_second end
 where gate.spacing_us <> excluded.spacing_us;

-- name: take_slot
-- Reserve the next slot of an endpoint that nothing holds back; no row when something does.
-- clock_timestamp() stands inline, since it must be read after the row's lock was waited for.
-- An open circuit whose delay is over lets one probe through and starts its delay again.
-- :source    text    source
-- :endpoint  text    endpoint
-- :per_day   bigint  quota of requests per UTC day, null for none
-- :wider     double precision  seconds by which the slot after this one begins later than usual
update gate
   set next_slot_at = greatest(next_slot_at, clock_timestamp())
           + coalesce(1050000 / learned_per_second, spacing_us) * interval '1 microsecond'
           + make_interval(secs => %(wider)s),
       opened_at = case when opened_at is not null then clock_timestamp() end,
       quota_day = (clock_timestamp() at time zone 'UTC')::date,
       quota_used = 1 + case when quota_day = (clock_timestamp() at time zone 'UTC')::date
                             then quota_used else 0 end
 where source = %(source)s
   and endpoint = %(endpoint)s
   and (paused_until is null or paused_until <= clock_timestamp())
   and (opened_at is null or clock_timestamp() >= opened_at
           + least(900, 5 * power(2, least(failures, 20) - 5)) * interval '1 second')
   and (%(per_day)s::bigint is null or quota_used < %(per_day)s
           or quota_day is distinct from (clock_timestamp() at time zone 'UTC')::date)
   and not exists (select from source_pause where source_pause.source = %(source)s)
returning extract(epoch from next_slot_at - clock_timestamp())::float8
              - coalesce(1050000 / learned_per_second, spacing_us) / 1e6 - %(wider)s as wait_seconds,
          opened_at is not null as is_probe;

-- name: give_back_slot
-- A slot passed unused: it does not count against the day's quota.
-- :source    text    source
-- :endpoint  text    endpoint
update gate
   set quota_used = greatest(0, quota_used - 1)
 where source = %(source)s
   and endpoint = %(endpoint)s;

-- name: is_held
-- Whether something came up that holds an endpoint back since a slot was reserved.
-- :source    text     source
-- :endpoint  text     endpoint
-- :is_probe  boolean  whether the slot was given to probe an open circuit
select coalesce(paused_until > clock_timestamp(), false)
           or (opened_at is not null and not %(is_probe)s)
           or exists (select from source_pause where source_pause.source = %(source)s) as held
  from gate
 where source = %(source)s
   and endpoint = %(endpoint)s;

-- name: obstacles
-- What holds an endpoint back: seconds left of each obstacle, 0 or less when it does not.
-- :source    text    source
-- :endpoint  text    endpoint
-- :per_day   bigint  quota of requests per UTC day, null for none
select coalesce(extract(epoch from paused_until - clock_timestamp()), 0)::float8 as paused_seconds,
       coalesce(pause_reason, '') as pause_reason,
       coalesce(extract(epoch from opened_at
           + least(900, 5 * power(2, least(failures, 20) - 5)) * interval '1 second'
           - clock_timestamp()), 0)::float8 as circuit_seconds,
       coalesce(last_error, '') as last_error,
       case when quota_used >= %(per_day)s::bigint
                 and quota_day = (clock_timestamp() at time zone 'UTC')::date
            then extract(epoch from (quota_day + 1)::timestamp at time zone 'UTC'
                 - clock_timestamp())
            else 0 end::float8 as quota_seconds,
       (select reason from source_pause where source_pause.source = gate.source) as source_pause
  from gate
 where source = %(source)s
   and endpoint = %(endpoint)s;

-- name: note_success
-- An answer arrived: the circuit closes, and a learned limit creeps back to the declared one.
-- :source     text    source
-- :endpoint   text    endpoint
-- :seconds    float8  how long the answer took
-- :recovery   float8  fraction of the declared rate that a learned one regains
-- :complaint  text    what was wrong with our request, null for a good answer
update gate
   set requests = requests + 1,
       errors = errors + case when %(complaint)s::text is null then 0 else 1 end,
       seconds = seconds + %(seconds)s,
       failures = 0,
       opened_at = null,
       last_success_at = case when %(complaint)s::text is null then clock_timestamp()
                              else last_success_at end,
       last_error_at = case when %(complaint)s::text is null then last_error_at
                            else clock_timestamp() end,
       last_error = coalesce(%(complaint)s, last_error),
       learned_per_second = nullif(
           least(learned_per_second + %(recovery)s * 1050000.0 / spacing_us, 1050000.0 / spacing_us),
           1050000.0 / spacing_us)
 where source = %(source)s
   and endpoint = %(endpoint)s;

-- name: note_failure
-- No usable answer. The circuit opens after enough failures in a row, which is told of. What never
-- reached the source does not count against its quota.
-- :source        text    source
-- :endpoint      text    endpoint
-- :seconds       float8  how long it took
-- :reason        text    what failed
-- :opens_after   int     failures in a row that open the circuit
-- :refund        int     1 when the request never reached the source, else 0
-- :is_probe      boolean whether it probed an open circuit; only probes lengthen the delay
with failed as (
update gate
   set requests = requests + 1 - %(refund)s,
       quota_used = greatest(0, quota_used - %(refund)s),
       errors = errors + 1,
       seconds = seconds + (1 - %(refund)s) * %(seconds)s,
       failures = failures + case when opened_at is null or %(is_probe)s then 1 else 0 end,
       opened_at = case when opened_at is not null and not %(is_probe)s then opened_at
                        when failures + 1 >= %(opens_after)s then clock_timestamp() end,
       last_error_at = clock_timestamp(),
       last_error = %(reason)s
 where source = %(source)s
   and endpoint = %(endpoint)s
returning opened_at is not null as is_open, failures, last_error_at)
select is_open,
       case when is_open then emit_event(
           'circuit.opened', '', %(source)s || '/' || %(endpoint)s,
           jsonb_build_object('reason', %(reason)s::text, 'failures_in_a_row', failures),
           last_error_at, 'circuit:' || %(source)s || '/' || %(endpoint)s, false) end
  from failed;

-- name: note_refusal
-- The source asks for patience: everyone waits. The learned limit falls once per pause, for
-- several requests may have been under way when the pause began.
-- :source    text    source
-- :endpoint  text    endpoint
-- :seconds   float8  how long the answer took
-- :pause     float8  seconds to wait from now on
-- :reason    text    what the source answered
-- :factor    float8  what the limit is multiplied by
-- :lowest    float8  fraction of the declared rate that is never gone below
update gate
   set requests = requests + 1,
       refusals = refusals + 1,
       seconds = seconds + %(seconds)s,
       failures = 0,
       opened_at = null,
       learned_per_second = case
           when paused_until > clock_timestamp() then learned_per_second
           else greatest(%(factor)s * coalesce(learned_per_second, 1050000.0 / spacing_us),
                         %(lowest)s * 1050000.0 / spacing_us) end,
       paused_until = greatest(paused_until,
           clock_timestamp() + %(pause)s * interval '1 second'),
       pause_reason = %(reason)s,
       last_error_at = clock_timestamp(),
       last_error = %(reason)s
 where source = %(source)s
   and endpoint = %(endpoint)s
returning learned_per_second;

-- name: pause_gate
-- Make everyone wait; a longer pause that already runs stays.
-- :source    text    source
-- :endpoint  text    endpoint
-- :pause     float8  seconds to wait from now on
-- :reason    text    what the source answered
update gate
   set paused_until = greatest(paused_until,
           clock_timestamp() + %(pause)s * interval '1 second'),
       pause_reason = %(reason)s
 where source = %(source)s
   and endpoint = %(endpoint)s;

-- name: pause_source
-- Stop every request to a source until somebody resumes it, and tell of it; no row when it was
-- paused already.
-- :source  text         source
-- :at      timestamptz  when, null for now
-- :reason  text         why
-- :by      text         who or what paused it
with paused as (
    insert into source_pause (source, at, reason, by)
    values (%(source)s, coalesce(%(at)s::timestamptz, clock_timestamp()), %(reason)s, %(by)s)
        on conflict (source) do nothing
    returning *)
select source, emit_event('source.paused', '', source,
                          jsonb_build_object('reason', reason, 'by', by), at, 'source:' || source,
                          false)
  from paused;

-- name: resume_source
-- Let requests to a source pass again, and tell of it; no row when it was not paused.
-- :source  text         source
-- :at      timestamptz  when, null for now
with resumed as (delete from source_pause where source = %(source)s returning *)
select source, emit_event('source.resumed', '', source, '{}',
                          coalesce(%(at)s::timestamptz, clock_timestamp()), 'source:' || source, true)
  from resumed;

-- name: reset_gates
-- Forget pauses, open circuits and learned limits of a source.
-- :source  text  source
update gate
   set paused_until = null, pause_reason = null, failures = 0, opened_at = null,
       learned_per_second = null
 where source = %(source)s;

-- name: endpoint_states
-- What the gates know of some sources, by source and endpoint.
-- :sources  text[]  sources
select gate.source, gate.endpoint, learned_per_second, requests, errors, refusals,
       case when requests > 0 then seconds / requests end as mean_seconds,
       case when opened_at is null then 'closed'
            when clock_timestamp() >= opened_at
                + least(900, 5 * power(2, least(failures, 20) - 5)) * interval '1 second'
            then 'half-open' else 'open' end as circuit,
       case when paused_until > clock_timestamp() then paused_until end as paused_until,
       case when paused_until > clock_timestamp() then pause_reason end as pause_reason,
       case when quota_day = (clock_timestamp() at time zone 'UTC')::date
            then quota_used else 0 end as quota_used,
       (date_trunc('day', clock_timestamp() at time zone 'UTC') + interval '1 day')
           at time zone 'UTC' as quota_resets_at,
       last_success_at, last_error_at, last_error
  from gate
 where gate.source = any(%(sources)s)
 order by gate.source, gate.endpoint;

-- name: source_pauses
-- Paused sources with when, why and by whom.
-- :sources  text[]  sources
select source, at, reason, by
  from source_pause
 where source = any(%(sources)s);

-- name: robots_copy
-- The fleet's copy of a host's robots.txt; no row before the first answer.
-- :source  text  source
-- :origin  text  scheme, host and port
select state, body, fetched_at, expires_at, problem
  from robots
 where source = %(source)s
   and origin = %(origin)s
   and state is not null;

-- name: claim_robots
-- Ask for a host's robots.txt in everybody's stead; no row while another does, or when a copy holds.
-- :source  text         source
-- :origin  text         scheme, host and port
-- :now     timestamptz  instant
-- :lease   float8       seconds after which the others no longer wait for the answer
insert into robots as r (source, origin, asked_until)
values (%(source)s, %(origin)s, clock_timestamp() + %(lease)s * interval '1 second')
    on conflict (source, origin) do update set asked_until = excluded.asked_until
 where (r.asked_until is null or r.asked_until <= clock_timestamp())
   and (r.expires_at is null or r.expires_at <= %(now)s)
returning true;

-- name: keep_robots
-- Keep what was learned of a host's robots.txt.
-- :source         text         source
-- :origin         text         scheme, host and port
-- :state          text         found, absent or unreachable
-- :body           bytea        as received, as far as it is read
-- :fetched_at     timestamptz  when it came
-- :expires_at     timestamptz  when it is asked for again
-- :problem        text         what was wrong with the latest answer
-- :disallowed     int          paths it forbids us
-- :delay_seconds  float8       seconds it wants between two requests
update robots
   set state = %(state)s, body = %(body)s, fetched_at = %(fetched_at)s,
       expires_at = %(expires_at)s, problem = %(problem)s, disallowed = %(disallowed)s,
       delay_seconds = %(delay_seconds)s, asked_until = null
 where source = %(source)s
   and origin = %(origin)s;

-- name: release_robots
-- Leave the asking to others: nothing was learned.
-- :source  text  source
-- :origin  text  scheme, host and port
update robots set asked_until = null where source = %(source)s and origin = %(origin)s;

-- name: robots_states
-- What is known of robots.txt of some sources' hosts.
-- :sources  text[]  sources
select source, origin, state, fetched_at, expires_at, problem, disallowed, delay_seconds
  from robots
 where source = any(%(sources)s) and state is not null
 order by source, origin;

-- name: add_attempt
-- Remember a try that did not succeed.
-- :run_id   bigint       run, null outside one
-- :system   text         system
-- :feed     text         feed
-- :units    text[]       units it was for, key parts joined by slashes
-- :at       timestamptz  when it ended
-- :outcome  text         what kind of failure
-- :reason   text         why, for users
-- :status   int          HTTP status, null when no answer arrived
-- :seconds  real         how long it took
-- :capture_id  bigint    the answer kept as evidence, null for none
insert into attempt (tenant_id, run_id, system, feed, units, at, outcome, reason, status, seconds,
                     capture_id)
values (nullif(current_setting('app.tenant_id', true), '')::uuid, %(run_id)s, %(system)s, %(feed)s,
        %(units)s, %(at)s, %(outcome)s, %(reason)s, %(status)s, %(seconds)s, %(capture_id)s);

-- name: stored_bodies
-- Which of these contents are stored already, and whether new ones become objects.
-- :hashes  bytea[]  SHA-256 of contents
select array(select sha256 from body where sha256 = any(%(hashes)s) and lost_at is null),
       exists (select from body_store where is_used);

-- name: add_body
-- Store a content once; one whose object was lost is whole again.
-- :sha256   bytea        its SHA-256
-- :bytes    bigint       its size before compression
-- :content  bytea        the content, compressed; null for an object
-- :object_bytes  bigint  size of its object, which is there already; null for a content
insert into body (sha256, bytes, content, object_bytes)
values (%(sha256)s, %(bytes)s, %(content)s, %(object_bytes)s)
    on conflict (sha256) do update
   set content = excluded.content, object_bytes = excluded.object_bytes, lost_at = null
 where body.lost_at is not null;

-- name: reserve_captures
-- Numbers for new captures, in order.
-- :count  int  how many
select nextval(pg_get_serial_sequence('stocktake.capture', 'capture_id'))
  from generate_series(1, %(count)s)
 order by 1;

-- name: add_capture
-- Store a response; its content is stored already.
-- :capture_id     bigint       its number
-- :system         text         system
-- :source         text         source
-- :feed           text         feed
-- :endpoint       text         endpoint
-- :path           text         path asked
-- :params         text[]       names and values in turn, secrets replaced
-- :units          text[]       units it is for, key parts joined by slashes
-- :page           int          page, 0 for the first
-- :first_page_id  bigint       capture of the first page, null for the first page itself
-- :status         int          HTTP status
-- :headers        jsonb        headers kept
-- :sha256         bytea        SHA-256 of the content
-- :bytes          bigint       size of the content
-- :fetched_at     timestamptz  when it arrived
-- :seconds        real         how long it took
-- :run_id         bigint       run, null outside one
-- :is_loaded      boolean      true for evidence, which nobody shall load
-- :flaw           text         why it must not be parsed, empty for a good one
insert into capture (capture_id, tenant_id, system, source, feed, endpoint, path, params, units,
                     page, first_page_id, status, headers, sha256, bytes, fetched_at, seconds,
                     run_id, is_loaded, flaw)
overriding system value
values (%(capture_id)s, nullif(current_setting('app.tenant_id', true), '')::uuid, %(system)s,
        %(source)s, %(feed)s, %(endpoint)s, %(path)s, %(params)s, %(units)s, %(page)s,
        %(first_page_id)s, %(status)s, %(headers)s, %(sha256)s, %(bytes)s, %(fetched_at)s,
        %(seconds)s, %(run_id)s, %(is_loaded)s, %(flaw)s);

-- name: captures_by_id
-- Captures with their contents, which are null where they are objects, in the order of their numbers.
-- :capture_ids  bigint[]  captures
select capture_id, system, source, feed, endpoint, path, params, units, page, first_page_id, status,
       headers, sha256, fetched_at, seconds, run_id, is_loaded, flaw, content
  from capture join body using (sha256)
 where capture_id = any(%(capture_ids)s)
 order by capture_id;

-- name: page_ids
-- All pages of the answer that a capture belongs to, in order.
-- :capture_id  bigint  any page of it
with first as (
    select coalesce(first_page_id, capture_id) as capture_id
      from capture
     where capture_id = %(capture_id)s
)
select capture.capture_id
  from capture, first
 where capture.capture_id = first.capture_id
    or capture.first_page_id = first.capture_id
 order by capture.page;

-- name: unloaded_capture_ids
-- Good captures of a run that were stored but not loaded: answers in order, pages in order.
-- :run_id  bigint  run
-- :feed    text    only this feed's; NULL for all
select capture_id
  from capture
 where run_id = %(run_id)s
   and not is_loaded and flaw = ''
   and feed = coalesce(%(feed)s::text, feed)
 order by capture_id;

-- name: mark_loaded
-- Note that captures were loaded.
-- :capture_ids  bigint[]  captures
update capture
   set is_loaded = true
 where capture_id = any(%(capture_ids)s)
   and not is_loaded;

-- name: unload_captures
-- Captures whose rows the run brought are kept, but not loaded any more; those that an earlier run
-- had loaded, and that still stands, are.
-- :run_id  bigint  the run
update capture c set is_loaded = false
 where c.is_loaded
   and (c.run_id = %(run_id)s
        or c.capture_id in (select r.capture_id from receipt r
                             where r.run_id = %(run_id)s))
   and not exists (select from receipt r join run n using (run_id)
                    where r.capture_id = c.capture_id and r.run_id < %(run_id)s
                      and n.undone_by is null);

-- name: undone_answers
-- First pages of good answers that runs taken back had fetched and nobody loaded since, oldest first.
-- :system  text  system
select c.capture_id, c.feed, c.units, c.fetched_at
  from capture c join run r using (run_id)
 where c.system = %(system)s and r.undone_by is not null
   and not c.is_loaded and c.page = 0 and c.flaw = ''
   and not exists (select from edit e where e.capture_id = c.capture_id)
 order by c.capture_id;

-- name: name_units
-- Note the units that a capture turned out to hold; a file says so only when it is parsed.
-- :capture_id  bigint  capture
-- :units       text[]  units it is for, key parts joined by slashes
update capture set units = %(units)s where capture_id = %(capture_id)s and units = '{}';

-- name: known_answer
-- The latest good answer to a request that was loaded: its first page, and the hashes of its pages.
-- One of which a body is lost is not known: only a full answer brings that back.
-- :system  text    system
-- :feed    text    feed
-- :path    text    path asked
-- :params  text[]  names and values in turn, secrets replaced
with latest as (
    select capture_id, headers, sha256
      from capture
     where system = %(system)s
       and feed = %(feed)s
       and path = %(path)s
       and hash_array(params) = hash_array(%(params)s::text[])
       and params = %(params)s
       and page = 0
       and is_loaded
       and flaw = ''
     order by fetched_at desc, capture_id desc
     limit 1
)
select latest.capture_id, latest.headers,
       latest.sha256 || (
           select coalesce(string_agg(further.sha256, ''::bytea order by further.page), ''::bytea)
             from capture as further
            where further.first_page_id = latest.capture_id
       ) as hashes
  from latest
 where not exists (select from body
                    where body.sha256 = latest.sha256 and lost_at is not null)
   and not exists (select from capture as further join body using (sha256)
                    where further.first_page_id = latest.capture_id and lost_at is not null);

-- name: latest_answer_ids
-- First pages of the latest good answer to each request of a feed, oldest first: what a replay reads.
-- What a person made of an answer counts as long as that stands.
-- :system  text  system
-- :feed    text  feed
select capture_id
  from (select distinct on (path, params) capture_id
          from capture
         where system = %(system)s
           and feed = %(feed)s
           and page = 0
           and flaw = ''
           and (is_loaded or not exists (select from edit e
                                          where e.capture_id = capture.capture_id))
         order by path, params, fetched_at desc, capture_id desc) as latest
 order by capture_id;

-- name: add_endpoint_day
-- Add to what an endpoint did on a day.
-- :source          text      source
-- :endpoint        text      endpoint
-- :day             date      day, UTC
-- :requests        bigint    requests sent
-- :bytes           bigint    bytes of their bodies
-- :rows            bigint    rows parsed
-- :codes           jsonb     answers by status or failure
-- :seconds         float8    time they took
-- :waited          float8    time they waited for the gate
-- :seconds_counts  bigint[]  histogram of the former
-- :waited_counts   bigint[]  histogram of the latter
insert into endpoint_day as d (source, endpoint, day, requests, bytes, rows, codes, seconds, waited,
                               seconds_counts, waited_counts)
values (%(source)s, %(endpoint)s, %(day)s, %(requests)s, %(bytes)s, %(rows)s, %(codes)s,
        %(seconds)s, %(waited)s, %(seconds_counts)s, %(waited_counts)s)
    on conflict (source, endpoint, day) do update
   set requests = d.requests + excluded.requests,
       bytes = d.bytes + excluded.bytes,
       rows = d.rows + excluded.rows,
       codes = (select coalesce(jsonb_object_agg(c.code, c.n), '{}')
                  from (select p.key as code, sum(p.value::bigint) as n
                          from (select * from jsonb_each_text(d.codes)
                                union all select * from jsonb_each_text(excluded.codes)) as p
                         group by p.key) c),
       seconds = d.seconds + excluded.seconds,
       waited = d.waited + excluded.waited,
       seconds_counts = (select array_agg(coalesce(a.was, 0) + coalesce(a.more, 0) order by a.place)
                           from unnest(d.seconds_counts, excluded.seconds_counts)
                                with ordinality as a(was, more, place)),
       waited_counts = (select array_agg(coalesce(a.was, 0) + coalesce(a.more, 0) order by a.place)
                          from unnest(d.waited_counts, excluded.waited_counts)
                               with ordinality as a(was, more, place));

-- name: endpoint_days
-- What endpoints did day by day, the newest day first.
-- :sources  text[]  sources
-- :since    date    first day, included
select source, endpoint, day, requests, bytes, rows, codes, seconds, waited, seconds_counts,
       waited_counts
  from endpoint_day
 where source = any(%(sources)s) and day >= %(since)s
 order by day desc, source, endpoint;

-- name: failed_tries
-- The latest tries of some feeds that did not succeed, newest first.
-- :system  text     their system
-- :feeds   text[]   feeds
-- :limit   integer  how many at most
select attempt_id, at, feed, outcome, reason, status, seconds, units, run_id, capture_id
  from attempt
 where system = %(system)s and feed = any(%(feeds)s)
 order by attempt_id desc
 limit %(limit)s;

-- name: latest_requests
-- The latest answers kept of a source, and tries of its feeds that kept none, newest first.
-- :system  text     their system
-- :source  text     source
-- :feeds   text[]   its feeds
-- :limit   integer  how many at most
select * from (
    (select c.fetched_at as at, c.feed, c.endpoint, c.path, c.params, c.status, c.bytes, c.seconds,
            c.flaw as reason, c.run_id, c.capture_id, c.units[1] as unit
       from capture c
      where c.system = %(system)s and c.source = %(source)s
      order by c.capture_id desc
      limit %(limit)s)
    union all
    (select a.at, a.feed, '', '', '{}', a.status, null, a.seconds, a.reason, a.run_id, null,
            a.units[1]
       from attempt a
      where a.system = %(system)s and a.feed = any(%(feeds)s) and a.capture_id is null
      order by a.attempt_id desc
      limit %(limit)s)) as told
 order by at desc
 limit %(limit)s;

-- name: asked_since
-- Answers kept, and tries that kept none, since an instant, by feed; of the newest 6,000 of each.
-- :system  text  system
-- :since  timestamptz  the instant
select told.feed, count(*) from (
    (select c.feed, c.fetched_at as at, c.system from capture c order by c.capture_id desc
      limit 6000)
    union all
    (select a.feed, a.at, a.system from attempt a where a.capture_id is null
      order by a.attempt_id desc limit 6000)) as told
 where told.system = %(system)s and told.at > %(since)s
 group by told.feed;
