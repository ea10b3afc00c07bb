drop schema little cascade;
