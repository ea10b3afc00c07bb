"""Derived units that no longer follow from their inputs, found out before anybody counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stocktake.count.stale import note_stale
from stocktake.derive.recompute import in_order
from stocktake.derive.staleness import newly_stale_units
from stocktake.run.claim import SQL

if TYPE_CHECKING:
    import psycopg

    from stocktake.model import System
    from stocktake.run.workspace import Workspace


def find_stale(conn: psycopg.Connection[Any], workspace: Workspace, system: System) -> int:
    """Note what became stale and was not computed again; return how many units are new.

    Whoever stopped between loading and deriving had no chance to say so. Costs a look at the ends
    of a few indexes when nothing changed since the last look. While a run is at work nothing is
    noted: it derives at its end.
    """
    if conn.execute(SQL.is_system_busy, {"system": system.name}).fetchone() == (True,):
        return 0
    found = 0
    # columns of rows that others own are no units
    looked_at = [one for one in in_order(system.derivations) if not one.columns]
    for derivation, units in newly_stale_units(conn, system, looked_at):
        if units:
            dataset = system.dataset(derivation.dataset)
            found += note_stale(conn, system, dataset, units, now=workspace.clock())
    return found
