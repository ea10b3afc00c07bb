-- How many players of a game played: what every table with a row for each of them should hold.
-- games: those wanted, null for all
create function nba.players_of(games text[]) returns table (game_id text, players bigint)
language sql stable parallel safe as
$$
    select p.game_id, count(*) from nba.player_game_summary p
     where games is null or p.game_id = any(games)
     group by p.game_id
$$;
