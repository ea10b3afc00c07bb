"""Racing tables in a fresh database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stocktake.store import ENGINE, Component
from stocktake.testing.database import temporary_database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stocktake.store import Database, LocalCluster

RACING = Component.of_package("racing", "stocktake.systems.racing")


@pytest.fixture
def racing(cluster: LocalCluster) -> Iterator[Database]:
    """A database with the engine's and racing's tables."""
    with temporary_database(cluster, components=(ENGINE, RACING)) as fresh:
        yield fresh
