"""Pausing a run and going on with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stocktake.errors import UsageError
from stocktake.plan.saved import options_in
from stocktake.run.backfill import Conduct, backfill
from stocktake.run.listed import SQL, RunLine, show_run
from stocktake.run.registry import find_system

if TYPE_CHECKING:
    from stocktake.model import PlanOptions, RunReport, System
    from stocktake.run.workspace import Workspace

RESUMABLE = ("backfill",)


def pause_run(workspace: Workspace, run_id: int) -> RunLine:
    """Pause a run: whoever executes it stops at its next batch; everything loaded stays.

    Raises:
        UsageError: There is no such run, or it is not running.
    """
    line, _ = show_run(workspace, run_id)
    with workspace.database.connection() as conn:
        done = conn.execute(SQL.pause_run, {"run_id": run_id, "now": workspace.clock()}).fetchone()
    if done is None:
        raise UsageError(
            f"run {run_id} is {line.state}; only a running run can be paused.",
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
