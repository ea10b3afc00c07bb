-- name: touched
-- Games of which rows came or went.
select game_id from changed_raw_box_score
 union
select game_id from changed_raw_team_log;

-- name: compute
-- The day on which rows of a game say it was played: of games that no schedule dates.
select k.game_id, min(d.game_date) as played_on
  from touched_keys k
  join nba.schedule s using (game_id)
  left join (select game_id, game_date from nba.raw_box_score
              union all
             select game_id, game_date from nba.raw_team_log) d on d.game_id = k.game_id
 group by k.game_id;
