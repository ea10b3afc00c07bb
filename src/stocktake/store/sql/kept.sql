-- What is kept for a time: old rows go in small batches, each in a transaction of its own.

-- name: try_lock_pruning
-- Whether this transaction is the one that prunes now.
select pg_try_advisory_xact_lock(hashtext('stocktake.pruning'), 0);

-- name: prune_fires
-- What became of fires long decided; the latest of each schedule stays.
-- :before timestamptz, :most integer
delete from schedule_fire
 where (schedule_id, due_at) in (
       select f.schedule_id, f.due_at from schedule_fire f
        where f.decided_at < %(before)s
          and exists (select from schedule_fire l
                       where l.schedule_id = f.schedule_id and l.due_at > f.due_at)
        order by f.schedule_id, f.due_at limit %(most)s);

-- name: prune_deliveries
-- Messages that ended; those of open alerts say when these were told last.
-- :before timestamptz, :most integer
delete from delivery
 where delivery_id in (
       select d.delivery_id from delivery d left join alert a using (alert_id)
        where d.state <> 'pending' and d.ended_at < %(before)s
          and (d.alert_id is null or a.resolved_at is not null)
        order by d.delivery_id limit %(most)s);

-- name: prune_events
-- Events that nobody has to be told of any more; those of open alerts stay.
-- :before timestamptz, :most integer
delete from event
 where event_id in (
       select e.event_id from event e left join alert a using (alert_id)
        where e.at < %(before)s and e.routed_at is not null
          and (e.alert_id is null or a.resolved_at is not null)
          and not exists (select from delivery d where d.event_id = e.event_id)
        order by e.event_id limit %(most)s);

-- name: prune_tries
-- Requests that failed long ago; how often a unit failed is kept with it.
-- :before timestamptz, :most integer
delete from attempt
 where attempt_id in (
       select attempt_id from attempt where at < %(before)s order by attempt_id limit %(most)s);

-- name: prune_logs
-- Lines of runs that ended long ago; what the runs did stays.
-- :before timestamptz, :most integer
delete from run_log
 where (run_id, seq) in (
       select l.run_id, l.seq from run r join run_log l using (run_id)
        where r.finished_at < %(before)s order by l.run_id, l.seq limit %(most)s);
