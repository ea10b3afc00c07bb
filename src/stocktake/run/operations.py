"""Long work as those who wait for it see it: how far a run is, its log, plans, last results."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from stocktake.errors import UsageError
from stocktake.plan.saved import approve, load_plan
from stocktake.run.listed import RunLine
from stocktake.store.queries import load_queries

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stocktake.model import Plan
    from stocktake.run.workspace import Workspace

SQL = load_queries("stocktake.store", "sql/operation.sql")
ENDED = frozenset({"done", "failed", "cancelled"})
_RUN_COLUMNS = 22


@dataclass(frozen=True, slots=True)
class Operation:
    """A run as work somebody waits for.

    Args:
        line: The run.
        total: Requests its plan counted; ``None`` without a plan.
        asked_by: Who asked for it.
        result: What a verb that brings no rows has to tell, once it ended.
        log_seq: Number of its last log line; lists leave it at 0.
    """

    line: RunLine
    total: int | None
    asked_by: str
    result: Any
    log_seq: int = 0

    @property
    def is_done(self) -> bool:
        """Whether it ended, well or not."""
        return self.line.state in ENDED

    @property
    def eta(self) -> datetime | None:
        """When it will be done at the rate it had so far; ``None`` while nobody can know."""
        done, left = self.line.requests, (self.total or 0) - self.line.requests
        if self.line.state != "running" or done <= 0 or left < 0:
            return None
        elapsed = (self.line.updated_at - self.line.started_at).total_seconds()
        return self.line.updated_at + timedelta(seconds=elapsed / done * left)


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a run's log; ``seq`` grows."""

    seq: int
    at: datetime
    level: str
    text: str


@dataclass(frozen=True, slots=True)
class PlanLine:
    """A kept plan in a list."""

    plan_id: int
    system: str
    requests: int
    seconds: float
    made_at: datetime
    approved_at: datetime | None
    approved_by: str | None


@dataclass(frozen=True, slots=True)
class LastResult:
    """The newest result of one check and group."""

    dataset: str
    check: str
    group: str
    severity: str
    value: float | None
    rows: int | None
    failing_keys: Any
    detail: str
    since: Any
    until: Any
    at: datetime
    run_id: int | None


def list_operations(
    workspace: Workspace,
    *,
    limit: int,
    system: str | None = None,
    state: str | None = None,
    kind: str | None = None,
    before: int | None = None,
) -> list[Operation]:
    """Return runs below number ``before``, the newest first."""
    asked = {"system": system, "state": state, "kind": kind, "before": before, "limit": limit}
    with workspace.database.connection() as conn:
        rows = conn.execute(SQL.runs_page, asked).fetchall()
    return [operation_of(row) for row in rows]


def find_operation(workspace: Workspace, run_id: int) -> Operation:
    """Return a run as an operation.

    Raises:
        UsageError: There is no such run.
    """
    with workspace.database.connection() as conn:
        row = conn.execute(SQL.one_operation, {"run_id": run_id}).fetchone()
    if row is None:
        raise UsageError(f"there is no run {run_id}.", hint="stocktake runs lists them.")
    return operation_of(row)


def log_after(
    workspace: Workspace, run_id: int, *, after: int, limit: int, level: str | None = None
) -> list[LogLine]:
    """Return log lines of a run with a number above ``after``, the oldest first."""
    asked = {"run_id": run_id, "after": after, "limit": limit, "level": level}
    with workspace.database.connection() as conn:
        return [LogLine(*row) for row in conn.execute(SQL.log_after, asked).fetchall()]


def list_plans(
    workspace: Workspace, *, limit: int, system: str | None = None, before: int | None = None
) -> list[PlanLine]:
    """Return kept plans below number ``before``, the newest first."""
    asked = {"system": system, "before": before, "limit": limit}
    with workspace.database.connection() as conn:
        return [PlanLine(*row) for row in conn.execute(SQL.plans_page, asked).fetchall()]


def show_plan(workspace: Workspace, plan_id: int) -> tuple[Plan, datetime | None, str | None]:
    """Return a kept plan, when it was approved, and by whom.

    Raises:
        UsageError: There is no such plan.
    """
    with workspace.database.connection() as conn:
        plan = load_plan(conn, plan_id)
        row = conn.execute(SQL.approval, {"plan_id": plan_id}).fetchone()
    return plan, row[0] if row else None, row[1] if row else None


def approve_plan(workspace: Workspace, plan_id: int, *, by: str) -> None:
    """Approve a kept plan; the first approval stays.

    Raises:
        UsageError: There is no such plan.
    """
    with workspace.database.connection() as conn:
        approve(conn, plan_id, by=by, now=workspace.clock())


def last_results(workspace: Workspace, system: str) -> list[LastResult]:
    """Return the newest result of each check of a system, by name and group."""
    with workspace.database.connection() as conn:
        rows = conn.execute(SQL.latest_results, {"system": system}).fetchall()
    return [LastResult(*row) for row in rows]


def operation_json(found: Operation) -> dict[str, Any]:
    """Return the JSON object of an operation; done, it has an ``error`` or a ``response``."""
    line = found.line
    told: dict[str, Any] = {
        "name": f"operations/{line.run_id}",
        "done": found.is_done,
        "metadata": {
            "run_id": line.run_id,
            "system": line.system,
            "verb": line.kind,
            "state": line.state,
            "progress_current": line.requests,
            "progress_total": found.total,
            "message": line.message,
            "started_at": line.started_at,
            "updated_at": line.updated_at,
            "finished_at": line.finished_at,
            "eta": found.eta,
            "counts": {"requests": line.requests, "rows": line.counts, "units": line.units},
            "asked_by": found.asked_by,
        },
    }
    if found.is_done and line.state == "done":
        told["response"] = _response(found)
    elif found.is_done:
        told["error"] = _error(line)
    return told


def _response(found: Operation) -> Mapping[str, Any]:
    line = found.line
    told = {
        "run_id": line.run_id,
        "state": line.state,
        "requests": line.requests,
        "rows": line.counts,
        "units": line.units,
        "seconds": line.seconds,
        "message": line.message,
    }
    return told if found.result is None else {**told, "result": found.result}


def _error(line: RunLine) -> Mapping[str, Any]:
    is_cancelled = line.state == "cancelled"
    return {
        "type": f"urn:stocktake:problem:{line.state}",
        "title": "Cancelled" if is_cancelled else "Failed",
        "status": 409 if is_cancelled else 500,
        "code": line.state,
        "detail": line.error or line.message or f"run {line.run_id} was {line.state}.",
        "hint": f"stocktake run show {line.run_id}",
        "request_id": "",
    }


def operation_of(row: tuple[Any, ...]) -> Operation:
    """Return an operation from a row of ``one_operation``."""
    return Operation(RunLine(*row[:_RUN_COLUMNS]), *row[_RUN_COLUMNS:])
