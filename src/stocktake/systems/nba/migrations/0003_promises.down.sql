drop view nba.game;
alter table nba.schedule drop column played_on;
drop table nba.scoreboard_day;
