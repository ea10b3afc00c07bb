-- What the pages of the NBA show.

-- name: seasons
-- Games of each season by kind, and how many are over.
select season, season_type as kind, count(*) filter (where is_over) || ' of ' || count(*) as games
  from nba.game
 where not_expected is null
 group by season, season_type
 order by season desc;

-- name: season_layers
-- Games of a season that each layer holds, of those that are over.
-- :season  text
with over as (
    select game_id from nba.game
     where season = %(season)s and is_over and not_expected is null
)
select layer, held || ' of ' || (select count(*) from over) as games
  from (values
      ('1 raw_box_score', (select count(distinct game_id) from nba.raw_box_score
                            where game_id in (select game_id from over))),
      ('2 clean_box_score', (select count(distinct game_id) from nba.clean_box_score
                              where game_id in (select game_id from over))),
      ('3 player_game_summary', (select count(distinct game_id) from nba.player_game_summary
                                  where game_id in (select game_id from over))),
      ('5 ml_feature_store', (select count(distinct game_id) from nba.ml_feature_store
                               where game_id in (select game_id from over)))
  ) as held (layer, held)
 order by layer;

-- name: season_games
-- Games of a season, newest first.
-- :season  text
select coalesce(game.game_date, schedule.game_date) as day, game.season_type as kind,
       home.name as home, schedule.home_score, away.name as away, schedule.away_score,
       game.status, game.not_expected, game.game_id as game
  from nba.game as game
  join nba.schedule as schedule using (game_id)
  left join nba.team_reference as home on home.team_id = schedule.home_team_id
  left join nba.team_reference as away on away.team_id = schedule.away_team_id
 where game.season = %(season)s
 order by day desc nulls last, game.game_id;

-- name: models
-- Trained models against their baseline, newest first.
select trained_at, model, target, test_rows, mae, baseline_mae, round(improvement, 4) as improvement,
       verdict, trained_since, trained_until, test_since, test_until, feature_version, seed
  from nba.model_card
 order by trained_at desc;

-- name: conflicts
-- What two sources tell differently of one game.
select game_id as game, player_id as player, field, chosen_source, source
  from nba.source_conflict
 order by game_id, player_id
 limit 500;
