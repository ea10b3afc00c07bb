"""Transactions that are repeated when a store, not the work, was what failed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

import psycopg

from stocktake.errors import StoreError
from stocktake.store.trouble import is_lasting

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")

DELAYS_SECONDS = (0.05, 0.2, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Pauses between tries; together long enough for a server that restarts."""


def again(transaction: Callable[[], Result], *, undone: Callable[[], None] | None = None) -> Result:
    """Run a transaction; repeat it, at most seven times, when the database aborted it.

    Deadlocks, serialization failures, timeouts and lost connections pass when everything is done
    anew; so does a store of captures that is away. What lasts (a full disk) is raised at once.

    Args:
        transaction: Opens its own connection, and commits or leaves nothing behind.
        undone: Called after each try that failed.
    """
    for delay_seconds in DELAYS_SECONDS:
        try:
            return transaction()
        except (psycopg.OperationalError, StoreError) as error:
            if undone is not None:
                undone()
            if is_lasting(error):
                raise
        except BaseException:
            if undone is not None:
                undone()
            raise
        time.sleep(delay_seconds)
    return transaction()
