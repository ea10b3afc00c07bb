drop table stocktake.installation;
drop table stocktake.migration;
revoke usage on schema stocktake from stocktake_app;
drop schema stocktake;
alter default privileges revoke usage, select on sequences from stocktake_app;
alter default privileges revoke select, insert, update, delete on tables from stocktake_app;
alter default privileges revoke usage on schemas from stocktake_app;
