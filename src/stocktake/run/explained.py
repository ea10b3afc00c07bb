"""From a unit or a row back to its evidence."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

from stocktake.count.explain import downstream, why
from stocktake.count.needs import member_keys
from stocktake.count.routes import axis_of
from stocktake.errors import UsageError
from stocktake.fetch.captures import StoredCapture, read_capture
from stocktake.load.edits import Edit, edit_of
from stocktake.load.provenance import Provenance, keys_near, trace
from stocktake.load.rejects import RejectEnd, find_reject
from stocktake.model import Days, FromDataset, Values, day_of, dimensions
from stocktake.run.stale import find_stale

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stocktake.model import Dataset, Explanation, System
    from stocktake.run.workspace import Workspace


def unit_key(dataset: Dataset, text: str) -> tuple[str, ...]:
    """Return the key of a unit written as ``2019-03-05/ire``.

    Raises:
        UsageError: It has too many or too few parts, or one that no unit can have.
    """
    key = tuple(text.split("/"))
    dims = dimensions(dataset.partitions)
    wanted = len(dims)
    if len(key) != wanted or not all(key):
        raise UsageError(
            f"a unit of {dataset.name} has {wanted} part{'s' * (wanted > 1)}, not {len(key)}: "
            f"{text!r}.",
            hint=f"stocktake gaps lists units of {dataset.name} as they are written.",
        )
    for dim, part in zip(dims, key, strict=True):
        _require_possible(dataset, dim, part)
    return key


def _require_possible(dataset: Dataset, dim: Days | Values | FromDataset, part: str) -> None:
    if isinstance(dim, Values) and part not in dim.values:
        raise UsageError(
            f"{part!r} is not a value of {dataset.name}.", hint=f"Values: {', '.join(dim.values)}."
        )
    if isinstance(dim, Days):
        try:
            is_day = date.fromisoformat(part).isoformat() == part
        except ValueError:
            is_day = False
        if not is_day:
            raise UsageError(
                f"{part!r} is not a day, which a unit of {dataset.name} begins with.",
                hint="Write it as YYYY-MM-DD, such as 2024-03-31.",
            )


def position_at(workspace: Workspace, system: System, dataset: Dataset, ordinal: int) -> str | None:
    """Return the day, value or member of this number as keys write it; ``None``: no such."""
    axis = axis_of(dataset)
    if isinstance(axis, Values):
        return axis.values[ordinal] if 0 <= ordinal < len(axis.values) else None
    if isinstance(axis, Days):
        return day_of(ordinal).isoformat()
    with workspace.database.connection() as conn:
        return member_keys(conn, system, dataset, [ordinal]).get(ordinal)


def explain_unit(workspace: Workspace, system: System, dataset: Dataset, text: str) -> Explanation:
    """Return all that is known of one unit, and what waits for it."""
    key = unit_key(dataset, text)
    now, lifted = workspace.clock(), workspace.lifted(system)
    with workspace.database.connection() as conn:
        find_stale(conn, workspace, system)
        told = why(conn, system, dataset, key, now=now, lifted=lifted)
        below = downstream(conn, system, dataset, key, now=now, lifted=lifted)
    return replace(told, downstream=below)


def explain_everywhere(
    workspace: Workspace, system: System, home: Dataset, key: str
) -> list[Explanation]:
    """Explain one key of ``home``, such as a game, in every dataset whose units are its keys.

    Datasets that do not promise it are left out; the order is the system's.
    """
    found = []
    with workspace.database.connection() as conn:
        find_stale(conn, workspace, system)
        for dataset in system.datasets:
            axis = dataset.partitions
            if not (isinstance(axis, FromDataset) and axis.dataset == home.name):
                continue
            with contextlib.suppress(UsageError):
                found.append(
                    why(
                        conn,
                        system,
                        dataset,
                        unit_key(dataset, key),
                        now=workspace.clock(),
                        lifted=workspace.lifted(system),
                    )
                )
    return found


def trace_row(
    workspace: Workspace, system: System, dataset: Dataset, values: Mapping[str, str]
) -> Provenance:
    """Return where a row came from; ``UsageError`` when there is no such row."""
    with workspace.database.connection() as conn:
        return trace(conn, system, dataset, values)


def rows_near(
    workspace: Workspace, system: System, dataset: Dataset, values: Mapping[str, str]
) -> list[Mapping[str, Any]]:
    """Return keys of rows next to one that is not there, in the order of keys on each side."""
    with workspace.database.connection() as conn:
        return keys_near(conn, system, dataset, values)


def show_edit(workspace: Workspace, capture_id: int) -> Edit | None:
    """Return what a person changed in a capture; ``None`` when it is as it came."""
    with workspace.database.connection() as conn:
        return edit_of(conn, capture_id)


def show_reject(workspace: Workspace, reject_id: int) -> RejectEnd:
    """Return one refused row, and how it ended; ``UsageError`` when there is none."""
    with workspace.database.connection() as conn:
        return find_reject(conn, reject_id)


def show_capture(workspace: Workspace, capture_id: int) -> StoredCapture:
    """Return a stored capture with its body; ``UsageError`` when there is none."""
    with workspace.database.connection() as conn:
        return read_capture(conn, capture_id)
