-- name: touched
-- Changed games that several sources tell, or told.
select c.game_id
  from changed_raw_box_score c
 where exists (select from nba.raw_box_score r
                where r.game_id = c.game_id and r.source <> c.source)
    or exists (select from nba.source_conflict s where s.game_id = c.game_id);

-- name: every
-- Every game that several sources tell.
select game_id from nba.raw_box_score group by game_id having min(source) <> max(source);

-- name: compute
-- Counts in which another source differs from the one chosen, and players only one of them has.
-- Some sources list who did not play, others leave them out: that is no difference.
with told as (
    select r.game_id, r.player_id, r.source, r.season, r.game_date,
           min(nba.source_rank(r.source) || r.source) over (partition by r.game_id)
               = nba.source_rank(r.source) || r.source as is_best,
           counts.*
      from touched_keys k
      join nba.raw_box_score r on r.game_id = k.game_id,
           lateral (select array[r.fgm, r.fga, r.fg3m, r.fg3a, r.ftm, r.fta, r.oreb, r.dreb, r.reb,
                                 r.ast, r.stl, r.blk, r.tov, r.pf, r.pts] as counts,
                           coalesce(nba.minutes(r.min), 0) > 0 as did_play) counts
     where nba.is_in_scope(r.season_type)
),
pair as (
    -- each chosen source beside each other source of its game
    select distinct best.game_id, best.source as chosen_source, other.source,
           best.season, best.game_date
      from (select distinct on (game_id) * from told where is_best
             order by game_id, game_date nulls last) best
      join (select distinct game_id, source from told where not is_best) other using (game_id)
),
player as (
    select p.*, t.player_id
      from pair p
      join (select distinct game_id, player_id from told) t using (game_id)
)
select p.game_id, p.player_id, p.source, f.field, p.chosen_source,
       f.chosen_value, f.other_value, p.season, p.game_date
  from player p
  left join told b on b.game_id = p.game_id and b.player_id = p.player_id
                  and b.source = p.chosen_source
  left join told o on o.game_id = p.game_id and o.player_id = p.player_id
                  and o.source = p.source,
       lateral (
           select v.field, v.chosen_value, v.other_value
             from unnest(array['fgm', 'fga', 'fg3m', 'fg3a', 'ftm', 'fta', 'oreb', 'dreb', 'reb',
                               'ast', 'stl', 'blk', 'tov', 'pf', 'pts'], b.counts, o.counts)
                  v (field, chosen_value, other_value)
            where b.player_id is not null and o.player_id is not null
              and v.chosen_value is distinct from v.other_value
            union all
           select 'player', b.did_play::integer, o.did_play::integer
            where (b.player_id is null and o.did_play) or (o.player_id is null and b.did_play)
       ) f;
