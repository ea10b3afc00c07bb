-- Statements of saved plans, their progress, and what estimates rest on.

-- name: add_plan
-- Keeps a plan; returns its number.
-- :system   text         system planned
-- :options  jsonb        what was asked
-- :summary  jsonb        costs and totals
-- :made_at  timestamptz  instant of planning
insert into plan (system, options, summary, made_at)
values (%(system)s, %(options)s, %(summary)s, %(made_at)s)
returning plan_id;

-- name: add_part
-- Keeps one part of a plan.
-- :plan_id  bigint  the plan
-- :part, :wave, :label, :kind, :feed  as in PlanPart
-- :units, :requests, :dynamic, :reason  as in PlanPart
-- :ordinals  jsonb  list of series and their ranges
insert into plan_part (plan_id, part, wave, label, kind, feed, ordinals, units, requests,
                       is_dynamic, reason)
values (%(plan_id)s, %(part)s, %(wave)s, %(label)s, %(kind)s, %(feed)s, %(ordinals)s, %(units)s,
        %(requests)s, %(dynamic)s, %(reason)s);

-- name: plan_by_id
-- One plan.
-- :plan_id  bigint  its number
select system, options, summary, made_at, approved_at, approved_by
  from plan where plan_id = %(plan_id)s;

-- name: parts_of_plan
-- The parts of a plan in order.
-- :plan_id  bigint  its number
select wave, label, kind, feed, ordinals, units, requests, is_dynamic, reason
  from plan_part where plan_id = %(plan_id)s order by part;

-- name: approve_plan
-- Marks a plan as approved, once.
-- :plan_id  bigint       its number
-- :by       text         who approves
-- :now      timestamptz  when
update plan set approved_at = coalesce(approved_at, %(now)s),
                approved_by = coalesce(approved_by, %(by)s)
 where plan_id = %(plan_id)s;

-- name: set_ordinals
-- Fixes the units of a part that were unknown when the plan was made.
-- :plan_id   bigint  the plan
-- :part      int     number of the part
-- :ordinals  jsonb   list of series and their ranges
-- :units     bigint  how many
update plan_part set ordinals = %(ordinals)s, units = %(units)s
 where plan_id = %(plan_id)s and part = %(part)s;

-- name: ordinals_of_part
-- The units of a part.
-- :plan_id  bigint  the plan
-- :part     int     number of the part
select ordinals from plan_part where plan_id = %(plan_id)s and part = %(part)s;

-- name: add_checkpoint
-- Marks ordinals of a part as durably done.
-- :run_id  bigint  the run
-- :part    int     number of the part in its plan
-- :series  text[]  series key
-- :done    text    multirange of ordinals
insert into checkpoint as c (run_id, part, series, done)
values (%(run_id)s, %(part)s, %(series)s, %(done)s::int4multirange)
on conflict (run_id, part, series) do update set done = c.done + excluded.done;

-- name: done_of_part
-- What of a part a run has durably done.
-- :run_id  bigint  the run
-- :part    int     number of the part in its plan
select series, done::text from checkpoint where run_id = %(run_id)s and part = %(part)s;

-- name: rows_seen
-- Rows read per answered request and stored bytes per answer, by feed.
-- :system  text  system
select c.feed, count(distinct c.capture_id), sum(c.bytes)::double precision,
       coalesce(sum(r.read), 0)::double precision, sum(cardinality(c.units)) filter (where c.page = 0)
  from capture c
  left join (select capture_id, sum(read) as read from receipt group by capture_id) r
       using (capture_id)
 where c.system = %(system)s and c.is_loaded
 group by c.feed;

-- name: stored_ratio
-- Stored ÷ received bytes of bodies, wherever they are.
select sum(coalesce(octet_length(content), object_bytes))::double precision / nullif(sum(bytes), 0)
  from body;

-- name: members_seen
-- Members known per column.
-- :system  text  system
select s.dataset, s.key[1], count(*) from series s join member m using (series_id)
 where s.system = %(system)s and s.feed = 'member' group by 1, 2;

-- name: days_held
-- Ordinals held by any series of a dataset; meant for datasets of days.
-- :system  text  system
select dataset, units_in(range_agg(held)) from series join ledger using (series_id)
 where system = %(system)s and feed <> 'member' group by dataset;

-- name: bytes_per_row
-- Size of a system's tables and indexes per estimated row.
-- :system  text  its schema
select sum(pg_total_relation_size(c.oid))::double precision
       / nullif(sum(greatest(c.reltuples, 0)), 0)::double precision
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where n.nspname = %(system)s and c.relkind = 'r' and c.reltuples > 1000;
