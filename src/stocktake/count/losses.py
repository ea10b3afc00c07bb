"""Gaps of the past, from the ledger's history: what was let go, and what came late."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from stocktake.count.routes import axis_of, zone_of
from stocktake.count.states import QUERIES, member_series
from stocktake.model import Days, FromDataset, Loss, Values, day_of

if TYPE_CHECKING:
    from psycopg import Connection

    from stocktake.model import Dataset, System


def history_began(conn: Connection[Any], system: System) -> datetime | None:
    """Return when the system's ledger first changed, ``None`` when nothing was ever loaded."""
    row = conn.execute(QUERIES.history_began, {"system": system.name}).fetchone()
    return row[0] if row else None


def lost_datasets(conn: Connection[Any], system: System) -> frozenset[str]:
    """Return the derived datasets of which units were held once and are not held now."""
    found = conn.execute(QUERIES.lost_datasets, {"system": system.name}).fetchall()
    return frozenset(name for (name,) in found)


def losses(conn: Connection[Any], system: System, *, limit: int) -> list[Loss]:
    """Return what feeds let go of, newest first."""
    parameters = {"system": system.name, "since": None, "limit": limit}
    found = []
    for name, key, feed, ranges, at, back_at in conn.execute(QUERIES.losses, parameters).fetchall():
        dataset = _declared(system, name)
        if dataset is not None:
            units, first, last = _span(conn, system, dataset, ranges)
            found.append(
                Loss(name, tuple(key), feed, units, first, last, at, was_held=True, back_at=back_at)
            )
    return found


def late(conn: Connection[Any], system: System, *, began: datetime) -> list[Loss]:
    """Return what was first held two days or more after it was due, newest first.

    Days that were due before the history began were filled by a backfill and are not late.
    """
    dated = [one for one in system.datasets if isinstance(axis_of(one), Days)]
    shared = {"system": system.name, "began": began.date()}
    lines = conn.execute(
        QUERIES.late_days, {**shared, "datasets": [one.name for one in dated]}
    ).fetchall()
    for dataset in system.datasets:
        axis = axis_of(dataset)
        if isinstance(axis, FromDataset) and axis.day is not None:
            series_id = member_series(conn, system, axis)
            parameters = {**shared, "dataset": dataset.name, "series_id": series_id}
            lines += conn.execute(QUERIES.late_members, parameters).fetchall()
    found = []
    for name, key, feed, ranges, _, back_at in lines:
        dataset = system.dataset(name)
        units, first, last = _span(conn, system, dataset, ranges)
        due_at = due(system, dataset, date.fromisoformat(first))
        found.append(
            Loss(
                name, tuple(key), feed, units, first, last, due_at, was_held=False, back_at=back_at
            )
        )
    return sorted(found, key=lambda one: one.lost_at, reverse=True)


def due(system: System, dataset: Dataset, day: date) -> datetime:
    """Return when a day is over in its dataset's zone, UTC."""
    after = datetime.combine(day + timedelta(days=1), time(), zone_of(system, dataset))
    return after.astimezone(UTC)


def _declared(system: System, name: str) -> Dataset | None:
    """Return a dataset that the ledger names, ``None`` when it is declared no more."""
    return next((one for one in system.datasets if one.name == name), None)


def _span(
    conn: Connection[Any], system: System, dataset: Dataset, ranges: str
) -> tuple[int, str, str]:
    """Return how many units ranges hold, the first and the last as they are written."""
    row = conn.execute(QUERIES.units_of, {"ranges": ranges}).fetchone()
    units, first, last = row or (0, 0, 0)
    axis = axis_of(dataset)
    if isinstance(axis, Days):
        return units, str(day_of(first)), str(day_of(last))
    if isinstance(axis, Values):
        return units, axis.values[first], axis.values[last]
    parameters = {"series_id": member_series(conn, system, axis), "ordinals": ranges}
    span = conn.execute(QUERIES.member_span, parameters).fetchone()
    day, last_day, key, last_key = span or (None, None, "", "")
    return (units, str(day), str(last_day)) if day else (units, key or "", last_key or "")
