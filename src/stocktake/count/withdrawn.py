"""Ledger and units after a run was taken back: what it told is inverted, then rows are counted."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from psycopg.sql import Identifier

from stocktake.count.ledger import Change, forget_units, write_ledger, write_units
from stocktake.count.recount import counted_line, is_countable
from stocktake.count.routes import (
    DERIVE,
    MEMBER_FEED,
    axis_of,
    join_key,
    ordinal_text,
    routes,
)
from stocktake.count.statements import tally
from stocktake.count.states import member_series
from stocktake.model import Days, FromDataset
from stocktake.model.ordinals import from_text
from stocktake.store.queries import load_queries

if TYPE_CHECKING:
    from datetime import datetime

    from psycopg import Connection

    from stocktake.count.ledger import UnitLine
    from stocktake.count.verdict import Tally
    from stocktake.model import System

QUERIES = load_queries("stocktake.store", "sql/undo.sql")


def withdraw(conn: Connection[Any], system: System, run_id: int, *, by: int, now: datetime) -> None:
    """Take back what a run told of units.

    Its rows must have been taken back. What the run added to the ledger is removed and what it
    removed added; lines of units become what they were. Units are counted first: where rows are
    left, of later runs, they stay held and promised. Derived units follow when their tables are
    derived. What stays is ascribed to the next run that told of it, and taken back with that one.
    """
    changes: dict[int, Change] = {}
    passed: dict[int, dict[int, Change]] = defaultdict(lambda: defaultdict(Change))
    lines: list[UnitLine] = []
    for row in conn.execute(QUERIES.ledger_back, {"run_id": run_id}).fetchall():
        series = _Series(row[0], row[1], row[2], tuple(row[3]))
        heir = _next_teller(conn, system, series.dataset, run_id)
        removed, added, unpromised, promised = map(_ordinals, row[4:])
        if heir is not None and series.feed == MEMBER_FEED:
            named = _still_promised(conn, system, series, unpromised)
            passed[heir][series.series_id].expected_added |= named
        elif heir is not None and series.feed != DERIVE:
            left = _still_held(conn, system, series, removed)
            passed[heir][series.series_id].added |= left.keys()
            if isinstance(axis_of(system.dataset(series.dataset)), Days):
                lines += [counted_line(series.series_id, at, one) for at, one in left.items()]
        changes[series.series_id] = Change(added, removed, promised, unpromised)
    write_ledger(conn, changes, run_id=by, now=now)
    for teller, kept in passed.items():
        write_ledger(conn, kept, run_id=teller, now=now)
    conn.execute(QUERIES.forget_new_units, {"system": system.name, "run_id": run_id})
    conn.execute(QUERIES.restore_units, {"run_id": run_id, "now": now})
    write_units(conn, lines, run_id=by, now=now)
    _look_again(conn, system, by=by, now=now)


def _look_again(conn: Connection[Any], system: System, *, by: int, now: datetime) -> None:
    """Let go of what earlier undos had passed on for the sake of rows that are gone now."""
    changes: dict[int, Change] = defaultdict(Change)
    gone: list[tuple[int, int]] = []
    for row in conn.execute(QUERIES.passed_on, {"system": system.name, "by": by}).fetchall():
        series = _Series(row[0], row[1], row[2], tuple(row[3]))
        held, promised = map(_ordinals, row[4:])
        dataset = system.dataset(series.dataset)
        if series.feed == MEMBER_FEED:
            named = _still_promised(conn, system, series, promised)
            changes[series.series_id].expected_removed |= promised - named
        elif held and is_countable(system, dataset):
            lost = held - _still_held(conn, system, series, held).keys()
            changes[series.series_id].removed |= lost
            gone += [(series.series_id, at) for at in lost]
    write_ledger(conn, changes, run_id=by, now=now)
    forget_units(conn, gone, run_id=by)


def _next_teller(conn: Connection[Any], system: System, dataset: str, run_id: int) -> int | None:
    names = {"system": system.name, "dataset": dataset, "run_id": run_id}
    row = conn.execute(QUERIES.next_teller, names).fetchone()
    return None if row is None else row[0]


class _Series(NamedTuple):
    series_id: int
    dataset: str
    feed: str
    key: tuple[str, ...]


def _still_promised(
    conn: Connection[Any], system: System, series: _Series, ordinals: set[int]
) -> set[int]:
    """Return the members that a row still names."""
    statement = QUERIES.still_promised.format(
        table=Identifier(system.name, series.dataset), column=Identifier(series.key[0])
    )
    parameters = {"series_id": series.series_id, "ordinals": list(ordinals)}
    return {ordinal for (ordinal,) in conn.execute(statement, parameters)}


def _still_held(
    conn: Connection[Any], system: System, series: _Series, ordinals: set[int]
) -> dict[int, Tally]:
    """Return the units of a series that rows are left of, with what was counted."""
    dataset = system.dataset(series.dataset)
    if not ordinals or not is_countable(system, dataset):
        return {}
    axis = axis_of(dataset)
    names: dict[int, str] = {}
    if isinstance(axis, FromDataset):
        home = {"series_id": member_series(conn, system, axis), "ordinals": list(ordinals)}
        names = dict(conn.execute(QUERIES.names_of, home).fetchall())
    keys = {
        join_key(dataset.partitions, series.key, position=ordinal_text(axis, at, members=names)): at
        for at in ordinals
    }
    counted = tally(conn, system, dataset, keys=keys)
    ways = routes(system, dataset)
    # Rows of no certain feed belong to the one that only holds, as in a recount.
    fallback = next((way.name for way in ways if way.feed is None), ways[0].name if ways else "")
    return {
        keys[key]: one
        for (key, feed), one in counted.items()
        if one.rows and (feed or fallback) == series.feed
    }


def withdraw_derived(conn: Connection[Any], *, by: int, now: datetime) -> None:
    """Let go of derived units that the undo ``by`` found empty and only undone runs had held.

    Derived anew, units that nothing is left of are proven empty; before those runs nobody had
    looked.
    """
    changes: dict[int, Change] = defaultdict(Change)
    for series_id, ordinal in conn.execute(QUERIES.empty_again, {"by": by}):
        changes[series_id].removed.add(ordinal)
    places = [(series_id, at) for series_id, one in changes.items() for at in one.removed]
    write_ledger(conn, changes, run_id=by, now=now)
    forget_units(conn, places, run_id=by)


def released_units(conn: Connection[Any], *, by: int) -> int:
    """Return how many units of fetched feeds an undo let go of."""
    row = conn.execute(QUERIES.released_by, {"by": by}).fetchone()
    return row[0] if row else 0


def _ordinals(text: str) -> set[int]:
    return {ordinal for first, last in from_text(text) for ordinal in range(first, last)}
