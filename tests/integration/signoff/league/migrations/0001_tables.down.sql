drop schema league cascade;
