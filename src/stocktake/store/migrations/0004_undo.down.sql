-- Runs that were taken back stay so; nobody knows any more by which run.
alter table run drop column undone_by;
drop table unit_version;
