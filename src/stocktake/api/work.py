"""Starting long work: queued in one transaction with its audit line and its kept answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from fastapi import Request
from fastapi.responses import Response
from psycopg import Connection

from stocktake.access.audit import write_audit
from stocktake.api.answers import answer
from stocktake.api.idempotency import claimed_of
from stocktake.api.identity import Identity
from stocktake.api.shared import shared
from stocktake.model import System
from stocktake.run.approved import refuse_unapproved_work
from stocktake.run.operations import SQL, Operation, operation_json, operation_of
from stocktake.run.queue import NORMAL, Work, enqueue
from stocktake.run.workspace import Workspace

RETRY_SECONDS = 2
STARTED: dict[int | str, dict[str, Any]] = {
    202: {
        "description": "It was queued; poll the operation, or listen to its events.",
        "headers": {
            "Location": {"description": "The operation.", "schema": {"type": "string"}},
            "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}},
        },
    }
}


def start_work(
    request: Request,
    workspace: Workspace,
    identity: Identity,
    *,
    system: System,
    work: Work,
    priority: int = NORMAL,
) -> Response:
    """Queue work and return 202 with its operation, all or nothing.

    Raises:
        UsageError: No such dataset, or a plan of another system.
        PlanRefused: The plan must be approved first.
    """

    def begin(conn: Connection[Any], now: datetime) -> int:
        refuse_unapproved_work(workspace, conn, work)
        return enqueue(conn, system, work, priority=priority, by=identity.name, now=now)

    return start_by(request, workspace, identity, begin)


def start_by(
    request: Request,
    workspace: Workspace,
    identity: Identity,
    begin: Callable[[Connection[Any], datetime], int],
) -> Response:
    """Queue what ``begin`` queues, with its audit line and its kept answer, in one transaction."""
    now = workspace.clock()
    with workspace.database.connection() as conn:
        run_id = begin(conn, now)
        row = conn.execute(SQL.one_operation, {"run_id": run_id}).fetchone()
        assert row is not None  # noqa: S101 -- inserted above
        found = operation_of(row)
        write_audit(
            conn,
            identity.actor,
            f"{found.line.kind}.start",
            subject=f"run {run_id}",
            now=now,
            details={"system": found.line.system, "options": dict(found.line.options)},
        )
        made = accepted(found)
        claimed = claimed_of(request)
        if claimed is not None:
            claimed.keep(conn, made)
    shared(request).recent.clear()
    return made


def accepted(found: Operation) -> Response:
    """Return 202 with an operation and where to ask for it."""
    headers = {
        "Location": f"/api/v1/operations/{found.line.run_id}",
        "Retry-After": str(RETRY_SECONDS),
    }
    return answer(operation_json(found), status=202, headers=headers)
