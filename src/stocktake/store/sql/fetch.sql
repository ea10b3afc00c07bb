-- Statements of the fetch stage: the rate gate, captures, pauses and attempts.

-- name: begin_gate_session
-- A slot lost in a crash costs nothing, so the gate does not wait for the disk.
set synchronous_commit = off;

-- name: declare_gate
-- Make the endpoint's row, or give it the declared spacing.
-- :source      text    source
-- :endpoint    text    endpoint
-- :spacing_us  bigint  microseconds between two requests at the declared rate
insert into gate (source, endpoint, spacing_us)
values (%(source)s, %(endpoint)s, %(spacing_us)s)
    on conflict (source, endpoint) do update set spacing_us = excluded.spacing_us
 where gate.spacing_us <> excluded.spacing_us;

-- name: take_slot
-- Reserve the next slot of an endpoint that nothing holds back; no row when something does.
-- clock_timestamp() stands inline, since it must be read after the row's lock was waited for.
-- An open circuit whose delay is over lets one probe through and starts its delay again.
-- :source    text    source
-- :endpoint  text    endpoint
-- :per_day   bigint  quota of requests per UTC day, null for none
update gate
   set next_slot_at = greatest(next_slot_at, clock_timestamp())
           + coalesce(1050000 / learned_per_second, spacing_us) * interval '1 microsecond',
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
              - coalesce(1050000 / learned_per_second, spacing_us) / 1e6 as wait_seconds,
          opened_at is not null as is_probe;

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
-- No usable answer. The circuit opens after enough failures in a row. What never reached the
-- source does not count against its quota.
-- :source        text    source
-- :endpoint      text    endpoint
-- :seconds       float8  how long it took
-- :reason        text    what failed
-- :opens_after   int     failures in a row that open the circuit
-- :refund        int     1 when the request never reached the source, else 0
-- :is_probe      boolean whether it probed an open circuit; only probes lengthen the delay
update gate
   set requests = requests + 1 - %(refund)s,
       quota_used = greatest(0, quota_used - %(refund)s),
       errors = errors + 1,
       seconds = seconds + %(seconds)s,
       failures = failures + case when opened_at is null or %(is_probe)s then 1 else 0 end,
       opened_at = case when opened_at is not null and not %(is_probe)s then opened_at
                        when failures + 1 >= %(opens_after)s then clock_timestamp() end,
       last_error_at = clock_timestamp(),
       last_error = %(reason)s
 where source = %(source)s
   and endpoint = %(endpoint)s
returning opened_at is not null as is_open;

-- name: note_refusal
-- The source asks for patience: everyone waits. The learned limit falls once per pause, for
-- several requests may have been under way when the pause began.
-- :source    text    source
-- :endpoint  text    endpoint
-- :seconds   float8  how long the answer took
-- :pause     float8  seconds to wait from now on
-- :reason    text    what the source answered
-- :factor    float8  what the limit is multiplied by, 1 to leave it
-- :lowest    float8  fraction of the declared rate that is never gone below
update gate
   set requests = requests + 1,
       refusals = refusals + 1,
       seconds = seconds + %(seconds)s,
       failures = 0,
       opened_at = null,
       learned_per_second = case
           when %(factor)s = 1 or paused_until > clock_timestamp() then learned_per_second
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
-- Stop every request to a source until somebody resumes it; no row when it was paused already.
-- :source  text         source
-- :at      timestamptz  when, null for now
-- :reason  text         why
-- :by      text         who or what paused it
insert into source_pause (source, at, reason, by)
values (%(source)s, coalesce(%(at)s::timestamptz, clock_timestamp()), %(reason)s, %(by)s)
    on conflict (source) do nothing
returning source;
