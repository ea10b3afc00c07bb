-- name: shut
-- Nobody may connect to a database any more.
alter database {name} allow_connections false;

-- name: open
-- The database may be reached again.
alter database {name} allow_connections true;

-- name: end_connections
-- Who is connected to a database is thrown out.
-- :name text
select pg_terminate_backend(pid) from pg_stat_activity where datname = %(name)s;

-- name: age_session
-- The sessions of an account began so long ago that so many seconds are left of seven days.
-- :name text, :seconds float8
update session
   set created_at = clock_timestamp() - interval '7 days' + make_interval(secs => %(seconds)s)
  from user_account
 where user_account.user_id = session.user_id and user_account.name = %(name)s
   and ended_at is null;

-- name: end_sessions
-- The sessions of an account are ended, as an admin or another browser does.
-- :name text
update session set ended_at = clock_timestamp()
  from user_account
 where user_account.user_id = session.user_id and user_account.name = %(name)s
   and ended_at is null;
