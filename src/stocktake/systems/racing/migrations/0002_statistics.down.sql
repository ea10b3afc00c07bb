drop view racing.settled;
drop view racing.starts;
drop function racing.going_bucket(text, text);
drop aggregate racing.add_up(bigint);
drop function racing.pack_run(boolean, integer);
