"""Counting, as every door of the product calls it."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from stocktake.count.coverage import count
from stocktake.count.gaps import gaps, matrix
from stocktake.count.holes import first_member_day, stretches
from stocktake.count.packed import outline, packed
from stocktake.count.recount import recount
from stocktake.count.states import View
from stocktake.model import (
    GAP_STATES,
    Days,
    FromDataset,
    Range,
    State,
    axis_index,
    day_of,
    dimensions,
    years,
)
from stocktake.run.alarms import tell_drift
from stocktake.run.shipped import load_shipped
from stocktake.run.stale import find_stale

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from psycopg import Connection

    from stocktake.count.gaps import MatrixRow
    from stocktake.count.holes import Stretch
    from stocktake.count.packed import Outline, Part, Tile
    from stocktake.model import Coverage, Dataset, Drift, Gap, System
    from stocktake.run.workspace import Workspace

LISTED_STATES = (*sorted(GAP_STATES), State.THIN, State.STALE)


@contextmanager
def _up_to_date(workspace: Workspace, system: System) -> Iterator[Connection[Any]]:
    """Open the database with what a system ships loaded, and what is stale found."""
    load_shipped(workspace, system)
    with workspace.database.connection() as conn:
        find_stale(conn, workspace, system)
        yield conn


@contextmanager
def _looking(
    workspace: Workspace, system: System, window: Range, *, as_of: datetime | None = None
) -> Iterator[tuple[Connection[Any], View]]:
    """Open the database in the same way, with the view that its units are seen by."""
    with _up_to_date(workspace, system) as conn:
        yield conn, View(workspace.clock(), window, workspace.lifted(system), as_of)


def first_day(dataset: Dataset) -> date | None:
    """Return the first day a dataset promises, ``None`` when its units are not days."""
    axis = dimensions(dataset.partitions)[axis_index(dataset.partitions)]
    return axis.since if isinstance(axis, Days) else None


def today_of(workspace: Workspace, system: System) -> date:
    """Return the present day in the system's zone."""
    return workspace.clock().astimezone(ZoneInfo(system.zone)).date()


def count_years(
    conn: Connection[Any],
    workspace: Workspace,
    system: System,
    dataset: Dataset,
    window: Range,
    *,
    as_of: datetime | None = None,
) -> list[tuple[str, Coverage]]:
    """Return the coverage of each of the system's years up to today, cut to ``window``.

    Years begin with the dataset's first day; members without a day count in the first. Datasets
    whose units have no days give one line with an empty name.
    """
    today = (as_of or workspace.clock()).astimezone(ZoneInfo(system.zone)).date()
    last = min(window.until or today, today)
    first = first_day(dataset) or first_member_day(conn, system, dataset)
    parts = [("", Range(window.since, last))]
    if first is not None:
        first = max(first, window.since or first)
        parts = years(first, last, month=system.first_month)
        if parts and window.since is None:  # members without a day lie before all days
            parts[0] = (parts[0][0], Range(None, parts[0][1].until))
    found = []
    for name, part in parts:
        (one,) = count(
            conn,
            system,
            [dataset],
            window=part,
            now=workspace.clock(),
            lifted=workspace.lifted(system),
            as_of=as_of,
        )
        found.append((name, one))
    return found


def coverage_line(workspace: Workspace, system: System, window: Range) -> str:
    """Return the coverage of every dataset that promises something, in one line."""
    counted = count_system(workspace, system, system.datasets, window)
    told = [f"{one.dataset} {one.coverage:.1%}" for one in counted if one.coverage is not None]
    return "coverage: " + ", ".join(told or ["nothing promised yet"])


def count_system(
    workspace: Workspace,
    system: System,
    datasets: Sequence[Dataset],
    window: Range,
    *,
    as_of: datetime | None = None,
) -> list[Coverage]:
    """Return the coverage of each dataset over ``window``, as known at ``as_of`` or now."""
    with _up_to_date(workspace, system) as conn:
        return count(
            conn,
            system,
            datasets,
            window=window,
            now=workspace.clock(),
            lifted=workspace.lifted(system),
            as_of=as_of,
        )


def count_yesterday(workspace: Workspace, system: System) -> list[Coverage]:
    """Return what yesterday, in the system's zone, promised and brought, of datasets with days."""
    day = today_of(workspace, system) - timedelta(days=1)
    dated = [one for one in system.datasets if first_day(one) is not None or _falls_on_days(one)]
    return count_system(workspace, system, dated, Range(day, day))


def list_gaps(
    workspace: Workspace,
    system: System,
    datasets: Sequence[Dataset],
    window: Range,
    *,
    states: tuple[State, ...],
    limit: int | None,
    as_of: datetime | None = None,
) -> list[Gap]:
    """Return gaps, and what is thin or stale, as ranges; ``states`` narrows or widens that."""
    with _up_to_date(workspace, system) as conn:
        return gaps(
            conn,
            system,
            datasets,
            states=states or LISTED_STATES,
            limit=limit,
            window=window,
            now=workspace.clock(),
            lifted=workspace.lifted(system),
            as_of=as_of,
        )


def calendar(
    workspace: Workspace, system: System, dataset: Dataset, window: Range
) -> list[MatrixRow]:
    """Return a state per series and day: what a heatmap draws."""
    with _up_to_date(workspace, system) as conn:
        return matrix(
            conn,
            system,
            dataset,
            window=window,
            now=workspace.clock(),
            lifted=workspace.lifted(system),
        )


def tile(
    workspace: Workspace,
    system: System,
    dataset: Dataset,
    window: Range,
    *,
    as_of: datetime | None = None,
    part: Part | None = None,
) -> Tile:
    """Return what a heatmap draws, or a part of it, a byte a cell, as known at ``as_of`` or now."""
    with _looking(workspace, system, window, as_of=as_of) as (conn, view):
        return packed(conn, system, dataset, view, part=part)


def tiles(
    workspace: Workspace, system: System, datasets: Sequence[Dataset], window: Range
) -> dict[str, Tile]:
    """Return the heatmaps of several datasets by name."""
    with _looking(workspace, system, window) as (conn, view):
        return {dataset.name: packed(conn, system, dataset, view) for dataset in datasets}


def frame(
    workspace: Workspace,
    system: System,
    dataset: Dataset,
    window: Range,
    *,
    as_of: datetime | None = None,
) -> Outline:
    """Return the rows and columns of a heatmap without its cells, as known at ``as_of`` or now."""
    with _looking(workspace, system, window, as_of=as_of) as (conn, view):
        return outline(conn, system, dataset, view)


def layers(
    workspace: Workspace, system: System, datasets: Sequence[Dataset], window: Range
) -> dict[str, list[Stretch]]:
    """Return, of the datasets whose units are members that fall on days, every day expected.

    Datasets of which nothing is expected in ``window`` are left out.
    """
    dated = [one for one in datasets if _falls_on_days(one)]
    with _looking(workspace, system, window) as (conn, view):
        found = {one.name: stretches(conn, system, one, view) for one in dated}
    return {name: lines for name, lines in found.items() if lines}


def _falls_on_days(dataset: Dataset) -> bool:
    axis = dataset.partitions
    return isinstance(axis, FromDataset) and axis.day is not None


def recount_system(
    workspace: Workspace,
    system: System,
    datasets: Sequence[Dataset],
    window: Range,
) -> list[Drift]:
    """Count the rows anew, mend the ledger where it was wrong, and return what differed."""
    now = workspace.clock()
    with workspace.database.connection() as conn:
        drift = recount(conn, system, datasets, window=window, now=now, repair=True)
        tell_drift(conn, system, datasets, drift, now=now)
    return drift


def newest_settled(
    workspace: Workspace, system: System, datasets: Sequence[Dataset]
) -> dict[str, date]:
    """Return per dataset of days the newest day that is final for every series held so far.

    Datasets whose units are no days, and those that hold nothing final, are left out.
    """
    found: dict[str, date] = {}
    with _looking(workspace, system, Range()) as (conn, view):
        for dataset in datasets:
            if not any(isinstance(dim, Days) for dim in dimensions(dataset.partitions)):
                continue
            final = outline(conn, system, dataset, view, states=(State.COMPLETE, State.EMPTY))
            if final.ends:
                found[dataset.name] = day_of(min(final.ends))
    return found
