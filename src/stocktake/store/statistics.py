"""What the planner knows of tables, renewed as soon as they have grown.

PostgreSQL does so by itself, but up to a minute later: time enough to compute five layers of
tables that it still takes for empty.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import psycopg
from psycopg.sql import SQL

from stocktake.store.queries import load_queries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stocktake.store.database import Database

_QUERIES = load_queries("stocktake.store", "sql/store.sql")


def renew_statistics(database: Database, schemas: Sequence[str]) -> list[str]:
    """Analyse the tables of some schemas that outgrew what the planner knows of them.

    Cheap where none did. What open transactions have written is not seen.

    Returns:
        Tables analysed, as ``schema.table``.
    """
    with database.connection() as conn:
        outgrown = [name for (name,) in conn.execute(_QUERIES.outgrown, {"schemas": schemas})]
    if outgrown:
        # An account that may not act as the owner leaves it to the server.
        with suppress(psycopg.errors.InsufficientPrivilege), database.owner() as session:
            tables = SQL(", ").join(SQL(name) for name in outgrown)
            session.execute(_QUERIES.analyze.format(tables=tables))
    return outgrown
