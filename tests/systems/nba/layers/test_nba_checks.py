"""NBA's checks on real box scores: a seeded fault is found by the right one, real rows by none."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from stocktake.check.measure import run_checks
from stocktake.model import Severity
from stocktake.systems.nba import system

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg import Connection

    from stocktake.model import CheckResult
    from stocktake.store import Database

NOW = datetime(2024, 11, 13, 18, tzinfo=UTC)
"""Noon after the last of three weeks of games."""
UNCOUNTED = [check for check in system.checks if check.kind != "coverage"]
QUIET = {Severity.PASS, Severity.NOT_APPLICABLE}


@pytest.fixture
def weeks(early: Database) -> Iterator[Connection[Any]]:
    """Three weeks of a real season, derived; tests spoil their own copy."""
    with early.connection() as conn:
        yield conn


def measured(conn: Connection[Any], now: datetime = NOW) -> list[CheckResult]:
    return run_checks(conn, system, UNCOUNTED, now=now)


def alarms(conn: Connection[Any], now: datetime = NOW) -> dict[str, Severity]:
    """Return the checks that warn or fail, with their gravest result."""
    found: dict[str, Severity] = {}
    for one in measured(conn, now):
        if one.severity not in QUIET and found.get(one.check) is not Severity.FAIL:
            found[one.check] = one.severity
    return found


def result(conn: Connection[Any], check: str, group: str = "") -> CheckResult:
    (found,) = (one for one in measured(conn) if (one.check, one.group) == (check, group))
    return found


def test_three_real_weeks_raise_no_alarm(weeks: Connection[Any]) -> None:
    assert alarms(weeks) == {}


FIRST = "(select min(game_id) from nba.clean_box_score)"
ONE_ROW = "(game_id, player_id) = (select game_id, player_id from nba.{} order by 1, 2 limit 1)"
CLEAN, RAW = ONE_ROW.format("clean_box_score"), ONE_ROW.format("raw_box_score")
FAIL, WARN = Severity.FAIL, Severity.WARN
SEEDED = [
    (
        "points",
        f"update nba.clean_box_score set fgm = fgm + 1, fga = fga + 1 where {CLEAN}",
        {"points_add_up": FAIL},
    ),
    (
        "rebounds",
        f"update nba.clean_box_score set reb = reb + 1 where {CLEAN}",
        {"rebounds_add_up": FAIL},
    ),
    (
        "made",
        f"update nba.clean_box_score set fta = ftm - 1 where {CLEAN}",
        {"made_within_attempted": FAIL},
    ),
    (
        "threes",
        f"update nba.clean_box_score set fg3a = fga + 1 where {CLEAN}",
        {"threes_within_field_goals": FAIL},
    ),
    (
        "no winner",
        f"update nba.clean_box_score set win_flag = true where game_id = {FIRST}",
        {"teams_of_games": FAIL},
    ),
    (
        "no home",
        f"update nba.clean_box_score set is_home = false where game_id = {FIRST}",
        {"teams_of_games": FAIL},
    ),
    (
        "one team",
        f"delete from nba.clean_box_score where game_id = {FIRST} and is_home",
        {"teams_of_games": FAIL},
    ),
    (
        "schedule score",
        f"update nba.schedule set home_score = 1, away_score = 2 where game_id = {FIRST}",
        {"points_of_teams": FAIL},
    ),
    (
        "plus minus",
        f"update nba.clean_box_score set plus_minus = plus_minus + 1 where {CLEAN}",
        {"plus_minus_adds_up": FAIL},
    ),
    (
        "overtime of one team",
        f"update nba.clean_box_score set minutes = minutes + 25 where {CLEAN}",
        {"minutes_of_teams": FAIL},
    ),
    (
        "minutes",
        "update nba.clean_box_score set minutes = null where game_date = '2024-10-22' and is_home",
        {"clean_box_score_minutes_missing": WARN},
    ),
    (
        "percentage",
        f"update nba.raw_box_score set fg_pct = null where {RAW} and fga > 0",
        {"fg_pct_only_of_attempts": FAIL},
    ),
    (
        "twice a day",
        (
            "update nba.clean_box_score c set game_date = n.day from (select game_id,"
            " lag(game_date) over (partition by team_id order by game_date) as day, team_id"
            " from nba.team_offense_game_summary) n where n.game_id = c.game_id"
            " and n.day is not null and c.game_date = '2024-10-25'"
        ),
        {"one_game_a_day": FAIL},
    ),
    (
        "a game gone",
        (
            "delete from nba.player_daily_cache where game_id ="
            " (select max(game_id) from nba.player_daily_cache where game_date < '2024-11-01')"
        ),
        {"games_missing": WARN},
    ),
    (
        "four days gone",
        "delete from nba.ml_feature_store where game_date between '2024-11-01' and '2024-11-04'",
        {"games_missing": WARN, "days_without_layer": FAIL},
    ),
    (
        "two days gone",
        "delete from nba.ml_feature_store where game_date between '2024-11-01' and '2024-11-02'",
        {"games_missing": WARN, "days_without_layer": WARN},
    ),
    (
        "out of scope",
        f"update nba.schedule set season_type = 'pre' where game_id = {FIRST}",
        {"surplus_games": FAIL},
    ),
    (
        "a league too fast",
        "update nba.team_offense_game_summary set pace = pace + 9",
        {"league_pace": WARN},
    ),
    (
        "a league too good",
        "update nba.team_offense_game_summary set off_rating = off_rating + 12",
        {"league_rating": WARN},
    ),
    (
        "two sources",
        (
            "insert into nba.source_conflict (game_id, player_id, source, field,"
            " chosen_source, season) values ('0022400061', 1, 'file', 'pts', 'log', '2024-25')"
        ),
        {"counts_of_two_sources_differ": WARN},
    ),
    (
        "other scores",
        (
            "with told as (update nba.schedule s set home_score = (select sum(pts)"
            " from nba.clean_box_score c where c.game_id = s.game_id and c.is_home), away_score ="
            " (select sum(pts) from nba.clean_box_score c where c.game_id = s.game_id"
            " and not c.is_home)"
            f" where game_id = {FIRST} returning *) insert into nba.score_check (id, game_date,"
            " home_team_id, away_team_id, home_score, away_score, status) select 1, game_date,"
            " home_team_id, away_team_id, 1, 2, 'final' from told"
        ),
        {"scores_of_others": WARN},
    ),
]


@pytest.mark.parametrize(
    ("statement", "found"), [one[1:] for one in SEEDED], ids=[one[0] for one in SEEDED]
)
def test_a_fault_is_found_by_its_check(
    weeks: Connection[Any], statement: str, found: dict[str, Severity]
) -> None:
    assert weeks.execute(statement.encode()).rowcount > 0

    assert alarms(weeks) == found


def test_missing_games_are_listed_by_name_and_day(weeks: Connection[Any]) -> None:
    weeks.execute("delete from nba.player_daily_cache where game_date = '2024-11-03'")

    found = result(weeks, "games_missing", "L4 player_daily_cache 2024-25")

    games = weeks.execute(
        "select game_date::text, game_id from nba.schedule where game_date = '2024-11-03'"
    ).fetchall()
    assert [(key["game_date"], key["game_id"]) for key in found.failing_keys] == sorted(games)
    assert found.value == len(games)


def test_a_season_whose_teams_have_not_played_82_games_warns_when_it_is_over(
    weeks: Connection[Any],
) -> None:
    after = datetime(2025, 5, 1, 12, tzinfo=UTC)

    (found,) = (one for one in measured(weeks, after) if one.check == "games_per_team")

    assert (found.severity, found.value) == (Severity.WARN, 30)
