alter table run drop column counted_at;
drop index delivery_by_event;
drop table at_work;
