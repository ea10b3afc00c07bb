-- Statements of the count: states of units, the ledger behind them, and what rows say.

-- name: state_units
-- Units per series, feed ('' = the dataset as a whole), state and reason.
-- :system  text  system
-- :dataset  text  dataset
-- :keys  text[]  keys
-- :profiles  int[]  number of each key's promise
-- :rule_profile  int[]  lines of promises: number
-- :rule_feed  text[]  … feed
-- :rule_state  text[]  … state
-- :rule_reason  text[]  … reason
-- :rule_ranges  text[]  … multirange
-- :upstream  text[]  datasets of the same units that come before
-- :as_of  timestamptz  what was known then, NULL for now
-- :today  date  last day expected
select state, sum(upper(part)::bigint - lower(part))::bigint as units
  from unit_states(%(system)s, %(dataset)s, %(keys)s, %(profiles)s, %(rule_profile)s, %(rule_feed)s,
                   %(rule_state)s, %(rule_reason)s, %(rule_ranges)s::text[]::int4multirange[],
                   %(upstream)s, %(as_of)s, %(today)s, false) as u
       cross join unnest(u.ranges) as part
 group by state;

-- name: first_gap
-- The least ordinal in a gap's state; NULL without gaps.
-- :states  text[]  the states
-- :system  text  system
-- :dataset  text  dataset
-- :keys  text[]  keys
-- :profiles  int[]  number of each key's promise
-- :rule_profile  int[]  lines of promises: number
-- :rule_feed  text[]  … feed
-- :rule_state  text[]  … state
-- :rule_reason  text[]  … reason
-- :rule_ranges  text[]  … multirange
-- :upstream  text[]  datasets of the same units that come before
-- :as_of  timestamptz  what was known then, NULL for now
-- :today  date  last day expected
select min(lower(part))
  from unit_states(%(system)s, %(dataset)s, %(keys)s, %(profiles)s, %(rule_profile)s, %(rule_feed)s,
                   %(rule_state)s, %(rule_reason)s, %(rule_ranges)s::text[]::int4multirange[],
                   %(upstream)s, %(as_of)s, %(today)s, false) as u
       cross join unnest(u.ranges) as part
 where u.state = any(%(states)s);

-- name: state_ranges
-- Ranges of ordinals with one state and reason, of the states asked for, in order.
-- after: skips what sorts up to (key, first ordinal); limit: most ranges returned, NULL for all.
-- :system  text  system
-- :dataset  text  dataset
-- :keys  text[]  keys
-- :profiles  int[]  number of each key's promise
-- :rule_profile  int[]  lines of promises: number
-- :rule_feed  text[]  … feed
-- :rule_state  text[]  … state
-- :rule_reason  text[]  … reason
-- :rule_ranges  text[]  … multirange
-- :upstream  text[]  datasets of the same units that come before
-- :as_of  timestamptz  what was known then, NULL for now
-- :today  date  last day expected
-- :by_feed  boolean  what each feed owes
-- :states  text[]  states
-- :limit  int  most lines, NULL for all
select u.key, u.feed, u.state, u.reason, lower(part) as first, upper(part) as last
  from unit_states(%(system)s, %(dataset)s, %(keys)s, %(profiles)s, %(rule_profile)s, %(rule_feed)s,
                   %(rule_state)s, %(rule_reason)s, %(rule_ranges)s::text[]::int4multirange[],
                   %(upstream)s, %(as_of)s, %(today)s, %(by_feed)s) as u
       cross join unnest(u.ranges) as part
 where u.state = any(%(states)s) and not lower_inf(part) and not upper_inf(part)
   and lower(part) > -2147483648 and upper(part) < 2147483647
 order by u.key, first, u.feed
 limit %(limit)s;

-- name: state_spans
-- Of each series the first ordinal, the one after the last, and the units in gaps' states, of the
-- states asked for.
-- :system  text  system
-- :dataset  text  dataset
-- :keys  text[]  keys
-- :profiles  int[]  number of each key's promise
-- :rule_profile  int[]  lines of promises: number
-- :rule_feed  text[]  … feed
-- :rule_state  text[]  … state
-- :rule_reason  text[]  … reason
-- :rule_ranges  text[]  … multirange
-- :upstream  text[]  datasets of the same units that come before
-- :as_of  timestamptz  what was known then, NULL for now
-- :today  date  last day expected
-- :states  text[]  states
-- :gaps  text[]  states that are gaps
select u.key, min(lower(part)), max(upper(part)),
       coalesce(sum(upper(part)::bigint - lower(part)) filter (where u.state = any(%(gaps)s)), 0)
           ::bigint
  from unit_states(%(system)s, %(dataset)s, %(keys)s, %(profiles)s, %(rule_profile)s, %(rule_feed)s,
                   %(rule_state)s, %(rule_reason)s, %(rule_ranges)s::text[]::int4multirange[],
                   %(upstream)s, %(as_of)s, %(today)s, false) as u
       cross join unnest(u.ranges) as part
 where u.state = any(%(states)s) and not lower_inf(part) and not upper_inf(part)
   and lower(part) > -2147483648 and upper(part) < 2147483647
 group by u.key
 order by u.key;

-- name: member_days
-- Members held and lacking per day, of units whose members have days.
-- :system  text  system
-- :dataset  text  dataset
-- :keys  text[]  keys
-- :profiles  int[]  number of each key's promise
-- :rule_profile  int[]  lines of promises: number
-- :rule_feed  text[]  … feed
-- :rule_state  text[]  … state
-- :rule_reason  text[]  … reason
-- :rule_ranges  text[]  … multirange
-- :upstream  text[]  datasets of the same units that come before
-- :as_of  timestamptz  what was known then, NULL for now
-- :today  date  last day expected
-- :series_id  int  series that numbers the members
-- :held  text[]  states that are held
-- :lacking  text[]  states that are gaps
select u.key, m.day - date '1970-01-01' as day,
       count(*) filter (where u.state = any(%(held)s)) as held,
       count(*) filter (where u.state = any(%(lacking)s)) as lacking,
       min(u.reason) filter (where u.state = any(%(lacking)s)) as reason
  from unit_states(%(system)s, %(dataset)s, %(keys)s, %(profiles)s, %(rule_profile)s, %(rule_feed)s,
                   %(rule_state)s, %(rule_reason)s, %(rule_ranges)s::text[]::int4multirange[],
                   %(upstream)s, %(as_of)s, %(today)s, false) as u
       cross join unnest(u.ranges) as part
       join member m on m.series_id = %(series_id)s and m.ordinal >= lower(part)
                    and m.ordinal < upper(part)
 where u.state = any(%(held)s || %(lacking)s) and m.day is not null
 group by u.key, m.day
 order by u.key, m.day;

-- name: first_member_day
-- The earliest day of a series' members.
-- :series_id  int  series
select min(day) from member where series_id = %(series_id)s;

-- name: rows_kept
-- Rows by the counts kept per unit; a unit held by several feeds counts its larger figure.
-- :system  text  system
-- :dataset  text  dataset
-- :keys  text[]  keys
-- :first  int  first ordinal
-- :last  int  the one after the last
select sum(most)::bigint from (
    select max(u.rows) as most
      from series s join unit u using (series_id)
     where s.system = %(system)s and s.dataset = %(dataset)s and u.rows is not null
       and s.key = any(select string_to_array(k, chr(31)) from unnest(%(keys)s::text[]) as k)
       and int4range(%(first)s, %(last)s) @> u.ordinal
     group by s.key, u.ordinal) as kept;

-- name: member_series
-- The series that numbers the values of a column.
-- :system  text  system
-- :dataset  text  dataset
-- :key  text[]  series key
select series_id from series
 where system = %(system)s and dataset = %(dataset)s and feed = 'member' and key = %(key)s;

-- name: member_rules
-- Day ranges turned into the members whose day they hold: all, and those expected; a member without
-- a day lies before all days. dated false: the ranges are taken as they are.
-- :series_id  int  series
-- :as_of  timestamptz  what was known then, NULL for now
-- :numbers  int[]  number of each range
-- :days  text[]  multiranges of days
-- :dated  boolean  whether members have days
with promised as (
    select coalesce(range_agg(l.expected), '{}') as ordinals
      from ledger l where l.series_id = %(series_id)s and %(as_of)s::timestamptz is null
), replayed as (
    select replay_ranges(c.expected_added, c.expected_removed order by c.change_id) as ordinals
      from ledger_change c where c.series_id = %(series_id)s and c.at <= %(as_of)s
), expected as (
    select p.ordinals + coalesce(r.ordinals, '{}') as ordinals from promised p, replayed r
), asked as (
    select * from unnest(%(numbers)s::int[], %(days)s::text[]::int4multirange[])
        as a(number, days)
), having_days as materialized (
    select a.number,
           coalesce(case when not %(dated)s then a.days
                         when a.days <> '{}' then (
               select range_agg(int4range(m.ordinal, m.ordinal + 1)) from member m
                where m.series_id = %(series_id)s
                  and a.days @> coalesce(m.day - date '1970-01-01', -2147483648)) end, '{}')
               as ordinals
      from asked a
)
select h.number, h.ordinals::text, (h.ordinals * e.ordinals)::text
  from having_days h cross join expected e
 order by h.number;

-- name: member_waived
-- Members that are listed but not promised, by reason.
-- :series_id  int  series
-- :as_of  timestamptz  what was known then, NULL for now
select u.reason, range_agg(int4range(u.ordinal, u.ordinal + 1))::text
  from unit u
 where u.series_id = %(series_id)s and u.state = 'not_expected'
   and (%(as_of)s::timestamptz is null or u.changed_at <= %(as_of)s)
 group by u.reason order by u.reason;

-- name: waived_members
-- Members that a dataset does not promise, by reason.
-- The system's own statement names key and reason.
-- :series_id  int  series
select w.reason, range_agg(int4range(m.ordinal, m.ordinal + 1))::text
  from ({waived}) as w(key, reason)
  join member m on m.series_id = %(series_id)s and m.key = w.key
 group by w.reason order by w.reason;

-- name: member_keys
-- Keys of members by ordinal.
-- :series_id  int  series
-- :ordinals  int[]  ordinals, NULL for all
select ordinal, key from member
 where series_id = %(series_id)s and (%(ordinals)s::int[] is null or ordinal = any(%(ordinals)s));

-- name: days_of_members
-- Days of members that have one.
-- :series_id  int  series
-- :ordinals  int[]  ordinals
select ordinal, day from member
 where series_id = %(series_id)s and ordinal = any(%(ordinals)s) and day is not null;

-- name: newest_members
-- Ordinals of all members: the latest day first, those without one last.
-- :series_id  int  series
select ordinal from member where series_id = %(series_id)s
 order by day desc nulls last, ordinal;

-- name: member_ordinals
-- Ordinals of members by key. Keys come as JSON: writing thousands of texts as an array takes the
-- driver ten times as long.
-- :series_id  int  series
-- :keys  jsonb  list of keys
-- One look-up by the unique index per key, whatever the statistics say.
select k.key, m.ordinal
  from jsonb_array_elements_text(%(keys)s::jsonb) as k(key)
 cross join lateral (select m.ordinal from member m
                      where m.series_id = %(series_id)s and m.key = k.key limit 1) as m;

-- name: waiting_units
-- Units whose next try is not due yet, and held ones whose re-check is due (thin: the day was not
-- over), per series and feed; apart those the source does not have.
-- :now  timestamptz  instant
-- :system  text  system
-- :dataset  text  dataset
-- :first  int  first ordinal
-- :last  int  the one after the last
select s.key, s.feed, u.next_try_at > %(now)s as is_waiting, u.state = 'unrecoverable' as is_gone,
       min(u.reason), range_agg(int4range(u.ordinal, u.ordinal + 1))::text
  from series s join unit u using (series_id)
 where s.system = %(system)s and s.dataset = %(dataset)s and s.feed <> ''
   and u.next_try_at is not null
   and (u.next_try_at > %(now)s or u.state in ('complete', 'empty', 'thin'))
   and (%(first)s <= u.ordinal and u.ordinal < %(last)s)
 group by 1, 2, 3, 4;

-- name: aged_members
-- Members held whose latest answer is older than an instant, or than what outdates it; none that
-- has a line of its own.
-- The system's own statement names key and since when an older answer is outdated.
-- :system  text  system
-- :dataset  text  dataset
-- :feed  text  feed
-- :members  int  series of the members
-- :before  timestamptz  answers before it are old
-- :now  timestamptz  instant
with answered as (
    select told.key, max(c.fetched_at) as at
      from capture c cross join unnest(c.units) as told(key)
     where c.system = %(system)s and c.feed = %(feed)s and c.flaw = ''
     group by told.key
)
select range_agg(int4range(m.ordinal, m.ordinal + 1))::text
  from answered a
  join member m on m.series_id = %(members)s and m.key = a.key
  join series s on s.system = %(system)s and s.dataset = %(dataset)s and s.feed = %(feed)s
               and cardinality(s.key) = 0
  join ledger l on l.series_id = s.series_id and l.chunk = m.ordinal >> 12
               and l.held @> m.ordinal
  left join ({outdated}) as o(key, since) on o.key = a.key and o.since <= %(now)s
 where a.at < greatest(%(before)s, o.since)
   and not exists (select from unit u
                    where u.series_id = s.series_id and u.ordinal = m.ordinal);

-- name: nothing_outdated
-- For feeds whose answers only grow old.
select null::text, null::timestamptz where false;

-- name: series_ids
-- Ids of the series of a system that exist, by dataset, feed and key.
-- :datasets  text[]  datasets
-- :feeds  text[]  feeds
-- :keys  text[]  keys
-- :system  text  system
select w.number, s.series_id
  from unnest(%(datasets)s::text[], %(feeds)s::text[], %(keys)s::text[])
           with ordinality as w(dataset, feed, key, number)
  join series s on s.system = %(system)s and s.dataset = w.dataset and s.feed = w.feed
               and s.key = string_to_array(w.key, chr(31));

-- name: add_series
-- Makes the series that do not exist yet.
-- :system  text  system
-- :datasets  text[]  datasets
-- :feeds  text[]  feeds
-- :keys  text[]  keys
insert into series (system, dataset, feed, key)
select %(system)s, w.dataset, w.feed, string_to_array(w.key, chr(31))
  from unnest(%(datasets)s::text[], %(feeds)s::text[], %(keys)s::text[]) as w(dataset, feed, key)
 order by 2, 3, 4
on conflict do nothing;

-- name: known_units
-- What is recorded of units: whether held, and their exceptional state.
-- :series_ids  int[]  series
-- :ordinals  int[]  ordinals, NULL for all
select w.series_id, w.ordinal, coalesce(l.held @> w.ordinal, false), u.state, u.reason,
       u.rows, u.next_try_at
  from unnest(%(series_ids)s::int[], %(ordinals)s::int[]) as w(series_id, ordinal)
  left join ledger l on l.series_id = w.series_id and l.chunk = w.ordinal >> 12
  left join unit u on u.series_id = w.series_id and u.ordinal = w.ordinal;

-- name: open_chunks
-- Makes the ledger rows that a change needs.
-- :series_ids  int[]  series
-- :chunks  int[]  chunks of 4,096 ordinals
insert into ledger (series_id, chunk)
select * from unnest(%(series_ids)s::int[], %(chunks)s::int[]) order by 1, 2
on conflict do nothing;

-- name: lock_chunks
-- Locks the ledger rows of a change, always in the same order.
-- :series_ids  int[]  series
-- :chunks  int[]  chunks of 4,096 ordinals
select count(*) from (
    select 1 from ledger l
      join unnest(%(series_ids)s::int[], %(chunks)s::int[]) as c(series_id, chunk)
           using (series_id, chunk)
     order by l.series_id, l.chunk for update of l) as locked;

-- name: change_ledger
-- Adds and removes ordinals, and keeps what that really changed: one line per series.
-- :series_ids  int[]  series
-- :chunks  int[]  chunks of 4,096 ordinals
-- :added  text[]  multiranges taken in
-- :removed  text[]  multiranges let go
-- :expected_added  text[]  multiranges promised
-- :expected_removed  text[]  multiranges no longer promised
-- :run_id  bigint  run that writes, NULL for none
-- :now  timestamptz  instant
with change as (
    select * from unnest(
        %(series_ids)s::int[], %(chunks)s::int[], %(added)s::text[]::int4multirange[],
        %(removed)s::text[]::int4multirange[], %(expected_added)s::text[]::int4multirange[],
        %(expected_removed)s::text[]::int4multirange[])
        as c(series_id, chunk, added, removed, expected_added, expected_removed)
), real_change as (
    select c.series_id, c.chunk, c.added - l.held as added, c.removed * l.held as removed,
           c.expected_added - l.expected as expected_added,
           c.expected_removed * l.expected as expected_removed
      from change c join ledger l using (series_id, chunk)
     where not (c.added <@ l.held and not c.removed && l.held
                and c.expected_added <@ l.expected and not c.expected_removed && l.expected)
), written as (
    update ledger l set held = l.held - r.removed + r.added,
                        expected = l.expected - r.expected_removed + r.expected_added
      from real_change r where l.series_id = r.series_id and l.chunk = r.chunk
)
insert into ledger_change
       (series_id, run_id, at, added, removed, expected_added, expected_removed)
select series_id, %(run_id)s, %(now)s, range_agg(added), range_agg(removed),
       range_agg(expected_added), range_agg(expected_removed)
  from real_change group by series_id order by series_id;

-- name: write_units
-- Exceptional units and counts kept; lines that say nothing new are not touched. A failed line
-- (tries 1) waits longer each time; any other line ends the count of tries.
-- :now  timestamptz  instant
-- :delays  interval[]  wait after the 1st, 2nd … failed try
-- :run_id  bigint  run that writes, NULL for none
-- :series_ids  int[]  series
-- :ordinals  int[]  ordinals, NULL for all
-- :states  text[]  states
-- :reasons  text[]  reasons
-- :rows  int[]  rows kept, NULL for none
-- :expected_rows  int[]  rows expected, NULL unknown
-- :tries  int[]  1 for a failed try
-- :next_try_at  timestamptz[]  next look
-- :settled_at  timestamptz[]  final since
with written as (
insert into unit as u (series_id, ordinal, state, reason, rows, expected_rows, attempts,
                       next_try_at, settled_at, run_id, changed_at)
select w.series_id, w.ordinal, w.state, w.reason, w.rows, w.expected_rows, w.tries,
       greatest(w.next_try_at,
                case when w.tries > 0 then %(now)s + (%(delays)s::interval[])[1] end),
       w.settled_at, %(run_id)s, %(now)s
  from unnest(%(series_ids)s::int[], %(ordinals)s::int[], %(states)s::text[], %(reasons)s::text[],
              %(rows)s::int[], %(expected_rows)s::int[], %(tries)s::int[],
              %(next_try_at)s::timestamptz[], %(settled_at)s::timestamptz[])
       as w(series_id, ordinal, state, reason, rows, expected_rows, tries, next_try_at, settled_at)
 order by 1, 2
on conflict (series_id, ordinal) do update
   set state = excluded.state, reason = excluded.reason, rows = excluded.rows,
       expected_rows = excluded.expected_rows,
       attempts = case when excluded.attempts > 0 then u.attempts + excluded.attempts else 0 end,
       next_try_at = case when excluded.attempts > 0
           then greatest(excluded.next_try_at, %(now)s + (%(delays)s::interval[])[
                    least(u.attempts + 1, cardinality(%(delays)s::interval[]))])
           else excluded.next_try_at end,
       settled_at = coalesce(u.settled_at, excluded.settled_at),
       run_id = excluded.run_id, changed_at = excluded.changed_at
 where excluded.attempts > 0
    or (u.state, u.reason, u.rows, u.expected_rows, u.attempts, u.next_try_at)
       is distinct from (excluded.state, excluded.reason, excluded.rows, excluded.expected_rows,
                         0, excluded.next_try_at)
    or (u.settled_at is null and excluded.settled_at is not null)
returning u.series_id, u.ordinal
) -- what another run had told of them is kept, so that this one can be taken back
insert into unit_version (run_id, series_id, ordinal, before)
select %(run_id)s, f.series_id, f.ordinal, to_jsonb(f)
  from written join unit f using (series_id, ordinal)
 where %(run_id)s::bigint is not null and f.run_id is distinct from %(run_id)s
    on conflict do nothing;

-- name: note_tries
-- Failed tries of units that stay held: their state is not touched.
-- :now  timestamptz  instant
-- :delays  interval[]  wait after the 1st, 2nd … failed try
-- :run_id  bigint  run that writes, NULL for none
-- :series_ids  int[]  series
-- :ordinals  int[]  ordinals, NULL for all
insert into unit as u (series_id, ordinal, state, attempts, next_try_at, run_id, changed_at)
select w.series_id, w.ordinal, 'complete', 1, %(now)s + (%(delays)s::interval[])[1], %(run_id)s,
       %(now)s
  from unnest(%(series_ids)s::int[], %(ordinals)s::int[]) as w(series_id, ordinal)
 order by 1, 2
on conflict (series_id, ordinal) do update
   set attempts = u.attempts + 1,
       next_try_at = %(now)s + (%(delays)s::interval[])[
           least(u.attempts + 1, cardinality(%(delays)s::interval[]))];

-- name: forget_units
-- Units that are simply complete again; what another run had told of them is kept.
-- :series_ids  int[]  series
-- :ordinals  int[]  ordinals, NULL for all
-- :run_id  bigint  run that writes, NULL for none
with forgotten as (
    delete from unit u
     using unnest(%(series_ids)s::int[], %(ordinals)s::int[]) as w(series_id, ordinal)
     where u.series_id = w.series_id and u.ordinal = w.ordinal
 returning u.*
)
insert into unit_version (run_id, series_id, ordinal, before)
select %(run_id)s, f.series_id, f.ordinal, to_jsonb(f)
  from forgotten f
 where %(run_id)s::bigint is not null and f.run_id is distinct from %(run_id)s
    on conflict do nothing;

-- name: lock_series
-- Serialises the numbering of new members.
-- :series_ids  int[]  series
select series_id from series where series_id = any(%(series_ids)s) order by series_id for update;

-- name: number_members
-- Numbers values not seen before, in the order given, and moves the days of others that are
-- earlier than what was known; returns the ordinals of those seen before by key, and with no key
-- the number of the first new one: the others follow it in order. Lists come as JSON: writing
-- thousands of texts as an array takes the driver ten times as long. The series is locked. One
-- look-up by the unique index per key, whatever the statistics say.
-- :series_id  int  series
-- :keys  jsonb  list of keys
-- :days  jsonb  list of their days, null where none is known
with found as materialized (
    select k.key, k.day::date as day, k.place, m.ordinal, m.day as before, m.row
      from rows from (jsonb_array_elements_text(%(keys)s::jsonb),
                      jsonb_array_elements_text(%(days)s::jsonb)) with ordinality
               as k(key, day, place)
      left join lateral (select m.ordinal, m.day, m.ctid as row from member m
                          where m.series_id = %(series_id)s and m.key = k.key limit 1) as m on true
), first as (
    select coalesce((select ordinal from member where series_id = %(series_id)s
                      order by ordinal desc limit 1), -1) + 1 as ordinal
), added as (
    insert into member (series_id, ordinal, key, day)
    select %(series_id)s, first.ordinal - 1 + row_number() over (order by f.place), f.key, f.day
      from found f, first
     where f.ordinal is null
), dated as (
    update member m set day = f.day from found f
     where m.ctid = f.row and f.day < coalesce(f.before, 'infinity')
)
select key, ordinal from found where ordinal is not null
 union all
select null, ordinal from first;

-- name: date_members
-- Days of members, where they are earlier than what was known. The series is locked.
-- :exact  boolean  whether later ones count too: every row was looked at
-- :keys  jsonb  list of keys
-- :days  jsonb  list of their days
-- :series_id  int  series
update member m set day = told.day
  from (select k.day::date as day, m.row
          from rows from (jsonb_array_elements_text(%(keys)s::jsonb),
                          jsonb_array_elements_text(%(days)s::jsonb)) as k(key, day)
         cross join lateral (select m.day, m.ctid as row from member m
                              where m.series_id = %(series_id)s and m.key = k.key limit 1) as m
         where m.day is null or k.day::date < m.day
            or %(exact)s and m.day is distinct from k.day::date) as told
 where m.ctid = told.row;

-- name: only_loaded_since
-- Whether nothing was overwritten or removed since an instant.
-- :system  text  system
-- :since  timestamptz  instant
select not exists (select from row_version where system = %(system)s and at >= %(since)s);

-- name: redate_members
-- Days of members as a system's own statement tells them: key and day. It may use since, the
-- instant before which all that was loaded has been asked about, null for never.
-- :series_id  int  series
update member m set day = w.day
  from ({days}) as w(key, day)
 where m.series_id = %(series_id)s and m.key = w.key and m.day is distinct from w.day;

-- name: rows_by_key
-- Rows per value of the key column of a dataset whose units are members.
-- :keys  text[]  keys
select array[{column}::text] as key, null::text as feed, count(*) as rows, null::bigint
  from {table} where {column}::text = any(%(keys)s) or %(keys)s::text[] is null
 group by 1;

-- name: ledger_units
-- Every unit held by a feed within the range asked, with the rows kept of it.
-- :first  int  first ordinal
-- :last  int  the one after the last
-- :system  text  system
-- :dataset  text  dataset
select s.key, s.feed, o.ordinal, u.rows, s.series_id, coalesce(u.state = 'empty', false)
  from series s join ledger l using (series_id)
  cross join unnest(l.held * int4multirange(int4range(%(first)s, %(last)s))) as part
  cross join generate_series(lower(part), upper(part) - 1) as o(ordinal)
  left join unit u on u.series_id = s.series_id and u.ordinal = o.ordinal
 where s.system = %(system)s and s.dataset = %(dataset)s and s.feed <> 'member';

-- name: all_members
-- Every member of a column by key.
-- :series_id  int  series
select key, ordinal from member where series_id = %(series_id)s;

-- name: dated_column_values
-- Every value of a column with the earliest day it is found on.
select {column}::text, min({day})::date from {table} where {column} is not null group by 1;

-- name: column_values
-- Every value of a column, with NULLs left out.
select distinct {column}::text from {table} where {column} is not null;

-- name: promised_members
-- Members expected now.
-- :series_id  int  series
select m.key from member m join ledger l
       on l.series_id = m.series_id and l.chunk = m.ordinal >> 12 and l.expected @> m.ordinal
 where m.series_id = %(series_id)s;

-- name: unit_lines
-- What is kept of one unit, per feed.
-- :system  text  system
-- :dataset  text  dataset
-- :key  text[]  series key
-- :ordinal  int  unit
select s.feed, u.rows, u.expected_rows, u.attempts, u.next_try_at, u.settled_at
  from series s join unit u using (series_id)
 where s.system = %(system)s and s.dataset = %(dataset)s and s.key = %(key)s::text[]
   and u.ordinal = %(ordinal)s and s.feed <> 'member'
 order by s.feed;

-- name: tries_of_unit
-- Tries that did not succeed at once, newest first.
-- :system  text  system
-- :feeds  text[]  feeds
-- :unit  text  the unit as it is written
-- :limit  int  most lines, NULL for all
select a.at, a.feed, a.outcome, a.reason, a.capture_id, a.seconds, a.status, c.bytes, c.path,
       c.params
  from attempt a left join capture c using (capture_id)
 where a.system = %(system)s and a.feed = any(%(feeds)s) and a.units @> array[%(unit)s::text]
 order by a.at desc limit %(limit)s;

-- name: captures_of_unit
-- Stored answers that covered a unit, newest first.
-- :system  text  system
-- :feeds  text[]  feeds
-- :unit  text  the unit as it is written
-- :limit  int  most lines, NULL for all
select capture_id, feed, status, bytes, fetched_at, is_loaded, path, params from capture
 where system = %(system)s and feed = any(%(feeds)s) and units @> array[%(unit)s::text]
 order by fetched_at desc limit %(limit)s;

-- name: rejects_of_captures
-- Rows refused from these captures, for one dataset.
-- :capture_ids  bigint[]  captures
-- :dataset  text  dataset
-- :limit  int  most lines, NULL for all
select position, code, reason from reject
 where capture_id = any(%(capture_ids)s) and dataset = %(dataset)s and resolved_at is null
 order by reject_id limit %(limit)s;

-- name: promises_of
-- When members between two ordinals were taken into what is expected, the latest first.
-- :series_id  int  series that numbers them
-- :first  int  first ordinal
-- :last  int  the one after the last
-- :as_of  timestamptz  what was known then, NULL for now
select c.at, (c.expected_added * int4multirange(int4range(%(first)s, %(last)s)))::text
  from ledger_change c
 where c.series_id = %(series_id)s and c.expected_added && int4range(%(first)s, %(last)s)
   and (%(as_of)s::timestamptz is null or c.at <= %(as_of)s)
 order by c.at desc, c.change_id desc;

-- name: losses_of
-- When any feed let go of units between two ordinals, by series, the latest first.
-- :system  text  system
-- :dataset  text  dataset
-- :keys  text[]  keys of the series
-- :first  int  first ordinal
-- :last  int  the one after the last
-- :as_of  timestamptz  what was known then, NULL for now
select s.key, c.at, (c.removed * int4multirange(int4range(%(first)s, %(last)s)))::text
  from series s join ledger_change c using (series_id)
 where s.system = %(system)s and s.dataset = %(dataset)s
   and s.key = any(select string_to_array(k, chr(31)) from unnest(%(keys)s::text[]) as k)
   and c.removed && int4range(%(first)s, %(last)s)
   and (%(as_of)s::timestamptz is null or c.at <= %(as_of)s)
 order by s.key, c.at desc, c.change_id desc;

-- name: decide_unit
-- Keeps a person's decision about units, and a trace by which counts kept elsewhere grow old.
-- :series_id  int  series
-- :state  text  accepted, or unrecoverable
-- :reason  text  why
-- :by  text  who
-- :until  date  last day it holds, NULL for ever
-- :now  timestamptz  instant
-- :ordinals  int[]  ordinals, NULL for all
with traced as (insert into ledger_change (series_id, at) values (%(series_id)s, %(now)s))
insert into unit (series_id, ordinal, state, reason, decided_by, decided_until, changed_at)
select %(series_id)s, o, %(state)s, %(reason)s, %(by)s, %(until)s, %(now)s
  from unnest(%(ordinals)s::int[]) as o
on conflict (series_id, ordinal) do update
   set state = excluded.state, reason = excluded.reason, next_try_at = null, decided_by = excluded.decided_by,
       decided_until = excluded.decided_until, changed_at = excluded.changed_at;

-- name: withdraw_units
-- Takes decisions back, and leaves a trace of that.
-- :series_id  int  series
-- :ordinals  int[]  ordinals, NULL for all
with traced as (insert into ledger_change (series_id, at) values (%(series_id)s, now()))
delete from unit
 where series_id = %(series_id)s and ordinal = any(%(ordinals)s)
   and decided_by is not null and state in ('accepted', 'unrecoverable');

-- name: decision_of_unit
-- Who accepted a gap, why and until when.
-- :series_id  int  series
-- :ordinal  int  unit
select reason, decided_by, decided_until from unit
 where series_id = %(series_id)s and ordinal = %(ordinal)s and state = 'accepted';

-- name: empty_above
-- Units proven empty in an upstream dataset, and whether a derived one of the same units does not
-- hold them yet.
-- :system  text  system
-- :upstream  text  dataset with the empty units
-- :derived  text  derived dataset
select s.key, u.ordinal, not exists (
       select from series d join ledger l using (series_id)
        where d.system = s.system and d.dataset = %(derived)s and d.feed = 'derive'
          and d.key = s.key and l.chunk = floor(u.ordinal / 4096.0) and l.held @> u.ordinal) as is_new
  from series s
  join unit u using (series_id)
 where s.system = %(system)s and s.dataset = %(upstream)s and u.state = 'empty'
 order by s.key, u.ordinal;

-- name: note_stale
-- Notes held units as stale; the rows counted of them are kept.
-- :series_ids  int[]  series
-- :ordinals  int[]  ordinals
-- :reason  text  why
-- :now  timestamptz  instant
insert into unit as u (series_id, ordinal, state, reason, changed_at)
select w.series_id, w.ordinal, 'stale', %(reason)s, %(now)s
  from unnest(%(series_ids)s::int[], %(ordinals)s::int[]) as w(series_id, ordinal)
  join ledger l on l.series_id = w.series_id and l.chunk = w.ordinal >> 12
               and l.held @> w.ordinal
 order by 1, 2
on conflict (series_id, ordinal) do update
   set state = excluded.state, reason = excluded.reason, changed_at = excluded.changed_at
 where u.state in ('complete', 'empty', 'thin');

-- name: leave_traces
-- Former selves of rows that nobody kept, told by their unit alone; they belong to no run.
-- :system  text  system
-- :dataset  text  fetched dataset
-- :column  text  column that names the unit
-- :keys  text[]  units whose rows are gone
insert into row_version (run_id, system, dataset, row_key, operation, before)
select 0, %(system)s, %(dataset)s, t.named, 'delete', t.named
  from unnest(%(keys)s::text[]) as k(key),
       lateral (values (jsonb_build_object(%(column)s::text, k.key))) t (named);

-- name: history_began
-- When the ledger of a system first changed; decisions change none of it.
-- :system  text  system
select min(c.at) from series s join ledger_change c using (series_id)
 where s.system = %(system)s and s.feed not in ('member', '');

-- name: lost_datasets
-- Derived datasets of which units were lost and are not back.
-- :system  text  system
select s.dataset
  from series s
  join (select c.series_id, range_agg(c.removed) as removed from ledger_change c
         where c.removed <> '{}' group by c.series_id) l using (series_id)
 where s.system = %(system)s and s.feed = 'derive'
   and not l.removed <@ coalesce((select range_agg(h.held) from ledger h
                                   where h.series_id = s.series_id), '{}')
 group by s.dataset;

-- name: losses
-- What feeds let go of, newest first: its ranges, and when all of it was held again.
-- :system  text  system
-- :since  timestamptz  earliest loss, NULL for all
-- :limit  int  most lines
select s.dataset, s.key, s.feed, l.lost::text, l.at,
       case when l.lost <@ coalesce((select range_agg(h.held) from ledger h
                                      where h.series_id = l.series_id), '{}') then (
           select max(b.at) from ledger_change b
            where b.series_id = l.series_id and b.change_id > l.change_id and b.added && l.lost
              and not exists (
                  select from ledger_change r
                   where r.series_id = l.series_id and r.change_id > l.change_id
                     and r.change_id < b.change_id and r.removed && l.lost)) end as back_at
  from series s
  join (select c.*, c.removed - c.added as lost from ledger_change c
         where c.removed <> '{}') l using (series_id)
 where s.system = %(system)s and s.feed <> 'member' and l.lost <> '{}'
   and (%(since)s::timestamptz is null or l.at >= %(since)s)
 order by l.at desc, l.change_id desc
 limit %(limit)s;

-- name: late_days
-- Days that a series first held two days or more after they were due, since the history began.
-- :system  text  system
-- :datasets  text[]  datasets whose units are days
-- :began  date  first day that could come late
select f.dataset, f.key, f.feed, range_agg(f.late)::text, min(f.at), max(f.at)
  from (select s.dataset, s.key, s.feed, s.series_id, c.run_id, c.change_id, c.at,
               c.added * int4multirange(int4range(
                   %(began)s::date - date '1970-01-01',
                   greatest(c.at::date - 2, %(began)s::date) - date '1970-01-01')) as late
          from series s join ledger_change c using (series_id)
         where s.system = %(system)s and s.dataset = any(%(datasets)s) and s.feed <> 'member'
           and c.added <> '{}' and c.at::date - 2 > %(began)s) f
 where f.late <> '{}' and not exists (
       select from ledger_change r
        where r.series_id = f.series_id and r.change_id < f.change_id and r.removed && f.late)
 group by f.dataset, f.key, f.feed, f.series_id, f.run_id
 order by max(f.at) desc;

-- name: late_members
-- The same of units that are members with days: the ordinals held late.
-- :system  text  system
-- :dataset  text  dataset
-- :series_id  int  series that numbers its members
-- :began  date  first day that could come late
with change as materialized ( -- what came before the third day cannot be late
    select s.key, s.feed, c.* from series s join ledger_change c using (series_id)
     where s.system = %(system)s and s.dataset = %(dataset)s and s.feed <> 'member'
       and c.at::date - 2 > %(began)s
), removal as materialized (
    select c.series_id, c.change_id, c.removed from series s join ledger_change c using (series_id)
     where s.system = %(system)s and s.dataset = %(dataset)s and c.removed <> '{}'
), came as materialized (
    select c.key, c.feed, c.series_id, c.run_id, c.change_id, c.at, m.ordinal
      from change c cross join unnest(c.added) as part
           cross join lateral (
               select m.ordinal, m.day from member m
                where m.series_id = %(series_id)s and m.ordinal >= lower(part)
                  and m.ordinal < upper(part) offset 0) as m
     where m.day >= %(began)s and m.day < c.at::date - 2
)
select %(dataset)s, l.key, l.feed, range_agg(int4range(l.ordinal, l.ordinal + 1))::text,
       min(l.at), max(l.at)
  from came l
 where not exists (
       select from removal r
        where r.series_id = l.series_id and r.change_id < l.change_id and r.removed @> l.ordinal)
 group by l.key, l.feed, l.series_id, l.run_id
 order by max(l.at) desc;

-- name: member_span
-- First and last day, or key where members have no days, of some members.
-- :series_id  int  series that numbers them
-- :ordinals  text  multirange of ordinals
select min(m.day), max(m.day), min(m.key), max(m.key)
  from unnest(%(ordinals)s::text::int4multirange) as part
  join member m on m.series_id = %(series_id)s and m.ordinal >= lower(part)
               and m.ordinal < upper(part);

-- name: units_of
-- How many ordinals ranges hold, the first and the last.
-- :ranges  text  multirange
select units_in(r.ranges), lower(r.ranges), upper(r.ranges) - 1
  from (select %(ranges)s::text::int4multirange as ranges) r;

-- name: look_again
-- Whatever changed since a derivation was last computed counts as unseen: units were rewritten that
-- may have been noted as stale.
-- :system  text  its system
update stocktake.derive_state set noted_until = null
 where system = %(system)s and noted_until is not null;

-- name: tombstones_of_unit
-- Rows of a unit that sources withdrew, latest first.
-- :system  text  the system
-- :dataset  text  the dataset
-- :unit  text[]  the unit's key
-- :limit  bigint  at most so many
select row_key, facet, run_id, capture_id, is_row_gone, at
  from tombstone
 where system = %(system)s and dataset = %(dataset)s and unit = %(unit)s
 order by tombstone_id desc
 limit %(limit)s;

-- name: oldest_unseen
-- Hours since the first change of an input that its derivation has not seen; NULL when it saw all.
-- The watermark lies before the last time by as long as some other transaction was open then.
-- :system  text  the system
-- :dataset  text  table derived
-- :sql  text  file stem of the derivation
-- :input  text  the input
with seen as (
    select coalesce((select greatest(watermark, least(at, transaction_timestamp()))
                       from derive_state
                      where system = %(system)s and dataset = %(dataset)s and sql = %(sql)s),
                    '-infinity') as until
)
select extract(epoch from transaction_timestamp() - min(changed.at)) / 3600
  from seen cross join lateral (
       select min(_loaded_at) as at from {input} where _loaded_at >= seen.until
        union all
       select min(v.at) from row_version v
        where v.system = %(system)s and v.dataset = %(input)s and v.at >= seen.until) as changed;
