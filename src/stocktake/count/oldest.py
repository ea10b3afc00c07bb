"""The oldest gap: the first day of a dataset that is promised, over, and not held."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from stocktake.count.states import QUERIES, Connection, Looking, View, question
from stocktake.model import GAP_STATES, Days, day_of

if TYPE_CHECKING:
    from datetime import date

    from stocktake.model import Dataset, System


def oldest_gap(
    conn: Connection, system: System, dataset: Dataset, **looking: Unpack[Looking]
) -> date | None:
    """Return the first day missing; ``None`` without gaps, and where units have no days."""
    asked = question(conn, system, dataset, view=View(**looking))
    if not isinstance(asked.axis, Days):
        return None
    states = [state.value for state in GAP_STATES]
    row = conn.execute(QUERIES.first_gap, {**asked.parameters, "states": states}).fetchone()
    return None if row is None or row[0] is None else day_of(row[0])
