"""Members: values of a column that are units of other datasets, numbered at first sight."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import msgspec

from stocktake.count.ledger import Change, UnitLine, series_ids, write_ledger, write_units
from stocktake.count.routes import MEMBER_FEED
from stocktake.count.statements import system_statements
from stocktake.count.states import QUERIES, Connection
from stocktake.model import FromDataset, State, System, dimensions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date, datetime

Column = tuple[str, str]
"""Dataset and column."""


def member_columns(system: System) -> dict[Column, str | None]:
    """Return every column whose values are units of some dataset, with its day column."""
    found: dict[Column, str | None] = {}
    for dataset in system.datasets:
        for dim in dimensions(dataset.partitions):
            if isinstance(dim, FromDataset):
                column = (dim.dataset, dim.column)
                found[column] = found.get(column) or dim.day
    return found


def register(
    conn: Connection,
    system: System,
    promised: Mapping[Column, Mapping[str, date | None]],
    seen: Mapping[Column, Iterable[str]],
    *,
    run_id: int | None,
    now: datetime,
) -> dict[Column, dict[str, int]]:
    """Number values and return their ordinals.

    Args:
        promised: Values found in the column that makes the promise, expected from now on, each
            with the earliest day it was found on, if any.
        seen: Values found elsewhere (a master row nobody refers to): numbered, not expected.
    """
    told = [column for column in member_columns(system) if promised.get(column) or seen.get(column)]
    ids = _locked_series(conn, system, sorted(told))
    changes: dict[int, Change] = defaultdict(Change)
    waived: list[UnitLine] = []
    found: dict[Column, dict[str, int]] = {}
    for column, series_id in ids.items():
        texts = promised.get(column, {})
        days = _days(conn, system, column, promised=texts)
        found[column] = ordinals = _numbered(
            conn, series_id, _newest_first(texts, seen.get(column, ())), days
        )
        reasons = {text: reason for text, (_, reason) in days.items() if reason is not None}
        expected = texts.keys() - reasons.keys() if reasons else texts
        changes[series_id].expected_added.update(map(ordinals.__getitem__, expected))
        changes[series_id].expected_removed.update(map(ordinals.__getitem__, reasons))
        waived += [
            UnitLine(series_id, ordinals[text], State.NOT_EXPECTED, reasons[text])
            for text in sorted(reasons)
        ]
    write_ledger(conn, changes, run_id=run_id, now=now)
    write_units(conn, waived, run_id=run_id, now=now)
    return found


def note_days(
    conn: Connection, system: System, days: Mapping[Column, Mapping[str, date | None]]
) -> None:
    """Write earlier days of values that were registered before."""
    told = {column: values for column, values in sorted(days.items()) if values}
    for column, series_id in _locked_series(conn, system, list(told)).items():
        date_members(
            conn,
            series_id,
            days={
                text: on
                for text, (on, _) in _days(conn, system, column, promised=told[column]).items()
            },
        )


def _locked_series(
    conn: Connection, system: System, columns: Sequence[Column]
) -> dict[Column, int]:
    """Return the series that number the values of columns; who writes members waits his turn."""
    if not columns:
        return {}
    names = {column: (column[0], MEMBER_FEED, (column[1],)) for column in columns}
    ids = series_ids(conn, system.name, names.values())
    conn.execute(QUERIES.lock_series, {"series_ids": list(ids.values())})
    return {column: ids[name] for column, name in names.items()}


def _newest_first(promised: Mapping[str, date | None], seen: Iterable[str]) -> list[str]:
    """Return all values in the order they are numbered, which is the order they are asked for.

    Values without a day stay in the order told.
    """
    texts = {**promised, **dict.fromkeys(text for text in seen if text not in promised)}
    return sorted(texts, key=lambda text: -on.toordinal() if (on := texts[text]) else 0)


def _numbered(
    conn: Connection,
    series_id: int,
    texts: Sequence[str],
    days: Mapping[str, tuple[date | None, str | None]],
) -> dict[str, int]:
    undated = (None, None)
    parameters = {
        "series_id": series_id,
        "keys": as_json(texts),
        "days": as_json([days.get(text, undated)[0] for text in texts]),
    }
    return dict(conn.execute(QUERIES.number_members, parameters).fetchall())


def _days(
    conn: Connection, system: System, column: Column, *, promised: Mapping[str, date | None]
) -> dict[str, tuple[date | None, str | None]]:
    """Return day and reason (``None``: promised) per value.

    A system may say more than the column does, in a statement ``members_<dataset>_<column>`` of
    its ``count.sql``: key, day, and why a listed value is not promised.
    """
    statement: Any = system_statements(system).get(f"members_{column[0]}_{column[1]}")
    if statement is None:
        return {text: (on, None) for text, on in promised.items()}
    if not promised:
        return {}
    found = conn.execute(statement, {"keys": sorted(promised)}).fetchall()
    return {key: (on, reason) for key, on, reason in found}


def date_members(
    conn: Connection, series_id: int, *, days: Mapping[str, date | None], is_whole: bool = False
) -> None:
    """Write the days of members where they are earlier than what was known.

    Args:
        days: Earliest day each member was seen on, as far as told.
        is_whole: Whether every row was looked at, so that a day may also become later.
    """
    dated = {key: on for key, on in days.items() if on}
    if dated:
        parameters = {
            "series_id": series_id,
            "keys": as_json(list(dated)),
            "days": as_json(list(dated.values())),
            "exact": is_whole,
        }
        conn.execute(QUERIES.date_members, parameters)


def as_json(values: Sequence[object]) -> str:
    """Return a list as the JSON that statements about thousands of members take."""
    return msgspec.json.encode(values).decode()
