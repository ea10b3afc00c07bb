drop schema track cascade;
