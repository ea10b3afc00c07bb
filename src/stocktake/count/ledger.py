"""Writing what is held: series, ledger, exceptional units; each touched series once a batch."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any

from stocktake.count.states import QUERIES, SEPARATOR, Connection
from stocktake.model.ordinals import as_text, in_ranges

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from stocktake.model import State

CHUNK_BITS = 12
"""A ledger row holds 4,096 ordinals."""

DELAYS = (
    timedelta(hours=1),
    timedelta(hours=6),
    timedelta(days=1),
    timedelta(days=3),
    timedelta(days=7),
)
"""Wait after the 1st, 2nd, … failed try of a unit; the last is repeated."""

SeriesName = tuple[str, str, tuple[str, ...]]
"""Dataset, feed, key."""


@dataclass(slots=True)
class Change:
    """Ordinals one batch adds to and removes from one series."""

    added: set[int] = field(default_factory=set)
    removed: set[int] = field(default_factory=set)
    expected_added: set[int] = field(default_factory=set)
    expected_removed: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class UnitLine:
    """What is to be kept of one unit besides its ordinal in the ledger."""

    series_id: int
    ordinal: int
    state: State
    reason: str = ""
    rows: int | None = None
    expected_rows: int | None = None
    tries: int = 0
    next_try_at: datetime | None = None
    settled_at: datetime | None = None


def series_ids(conn: Connection, system: str, names: Iterable[SeriesName]) -> dict[SeriesName, int]:
    """Return the ids of series, made where they do not exist yet."""
    wanted = sorted(set(names))
    parameters = {
        "system": system,
        "datasets": [name[0] for name in wanted],
        "feeds": [name[1] for name in wanted],
        "keys": [SEPARATOR.join(name[2]) for name in wanted],
    }
    found = conn.execute(QUERIES.series_ids, parameters).fetchall()
    if len(found) < len(wanted):
        conn.execute(QUERIES.add_series, parameters)
        found = conn.execute(QUERIES.series_ids, parameters).fetchall()
    return {wanted[number - 1]: series_id for number, series_id in found}


def write_ledger(
    conn: Connection, changes: dict[int, Change], *, run_id: int | None, now: datetime
) -> None:
    """Apply the changes and keep, per series, what they really changed."""
    chunks: dict[tuple[int, int], list[str]] = defaultdict(lambda: ["{}"] * 4)
    for series_id, change in changes.items():
        parts = (change.added, change.removed, change.expected_added, change.expected_removed)
        for index, ordinals in enumerate(parts):
            for chunk, members in groupby(sorted(ordinals), _chunk_of):
                chunks[series_id, chunk][index] = as_text(in_ranges(members))
    if not chunks:
        return
    places = sorted(chunks)
    columns = list(zip(*map(chunks.__getitem__, places), strict=True))
    parameters: dict[str, Any] = {
        "series_ids": [series_id for series_id, _ in places],
        "chunks": [chunk for _, chunk in places],
        "added": list(columns[0]),
        "removed": list(columns[1]),
        "expected_added": list(columns[2]),
        "expected_removed": list(columns[3]),
        "run_id": run_id,
        "now": now,
    }
    conn.execute(QUERIES.open_chunks, parameters)
    conn.execute(QUERIES.lock_chunks, parameters)
    conn.execute(QUERIES.change_ledger, parameters)


def _chunk_of(ordinal: int) -> int:
    return ordinal >> CHUNK_BITS


def write_units(
    conn: Connection, lines: Sequence[UnitLine], *, run_id: int | None, now: datetime
) -> None:
    """Keep exceptional units; ``tries`` 1 makes the next try wait longer than the last did."""
    if not lines:
        return
    parameters = {
        "series_ids": [line.series_id for line in lines],
        "ordinals": [line.ordinal for line in lines],
        "states": [line.state.value for line in lines],
        "reasons": [line.reason for line in lines],
        "rows": [line.rows for line in lines],
        "expected_rows": [line.expected_rows for line in lines],
        "tries": [line.tries for line in lines],
        "next_try_at": [line.next_try_at for line in lines],
        "settled_at": [line.settled_at for line in lines],
        "delays": list(DELAYS),
        "run_id": run_id,
        "now": now,
    }
    conn.execute(QUERIES.write_units, parameters)


def note_tries(
    conn: Connection, places: Sequence[tuple[int, int]], *, run_id: int | None, now: datetime
) -> None:
    """Count a failed try of units that stay held."""
    if places:
        parameters = {**_places(places), "delays": list(DELAYS), "run_id": run_id, "now": now}
        conn.execute(QUERIES.note_tries, parameters)


def forget_units(
    conn: Connection, places: Sequence[tuple[int, int]], *, run_id: int | None
) -> None:
    """Drop the lines of units that are simply complete."""
    if places:
        conn.execute(QUERIES.forget_units, {**_places(places), "run_id": run_id})


def _places(places: Sequence[tuple[int, int]]) -> dict[str, Any]:
    return {"series_ids": [one[0] for one in places], "ordinals": [one[1] for one in places]}
