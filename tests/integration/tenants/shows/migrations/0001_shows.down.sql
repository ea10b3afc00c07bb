drop schema shows cascade;
