drop table edit;
alter table duplicate drop constraint duplicate_state_check;
update duplicate set state = 'both' where state in ('merged', 'distinct');
alter table duplicate add constraint duplicate_state_check
    check (state in ('open', 'kept', 'replaced', 'both'));
alter table duplicate drop column from_other;
drop index check_result_by_run;
drop index reject_by_run;
drop function reason_shape(text);
alter table reject drop column resolved_run_id, drop column resolved_reason,
    drop column resolved_by, drop column resolution;
