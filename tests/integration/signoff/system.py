"""A league whose seasons begin in July: games by schedule, scores per game, rain per station."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from stocktake.model import (
    Calendar,
    Closure,
    Cross,
    Dataset,
    Days,
    Facet,
    FileFormat,
    FromDataset,
    Gate,
    Limit,
    Parsed,
    Request,
    Schedule,
    Source,
    System,
    UnitOutcome,
    Values,
    checks,
    criteria,
)

if TYPE_CHECKING:
    from psycopg import Connection

SINCE = date(2025, 12, 25)
STATIONS = ("harbour", "moor")
HOLIDAY = Closure(date(2026, 1, 6), date(2026, 1, 8), "holiday", ("moor",))


class Fixture(NamedTuple):
    game_id: str
    day: date | None


class Score(NamedTuple):
    game_id: str
    points: int


class Rain(NamedTuple):
    station: str
    day: date
    millimetres: int


def _lines(bodies: Sequence[bytes]) -> list[list[str]]:
    return [line for body in bodies for line in csv.reader(io.StringIO(body.decode()))]


def parse_fixtures(bodies: Sequence[bytes], request: Request, at: datetime) -> Parsed:
    parsed = Parsed(outcomes=[UnitOutcome(("all",))])
    for game_id, day in _lines(bodies):
        parsed.add(Fixture(game_id, date.fromisoformat(day) if day else None))
    parsed.read["fixture"] = len(_lines(bodies))
    return parsed


def parse_scores(bodies: Sequence[bytes], request: Request, at: datetime) -> Parsed:
    parsed = Parsed()
    for game_id, points in _lines(bodies):
        parsed.add(Score(game_id, int(points)))
        parsed.outcomes.append(UnitOutcome((game_id,)))
    parsed.read["score"] = len(_lines(bodies))
    return parsed


def parse_rain(bodies: Sequence[bytes], request: Request, at: datetime) -> Parsed:
    parsed = Parsed()
    for station, day, millimetres in _lines(bodies):
        parsed.add(Rain(station, date.fromisoformat(day), int(millimetres)))
        parsed.outcomes.append(UnitOutcome((day, station)))
    parsed.read["rain"] = len(_lines(bodies))
    return parsed


def later_rain(
    conn: Connection[Any], *, since: date | None, until: date | None, now: datetime
) -> tuple[float | None, str]:
    """Empty a table, count what is left, and rely on nothing of it being kept."""
    conn.execute("delete from league.rain")
    row = conn.execute("select count(*) from league.rain").fetchone()
    return (float(row[0]) if row else None), f"{since} to {until}"


fixture = Dataset(
    "fixture", ("game_id",), Values(("all",)), facets=(Facet("listed", Fixture),), final_rows=1230
)
score = Dataset(
    "score",
    ("game_id",),
    FromDataset("fixture", "game_id", day="day"),
    facets=(Facet("told", Score),),
    after=("fixture",),
    target=0.9,
    checks=(checks.coverage_at_least("score", warn=0.9, fail=0.5),),
)
rain = Dataset(
    "rain",
    ("station", "day"),
    Cross((Days(SINCE), Values(STATIONS))),
    expect=Calendar((HOLIDAY,)),
    facets=(Facet("reading", Rain),),
    checks=(
        checks.coverage_at_least("rain", warn=1.0, fail=0.8),
        checks.in_range("rain", "millimetres", low=0, high=99, day="day"),
    ),
)
mean_points = checks.statement("mean_points", "score", warn=Limit(low=90), fail=Limit(low=50))

LEAGUE = System(
    "league",
    "tests.integration.signoff.league",
    (fixture, score, rain),
    (
        Source(
            "paper",
            files=(
                FileFormat("fixtures", ("fixture",), (".fixtures",), parse_fixtures),
                FileFormat("scores", ("score",), (".scores",), parse_scores),
                FileFormat("readings", ("rain",), (".rain",), parse_rain),
            ),
        ),
    ),
    schedules=(Schedule("health", "0 8 * * 1", "UTC", "check"),),
    first_month=7,
    signoff=(
        criteria.coverage("score", "rain", warn=1.0, fail=0.9),
        criteria.gaps("score", "rain", days=2),
        criteria.checks_pass("rain_*", name="rain_is_plausible"),
        criteria.measured(mean_points),
        criteria.no_unfinished_runs(),
        criteria.second_run_is_idle(),
        criteria.schedules(),
        criteria.accepted_or_unrecoverable(),
    ),
    gates=(
        Gate(
            "model",
            (
                criteria.coverage("score", warn=0.95, fail=0.8),
                criteria.gaps("score", days=3),
                criteria.measured(mean_points),
            ),
            title="scores good enough to learn from",
        ),
    ),
)
