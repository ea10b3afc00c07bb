-- A person may give a declared schedule another clock; it stays so whatever its system declares.

alter table stocktake.schedule add column is_changed boolean not null default false;
