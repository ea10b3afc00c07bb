-- A backfill from the newest day to the oldest moves the day of most members again and again; with
-- room on their page the indexes are left alone.
alter table member set (fillfactor = 50);
