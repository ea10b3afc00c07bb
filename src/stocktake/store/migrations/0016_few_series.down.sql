-- The states of units are asked as before: of every series.
create or replace function unit_states(
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
