"""Long work as those who wait for it see it: how far a run is, its log, plans, last results."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from stocktake.errors import UsageError
from stocktake.plan.saved import load_plan
from stocktake.run.followed import RunProgress, progress_of
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
        planned: Requests its plan counted; ``None`` without a plan.
        log_seq: Number of its last log line; lists leave it at 0.
        progress: Its chunks, for a run under way that was looked at by itself.
    """

    line: RunLine
    planned: int | None
    log_seq: int = 0
    progress: RunProgress | None = None

    @property
    def is_done(self) -> bool:
        """Whether it ended, well or not."""
        return self.line.state in ENDED

    @property
    def total(self) -> int | None:
        """Requests it will have made; ``None`` while nobody can know."""
        if self.is_done or self.planned is None:
            return self.line.requests if self.is_done else None
        if self.progress is not None and self.progress.chunks:
            return self.line.requests + self.progress.requests_left
        return max(self.planned, self.line.requests)

    @property
    def eta(self) -> datetime | None:
        """When it will be done at the rate it has; ``None`` while nobody can know."""
        line = self.line
        if line.state != "running" or self.total is None:
            return None
        if self.progress is not None and self.progress.eta_seconds is not None:
            return line.updated_at + timedelta(seconds=self.progress.eta_seconds)
        elapsed = (line.updated_at - line.started_at).total_seconds()
        if line.requests <= 0 or elapsed <= 0:
            return None
        left = self.total - line.requests
        return line.updated_at + timedelta(seconds=elapsed / line.requests * left)


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
    found = operation_of(row)
    if found.line.state != "running":
        return found
    return replace(found, progress=progress_of(workspace, found.line))


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
            "counts": {
                "requests": line.requests,
                "rows": line.counts,
                "units": line.units,
                **_chunks(found.progress),
            },
            "asked_by": line.asked_by,
        },
    }
    if found.is_done and line.state == "done":
        told["response"] = _response(found)
    elif found.is_done:
        told["error"] = _error(line)
    return told


def _chunks(progress: RunProgress | None) -> Mapping[str, Any]:
    if progress is None:
        return {}
    return {
        "units_planned": progress.units,
        "units_done": progress.units_done,
        "chunks": progress.chunks,
        "per_second": progress.per_second,
        "workers": progress.workers,
        "lease_until": progress.lease_until,
    }


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
    return told if line.result is None else {**told, "result": line.result}


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
