-- What was told, and what endpoints did on each day, is lost.
drop function emit_event(text, text, text, jsonb, timestamptz, text, boolean);
drop table endpoint_day;
drop table delivery;
drop table event;
drop table alert;
