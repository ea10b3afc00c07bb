alter table member reset (fillfactor);
