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
    conn: Connection, system: System, feed: Feed, keys: Sequence[UnitKey]
) -> list[UnitOutcome] | None:
    """Return outcomes that keep the units as they are, to be recorded for their next look.

    ``None`` when some unit is not held, or not as complete or empty, in some dataset the feed
    fills: then the answer must be loaded like any other.
    """
    places = {
        (name, key): place
        for name in feed.fills
        for key in keys
        if (place := locate(conn, system, system.dataset(name), key)) is not None
    }
    if len(places) < len(feed.fills) * len(keys):
        return None
    names = {(name, feed.name, series) for (name, _), (series, _) in places.items()}
    ids = series_ids(conn, system.name, names)
    parameters = {
        "series_ids": [ids[name, feed.name, at[0]] for (name, _), at in places.items()],
        "ordinals": [ordinal for _, ordinal in places.values()],
    }
    known = {
        (line[0], line[1]): line[2:5]
        for line in conn.execute(QUERIES.known_units, parameters).fetchall()
    }
    outcomes = []
    for (name, key), (series, ordinal) in places.items():
        is_held, state, reason = known[ids[name, feed.name, series], ordinal]
        if not is_held or (State(state) if state else None) not in FINAL:
            return None
        outcomes.append(
            UnitOutcome(key, State(state or State.COMPLETE), reason or "", datasets=(name,))
        )
    return outcomes
