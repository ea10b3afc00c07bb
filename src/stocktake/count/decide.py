"""A person's word on a gap: accepted with a reason, by whom, until when; or withdrawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Unpack

from stocktake.count.ledger import series_ids
from stocktake.count.members import as_json
from stocktake.count.routes import axis_of, position_ordinal, routes, split_key
from stocktake.count.states import (
    QUERIES,
    Connection,
    Looking,
    View,
    member_series,
    question,
    ranges_in,
)
from stocktake.errors import UsageError
from stocktake.model import GAP_STATES, Dataset, FromDataset, State, System

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date, datetime

UnitKey = tuple[str, ...]

MOST_UNITS = 50_000
"""Units accepted at once: more are no decision about gaps but about the promise."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Why a gap is waived, by whom, and the last day that holds (``None``: for ever)."""

    reason: str
    by: str
    until: date | None = None


def accept(
    conn: Connection,
    system: System,
    dataset: Dataset,
    keys: Sequence[UnitKey],
    *,
    decision: Decision,
    now: datetime,
) -> None:
    """Waive gaps: they no longer count as expected until the decision's last day is over.

    A unit that is held counts as held, whatever was accepted before.

    Raises:
        UsageError: No reason was given, or a key names no unit of the dataset.
    """
    if not decision.reason.strip():
        raise UsageError("a gap is accepted with a reason.")
    for series, ordinals in _places(conn, system, dataset, keys).items():
        name = (dataset.name, "", series)
        parameters = {
            "series_id": series_ids(conn, system.name, [name])[name],
            "ordinals": ordinals,
            "state": State.ACCEPTED.value,
            "reason": decision.reason.strip(),
            "by": decision.by,
            "until": decision.until,
            "now": now,
        }
        conn.execute(QUERIES.decide_unit, parameters)


def accept_gaps(
    conn: Connection,
    system: System,
    dataset: Dataset,
    *,
    decision: Decision,
    **looking: Unpack[Looking],
) -> int:
    """Waive every gap that a look finds; return how many units that were.

    Raises:
        UsageError: No reason was given, or there are more than ``MOST_UNITS``.
    """
    if not decision.reason.strip():
        raise UsageError("a gap is accepted with a reason.")
    asked = question(conn, system, dataset, view=View(**looking))
    found = _ordinals(dataset, ranges_in(conn, asked, states=GAP_STATES))
    for series_id, ordinals in _numbered(conn, system, dataset, found):
        parameters = {
            "series_id": series_id,
            "ordinals": ordinals,
            "state": State.ACCEPTED.value,
            "reason": decision.reason.strip(),
            "by": decision.by,
            "until": decision.until,
            "now": looking["now"],
        }
        conn.execute(QUERIES.decide_unit, parameters)
    return sum(map(len, found.values()))


def withdraw_accepted(
    conn: Connection, system: System, dataset: Dataset, **looking: Unpack[Looking]
) -> int:
    """Take back every acceptance that a look finds; return how many there were."""
    asked = question(conn, system, dataset, view=View(**looking))
    found = _ordinals(dataset, ranges_in(conn, asked, states=(State.ACCEPTED,)))
    withdrawn = 0
    for series_id, ordinals in _numbered(conn, system, dataset, found):
        parameters = {"series_id": series_id, "ordinals": ordinals}
        withdrawn += conn.execute(QUERIES.withdraw_units, parameters).rowcount
    return withdrawn


def _ordinals(
    dataset: Dataset, lines: Iterable[tuple[Any, ...]]
) -> dict[tuple[str, ...], list[int]]:
    """Return the units of ranges by series, refusing more than a person can have looked at."""
    found: dict[tuple[str, ...], list[int]] = {}
    units = 0
    for key, _, _, _, first, last in lines:
        units += last - first
        if units > MOST_UNITS:
            raise UsageError(
                f"more than {MOST_UNITS:,} units of {dataset.name} at once.",
                hint="Choose fewer days.",
            )
        found.setdefault(tuple(key), []).extend(range(first, last))
    return found


def _numbered(
    conn: Connection, system: System, dataset: Dataset, found: dict[tuple[str, ...], list[int]]
) -> Iterator[tuple[int, list[int]]]:
    names = {series: (dataset.name, "", series) for series in found}
    numbers = series_ids(conn, system.name, list(names.values()))
    for series, ordinals in found.items():
        yield numbers[names[series]], ordinals


def give_up(
    conn: Connection,
    system: System,
    dataset: Dataset,
    keys: Sequence[UnitKey],
    *,
    decision: Decision,
    now: datetime,
) -> None:
    """Say that no source can deliver units any more: they stay gaps, and no plan asks for them.

    A unit that is held stays held; one that comes after all is held then.

    Raises:
        UsageError: No reason was given, a key names no unit of the dataset, or nothing is asked
            for such units.
    """
    if not decision.reason.strip():
        raise UsageError("a unit is given up with a reason.")
    for series, ordinals in _places(conn, system, dataset, keys).items():
        feeds = _asked(system, dataset, series)
        if not feeds:
            raise UsageError(
                f"{dataset.name} is not fetched: its units are computed, or come with others.",
                hint="Give up the units they come from.",
            )
        names = [(dataset.name, feed, series) for feed in feeds]
        for series_id in series_ids(conn, system.name, names).values():
            parameters = {
                "series_id": series_id,
                "ordinals": ordinals,
                "state": State.UNRECOVERABLE.value,
                "reason": f"{decision.reason.strip()} ({decision.by})",
                "by": decision.by,
                "until": decision.until,
                "now": now,
            }
            conn.execute(QUERIES.decide_unit, parameters)


def _asked(system: System, dataset: Dataset, series: tuple[str, ...]) -> list[str]:
    """Return the feeds that are asked for units of a series."""
    ways = routes(system, dataset)
    return [way.name for way in ways if way.feed and way.delivers and way.serves(series)]


def withdraw(conn: Connection, system: System, dataset: Dataset, keys: Sequence[UnitKey]) -> int:
    """Take decisions back; return how many there were."""
    withdrawn = 0
    for series, ordinals in _places(conn, system, dataset, keys).items():
        feeds = ["", *_asked(system, dataset, series)]
        names = [(dataset.name, feed, series) for feed in feeds]
        for series_id in series_ids(conn, system.name, names).values():
            parameters = {"series_id": series_id, "ordinals": ordinals}
            withdrawn += conn.execute(QUERIES.withdraw_units, parameters).rowcount
    return withdrawn


def locate(
    conn: Connection, system: System, dataset: Dataset, key: UnitKey
) -> tuple[tuple[str, ...], int] | None:
    """Return the series and ordinal of a unit, ``None`` when the key names none."""
    series, position = split_key(dataset.partitions, key)
    axis = axis_of(dataset)
    members: dict[str, int] = {}
    if isinstance(axis, FromDataset):
        parameters = {"series_id": member_series(conn, system, axis), "keys": as_json([position])}
        members = dict(conn.execute(QUERIES.member_ordinals, parameters).fetchall())
    ordinal = position_ordinal(axis, position, members=members)
    return None if ordinal is None else (series, ordinal)


def _places(
    conn: Connection, system: System, dataset: Dataset, keys: Sequence[UnitKey]
) -> dict[tuple[str, ...], list[int]]:
    found: dict[tuple[str, ...], list[int]] = {}
    for key in keys:
        place = locate(conn, system, dataset, key)
        if place is None:
            raise UsageError(f"{'/'.join(key)} is no unit of {dataset.name}.")
        found.setdefault(place[0], []).append(place[1])
    return found
