drop index delivery_by_event;
drop table at_work;
