-- Queued runs are gone; those under way can be resumed in the foreground.
drop schema if exists stocktake_queue cascade;
drop table queue_schema;
drop table worker;
drop table chunk;
drop index run_unfinished;
update run set state = 'paused' where is_detached and state = 'running';
update run set state = 'cancelled' where is_detached and state = 'queued';
alter table run drop column result;
alter table run drop column coverage;
alter table run drop column attempts;
alter table run drop column not_before;
alter table run drop column wave;
alter table run drop column asked_at;
alter table run drop column asked_by;
alter table run drop column priority;
alter table run drop column is_exclusive;
alter table run drop column is_detached;
