-- What a person switched, own schedules and the history of fires are gone; runs stay.
drop table schedule_fire;
drop table schedule;
