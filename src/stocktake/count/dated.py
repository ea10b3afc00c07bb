"""Days of members that other rows tell: a game that was moved, one whose answer names its day."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stocktake.count.members import member_columns
from stocktake.count.statements import system_statements
from stocktake.count.states import QUERIES, Connection, member_series
from stocktake.model import FromDataset
from stocktake.store.queries import embedded

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date, datetime

    from stocktake.model import System


def redate(conn: Connection, system: System, *, since: datetime | None = None) -> int:
    """Give members the days that the system's statements tell now; return how many moved.

    A statement ``days_<dataset>_<column>`` of ``count.sql`` has the last word on the days of the
    members of that column: key, day. It is asked after rows were loaded, since any of them may
    tell more.

    Args:
        since: Days were given after all that was loaded before this instant; the statement may
            pass over it by its parameter ``%(since)s``, NULL for everything. It is NULL, too, when
            anything was overwritten or removed since.
    """
    moved = 0
    statements = system_statements(system)
    for dataset, column in member_columns(system):
        statement = statements.get(f"days_{dataset}_{column}")
        if statement is None:
            continue
        series_id = member_series(conn, system, FromDataset(dataset, column))
        if series_id is not None:
            redating = QUERIES.redate_members.format(days=embedded(statement))
            values = {"series_id": series_id, "since": _whole(conn, system, since)}
            moved += conn.execute(redating, values, prepare=False).rowcount
    return moved


def _whole(conn: Connection, system: System, since: datetime | None) -> datetime | None:
    asked = {"system": system.name, "since": since}
    row = conn.execute(QUERIES.only_loaded_since, asked).fetchone()
    return since if row == (True,) else None


def member_days(
    conn: Connection, system: System, axis: FromDataset, ordinals: Collection[int]
) -> list[date]:
    """Return the days of those of some members that have one."""
    parameters = {"series_id": member_series(conn, system, axis), "ordinals": list(ordinals)}
    return [day for _, day in conn.execute(QUERIES.days_of_members, parameters)]
