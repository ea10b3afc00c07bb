"""Members: values of a column that are units of other datasets, numbered at first sight."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from itertools import count
from typing import TYPE_CHECKING, Any

import msgspec

from stocktake.count.ledger import Change, UnitLine, series_ids, write_ledger, write_units
from stocktake.count.routes import MEMBER_FEED
from stocktake.count.statements import system_statements
from stocktake.count.states import QUERIES, Connection
from stocktake.model import FromDataset, State, System, dimensions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

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
        days, reasons = _days(conn, system, column, promised=texts)
        found[column] = ordinals = _numbered(
            conn, series_id, _newest_first(texts, seen.get(column, ())), days
        )
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
        dated, _ = _days(conn, system, column, promised=told[column])
        date_members(conn, series_id, days=dated)


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
    if set(texts.values()) == {None}:
        return list(texts)
    days = {text: on or date.min for text, on in texts.items()}
    return sorted(days, key=days.__getitem__, reverse=True)


def _numbered(
    conn: Connection, series_id: int, texts: Sequence[str], days: Mapping[str, date | None]
) -> dict[str, int]:
    parameters = {
        "series_id": series_id,
        "keys": as_json(texts),
        "days": as_json(list(map(days.get, texts))),
    }
    ordinals: dict[Any, int] = dict(conn.execute(QUERIES.number_members, parameters).fetchall())
    first = ordinals.pop(None)
    new = [text for text in texts if text not in ordinals] if ordinals else texts
    ordinals.update(zip(new, count(first), strict=False))
    return ordinals


def _days(
    conn: Connection, system: System, column: Column, *, promised: Mapping[str, date | None]
) -> tuple[Mapping[str, date | None], Mapping[str, str]]:
    """Return the day of each value, and why values are not promised, of those that are not.

    A system may say more than the column does, in a statement ``members_<dataset>_<column>`` of
    its ``count.sql``: key, day, and why a listed value is not promised.
    """
    statement: Any = system_statements(system).get(f"members_{column[0]}_{column[1]}")
    if statement is None or not promised:
        return promised, {}
    found = conn.execute(statement, {"keys": sorted(promised)}).fetchall()
    reasons = {key: reason for key, _, reason in found if reason is not None}
    return {key: on for key, on, _ in found}, reasons


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
