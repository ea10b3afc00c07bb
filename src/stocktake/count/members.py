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
    read_from = member_columns(system)
    columns = sorted(column for column in read_from if promised.get(column) or seen.get(column))
    names = {column: (column[0], MEMBER_FEED, (column[1],)) for column in columns}
    ids = series_ids(conn, system.name, names.values())
    changes: dict[int, Change] = defaultdict(Change)
    waived: list[UnitLine] = []
    found: dict[Column, dict[str, int]] = {}
    for column in columns:
        series_id = ids[names[column]]
        texts = sorted(set(promised.get(column, ())))
        found[column] = _numbered(
            conn, series_id, _newest_first(promised.get(column, {}), seen.get(column, ()))
        )
        told = _days(conn, system, column, promised=promised.get(column, {}))
        days = {text: on for text, (on, _) in told.items()}
        date_members(conn, series_id, ordinals=found[column], days=days)
        for text in texts:
            ordinal, reason = found[column][text], told.get(text, (None, None))[1]
            if reason is None:
                changes[series_id].expected_added.add(ordinal)
            else:
                changes[series_id].expected_removed.add(ordinal)
                waived.append(UnitLine(series_id, ordinal, State.NOT_EXPECTED, reason))
    write_ledger(conn, changes, run_id=run_id, now=now)
    write_units(conn, waived, run_id=run_id, now=now)
    return found


def _newest_first(promised: Mapping[str, date | None], seen: Iterable[str]) -> list[str]:
    """Return all values in the order they are numbered, which is the order they are asked for.

    Values without a day stay in the order told.
    """
    texts = {**promised, **dict.fromkeys(text for text in seen if text not in promised)}
    return sorted(texts, key=lambda text: -on.toordinal() if (on := texts[text]) else 0)


def _numbered(conn: Connection, series_id: int, texts: list[str]) -> dict[str, int]:
    parameters = {"series_id": series_id, "keys": as_json(texts)}
    known: dict[str, int] = dict(conn.execute(QUERIES.member_ordinals, parameters).fetchall())
    fresh = [text for text in texts if text not in known]
    if fresh:
        conn.execute(QUERIES.lock_series, parameters)
        # Asked again under the lock: another load may have numbered some of them meanwhile.
        again = {"series_id": series_id, "keys": as_json(fresh)}
        known.update(conn.execute(QUERIES.member_ordinals, again).fetchall())
        still = {**again, "keys": as_json([text for text in fresh if text not in known])}
        known.update(conn.execute(QUERIES.add_members, still).fetchall())
    return known


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
    conn: Connection,
    series_id: int,
    *,
    ordinals: Mapping[str, int],
    days: Mapping[str, date | None],
    is_whole: bool = False,
) -> None:
    """Write the days of members where they are earlier than what was known.

    Args:
        ordinals: Numbers of the members.
        days: Earliest day each was seen on, as far as told.
        is_whole: Whether every row was looked at, so that a day may also become later.
    """
    dated = {ordinals[key]: on for key, on in days.items() if on and key in ordinals}
    if dated:
        parameters = {
            "series_id": series_id,
            "ordinals": list(dated),
            "days": list(dated.values()),
            "exact": is_whole,
        }
        conn.execute(QUERIES.date_members, parameters)


def as_json(values: Sequence[object]) -> str:
    """Return a list as the JSON that statements about thousands of members take."""
    return msgspec.json.encode(values).decode()
