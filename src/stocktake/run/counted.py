"""Counting, as every door of the product calls it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stocktake.count.recount import recount
from stocktake.count.states import View, count, gaps, matrix
from stocktake.model import GAP_STATES, State

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from stocktake.count.states import MatrixRow
    from stocktake.model import Coverage, Dataset, Drift, Gap, Range, System
    from stocktake.run.clock import Clock
    from stocktake.run.workspace import Workspace

LISTED_STATES = (*sorted(GAP_STATES), State.THIN, State.STALE)


def view_of(
    workspace: Workspace,
    system: System,
    window: Range,
    *,
    clock: Clock,
    as_of: datetime | None = None,
) -> View:
    """Return the view from now (or ``as_of``) with this installation's source settings."""
    return View(now=clock(), window=window, lifted=workspace.lifted(system), as_of=as_of)


def count_system(
    workspace: Workspace,
    system: System,
    datasets: Sequence[Dataset],
    window: Range,
    *,
    clock: Clock,
    as_of: datetime | None = None,
) -> list[Coverage]:
    """Return the coverage of each dataset over ``window``, as known at ``as_of`` or now."""
    view = view_of(workspace, system, window, clock=clock, as_of=as_of)
    with workspace.database.connection() as conn:
        return count(conn, system, [dataset.name for dataset in datasets], view=view)


def list_gaps(
    workspace: Workspace,
    system: System,
    datasets: Sequence[Dataset],
    window: Range,
    *,
    states: tuple[State, ...],
    limit: int,
    clock: Clock,
) -> list[Gap]:
    """Return gaps, and what is thin or stale, as ranges; ``states`` narrows or widens that."""
    view = view_of(workspace, system, window, clock=clock)
    with workspace.database.connection() as conn:
        return gaps(
            conn,
            system,
            [dataset.name for dataset in datasets],
            view=view,
            states=states or LISTED_STATES,
            limit=limit,
        )


def calendar(
    workspace: Workspace, system: System, dataset: Dataset, window: Range, *, clock: Clock
) -> list[MatrixRow]:
    """Return a state per series and day: what a heatmap draws."""
    view = view_of(workspace, system, window, clock=clock)
    with workspace.database.connection() as conn:
        return matrix(conn, system, dataset.name, view=view)


def recount_system(
    workspace: Workspace,
    system: System,
    datasets: Sequence[Dataset],
    window: Range,
    *,
    clock: Clock,
) -> list[Drift]:
    """Count the rows anew, mend the ledger where it was wrong, and return what differed."""
    with workspace.database.connection() as conn:
        return recount(
            conn,
            system,
            [dataset.name for dataset in datasets],
            window=window,
            now=clock(),
            repair=True,
        )
