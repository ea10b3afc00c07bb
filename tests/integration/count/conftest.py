from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from stocktake.store import Database

TABLES = Path(__file__).with_name("little") / "tables.sql"


@pytest.fixture
def conn(database: Database) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """A connection to a database that holds the little system's empty tables."""
    with database.owner() as owner:
        owner.execute(TABLES.read_bytes())
    with database.connection() as connection:
        yield connection
