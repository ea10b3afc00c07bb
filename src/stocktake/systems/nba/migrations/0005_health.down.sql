drop view nba.layer_game;
