-- name: fill_rejects
-- Makes rejects of one run, a third of them resolved.
-- :rows  bigint  how many
insert into reject (at, system, dataset, run_id, position, code, reason, raw, resolved_at)
select now() - make_interval(secs => n / 10.0), 'bench', 'units', 1, 'line ' || n,
       (array['type', 'range', 'key'])[1 + n %% 3], 'value ' || n %% 500 || ' is not a number', '{}',
       case when n %% 3 = 0 then now() end
  from generate_series(1, %(rows)s) as n;

-- name: note_run
-- One run that is over, so that rejects have whose they are.
insert into run (system, kind, state, started_at, updated_at)
values ('bench', 'load', 'done', now() - interval '1 hour', now()) returning run_id;

-- name: touch_run
-- Something happened to the run.
update run set updated_at = clock_timestamp();

-- name: settle
-- What a server does by itself after a while.
analyze;
