-- name: touched
-- A player's own changed row, and everybody in a game of which a team's row changed.
select game_id, player_id from changed_player_daily_cache
 union
select game_id, player_id from changed_player_shot_zone_analysis
 union
select p.game_id, p.player_id
  from (select distinct game_id from changed_team_defense_zone_analysis) c
  join nba.player_daily_cache p using (game_id);

-- name: every
-- Every player with a state before the game.
select game_id, player_id from nba.player_daily_cache;

-- name: units
-- One unit per game.
select distinct array[game_id] as unit from touched_keys;

-- name: compute
-- Scores read the stored averages, as they are rounded.
with scored as (
    select c.*,
           case when c.days_since_last_game is not null then
               greatest(0, least(100, 100
                   - case when c.games_in_last_7_days >= 5 then 20
                          when c.games_in_last_7_days >= 4 then 12
                          when c.games_in_last_7_days >= 3 then 5 else 0 end
                   - case when c.games_in_last_14_days >= 8 then 15
                          when c.games_in_last_14_days >= 6 then 8 else 0 end
                   - case when c.minutes_in_last_7_days >= 280 then 15
                          when c.minutes_in_last_7_days >= 245 then 8
                          when c.minutes_in_last_7_days >= 210 then 3 else 0 end
                   - case when c.minutes_in_last_14_days >= 560 then 10
                          when c.minutes_in_last_14_days >= 490 then 5 else 0 end
                   - case when c.usage_avg_last_7 >= 32 then 12
                          when c.usage_avg_last_7 >= 28 then 6
                          when c.usage_avg_last_7 >= 24 then 2 else 0 end
                   - case when c.days_rest = 0 then 15 when c.days_rest >= 3 then -5 else 0 end))
               end as fatigue_score,
           round(nba.clamp((o.team_pace_last_10 - t.team_pace_last_10) / 2, 3), 2) as pace_score,
           round(nba.clamp(0.3 * (c.usage_avg_last_3 - c.usage_avg_last_10), 3), 2)
               as usage_spike_score,
           round(nba.clamp(
               least(1, 2 * case z.primary_zone when 'paint' then z.paint_rate_last_10
                                                when 'mid_range' then z.mid_range_rate_last_10
                                                when 'three' then z.three_rate_last_10 end) * 100
               * case z.primary_zone
                     when 'paint' then o.paint_fg_pct_allowed_last_15 - o.league_paint_fg_pct
                     when 'mid_range' then
                         o.mid_range_fg_pct_allowed_last_15 - o.league_mid_range_fg_pct
                     when 'three' then o.three_pt_fg_pct_allowed_last_15 - o.league_three_pt_fg_pct
                     end, 10), 2) as shot_zone_mismatch_score
      from touched_keys k
      join nba.player_daily_cache c on c.game_id = k.game_id and c.player_id = k.player_id
      left join nba.team_defense_zone_analysis t on t.game_id = c.game_id
                                                and t.team_id = c.team_id
      left join nba.team_defense_zone_analysis o on o.game_id = c.game_id
                                                and o.team_id = c.opponent_team_id
      left join nba.player_shot_zone_analysis z on z.game_id = c.game_id
                                               and z.player_id = c.player_id
)
select game_id, player_id, season, game_date, fatigue_score, pace_score, usage_spike_score,
       shot_zone_mismatch_score, null as referee_score, null as look_ahead_score,
       null as matchup_history_score, null as momentum_score,
       (fatigue_score - 100) / 20.0 + pace_score + usage_spike_score
           + coalesce(shot_zone_mismatch_score, 0) as total_adjustment
  from scored;
