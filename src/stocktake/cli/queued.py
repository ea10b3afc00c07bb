"""``--detach``: hand a run to workers instead of doing it here."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stocktake.run.approved import refuse_unapproved_work
from stocktake.run.followed import list_workers
from stocktake.run.queue import NORMAL, enqueue

if TYPE_CHECKING:
    from stocktake.cli.output import Output
    from stocktake.model import System
    from stocktake.run.queue import Work
    from stocktake.run.workspace import Workspace

Detach = Annotated[bool, typer.Option("--detach", help="Queue it for workers and return at once.")]
Rank = Annotated[
    int,
    typer.Option(min=-1000, max=1000, help="With --detach: greater goes first; schedules have 10."),
]
USUAL = NORMAL


def queue_up(
    out: Output, workspace: Workspace, system: System, work: Work, *, priority: int
) -> int:
    """Queue a run, print its number and how to follow it; return the exit code."""
    with workspace.database.connection() as conn:
        refuse_unapproved_work(workspace, conn, work)
        run_id = enqueue(conn, system, work, priority=priority, by=asking(), now=workspace.clock())
    alive = len(list_workers(workspace))
    print_queued(out, run_id, workers=alive)
    return 0


def asking() -> str:
    """Return who asks: the login."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # an account without a name, as in containers
        return "somebody"


def print_queued(out: Output, run_id: int, *, workers: int) -> None:
    """Print that a run waits for workers."""
    document: dict[str, Any] = {
        "run_id": run_id,
        "state": "queued",
        "requests": 0,
        "rows": {},
        "units": {},
        "seconds": 0.0,
        "workers": workers,
    }
    out.emit(document, lambda screen: screen.print(f"run {run_id} is queued"))
    if not workers:
        out.hint("stocktake worker (none is alive that could take it up)")
    out.hint(f"stocktake run show {run_id} --follow")
