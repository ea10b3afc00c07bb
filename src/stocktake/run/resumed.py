"""Pausing a run and going on with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stocktake.errors import UsageError
from stocktake.plan.saved import options_in
from stocktake.run.backfill import Conduct, backfill
from stocktake.run.listed import RunLine, show_run
from stocktake.run.queue import WORKED
from stocktake.run.registry import find_system
from stocktake.run.steps import requeue, stop_run

if TYPE_CHECKING:
    from stocktake.model import PlanOptions, RunReport, System
    from stocktake.run.workspace import Workspace

RESUMABLE = ("backfill",)
UNFINISHED = ("queued", "running", "paused")


def pause_run(workspace: Workspace, run_id: int) -> RunLine:
    """Pause a run: whoever executes it stops at its next batch; everything loaded stays.

    Raises:
        UsageError: There is no such run, or it is neither running nor queued.
    """
    line, _ = show_run(workspace, run_id)
    if line.state not in ("running", "queued"):
        raise UsageError(
            f"run {run_id} is {line.state}; only a running or queued run can be paused.",
            hint=f"stocktake run show {run_id}",
        )
    return _stop(workspace, line, "paused", message="paused by hand")


def cancel_run(workspace: Workspace, run_id: int) -> RunLine:
    """Cancel a run that has not ended: its next batch is refused by the fence.

    Raises:
        UsageError: There is no such run, or it has ended.
    """
    line, _ = show_run(workspace, run_id)
    if line.state not in UNFINISHED:
        raise UsageError(f"run {run_id} is {line.state}; only an unfinished run can be cancelled.")
    return _stop(workspace, line, "cancelled", message="cancelled")


def _stop(workspace: Workspace, line: RunLine, state: str, *, message: str) -> RunLine:
    with workspace.database.connection() as conn:
        stop_run(conn, line.run_id, state, message=message, now=workspace.clock())
    return show_run(workspace, line.run_id)[0]


def requeue_run(workspace: Workspace, run_id: int, *, by: str) -> RunLine:
    """Let workers go on with a paused run, whoever executed it before.

    Raises:
        UsageError: There is no such run, it is not paused, or workers do not do its kind.
    """
    line, _ = show_run(workspace, run_id)
    if line.kind not in WORKED:
        raise UsageError(f"run {run_id} is a {line.kind}, which workers do not do.")
    with workspace.database.connection() as conn:
        if not requeue(conn, run_id, by=by, now=workspace.clock()):
            raise UsageError(
                f"run {run_id} is {line.state}; only a paused run can be handed to workers.",
                hint=f"stocktake run show {run_id}",
            )
    return show_run(workspace, run_id)[0]


def resumable(workspace: Workspace, run_id: int) -> tuple[RunLine, System, PlanOptions]:
    """Return a paused run with its system and options.

    Raises:
        UsageError: There is no such run, it has ended, or its kind is simply run again.
    """
    line, _ = show_run(workspace, run_id)
    if line.state not in ("running", "paused"):
        raise UsageError(
            f"run {run_id} is {line.state}; only an unfinished run can be resumed.",
            hint=f"To fill what is still missing: stocktake backfill {line.system}",
        )
    if line.kind not in RESUMABLE:
        raise UsageError(
            f"run {run_id} is a {line.kind}, which is not resumed but run again.",
            hint="Run the same command again: what is loaded stays and is not loaded twice.",
        )
    return line, find_system(line.system), options_in(line.options)


def resume_run(
    workspace: Workspace,
    line: RunLine,
    system: System,
    *,
    options: PlanOptions,
    conduct: Conduct,
) -> RunReport:
    """Go on with a paused run: its plan, its checkpoints and what it had fetched are used.

    Raises:
        PlanRefused: It is still being executed elsewhere.
    """
    return backfill(workspace, system, options, conduct=conduct, plan_id=line.options.get("plan"))
