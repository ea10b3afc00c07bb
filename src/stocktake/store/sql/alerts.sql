-- name: emit
-- Tell of something within the caller's transaction; null when it is no news.
-- :kind      text         what kind, such as check.failed
-- :system    text         of which system, empty for the installation
-- :subject   text         what it is about
-- :details   jsonb        figures and reasons
-- :at        timestamptz  when
-- :dedupe    text         key of the alert it opens or ends, empty for a note
-- :resolves  boolean      whether it ends it
select emit_event(%(kind)s, %(system)s, %(subject)s, %(details)s, %(at)s, %(dedupe)s, %(resolves)s);

-- name: route_alone
-- Whether this transaction is the one that makes deliveries now.
select pg_try_advisory_xact_lock(hashtext('stocktake.alerts'), 0);

-- name: events_to_route
-- Events nobody made deliveries of yet, in order, with the alert they opened or ended.
-- :limit  integer  how many at most
select e.event_id, e.kind, e.system, e.resolves, e.alert_id, a.muted_until
  from event e left join alert a using (alert_id)
 where e.routed_at is null
 order by e.event_id
 limit %(limit)s;

-- name: mark_routed
-- Note that the deliveries of events were made.
-- :event_ids  bigint[]     events
-- :now        timestamptz  when
update event set routed_at = %(now)s where event_id = any(%(event_ids)s);

-- name: last_told
-- When an alert was last told to a channel, null when never.
-- :alert_id  bigint  alert
-- :channel   text    channel
select max(ended_at) from delivery
 where alert_id = %(alert_id)s and channel = %(channel)s and state = 'sent';

-- name: make_delivery
-- Have a channel told; once an event and channel, reminders apart.
-- :event_id     bigint       event
-- :alert_id     bigint       its alert, null for a note
-- :channel      text         channel
-- :is_reminder  boolean      whether it tells again of an alert that is still open
-- :now          timestamptz  when it was made
-- :due          timestamptz  before when it is not sent
insert into delivery (event_id, alert_id, channel, is_reminder, made_at, next_try_at)
values (%(event_id)s, %(alert_id)s, %(channel)s, %(is_reminder)s, %(now)s, %(due)s)
    on conflict (event_id, channel) where not is_reminder do nothing;

-- name: skip_untried
-- What nobody tried to send of an alert is overtaken by its end.
-- :alert_id  bigint       alert
-- :channel   text         channel
-- :event_id  bigint       the event that ends it
-- :now       timestamptz  when
update delivery set state = 'skipped', ended_at = %(now)s, response = 'well again before it was due'
 where alert_id = %(alert_id)s and channel = %(channel)s and event_id < %(event_id)s
   and state = 'pending' and attempts = 0;

-- name: was_told
-- Whether a channel was, or may have been, told of the opening that an event ends.
-- :alert_id  bigint  alert
-- :channel   text    channel
-- :event_id  bigint  the event that ends it
select exists (
    select from delivery
     where alert_id = %(alert_id)s and channel = %(channel)s
       and (state = 'sent' or (state = 'pending' and attempts > 0))
       and event_id = (select max(e.event_id) from event e
                        where e.alert_id = %(alert_id)s and not e.resolves
                          and e.event_id < %(event_id)s));

-- name: make_reminders
-- Have channels told again of open alerts that were seen since, when their cool-down is over.
-- :channel   text         channel
-- :cooldown  interval     least time between two messages of one alert
-- :now       timestamptz  when
insert into delivery (event_id, alert_id, channel, is_reminder, made_at, next_try_at)
select last.event_id, a.alert_id, %(channel)s, true, %(now)s, %(now)s
  from alert a
  cross join lateral (
      select d.event_id, d.state, d.ended_at, e.at
        from delivery d join event e using (event_id)
       where d.alert_id = a.alert_id and d.channel = %(channel)s
       order by d.delivery_id desc
       limit 1) last
 where a.resolved_at is null
   and (a.muted_until is null or a.muted_until <= %(now)s)
   and last.state = 'sent' and last.at = a.opened_at
   and last.ended_at + %(cooldown)s::interval <= %(now)s
   and a.last_seen_at > last.ended_at;

-- name: claim_deliveries
-- Take messages that are due, each for one courier: another one passes over them until the lease
-- is over. Messages of one alert go to a channel in order.
-- :channels  text[]       channels this courier can reach
-- :now       timestamptz  the present instant
-- :lease     interval     how long sending takes at most
-- :limit     integer      how many at most
with due as (
    select p.delivery_id from delivery p
     where p.state = 'pending' and p.next_try_at <= %(now)s and p.channel = any(%(channels)s)
       and (p.leased_until is null or p.leased_until < clock_timestamp())
       and (p.alert_id is null or not exists (
            select from delivery o
             where o.alert_id = p.alert_id and o.channel = p.channel and o.state = 'pending'
               and o.delivery_id < p.delivery_id))
     order by p.next_try_at, p.delivery_id
     limit %(limit)s
       for update skip locked
), taken as (
    update delivery d
       set attempts = d.attempts + 1, leased_until = clock_timestamp() + %(lease)s::interval
      from due where d.delivery_id = due.delivery_id
    returning d.*
)
select t.delivery_id, t.channel, t.attempts, t.message_id, e.kind, e.system, e.subject,
       case when t.is_reminder then a.details else e.details end, e.at,
       case when t.is_reminder then 'reminder' when e.resolves then 'resolved'
            when e.alert_id is null then 'note' else 'open' end,
       e.alert_id, a.opened_at, a.last_seen_at, coalesce(a.seen, 1)
  from taken t join event e using (event_id) left join alert a on a.alert_id = e.alert_id
 order by t.delivery_id;

-- name: end_delivery
-- The channel took it.
-- :delivery_id  bigint       delivery
-- :attempts     integer      the try that is told of; a later one's word counts more
-- :response     text         what it answered
-- :now          timestamptz  when
update delivery
   set state = 'sent', ended_at = %(now)s, response = %(response)s, leased_until = null
 where delivery_id = %(delivery_id)s and attempts = %(attempts)s and state = 'pending';

-- name: postpone_delivery
-- The channel did not take it: try again later, or give it up.
-- :delivery_id  bigint       delivery
-- :attempts     integer      the try that is told of
-- :most         integer      tries after which it is given up
-- :response     text         why
-- :now          timestamptz  when
-- :delay        interval     until the next try
update delivery
   set state = case when attempts >= %(most)s then 'dead' else 'pending' end,
       ended_at = case when attempts >= %(most)s then %(now)s::timestamptz end,
       next_try_at = %(now)s::timestamptz + %(delay)s::interval, response = %(response)s, leased_until = null
 where delivery_id = %(delivery_id)s and attempts = %(attempts)s and state = 'pending'
returning state;

-- name: open_alerts
-- Alerts by number, open ones only or all, the newest first.
-- :all    boolean  ended ones too
-- :limit  integer  how many at most
select a.alert_id, a.dedupe, a.kind, a.system, a.subject, a.details, a.opened_at, a.last_seen_at,
       a.seen, a.resolved_at, a.muted_until, a.muted_by, a.mute_reason,
       (select count(*) from delivery d where d.alert_id = a.alert_id and d.state = 'sent'),
       (select count(*) from delivery d where d.alert_id = a.alert_id and d.state = 'pending'),
       (select count(*) from delivery d where d.alert_id = a.alert_id and d.state = 'dead')
  from alert a
 where %(all)s or a.resolved_at is null
 order by a.resolved_at is not null, a.last_seen_at desc, a.alert_id desc
 limit %(limit)s;

-- name: mute_alert
-- Tell nobody of an alert until then; no row when there is no such alert.
-- :alert_id  bigint       alert
-- :until     timestamptz  when it is told again, null for at once
-- :by        text         who
-- :reason    text         why
update alert set muted_until = %(until)s, muted_by = %(by)s, mute_reason = %(reason)s
 where alert_id = %(alert_id)s
returning alert_id;

-- name: put_off_untried
-- Messages of an alert that nobody tried to send wait as long as it is muted, or go at once.
-- :alert_id    bigint       alert
-- :due         timestamptz  when they may be sent
-- :is_put_off  boolean      whether not before that, else from then on
update delivery
   set next_try_at = case when %(is_put_off)s then greatest(next_try_at, %(due)s) else %(due)s end
 where alert_id = %(alert_id)s and state = 'pending' and attempts = 0;

-- name: events
-- The latest events, newest first, and how each channel was told, as JSON.
-- :limit     integer  how many at most
-- :alert_id  bigint   only of this alert, null for all
select e.event_id, e.kind, e.system, e.subject, e.details, e.resolves, e.alert_id, e.at,
       coalesce((select jsonb_agg(jsonb_build_object(
                    'delivery_id', d.delivery_id, 'channel', d.channel, 'state', d.state,
                    'is_reminder', d.is_reminder, 'attempts', d.attempts, 'response', d.response,
                    'next_try_at', case when d.state = 'pending' then d.next_try_at end,
                    'ended_at', d.ended_at) order by d.delivery_id)
                   from delivery d where d.event_id = e.event_id), '[]')
  from event e
 where coalesce(e.alert_id = %(alert_id)s, %(alert_id)s is null)
 order by e.event_id desc
 limit %(limit)s;

-- name: channel_standings
-- Per channel that was ever told of something: messages sent, waiting and given up, when one was
-- taken last, and what the channel said to the newest try that ended.
select d.channel,
       count(*) filter (where d.state = 'sent') as sent,
       count(*) filter (where d.state = 'pending') as pending,
       count(*) filter (where d.state = 'dead') as dead,
       max(d.ended_at) filter (where d.state = 'sent') as last_sent_at,
       coalesce((array_agg(d.response order by d.ended_at desc nulls last, d.delivery_id desc))[1],
                '') as last_response
  from delivery d
 group by d.channel
 order by d.channel;

-- name: retry_dead
-- Try messages again that were given up; returns how many.
-- :now  timestamptz  the present instant
with again as (
    update delivery set state = 'pending', attempts = 0, next_try_at = %(now)s, ended_at = null
     where state = 'dead' returning 1)
select count(*) from again;

-- name: undelivered
-- How many messages were given up, and how many have been waiting since before an instant.
-- :before  timestamptz  the instant
select count(*) filter (where state = 'dead'),
       count(*) filter (where state = 'pending' and next_try_at < %(before)s)
  from delivery where state in ('dead', 'pending');

-- name: open_details
-- Key and details of open alerts whose key begins so.
-- :prefix  text  beginning of the key
select dedupe, details from alert
 where resolved_at is null and starts_with(dedupe, %(prefix)s);

-- name: close_circuits
-- Tell of endpoints that answer again after their circuit had been open.
-- :now  timestamptz  the present instant
select emit_event('circuit.closed', '', g.source || '/' || g.endpoint, '{}', %(now)s, a.dedupe, true)
  from alert a join gate g on a.dedupe = 'circuit:' || g.source || '/' || g.endpoint
 where a.resolved_at is null and g.opened_at is null;

-- name: events_about
-- The latest events of sources and circuits about some subjects, newest first.
-- :subjects  text[]   sources, and source/endpoint
-- :limit     integer  how many at most
select event_id, kind, system, subject, details, resolves, alert_id, at, '[]'::jsonb
  from event
 where subject = any(%(subjects)s) and (kind like 'source.%%' or kind like 'circuit.%%')
 order by event_id desc
 limit %(limit)s;
