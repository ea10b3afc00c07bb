"""How much of each dataset is held."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from stocktake.count.states import QUERIES, Connection, Looking, Question, View, question
from stocktake.model import GAP_STATES, HELD_STATES, Coverage, Dataset, State, System

if TYPE_CHECKING:
    from collections.abc import Sequence


def count(
    conn: Connection, system: System, datasets: Sequence[Dataset], **looking: Unpack[Looking]
) -> list[Coverage]:
    """Return coverage per dataset, in the order given; ``held + gaps = expected`` holds.

    Without any known expectation ``expected`` is ``None`` and ``held`` is simply what is there.
    """
    view = View(**looking)
    return [_coverage(conn, system, dataset, view) for dataset in datasets]


def _coverage(conn: Connection, system: System, dataset: Dataset, view: View) -> Coverage:
    asked = question(conn, system, dataset, view=view)
    found = conn.execute(QUERIES.state_units, asked.parameters).fetchall()
    states = {State(state): units for state, units in found if units}
    surplus = states.pop(State.SURPLUS, 0)
    held = sum(states.get(state, 0) for state in HELD_STATES)
    gaps_found = sum(states.get(state, 0) for state in GAP_STATES)
    if not asked.is_known:
        return Coverage(dataset.name, None, surplus, rows=_rows(conn, asked), target=dataset.target)
    if surplus:
        states[State.SURPLUS] = surplus
    return Coverage(
        dataset.name,
        expected=held + gaps_found,
        held=held,
        states={state: states[state] for state in State if state in states},
        surplus=surplus,
        rows=_rows(conn, asked) if held or surplus else None,
        target=dataset.target,
    )


def _rows(conn: Connection, asked: Question) -> int | None:
    row = conn.execute(QUERIES.rows_kept, asked.parameters).fetchone()
    return row[0] if row else None
