"""Which units no longer follow from the inputs, before anybody recomputes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stocktake.derive.changes import (
    has_changes,
    oldest_transaction,
    touch_changed,
    touched_units,
)
from stocktake.derive.recompute import read_state
from stocktake.derive.target import QUERIES, target_of

if TYPE_CHECKING:
    from psycopg import Connection

    from stocktake.model import Derivation, System


def newly_stale_units(
    conn: Connection[Any], system: System, derivation: Derivation
) -> tuple[tuple[str, ...], ...] | None:
    """Return the units that became stale since this was last asked, in order; note them.

    Each change is looked at once: that it was is stored, for the caller's transaction to commit
    together with the units, and forgotten when the derivation is recomputed. When nothing changed
    since, only the ends of the inputs' indexes are read. ``None`` means all units: the dataset was
    never derived.
    """
    target = target_of(conn, system, derivation)
    state = read_state(conn, target)
    if state is None:
        return None
    since = max(state.watermark, state.noted_until or state.watermark)
    if not has_changes(conn, target, since):
        return ()
    # Looked up before anything is read: what commits later is found the next time.
    until = oldest_transaction(conn)
    touch_changed(conn, target, since)
    units = touched_units(conn, target)
    conn.execute(QUERIES.drop_scratch)
    found = {"watermark": state.watermark, "noted_until": until}
    conn.execute(QUERIES.write_noted, target.stored_as | found)
    return units
