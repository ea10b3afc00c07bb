"""An empty database for each turn; peers use it too, so it needs only psycopg."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import psycopg
from psycopg.sql import SQL, Identifier

__all__ = ["fresh_database", "same_rows"]


@contextmanager
def fresh_database(maintenance_url: str) -> Iterator[str]:
    """Create an empty database and yield its address; drop it at the end.

    Args:
        maintenance_url: Address of the cluster's database ``postgres``.
    """
    name = f"bench_{uuid4().hex[:12]}"
    with psycopg.connect(maintenance_url, autocommit=True) as conn:
        conn.execute(SQL("create database {}").format(Identifier(name)))
        try:
            yield maintenance_url.replace("/postgres?", f"/{name}?", 1)
        finally:
            conn.execute(SQL("drop database {} with (force)").format(Identifier(name)))
            conn.execute("checkpoint")  # what is left of this turn must not be the next one's load


def same_rows(url: str, count: str, *, wanted: int) -> int:
    """Return the rows that the statement ``count`` finds.

    Raises:
        ValueError: They are not as many as wanted: it was not the same work.
    """
    with psycopg.connect(url) as conn:
        found = conn.execute(count.encode()).fetchone()
    if found is None or found[0] != wanted:
        msg = f"{found} rows are there instead of {wanted}; this was not the same work."
        raise ValueError(msg)
    return wanted
