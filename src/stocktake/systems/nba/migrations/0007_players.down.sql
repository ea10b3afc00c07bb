drop function nba.players_of;
