alter table stocktake.schedule drop column is_changed;
