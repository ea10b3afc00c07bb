"""Which units a feed had told before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stocktake.count.ledger import series_ids
from stocktake.count.members import as_json
from stocktake.count.routes import axis_of, position_ordinal, split_key
from stocktake.count.states import QUERIES, Connection, member_series
from stocktake.model import FromDataset

if TYPE_CHECKING:
    from collections.abc import Collection

    from stocktake.model import Feed, System

UnitKey = tuple[str, ...]


def held_units(
    conn: Connection, system: System, feed: Feed, units: Collection[UnitKey]
) -> frozenset[UnitKey]:
    """Return which units the ledger says the feed holds, in any of the datasets it fills.

    Asked before the answer at hand is recorded, that is: of which an earlier answer is loaded.
    """
    dataset = system.dataset(feed.fills[0])  # all that a feed fills have the same units
    parted = {unit: split_key(dataset.partitions, unit) for unit in units}
    axis = axis_of(dataset)
    members: dict[str, int] = {}
    if isinstance(axis, FromDataset):
        keys = as_json([position for _, position in parted.values()])
        named = {"series_id": member_series(conn, system, axis), "keys": keys}
        members = dict(conn.execute(QUERIES.member_ordinals, named).fetchall())
    places = {
        unit: (series, ordinal)
        for unit, (series, position) in parted.items()
        if (ordinal := position_ordinal(axis, position, members=members)) is not None
    }
    names = {(name, feed.name, series) for name in feed.fills for series, _ in places.values()}
    ids = series_ids(conn, system.name, names)
    spots = [
        (unit, ids[name, feed.name, series], ordinal)
        for unit, (series, ordinal) in places.items()
        for name in feed.fills
    ]
    parameters = {
        "series_ids": [series_id for _, series_id, _ in spots],
        "ordinals": [ordinal for _, _, ordinal in spots],
    }
    held = {(row[0], row[1]) for row in conn.execute(QUERIES.known_units, parameters) if row[2]}
    return frozenset(unit for unit, series_id, at in spots if (series_id, at) in held)
