"""Runs and operations: lists, logs, events, and what can be done to a run."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from stocktake.api.answers import Cursor, Limit, answer, page, read_cursor
from stocktake.api.asked import Name, Number
from stocktake.api.events import EventStream, last_seen, watched
from stocktake.api.idempotency import OnceRoute
from stocktake.api.identity import Installation, Operator, Viewer
from stocktake.api.noted import note
from stocktake.api.problems import depending_on_state, named_in_path
from stocktake.api.recent import served, served_page
from stocktake.api.shapes import Failures, Log, Operation, Operations, RunLine, Runs, Undoing
from stocktake.api.work import STARTED, accepted, start_work
from stocktake.run.documents import tables_json
from stocktake.run.followed import log_since
from stocktake.run.listed import show_run
from stocktake.run.operations import find_operation, list_operations, operation_json
from stocktake.run.queue import undo_work
from stocktake.run.registry import find_system
from stocktake.run.resumed import cancel_run, pause_run, requeue_run
from stocktake.run.undone import require_undoable, undoing
from stocktake.run.watched import run_failures
from stocktake.run.workspace import Workspace

router = APIRouter(tags=["runs"], route_class=OnceRoute)
RunState = Literal["queued", "running", "paused", "done", "failed", "cancelled"]
Level = Literal["debug", "info", "warning", "error"]
EVENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
        "description": "`operation` events with its document, `log` events with a line each, and "
        "`done` at the end; `Last-Event-ID` goes on after the last line seen.",
    }
}


@router.get("/runs", response_model=Runs, summary="The last runs")
async def runs(
    request: Request,
    _: Viewer,
    workspace: Installation,
    system: Name | None = None,
    state: RunState | None = None,
    kind: Name | None = None,
    limit: Limit = 50,
    cursor: Cursor = "",
) -> Response:
    """List runs, the newest first."""

    def rows(most: int, before: int | None) -> list[dict[str, Any]]:
        found = list_operations(
            workspace, limit=most, system=system, state=state, kind=kind, before=before
        )
        return [one.line.as_json() for one in found]

    return await served_page(request, rows, lambda line: line["run_id"], limit=limit, cursor=cursor)


@router.get("/runs/{run_id}", response_model=RunLine, summary="A run")
async def run(
    request: Request,
    _: Viewer,
    workspace: Installation,
    run_id: Number,
) -> Response:
    """Show a run's state, counts and errors."""
    return await served(request, lambda: _line(workspace, run_id))


@router.get("/runs/{run_id}/log", response_model=Log, summary="A run's log")
async def log(
    request: Request,
    _: Viewer,
    workspace: Installation,
    run_id: Number,
    level: Level | None = None,
    limit: Limit = 50,
    cursor: Cursor = "",
) -> Response:
    """List a run's log, the oldest line first."""
    after = read_cursor(cursor, int) or 0

    def listed() -> dict[str, Any]:
        _line(workspace, run_id)
        found = log_since(workspace, run_id, after, limit=limit + 1, level=level)
        return page(found, limit, lambda line: line.seq)

    return await served(request, listed)


@router.get("/runs/{run_id}/failures", response_model=Failures, summary="What failed in a run")
async def failures(
    request: Request, _: Viewer, workspace: Installation, run_id: Number
) -> Response:
    """List the tries that failed, alike ones together with one example, most first."""

    def told() -> dict[str, Any]:
        _line(workspace, run_id)
        return {"run_id": run_id, "failures": run_failures(workspace, run_id)}

    return await served(request, told)


@router.post("/runs/{run_id}/cancel", response_model=RunLine, summary="Cancel a run")
def cancel(
    request: Request,
    who: Operator,
    workspace: Installation,
    run_id: Number,
) -> Response:
    """Cancel a run: it stops at its next batch; what is loaded stays."""
    _line(workspace, run_id)
    with depending_on_state():
        line = cancel_run(workspace, run_id)
    note(request, who, "run.cancel", subject=f"run {run_id}")
    return answer(line.as_json())


@router.post("/runs/{run_id}/pause", response_model=RunLine, summary="Pause a run")
def pause(
    request: Request,
    who: Operator,
    workspace: Installation,
    run_id: Number,
) -> Response:
    """Pause a run: it stops at its next batch, and `resume` goes on from there."""
    _line(workspace, run_id)
    with depending_on_state():
        line = pause_run(workspace, run_id)
    note(request, who, "run.pause", subject=f"run {run_id}")
    return answer(line.as_json())


@router.post(
    "/runs/{run_id}/resume",
    status_code=202,
    response_model=Operation,
    responses=STARTED,
    summary="Go on with a run",
)
def resume(
    request: Request,
    who: Operator,
    workspace: Installation,
    run_id: Number,
) -> Response:
    """Hand a paused run to workers: it goes on exactly where it stopped."""
    _line(workspace, run_id)
    with depending_on_state():
        requeue_run(workspace, run_id, by=who.name)
    note(request, who, "run.resume", subject=f"run {run_id}")
    return accepted(find_operation(workspace, run_id))


@router.post(
    "/runs/{run_id}/undo",
    status_code=202,
    response_model=Operation,
    responses=STARTED,
    summary="Take a run back",
)
def undo(
    request: Request,
    who: Operator,
    workspace: Installation,
    run_id: Number,
) -> Response:
    """Queue the undo of a run: rows it made go, rows it changed are what they were."""
    system = find_system(str(_line(workspace, run_id)["system"]))
    with depending_on_state():
        require_undoable(workspace, system, run_id)
    return start_work(request, workspace, who, system=system, work=undo_work(run_id))


@router.get("/runs/{run_id}/undo", response_model=Undoing, summary="What undoing would do")
def undo_preview(
    _: Viewer,
    workspace: Installation,
    run_id: Number,
) -> Response:
    """Show what taking a run back would remove and restore; nothing is changed."""
    with named_in_path():
        line, _log = show_run(workspace, run_id)
    with depending_on_state():
        tables = undoing(workspace, find_system(line.system), run_id)
    return answer({"undoes": run_id, "tables": tables_json(tables)})


@router.get("/operations", response_model=Operations, summary="Long work")
async def operations(
    request: Request,
    _: Viewer,
    workspace: Installation,
    system: Name | None = None,
    state: RunState | None = None,
    limit: Limit = 50,
    cursor: Cursor = "",
) -> Response:
    """List operations, the newest first."""

    def rows(most: int, before: int | None) -> list[dict[str, Any]]:
        found = list_operations(workspace, limit=most, system=system, state=state, before=before)
        return [operation_json(one) for one in found]

    return await served_page(
        request, rows, lambda told: told["metadata"]["run_id"], limit=limit, cursor=cursor
    )


@router.get(
    "/operations/{run_id}",
    response_model=Operation,
    response_model_exclude_none=True,
    summary="How far it is",
)
async def operation(
    request: Request,
    _: Viewer,
    workspace: Installation,
    run_id: Number,
) -> Response:
    """Tell how far long work is; done, it has an error or a response."""

    def told() -> dict[str, Any]:
        with named_in_path():
            return operation_json(find_operation(workspace, run_id))

    return await served(request, told)


@router.get(
    "/operations/{run_id}/events",
    summary="How it goes on",
    responses=EVENTS,
    response_class=Response,
)
async def events(
    request: Request,
    _: Viewer,
    workspace: Installation,
    run_id: Number,
    after: Annotated[int, Query(ge=0, le=2**63 - 1, description="As `Last-Event-ID`.")] = 0,
) -> Response:
    """Stream an operation's progress and log as server-sent events, until it is done."""
    await run_in_threadpool(_line, workspace, run_id)
    seen = max(after, last_seen(request))
    return EventStream(watched(request, workspace, run_id, after=seen))


def _line(workspace: Workspace, run_id: int) -> dict[str, Any]:
    with named_in_path():
        return find_operation(workspace, run_id).line.as_json()
