-- name: plays
-- Plays by id.
select play_id, day, place, title, plays from shows.plays;

-- name: play
-- One play.
-- :play_id  text  which
select play_id, day, place, title, plays from shows.plays where play_id = %(play_id)s;
