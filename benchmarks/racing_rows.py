"""Made races, runners and results at full scale, for benchmarks of derived tables and checks."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from stocktake.store import ENGINE, Component, load_queries
from stocktake.systems.racing import system
from stocktake.testing.database import temporary_cluster, temporary_database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg import Connection

    from stocktake.store import Database

ROWS = load_queries("benchmarks", "racing_rows.sql")
LAST_DAY = date(2026, 11, 20)
RUNNERS_PER_HORSE = 7
HISTORY = ("make_entries", "make_races", "make_runners", "make_results", "settle", "drop_entries")
NEXT_DAY = ("make_next_day_races", "make_next_day_runners", "make_next_day_results")


@contextmanager
def racing_database(runners: int) -> Iterator[Database]:
    """Make a database with about so many runners in eleven years; drop it at the end."""
    components = (ENGINE, Component.of_package("racing", system.package))
    with temporary_cluster() as cluster, temporary_database(cluster, components=components) as made:
        with made.owner() as conn:
            asked = {"horses": runners // RUNNERS_PER_HORSE, "last_day": LAST_DAY}
            conn.execute(ROWS["seed"])
            for name in HISTORY:
                conn.execute(ROWS[name], asked)
        yield made


def add_day(conn: Connection[Any], number: int) -> None:
    """Load the race day that comes ``number`` days after the history, 1 for the first."""
    for name in NEXT_DAY:
        conn.execute(ROWS[name], {"day": LAST_DAY + timedelta(days=number)})
