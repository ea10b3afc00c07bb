"""NBA tables in a fresh database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stocktake.store import ENGINE, Component
from stocktake.testing.database import temporary_database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stocktake.store import Database, LocalCluster

NBA = Component.of_package("nba", "stocktake.systems.nba")


@pytest.fixture
def nba(cluster: LocalCluster) -> Iterator[Database]:
    """A database with the engine's and the system's tables."""
    with temporary_database(cluster, components=(ENGINE, NBA)) as fresh:
        yield fresh
