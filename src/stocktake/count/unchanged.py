"""What is known of units whose answer is the one that was loaded last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stocktake.count.decide import locate
from stocktake.count.ledger import series_ids
from stocktake.count.states import QUERIES, Connection
from stocktake.model import State, UnitOutcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stocktake.model import Feed, System

UnitKey = tuple[str, ...]
FINAL = frozenset({None, State.COMPLETE, State.EMPTY})
"""States (``None``: nothing noted) in which the same answer can change nothing but the next look;
a thin unit's answer is read again, for time alone may have completed it."""


def confirmed(
    conn: Connection, system: System, feed: Feed, answers: Sequence[Sequence[UnitKey]]
) -> list[list[UnitOutcome] | None]:
    """Return per answer outcomes that keep its units as they are, recorded for their next look.

    ``None`` for an answer of which some unit is not held, or not as complete or empty, in some
    dataset the feed fills: then it must be loaded like any other.

    Args:
        answers: The units of each.
    """
    places = {
        (name, key): place
        for keys in answers
        for name in feed.fills
        for key in keys
        if (place := locate(conn, system, system.dataset(name), key)) is not None
    }
    ids = series_ids(
        conn,
        system.name,
        {(name, feed.name, series) for (name, _), (series, _) in places.items()},
    )
    spots = {
        unit: (ids[unit[0], feed.name, series], ordinal)
        for unit, (series, ordinal) in places.items()
    }
    parameters = {
        "series_ids": [series_id for series_id, _ in spots.values()],
        "ordinals": [ordinal for _, ordinal in spots.values()],
    }
    known = {
        (line[0], line[1]): line[2:5]
        for line in conn.execute(QUERIES.known_units, parameters).fetchall()
    }
    kept = {unit: _kept(unit, *known[spot]) for unit, spot in spots.items()}
    found = []
    for keys in answers:
        outcomes = [kept.get((name, key)) for name in feed.fills for key in keys]
        sure = [outcome for outcome in outcomes if outcome is not None]
        found.append(sure if len(sure) == len(outcomes) else None)
    return found


def _kept(
    unit: tuple[str, UnitKey],
    is_held: bool,  # noqa: FBT001 -- as the statement returns it
    state: str | None,
    reason: str | None,
) -> UnitOutcome | None:
    if not is_held or (State(state) if state else None) not in FINAL:
        return None
    return UnitOutcome(unit[1], State(state or State.COMPLETE), reason or "", datasets=(unit[0],))
