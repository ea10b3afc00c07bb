"""Racing's statistics against figures worked out elsewhere: racing.md sections 5 and 12."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from psycopg.sql import SQL, Identifier

from stocktake.derive import derive
from stocktake.store import ENGINE, Component
from stocktake.systems.racing import system
from stocktake.systems.racing.hkjc_codes import hashed_id
from stocktake.testing.database import temporary_database
from tests.systems.racing.statistics_rows import insert, load_year, race, run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg import Connection

    from stocktake.store import Database, LocalCluster

NOW = datetime(2024, 1, 1, 6, tzinfo=UTC)
RACING = Component.of_package("racing", system.package)


@pytest.fixture(scope="module")
def hong_kong(cluster: LocalCluster) -> Iterator[Connection[Any]]:
    """All of 2023, derived; nothing in this module changes it."""
    with temporary_database(cluster, components=(ENGINE, RACING)) as fresh:
        with fresh.connection() as conn:
            load_year(conn, 2023)
        with fresh.connection() as conn:
            for derivation in system.derivations:
                derive(conn, system, derivation, run_id=1, now=NOW)
        with fresh.connection() as conn:
            yield conn


def stored(conn: Connection[Any], table: str, columns: str, **key: Any) -> tuple[Any, ...] | None:
    """Return columns of the one row with this key."""
    statement = SQL("select {columns} from {table} where {condition}").format(
        columns=SQL(", ").join(Identifier(column) for column in columns.split()),
        table=Identifier("racing", table),
        condition=SQL(" and ").join(
            SQL("{} = {}").format(Identifier(column), value) for column, value in key.items()
        ),
    )
    return conn.execute(statement).fetchone()


def numbers(row: tuple[Any, ...] | None) -> list[float | None]:
    assert row is not None
    return [None if value is None else float(value) for value in row]
