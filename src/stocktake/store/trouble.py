"""What the database's own errors mean to people, and whether waiting helps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

from stocktake.errors import DatabaseUnavailable, StoreError

if TYPE_CHECKING:
    from typing import Final

RERUN = "then run the same command again: it goes on from what is stored."

LASTING: Final = (
    psycopg.errors.DiskFull,
    psycopg.errors.OutOfMemory,
    psycopg.errors.IoError,
    psycopg.errors.ConfigurationLimitExceeded,
)
"""Repeating at once cannot help."""

TROUBLE: Final = (psycopg.OperationalError, psycopg.errors.ReadOnlySqlTransaction)
"""Errors that tell of the server's condition, not of a mistake in a statement."""


def is_lasting(error: psycopg.Error | StoreError) -> bool:
    """Say whether another try at once is of no use."""
    if isinstance(error, StoreError):
        return not error.is_momentary
    return isinstance(error, LASTING)


def explained(error: psycopg.Error) -> StoreError:
    """Return the error of Stocktake for one of the database's condition."""
    text = str(error).strip()
    said = text.splitlines()[0] if text else type(error).__name__
    if isinstance(error, psycopg.errors.DiskFull):
        return StoreError(
            f"The database's disk is full: {said}. Nothing is half-written.",
            hint=f"Free some space, {RERUN}",
        )
    if isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
        return StoreError(
            f"The database accepts no writes: {said}.",
            hint=f"Use the primary server, or make it writable, {RERUN}",
        )
    if error.sqlstate is None or error.sqlstate.startswith(("08", "57P")):
        return DatabaseUnavailable(
            f"The database went away: {said}. Nothing is half-written.",
            hint=f"Start it (stocktake doctor says how it is), {RERUN}",
        )
    return StoreError(
        f"The database could not do it: {said}. Nothing is half-written.",
        hint=f"Mend that, {RERUN}",
    )
