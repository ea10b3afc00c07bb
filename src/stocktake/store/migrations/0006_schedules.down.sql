-- What a person switched, own schedules, the history of fires, and which rows sources withdrew are
-- gone; runs and what rows were stay.
drop table tombstone;
drop table schedule_fire;
drop table schedule;
