"""What a database was created for: real rows or sandbox rows, never both."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args
from uuid import UUID

from stocktake.errors import UsageError
from stocktake.store.database import Database
from stocktake.store.queries import load_queries

__all__ = ["Installation", "InstallationKind", "init", "read_installation", "require_kind"]

InstallationKind = Literal["real", "sandbox"]
_QUERIES = load_queries("stocktake.store", "sql/store.sql")
_HINTS = {
    "real": "Use another database or --home for sandbox rows ('stocktake init --sandbox' there).",
    "sandbox": "Use another database or --home for real rows ('stocktake init' there).",
}


@dataclass(frozen=True, slots=True)
class Installation:
    """One database's identity.

    Attributes:
        installation_id: Drawn when it was created; a restored copy keeps it.
        kind: What its rows are.
        created_at: When, UTC.
    """

    installation_id: UUID
    kind: InstallationKind
    created_at: datetime


def init(database: Database, kind: InstallationKind) -> Installation:
    """Say what a migrated database is for; harmless when it already is for that.

    As long as nothing was fetched or loaded, the kind may still be changed.

    Raises:
        UsageError: It is for the other kind, or ``kind`` is neither.
    """
    if kind not in get_args(InstallationKind):
        msg = f"A database is 'real' or 'sandbox', not {kind!r}."
        raise UsageError(msg)
    with database.connection() as connection:
        connection.execute(_QUERIES.create_installation, {"kind": kind})
    with database.owner() as connection:
        connection.execute(_QUERIES.change_kind_while_unused, {"kind": kind})
    return require_kind(database, kind)


def read_installation(database: Database) -> Installation | None:
    """Return what the database is for, or None before :func:`init`."""
    with database.connection() as connection:
        row = connection.execute(_QUERIES.read_installation).fetchone()
    return Installation(*row) if row else None


def require_kind(database: Database, kind: InstallationKind) -> Installation:
    """Return the installation when it is of ``kind``.

    Raises:
        UsageError: It is of the other kind, or was never initialised.
    """
    found = read_installation(database)
    if found is None:
        flag = " --sandbox" if kind == "sandbox" else ""
        msg = "The database was not yet initialised."
        raise UsageError(msg, hint=f"Run 'stocktake init{flag}'.")
    if found.kind != kind:
        msg = f"This database holds {found.kind} rows; {kind} rows may not be mixed in."
        raise UsageError(msg, hint=_HINTS[found.kind])
    return found
