-- What games promise: one view for counting, features and checks.

create table nba.scoreboard_day (
    game_id    text primary key check (length(game_id) = 10),
    game_date  date not null,
    status     text not null,
    home_score integer,
    away_score integer
);
create index scoreboard_day_day on nba.scoreboard_day (game_date);
select stocktake.adopt_table('nba.scoreboard_day'::regclass);

-- The day rows of a game tell, where the schedule tells none; derived.
alter table nba.schedule add column played_on date;

-- Every listed game with its day, as far as any row tells it, and why nobody expects it.
create view nba.game with (security_invoker = true) as
select s.game_id, s.season, s.season_type, coalesce(s.game_date, s.played_on) as game_date,
       s.status, coalesce(s.status = 'final', false) or s.played_on is not null as is_over,
       case when s.season_type not in ('regular', 'play_in', 'playoffs', 'cup_final')
                then 'out of scope'
            when a.old_id is not null then 'replaced'
            when s.status = 'cancelled' then 'cancelled'
            when s.status = 'postponed' then 'postponed, no new date yet'
            when s._listed_hash is null and s._scored_hash is null and listed.season is not null
                then 'not in the published schedule'
       end as not_expected,
       coalesce(s.game_date, s.played_on) < y.first_regular_date + y.bootstrap_days
           as is_bootstrap
  from nba.schedule s
  left join nba.season y using (season)
  left join nba.game_alias a on a.old_id = s.game_id
  left join (select distinct season, season_type from nba.schedule where _listed_hash is not null)
            listed on listed.season = s.season and listed.season_type = s.season_type;

grant select on nba.game to stocktake_app;
