"""Runs as somebody looks on: what changed, how far each part is, what failed, the last lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stocktake.run.followed import LogLine
from stocktake.store.queries import load_queries

if TYPE_CHECKING:
    from datetime import datetime

    from stocktake.run.workspace import Workspace

SQL = load_queries("stocktake.store", "sql/pages.sql")


@dataclass(frozen=True, slots=True)
class Change:
    """A run something happened to."""

    run_id: int
    system: str
    state: str
    at: datetime


@dataclass(frozen=True, slots=True)
class PartProgress:
    """A part of a run's plan and how many of its units are done; totals are guesses if dynamic."""

    wave: int
    label: str
    kind: str
    feed: str
    units: int
    requests: int
    is_dynamic: bool
    done: int


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Tries that failed alike, with one example."""

    feed: str
    outcome: str
    reason: str
    count: int
    last_at: datetime
    capture_id: int | None
    unit: str | None


@dataclass(frozen=True, slots=True)
class EndpointWork:
    """What a run asked of one endpoint.

    Args:
        source: Its source.
        endpoint: Its name.
        answers: Answers stored.
        bytes: Their decoded size.
        median_seconds: Of their durations.
        span_seconds: From the first answer to the last.
        flawed: Answers that are only evidence of a failure.
    """

    source: str
    endpoint: str
    answers: int
    bytes: int
    median_seconds: float
    span_seconds: float
    flawed: int

    @property
    def per_second(self) -> float | None:
        """Answers a second; ``None`` for too few to tell."""
        return (self.answers - 1) / self.span_seconds if self.span_seconds > 0 else None


@dataclass(frozen=True, slots=True)
class UnitsMoved:
    """Units that feeds of a dataset took in and let go of in a run."""

    dataset: str
    gained: int
    lost: int


@dataclass(frozen=True, slots=True)
class WaveCheck:
    """One result of the checks that were measured along a run."""

    at: datetime
    dataset: str
    check: str
    group: str
    severity: str
    value: float | None
    detail: str


def run_endpoints(workspace: Workspace, run_id: int) -> list[EndpointWork]:
    """Return what a run asked of each endpoint, by their names."""
    with workspace.database.connection() as conn:
        return [EndpointWork(*row) for row in conn.execute(SQL.run_endpoints, {"run_id": run_id})]


def run_units(workspace: Workspace, run_id: int) -> dict[str, UnitsMoved]:
    """Return what units each dataset gained and lost by a run."""
    with workspace.database.connection() as conn:
        rows = conn.execute(SQL.run_units, {"run_id": run_id}).fetchall()
    return {row[0]: UnitsMoved(*row) for row in rows}


def run_checks(workspace: Workspace, run_id: int) -> list[WaveCheck]:
    """Return what was measured along a run, in order, the worst of a moment first."""
    with workspace.database.connection() as conn:
        return [WaveCheck(*row) for row in conn.execute(SQL.run_checks, {"run_id": run_id})]


def changed_runs(workspace: Workspace, since: datetime) -> list[Change]:
    """Return the runs something happened to since an instant, in that order."""
    with workspace.database.connection() as conn:
        return [Change(*row) for row in conn.execute(SQL.changed_runs, {"since": since})]


def part_progress(workspace: Workspace, run_id: int) -> list[PartProgress]:
    """Return the parts of a run's plan in their order; none for runs without a plan."""
    with workspace.database.connection() as conn:
        return [PartProgress(*row) for row in conn.execute(SQL.part_progress, {"run_id": run_id})]


def run_failures(workspace: Workspace, run_id: int) -> list[FailureGroup]:
    """Return the failed tries of a run, alike ones together, most first."""
    with workspace.database.connection() as conn:
        return [FailureGroup(*row) for row in conn.execute(SQL.run_failures, {"run_id": run_id})]


def last_lines(
    workspace: Workspace,
    run_id: int,
    *,
    limit: int,
    level: str | None = None,
    text: str = "",
    upto: int | None = None,
) -> list[LogLine]:
    """Return the last log lines that have a level and hold a text, oldest first.

    With ``upto`` the last ones up to that number.
    """
    asked = {"run_id": run_id, "limit": limit, "level": level, "text": text, "upto": upto}
    with workspace.database.connection() as conn:
        return [LogLine(*row) for row in conn.execute(SQL.last_log_lines, asked)]
