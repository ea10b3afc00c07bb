-- name: begin
-- Make sure that a transaction is open: the savepoints of single checks need one around them.
select transaction_timestamp();

-- name: measure
-- Every aggregate of a table in one pass, without groups.
select {aggregates} from {target} where {in_range};

-- name: measure_groups
-- Every aggregate of a table in one pass: small groups first, which then add up to larger ones.
select grouping({names}), {labels}, {totals}
  from (select {groups}, {aggregates} from {target} where {in_range} group by {positions}) parts
 group by grouping sets ((), {sets});

-- name: measure_one
-- An aggregate that does not add up, group by group.
select {group} as grp, {value}, count(*) from {target}
 where {scope} and {in_range} group by {group};

-- name: duplicates
-- Rows above the first of each key, the rows measured, and the 100 keys that occur most often.
with repeated as (
    select {columns}, count(*) - 1 as extra
      from {target} where {scope} and {in_range} group by {columns} having count(*) > 1
)
select (select coalesce(sum(extra), 0) from repeated),
       (select count(*) from {target} where {scope} and {in_range}),
       (select coalesce(jsonb_agg(key), '[]')
          from (select jsonb_build_object({pairs}) as key from repeated
                 order by extra desc limit 100) most);

-- name: orphans
-- Values without a row in the parent, the rows measured, and the first 100 such rows.
with orphan as materialized (
    select {key} from {target} t
     where t.{column} is not null and {scope} and {in_range}
       and not exists (select from {parent} p where p.{parent_key} = t.{column})
)
select (select count(*) from orphan),
       (select count(*) from {target} t where t.{column} is not null and {scope} and {in_range}),
       (select coalesce(jsonb_agg(key), '[]')
          from (select jsonb_build_object({pairs}) as key from orphan limit 100) first);

-- name: rows_per
-- Rows of a table for each row of its parent, by group.
select coalesce(p.grp, c.grp), coalesce(c.n, 0)::double precision / nullif(p.n, 0),
       coalesce(p.n, 0)
  from (select {group} as grp, count(*) as n from {parent} where {scope} and {in_range} group by 1) p
  full join (select {group} as grp, count(*) as n from {target} where {in_range} group by 1) c
    on c.grp = p.grp;

-- name: volume
-- The newest day against the same weekday of the eight weeks before it.
with newest as (
    select max({column}) as day from {target} where {scope} and {in_range}
),
counted as (
    select d.day, (select count(*) from {target} where {column} = d.day and {scope}) as n
      from newest, generate_series(0, 8) week, lateral (select newest.day - 7 * week as day) d
     where newest.day is not null
),
middle as (
    select percentile_cont(0.5) within group (order by n) as n
      from counted, newest where counted.day < newest.day and n > 0
),
spread as (
    select greatest(percentile_cont(0.5) within group (order by abs(counted.n - middle.n)),
                    max(middle.n) / 20) as n
      from counted, newest, middle where counted.day < newest.day and counted.n > 0
)
select newest.day::text, abs(counted.n - middle.n) / nullif(spread.n, 0), counted.n
  from newest join counted using (day), middle, spread;

-- name: failing_keys
-- Up to 100 rows that made a check fail.
select coalesce(jsonb_agg(key), '[]')
  from (select jsonb_build_object({pairs}) as key from {target}
         where {scope} and {in_range} and {failing} limit 100) k;

-- name: store_result
-- Keep what a check measured.
-- :run_id, :system, :dataset, :name, :grp, :severity, :value, :measured_rows, :failing_keys,
-- :detail, :since, :until, :at  columns of the table
insert into stocktake.check_result (tenant_id, run_id, system, dataset, name, grp, severity, value,
                                    measured_rows, failing_keys, detail, since, until, at)
values (nullif(current_setting('app.tenant_id', true), '')::uuid, %(run_id)s, %(system)s,
        %(dataset)s, %(name)s, %(grp)s, %(severity)s, %(value)s, %(measured_rows)s,
        %(failing_keys)s, %(detail)s, %(since)s, %(until)s, %(at)s);

-- name: trend
-- The latest results of a check in one group, newest first.
-- :system  text     its system
-- :name    text     the check
-- :grp     text     the group, empty for none
-- :latest  integer  how many
select at, severity, value, measured_rows
  from stocktake.check_result
 where system = %(system)s and name = %(name)s and grp = %(grp)s
 order by at desc, result_id desc
 limit %(latest)s;

-- name: trends
-- The latest values of every check and group of a system, oldest first; NULL: nothing measured.
-- :system  text     its system
-- :latest  integer  how many of each
select told.name, told.grp, array_agg(told.value order by told.at, told.result_id)
  from (select name, grp, value, at, result_id,
               row_number() over (partition by name, grp order by at desc, result_id desc) as place
          from stocktake.check_result
         where system = %(system)s) told
 where told.place <= %(latest)s
 group by told.name, told.grp;

-- name: latest
-- The newest result of each check and group, and since when it has not passed (NULL: it passes).
-- :system  text  its system
select newest.name, newest.dataset, newest.grp, newest.severity, newest.value,
       newest.measured_rows, newest.failing_keys, newest.detail, newest.at, newest.since,
       newest.until,
       case when newest.severity in ('warn', 'fail', 'error') then
           (select min(bad.at)
              from stocktake.check_result bad
             where bad.system = newest.system and bad.name = newest.name and bad.grp = newest.grp
               and bad.severity in ('warn', 'fail', 'error')
               and bad.at > coalesce((select max(good.at)
                                        from stocktake.check_result good
                                       where good.system = newest.system
                                         and good.name = newest.name and good.grp = newest.grp
                                         and good.severity in ('pass', 'n/a')), '-infinity'))
       end as first_seen_at
  from (select distinct on (name, grp) *
          from stocktake.check_result where system = %(system)s
         order by name, grp, at desc, result_id desc) newest
 order by newest.dataset, newest.name, newest.grp;

-- name: first_bad
-- The first kept result of some checks that warns or fails, and the check's name.
-- :system  text         their system
-- :names   text[]       the checks
-- :since   timestamptz  from this instant on
-- :until   timestamptz  up to this instant
select at, name
  from stocktake.check_result
 where system = %(system)s and name = any(%(names)s) and severity in ('warn', 'fail')
   and at between %(since)s and %(until)s
 order by at
 limit 1;
