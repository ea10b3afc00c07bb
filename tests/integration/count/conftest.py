from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from stocktake.store import ENGINE, Component, Database, LocalCluster
from stocktake.testing.database import temporary_database

LITTLE = Component.of_package("little", "tests.integration.count.little")


@pytest.fixture(scope="module")
def little_database(cluster: LocalCluster) -> Iterator[Database]:
    """A database that holds the little system's empty tables."""
    with temporary_database(cluster, components=(ENGINE, LITTLE)) as fresh:
        yield fresh


@pytest.fixture
def conn(little_database: Database) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """A transaction that is rolled back after the test."""
    with little_database.connection() as connection:
        yield connection
        connection.rollback()
