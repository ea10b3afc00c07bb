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
    workspace: Workspace, run_id: int, *, limit: int, level: str | None = None, text: str = ""
) -> list[LogLine]:
    """Return the last log lines that have a level and hold a text, oldest first."""
    asked = {"run_id": run_id, "limit": limit, "level": level, "text": text}
    with workspace.database.connection() as conn:
        return [LogLine(*row) for row in conn.execute(SQL.last_log_lines, asked)]
