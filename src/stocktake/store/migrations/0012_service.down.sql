drop table at_work;
