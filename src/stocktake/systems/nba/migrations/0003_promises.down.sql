drop view nba.game;
drop table nba.scoreboard_day;
