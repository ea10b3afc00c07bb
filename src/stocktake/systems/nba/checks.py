"""What the NBA's layers promise: nothing missing, and box scores that add up."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from stocktake import Limit, checks
from stocktake.systems.nba.datasets import L3, L4_PLAYERS, L4_TEAMS

if TYPE_CHECKING:
    from stocktake import Check

L1, L2, L5 = "raw_box_score", "clean_box_score", "ml_feature_store"
L4 = (*L4_TEAMS, *L4_PLAYERS)
TEAM_GAMES = "team_offense_game_summary"
DAY, SEASON = "game_date", "season"
# Lowest shares of expected units that pass, and that only warn.
COVERAGE = {
    L1: (1.0, 0.98),
    L2: (1.0, 0.98),
    **dict.fromkeys(L3, (0.95, 0.90)),
    **dict.fromkeys((*L4, L5), (0.90, 0.80)),
}
NONE_AT_ALL = Limit(high=0)
WRONG_ROWS = {
    "points_add_up": "pts <> 2 * (fgm - fg3m) + 3 * fg3m + ftm",
    "rebounds_add_up": "reb <> oreb + dreb",
    "made_within_attempted": "fgm > fga or fg3m > fg3a or ftm > fta",
    "threes_within_field_goals": "fg3a > fga or fg3m > fgm",
}
LOG_ROWS = "source not in ('boxscorev3', 'balldontlie') and fga is not null"
"""The logs leave a percentage out where nothing was attempted; the others send 0."""


def _coverage() -> list[Check]:
    found = [
        checks.coverage_at_least(dataset, warn=warn, fail=fail)
        for dataset, (warn, fail) in COVERAGE.items()
    ]
    # Logs of teams are held against the layers and are none themselves: without them sums of
    # points have one witness less.
    logs = checks.coverage_at_least("raw_team_log", warn=1.0, fail=0.0)
    found.append(replace(logs, fail=None))
    found += [
        checks.statement("days_without_layer", L1, warn=Limit(high=1), fail=Limit(high=3)),
        checks.statement("games_missing", L1, warn=NONE_AT_ALL),
        checks.statement("surplus_games", L1, warn=NONE_AT_ALL, fail=Limit(high=0.005)),
        checks.statement("schedule_is_independent", "schedule", warn=NONE_AT_ALL),
    ]
    return found


def _rows() -> list[Check]:
    found = [
        replace(checks.failed_rows(name, L2, where=where), day=DAY)
        for name, where in WRONG_ROWS.items()
    ]
    percentages = checks.failed_rows(
        "fg_pct_only_of_attempts", L1, where="(fg_pct is null) <> (fga = 0)", scope=LOG_ROWS
    )
    minutes = checks.null_rate_at_most(
        L2, "minutes", warn=0.005, fail=0.05, scope="did_play", day=DAY
    )
    seconds_only = checks.row_count(
        "minutes_of_seconds",
        L2,
        scope="did_play and minutes = 0",
        group=SEASON,
        warn=Limit(high=200),
        fail=Limit(high=1_000),
    )
    found += [
        replace(percentages, day=DAY),
        replace(minutes, group=SEASON),
        replace(seconds_only, day=DAY),
        checks.unique_key(L1, "game_id", "player_id", "source"),
        checks.unique_key("raw_team_log", "game_id", "team_id", "source"),
        checks.unique_key(L2, "game_id", "player_id"),
    ]
    return found


def _games() -> list[Check]:
    return [
        checks.statement("teams_of_games", L2, fail=NONE_AT_ALL, anytime=True),
        checks.statement("one_game_a_day", L2, fail=NONE_AT_ALL, anytime=True),
        checks.statement("points_of_teams", L2, fail=NONE_AT_ALL, anytime=True),
        checks.statement(
            "plus_minus_adds_up", L2, warn=NONE_AT_ALL, fail=Limit(high=0.001), anytime=True
        ),
        checks.statement(
            "minutes_of_teams", L2, warn=NONE_AT_ALL, fail=Limit(high=0.005), anytime=True
        ),
        checks.statement(
            "players_of_teams", L2, warn=Limit(6, 16), fail=Limit(5, 18), anytime=True
        ),
        checks.statement("games_per_team", L2, warn=NONE_AT_ALL),
        checks.statement("home_wins", TEAM_GAMES, warn=Limit(0.50, 0.65)),
        checks.statement("scores_of_others", "score_check", warn=NONE_AT_ALL),
        checks.row_count("counts_of_two_sources_differ", "source_conflict", warn=NONE_AT_ALL),
    ]


def _league() -> list[Check]:
    pace = checks.aggregate(
        "league_pace", TEAM_GAMES, value="avg(pace)", group=SEASON, warn=Limit(92, 108)
    )
    rating = checks.aggregate(
        "league_rating", TEAM_GAMES, value="avg(off_rating)", group=SEASON, warn=Limit(100, 122)
    )
    regular = "season_type = 'regular'"
    return [
        replace(pace, fail=Limit(85, 115), scope=regular, day=DAY),
        # What fails by pace would fail good seasons by rating.
        replace(rating, scope=regular, day=DAY),
    ]


CHECKS = (*_coverage(), *_rows(), *_games(), *_league())
