drop schema yard cascade;
