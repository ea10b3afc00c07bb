"""Runs as lists and pages show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stocktake.errors import UsageError
from stocktake.store.queries import load_queries

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from stocktake.run.workspace import Workspace

SQL = load_queries("stocktake.store", "sql/run.sql")
LOG_LINES = 50


@dataclass(frozen=True, slots=True)
class RunLine:
    """One run as stored; ``counts`` are rows per table, ``units`` units per state.

    ``is_detached`` runs are the workers'; ``coverage`` is per dataset what was held ``before`` and
    ``after``; ``result`` is what a verb that brings no rows found.
    """

    run_id: int
    system: str
    kind: str
    state: str
    requests: int
    counts: Mapping[str, Mapping[str, int]]
    units: Mapping[str, int]
    message: str
    error: str | None
    owner: str | None
    plan_id: int | None
    options: Mapping[str, Any]
    started_at: datetime
    updated_at: datetime
    finished_at: datetime | None
    undone_by: int | None
    is_detached: bool
    priority: int
    asked_by: str
    coverage: Mapping[str, Mapping[str, Mapping[str, int | None]]]
    result: Any
    not_before: datetime | None

    @property
    def seconds(self) -> float:
        """Seconds from start to end, or to the last sign of life."""
        return ((self.finished_at or self.updated_at) - self.started_at).total_seconds()

    @property
    def changed_rows(self) -> int:
        """Rows inserted or updated in all tables."""
        return sum(
            counts.get("inserted", 0) + counts.get("updated", 0) for counts in self.counts.values()
        )

    def as_json(self) -> dict[str, Any]:
        """Return the JSON object of ``runs --json``."""
        return {
            "run_id": self.run_id,
            "system": self.system,
            "kind": self.kind,
            "state": self.state,
            "requests": self.requests,
            "rows": self.counts,
            "units": self.units,
            "seconds": self.seconds,
            "message": self.message,
            "error": self.error,
            "owner": self.owner,
            "plan_id": self.plan_id,
            "options": self.options,
            "started_at": self.started_at,
            "updated_at": self.updated_at,
            "finished_at": self.finished_at,
            "undone_by": self.undone_by,
            "is_detached": self.is_detached,
            "priority": self.priority,
            "asked_by": self.asked_by,
            "coverage": self.coverage,
            "result": self.result,
            "not_before": self.not_before,
        }


def list_runs(workspace: Workspace, system: str | None, *, limit: int) -> list[RunLine]:
    """Return the newest runs, newest first."""
    with workspace.database.connection() as conn:
        rows = conn.execute(SQL.list_runs, {"system": system, "limit": limit}).fetchall()
    return [RunLine(*row) for row in rows]


def unfinished_runs(workspace: Workspace, system: str) -> list[RunLine]:
    """Return the system's runs that are queued, running or paused, newest first."""
    with workspace.database.connection() as conn:
        rows = conn.execute(SQL.unfinished_runs, {"system": system}).fetchall()
    return [RunLine(*row) for row in rows]


def show_run(workspace: Workspace, run_id: int) -> tuple[RunLine, list[tuple[datetime, str, str]]]:
    """Return one run and its last log lines, newest first.

    Raises:
        UsageError: There is no such run.
    """
    with workspace.database.connection() as conn:
        row = conn.execute(SQL.one_run, {"run_id": run_id}).fetchone()
        if row is None:
            raise UsageError(f"there is no run {run_id}.", hint="stocktake runs lists them.")
        log = conn.execute(SQL.run_log_lines, {"run_id": run_id, "limit": LOG_LINES}).fetchall()
    return RunLine(*row), [(line[0], line[1], line[2]) for line in log]
