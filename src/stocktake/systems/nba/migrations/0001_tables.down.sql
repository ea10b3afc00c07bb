-- Everything of this system, its rows included; captures stay and can be replayed.
drop schema nba cascade;
