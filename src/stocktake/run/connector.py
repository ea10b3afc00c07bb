"""Procrastinate's connection to our database: as the application, in its own schema, patiently."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg
import structlog
from procrastinate import PsycopgConnector
from procrastinate.exceptions import ConnectorException

from stocktake.store.queries import load_queries
from stocktake.store.queue_schema import QUEUE_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from typing import LiteralString

    from procrastinate.connector import Notify

    from stocktake.store.database import Database

Result = TypeVar("Result")

LOG = structlog.get_logger(__name__)
STORE = load_queries("stocktake.store", "sql/store.sql")

DELAYS_SECONDS = (0.1, 0.3, 1.0, 2.0, 4.0, 4.0, 4.0, 8.0, 8.0, 8.0, 15.0)
"""Pauses between tries of a query while the server is away: about a minute."""


class PatientConnector(PsycopgConnector):
    """Repeats what failed because the server went away, so that its worker goes on.

    A query whose answer was lost may have been executed: a task fetched by nobody is noticed by
    its run's or chunk's lease, and one that is finished already is finished.
    """

    def __init__(self, database: Database) -> None:
        """Connect as ``database`` does."""
        self._database = database
        super().__init__(
            conninfo=self._conninfo,
            min_size=1,
            max_size=4,
            timeout=10.0,
            configure=_become_app,
        )

    async def _conninfo(self) -> str:
        return await asyncio.to_thread(self._database.conninfo, first_schema=QUEUE_SCHEMA)

    async def execute_query_async(self, query: LiteralString, **arguments: Any) -> None:
        """Execute a query without result."""
        once = super().execute_query_async
        try:
            await _patiently(lambda: once(query, **arguments))
        except ConnectorException as error:
            if not isinstance(error.__cause__, psycopg.errors.RaiseException):
                raise
            LOG.debug("already finished", reason=str(error.__cause__))

    async def execute_query_one_async(
        self, query: LiteralString, **arguments: Any
    ) -> dict[str, Any]:
        """Execute a query with one row."""
        once = super().execute_query_one_async
        return await _patiently(lambda: once(query, **arguments))

    async def execute_query_all_async(
        self, query: LiteralString, **arguments: Any
    ) -> list[dict[str, Any]]:
        """Execute a query with rows."""
        once = super().execute_query_all_async
        return await _patiently(lambda: once(query, **arguments))

    async def listen_notify(self, on_notification: Notify, channels: Iterable[str]) -> None:
        """Listen until cancelled, on a new connection whenever the old one is lost."""
        names = list(channels)
        while True:
            try:
                await super().listen_notify(on_notification, names)
            except (ConnectorException, psycopg.Error):
                await asyncio.sleep(1.0)


async def _patiently(query: Callable[[], Awaitable[Result]]) -> Result:
    for delay_seconds in DELAYS_SECONDS:
        try:
            return await query()
        except ConnectorException as error:
            if not isinstance(error.__cause__, psycopg.OperationalError):
                raise
        await asyncio.sleep(delay_seconds)
    return await query()


async def _become_app(connection: psycopg.AsyncConnection[Any]) -> None:
    before = connection.autocommit
    await connection.set_autocommit(True)
    await connection.execute(STORE.become_app)
    await connection.set_autocommit(before)
