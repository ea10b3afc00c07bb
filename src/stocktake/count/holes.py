"""Runs of expected days of which nothing, or not all, is held."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, Unpack

from stocktake.count.routes import axis_of
from stocktake.count.states import QUERIES, Looking, View, member_series, question, ranges_in
from stocktake.model import GAP_STATES, HELD_STATES, Days, FromDataset, Hole, State, day_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from psycopg import Connection

    from stocktake.model import Dataset, System

COUNTED = (*sorted(HELD_STATES), *sorted(GAP_STATES))


class Stretch(NamedTuple):
    """Neighbouring days of one series alike: units held and lacking on all of them."""

    series: tuple[str, ...]
    first: int
    last: int
    days: int
    held: int
    lacking: int
    reason: str = ""


def holes(
    conn: Connection[Any],
    system: System,
    dataset: Dataset,
    *,
    partial: bool = False,
    **looking: Unpack[Looking],
) -> list[Hole] | None:
    """Return the runs of expected days that hold nothing, by series and day.

    Days on which nothing is expected neither count nor interrupt. ``None`` for datasets whose
    units have no days.

    Args:
        partial: Also days that hold some of their units but not all.
    """
    found = stretches(conn, system, dataset, View(**looking))
    return None if found is None else list(joined(dataset.name, found, partial=partial))


def stretches(
    conn: Connection[Any], system: System, dataset: Dataset, view: View
) -> list[Stretch] | None:
    """Return every expected day with what is held of it, by series and day."""
    asked = question(conn, system, dataset, view=view)
    if isinstance(asked.axis, Days):
        lines = ranges_in(conn, asked, states=[State(word) for word in COUNTED])
        return [
            Stretch(tuple(key), first, last - 1, last - first, *_split(state, last - first), reason)
            for key, _, state, reason, first, last in lines
        ]
    if not isinstance(asked.axis, FromDataset) or asked.axis.day is None:
        return None
    if asked.member_series is None:
        return []
    parameters = {
        **asked.parameters,
        "series_id": asked.member_series,
        "held": [state.value for state in HELD_STATES],
        "lacking": [state.value for state in GAP_STATES],
    }
    return [
        Stretch(tuple(key), day, day, 1, held, lacking, reason or "")
        for key, day, held, lacking, reason in conn.execute(QUERIES.member_days, parameters)
    ]


def first_member_day(conn: Connection[Any], system: System, dataset: Dataset) -> date | None:
    """Return the earliest day of the members that are a dataset's units, if they have days."""
    axis = axis_of(dataset)
    if not isinstance(axis, FromDataset) or axis.day is None:
        return None
    series_id = member_series(conn, system, axis)
    row = conn.execute(QUERIES.first_member_day, {"series_id": series_id}).fetchone()
    return row[0] if row else None


def joined(dataset: str, found: Iterable[Stretch], *, partial: bool = False) -> Iterable[Hole]:
    """Yield the runs of days that lack units, from days in the order of series and day."""
    hole: Hole | None = None
    for one in found:
        lacks = one.lacking > 0 and (partial or not one.held)
        if hole is not None and (not lacks or hole.series != one.series):
            yield hole
            hole = None
        if not lacks:
            continue
        if hole is None:
            hole = Hole(dataset, one.series, day_of(one.first), day_of(one.last), 0, 0, one.reason)
        hole = replace(
            hole,
            last=day_of(one.last),
            days=hole.days + one.days,
            units=hole.units + one.lacking,
        )
    if hole is not None:
        yield hole


def _split(state: str, units: int) -> tuple[int, int]:
    return (units, 0) if state in HELD_STATES else (0, units)
