"""Ledger and units after a run was taken back: what it told is inverted, then rows are counted."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from stocktake.count.ledger import Change, forget_units, write_ledger
from stocktake.count.recount import recount
from stocktake.model import Range
from stocktake.model.ordinals import from_text
from stocktake.store.queries import load_queries

if TYPE_CHECKING:
    from datetime import datetime

    from psycopg import Connection

    from stocktake.model import System

QUERIES = load_queries("stocktake.store", "sql/undo.sql")


def withdraw(conn: Connection[Any], system: System, run_id: int, *, by: int, now: datetime) -> None:
    """Take back what a run told of units.

    Its rows must have been taken back. What the run added to the ledger is removed and what it
    removed added; lines of units become what they were. Then the rows of fetched datasets are
    counted: where later runs brought rows of the same units, these are held and promised.
    Derived units follow when their tables are derived.
    """
    changes: dict[int, Change] = {}
    for series_id, *parts in conn.execute(QUERIES.ledger_back, {"run_id": run_id}):
        removed, added, expected_removed, expected_added = map(_ordinals, parts)
        changes[series_id] = Change(added, removed, expected_added, expected_removed)
    write_ledger(conn, changes, run_id=by, now=now)
    names = {"system": system.name, "run_id": run_id}
    conn.execute(QUERIES.forget_new_units, names)
    conn.execute(QUERIES.restore_units, {"run_id": run_id, "now": now})
    derived = {one.dataset for one in system.derivations if not one.columns}
    fetched = [dataset for dataset in system.datasets if dataset.name not in derived]
    recount(conn, system, fetched, window=Range(), now=now, repair=True)


def withdraw_derived(conn: Connection[Any], *, by: int, now: datetime) -> None:
    """Let go of derived units that only the undo ``by`` found empty.

    Derived anew, units that nothing is left of are proven empty; before the run nobody had looked.
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
