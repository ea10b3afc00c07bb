"""Members that are held, and whose last answer is old enough to be asked for again.

Nothing is kept of them for it: what a unit's captures tell of its age is looked up when a sync is
planned, so a load of a hundred thousand members writes no line more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stocktake.count.states import QUERIES, member_series
from stocktake.errors import ConfigurationError
from stocktake.model import FromDataset, Need, State, dimensions
from stocktake.model.ordinals import from_text
from stocktake.store.queries import embedded, load_queries

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

    import psycopg
    from psycopg.sql import SQL

    from stocktake.model import Dataset, Feed, System


def aged(
    conn: psycopg.Connection[tuple[Any, ...]], system: System, dataset: Dataset, *, now: datetime
) -> list[Need]:
    """Return held members whose answer is older than ``Feed.refresh_after``, or outdated since.

    Left out are those of which something else is known: they wait for their next try, or their
    re-check is due as that of any unit.

    Args:
        now: UTC.

    Raises:
        ConfigurationError: ``Feed.outdated`` names a statement that the system does not ship.
    """
    plain = dimensions(dataset.partitions)
    if len(plain) != 1 or not isinstance(plain[0], FromDataset):
        return []
    found = []
    for _, feed in system.feeds():
        if dataset.name not in feed.fills or feed.refresh_after is None:
            continue
        parameters = {
            "system": system.name,
            "dataset": dataset.name,
            "feed": feed.name,
            "members": member_series(conn, system, plain[0]),
            "before": now - feed.refresh_after,
            "now": now,
        }
        statement = QUERIES.aged_members.format(outdated=_outdated(system, feed))
        (text,) = conn.execute(statement, parameters).fetchone() or (None,)
        if text is not None:
            reason = f"asked more than {feed.refresh_after.days} days ago, or changed since"
            found.append(Need(feed.name, dataset.name, (), State.COMPLETE, reason, from_text(text)))
    return found


def _outdated(system: System, feed: Feed) -> SQL:
    if not feed.outdated:
        return embedded(QUERIES.nothing_outdated)
    statement = load_queries(system.package, "count.sql").get(feed.outdated)
    if statement is None:
        raise ConfigurationError(
            f"{system.name}: feed {feed.name} is outdated by {feed.outdated!r}, which is nowhere.",
            hint=f"Add '-- name: {feed.outdated}' to {system.package}/count.sql.",
        )
    return embedded(statement)
