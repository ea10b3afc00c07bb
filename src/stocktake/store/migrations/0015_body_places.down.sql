-- Bodies that are objects must be brought back first (db captures use database; db captures move):
-- with one of them left this fails, as it would be lost.
drop table body_store;
drop index body_lost;
drop index body_in_objects;
alter table body drop constraint body_is_somewhere;
alter table body alter column content set not null;
alter table body drop column lost_at;
alter table body drop column object_bytes;
