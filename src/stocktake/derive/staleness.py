"""Which units no longer follow from the inputs, before anybody recomputes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stocktake.derive.changes import touch_changed, touched_units
from stocktake.derive.survey import has_changes, survey
from stocktake.derive.target import QUERIES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg import Connection

    from stocktake.model import Derivation, System

Units = tuple[tuple[str, ...], ...]


def newly_stale_units(
    conn: Connection[Any], system: System, derivations: Sequence[Derivation]
) -> list[tuple[Derivation, Units | None]]:
    """Return per derivation the units that became stale since this was last asked, in order.

    Each change is looked at once: that it was is stored, for the caller's transaction to commit
    together with the units, and forgotten when the derivation is recomputed. When nothing changed
    since, only the ends of the inputs' indexes are read. ``None`` means all units: the dataset was
    never derived.
    """
    surveyed = survey(conn, system, derivations, in_turn=False, beyond_noted=True)
    found: list[tuple[Derivation, Units | None]] = []
    noted = []
    for derivation in derivations:
        target = surveyed.target(derivation)
        state = surveyed.state(target)
        units: Units | None = None if state is None else ()
        if state is not None and has_changes(conn, surveyed, derivation, state.looked_until):
            touched = touch_changed(conn, target, state.looked_until, surveyed.changed)
            units = touched_units(conn, touched)
            noted.append((derivation.dataset, derivation.sql, state.watermark))
        found.append((derivation, units))
    if noted:
        datasets, stems, watermarks = map(list, zip(*noted, strict=True))
        looked = {"datasets": datasets, "stems": stems, "watermarks": watermarks}
        until = {"system": system.name, "noted_until": surveyed.until}
        conn.execute(QUERIES.drop_scratch)
        conn.execute(QUERIES.write_noted, looked | until)
    return found
