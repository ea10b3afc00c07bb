"""The schema Procrastinate works in: made and upgraded from the SQL of the installed package.

Nothing of it is copied here. It lives in ``stocktake_queue``, belongs to ``stocktake_owner`` and is
used by ``stocktake_app``; ``stocktake.queue_schema`` keeps which version it is of.
"""

import re
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
from psycopg import Connection

from stocktake.errors import MigrationError
from stocktake.store.queries import load_queries

__all__ = ["QUEUE_SCHEMA", "bring_up", "is_outdated"]

QUEUE_SCHEMA = "stocktake_queue"
PACKAGE = "procrastinate"
_QUERIES = load_queries("stocktake.store", "sql/queue.sql")
_STORE = load_queries("stocktake.store", "sql/store.sql")
_VERSION = re.compile(r"^(\d+)\.(\d+)\.(\d+)")


def is_outdated(connection: Connection[Any]) -> bool:
    """Return whether the engine's tables are there and the queue's schema is absent or older."""
    if connection.execute(_QUERIES.has_queue_ledger).fetchone() != (True,):
        return False
    stored = _stored(connection)
    return stored is None or _numbers(stored) < _numbers(version(PACKAGE))


def bring_up(connection: Connection[Any]) -> str | None:
    """Make or upgrade the schema; return the version it has now, ``None`` when nothing was done.

    The connection acts as ``stocktake_owner``, in autocommit mode, and holds the migrations' lock.

    Raises:
        MigrationError: The package's SQL failed; nothing of it was kept.
    """
    if not is_outdated(connection):
        return None
    installed = version(PACKAGE)
    with connection.transaction():
        connection.execute(_QUERIES.create_queue_schema)
        connection.execute(_STORE.set_search_path, {"schemas": QUEUE_SCHEMA})
        for script in _scripts(_stored(connection)):
            try:
                connection.execute(script.read_bytes())
            except psycopg.Error as error:
                raise MigrationError(
                    f"{PACKAGE} {installed}: {script.name} failed: {error}".strip(),
                    hint="Nothing of it was kept. Install another version of it, then "
                    "'stocktake db migrate'.",
                ) from error
        connection.execute(_QUERIES.open_queue)
        connection.execute(_QUERIES.record_queue_version, {"version": installed})
    return installed


def _stored(connection: Connection[Any]) -> str | None:
    row = connection.execute(_QUERIES.queue_version).fetchone()
    return str(row[0]) if row else None


def _scripts(stored: str | None) -> list[Path]:
    """Return the package's whole schema, or its migrations after the stored version, in order."""
    spec = find_spec(PACKAGE)  # importing the package would cost every command its start-up
    assert spec is not None  # noqa: S101 -- a dependency
    assert spec.submodule_search_locations is not None  # noqa: S101 -- it is a package
    folder = Path(spec.submodule_search_locations[0]) / "sql"
    if stored is None:
        return [folder / "schema.sql"]
    since = _numbers(stored)
    steps = sorted((folder / "migrations").glob("*.sql"))
    return [step for step in steps if _numbers(step.name) > since]


def _numbers(text: str) -> tuple[int, ...]:
    """Return the three numbers that a version, or the name of a migration, begins with."""
    match = _VERSION.match(text)
    return tuple(map(int, match.groups())) if match else (0, 0, 0)
