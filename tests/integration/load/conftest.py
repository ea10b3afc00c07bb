"""A fresh database with the test system's tables, for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from stocktake.store.migrate import ENGINE
from stocktake.testing.database import temporary_database
from tests.integration.load.yard import component

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

    from stocktake.store.cluster import LocalCluster
    from stocktake.store.database import Database


@pytest.fixture
def yard(cluster: LocalCluster) -> Iterator[Database]:
    """A database with the engine and the test system."""
    with temporary_database(cluster, components=(ENGINE, component)) as database:
        yield database


@pytest.fixture
def conn(yard: Database) -> Iterator[psycopg.Connection[Any]]:
    """A connection as the application has it."""
    with yard.connection() as connection:
        yield connection
