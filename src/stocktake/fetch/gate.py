"""The rate gate: one row per endpoint in PostgreSQL, shared by every process that fetches.

Slots follow the generic cell rate algorithm: a request reserves the next slot with one statement,
sleeps until it is due, and gives it up when it woke too late, because a late request moves towards
the next one. Slots lie 1.05 ÷ ``per_second`` apart, so 50 ms of lateness never make a second too
full. Whoever is always later than that (the database is far away, the machine is overloaded) gets
slots as much wider as it is late: a lower rate, never a greater one. Only the database's clock
decides; this program's clock measures durations, so a clock that jumps changes nothing.

A 429 or a Retry-After moves ``paused_until`` for everyone. Each 429 outside a pause lowers the
learned limit to 0.8 of what it was (never below a twentieth of the declared one), each success
gives back 0.2 % of the declared limit: a source whose true limit is lower is asked at about that
limit, and one stray 429 is forgotten after a hundred answers. Five failures in a row open the
circuit for 5 seconds; one probe is let through then, and each failed probe doubles the delay, up to
15 minutes.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
import structlog

from stocktake.errors import DatabaseUnavailable
from stocktake.store.queries import load_queries

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from psycopg.sql import SQL

    from stocktake.model import Endpoint

    Connect = Callable[[], Awaitable[psycopg.AsyncConnection[tuple[Any, ...]]]]
    Sleep = Callable[[float], Awaitable[None]]

QUERIES = load_queries("stocktake.store", "sql/fetch.sql")
LOG = structlog.get_logger(__name__)

SPACING = 1.05
LATE_SECONDS = 0.04
"""Of the 50 ms, 10 are left for what delays a request once it was let go."""
LATE_TRIES = 3
LATE_MOST = 12
CHECK_ABOVE_SECONDS = 0.02
LOOK_AGAIN_SECONDS = 5.0
PATIENCE_SECONDS = 3600.0
LEARN_FACTOR = 0.8
LEARN_RECOVERY = 0.002
LEARN_LOWEST = 0.05
RECONNECT_SECONDS = (0.1, 0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0)


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave to send one request now.

    Args:
        source: Name of the source.
        endpoint: Name of the endpoint.
        is_probe: Whether it tests an endpoint whose circuit is open.
        opens_after: Failures in a row that open the endpoint's circuit.
    """

    source: str
    endpoint: str
    is_probe: bool = False
    opens_after: int = 5


@dataclass(frozen=True, slots=True)
class Held:
    """Why no request may be sent for a while; nothing was sent.

    Args:
        reason: For users.
        seconds: How long it lasts, as far as known; 0 when only a person can end it.
        is_paused: Whether the whole source is paused.
    """

    reason: str
    seconds: float
    is_paused: bool = False


@dataclass(frozen=True, slots=True)
class _Slot:
    """A reserved slot in terms of this program's monotonic clock.

    ``earliest`` is the first instant it can be, ``due`` the first at which it has surely come.
    """

    earliest: float
    due: float
    is_probe: bool


class RateGate:
    """Lets requests pass at the allowed rate, counted over all processes."""

    def __init__(
        self,
        connect: Connect,
        *,
        sleep: Sleep = asyncio.sleep,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        """Open no connection yet.

        Args:
            connect: Opens an autocommit connection of the gate's own; called again whenever the
                database went away.
            sleep: Waits; tests may let it pass at once.
            patience_seconds: Longest obstacle that ``acquire`` waits for itself.
        """
        self._connect = connect
        self._sleep = sleep
        self._patience = patience_seconds
        self._connection: psycopg.AsyncConnection[tuple[Any, ...]] | None = None
        self._in_use = asyncio.Lock()
        # One reservation per endpoint and process: a cancelled or killed process wastes one slot.
        self._turns: defaultdict[tuple[str, str], asyncio.Lock] = defaultdict(asyncio.Lock)
        self._declared: dict[tuple[str, str], int] = {}
        self._late_counts: Counter[tuple[str, str]] = Counter()

    async def acquire(self, source: str, endpoint: Endpoint) -> Permit | Held:
        """Wait until a request may be sent; callers of one endpoint pass in order of arrival.

        May be cancelled at any point. A permit is answered with ``succeeded``, ``failed`` or
        ``hold`` once its request went out.

        Returns:
            A permit, or what holds the endpoint longer than this gate's patience.

        Raises:
            DatabaseUnavailable: The database stayed away for half a minute.
        """
        async with self._turns[source, endpoint.name]:
            await self._declare(source, endpoint)
            while True:
                # A database farther away than the margin must not end in waiting for ever.
                late_count = self._late_counts[source, endpoint.name]
                margin = LATE_SECONDS * 2 ** max(0, late_count - LATE_TRIES)
                slot = await self._take(source, endpoint, wider=margin - LATE_SECONDS)
                if slot is None:
                    held = await self._obstacle(source, endpoint)
                    if held.is_paused or held.seconds > self._patience:
                        return held
                    await self._sleep(min(held.seconds, LOOK_AGAIN_SECONDS))
                    continue
                if await self._wait(slot, source, endpoint.name):
                    late = time.monotonic() - slot.earliest
                    if late <= margin:
                        if late <= margin / 2:  # a narrower slot would have done
                            self._late_counts[source, endpoint.name] = max(0, late_count - 1)
                        return Permit(source, endpoint.name, slot.is_probe, endpoint.patience)
                    self._late_counts[source, endpoint.name] = min(late_count + 1, LATE_MOST)
                if endpoint.per_day is not None:
                    row = {"source": source, "endpoint": endpoint.name}
                    await self.run_statement(QUERIES.give_back_slot, row)

    async def succeeded(self, permit: Permit, *, seconds: float, complaint: str = "") -> None:
        """Count an answer that arrived whole in ``seconds``: the endpoint lives.

        Args:
            permit: What ``acquire`` gave.
            seconds: How long it took.
            complaint: What the answer found wrong with the request (a 4xx), empty for nothing.
        """
        await self.run_statement(
            QUERIES.note_success,
            {
                **_row(permit),
                "seconds": seconds,
                "recovery": LEARN_RECOVERY,
                "complaint": complaint or None,
            },
        )

    async def failed(
        self, permit: Permit, *, reason: str, seconds: float, was_sent: bool = True
    ) -> None:
        """Count a request without a usable answer; enough in a row open the circuit.

        Args:
            permit: What ``acquire`` gave.
            reason: What failed, without addresses or secrets.
            seconds: How long it took.
            was_sent: Whether it can have reached the source; if not, the quota is given back.
        """
        row = await self.run_statement(
            QUERIES.note_failure,
            {
                **_row(permit),
                "seconds": seconds,
                "reason": reason,
                "opens_after": permit.opens_after,
                "refund": int(not was_sent),
                "is_probe": permit.is_probe,
            },
        )
        if row is not None and row[0]:
            LOG.warning("circuit_open", source=permit.source, endpoint=permit.endpoint)

    async def hold(
        self, permit: Permit, *, pause_seconds: float, reason: str, seconds: float
    ) -> None:
        """Make everyone wait after a 429, and lower the learned limit.

        Args:
            permit: What ``acquire`` gave.
            pause_seconds: How long, from now; a longer pause that already runs stays.
            reason: What the source answered.
            seconds: How long the answer took.
        """
        row = await self.run_statement(
            QUERIES.note_refusal,
            {
                **_row(permit),
                "seconds": seconds,
                "pause": pause_seconds,
                "reason": reason,
                "factor": LEARN_FACTOR,
                "lowest": LEARN_LOWEST,
            },
        )
        LOG.info(
            "gate_held",
            source=permit.source,
            endpoint=permit.endpoint,
            pause_seconds=round(pause_seconds, 1),
            learned_per_second=row[0] if row else None,
        )

    async def pause(self, permit: Permit, *, pause_seconds: float, reason: str) -> None:
        """Make everyone wait after a failure that named its end (503 with Retry-After)."""
        await self.run_statement(
            QUERIES.pause_gate,
            {**_row(permit), "pause": pause_seconds, "reason": reason},
        )

    async def pause_source(self, source: str, *, reason: str, by: str) -> bool:
        """Stop all requests to ``source`` until it is resumed; return whether that was news."""
        parameters = {"source": source, "at": None, "reason": reason, "by": by}
        is_news = await self.run_statement(QUERIES.pause_source, parameters) is not None
        if is_news:
            LOG.warning("source_paused", source=source, reason=reason)
        return is_news

    async def close(self) -> None:
        """Close the connection; the gate may be used again."""
        async with self._in_use:
            await self._drop()

    async def _declare(self, source: str, endpoint: Endpoint) -> None:
        spacing = max(1, round(SPACING * 1e6 / endpoint.per_second))
        if self._declared.get((source, endpoint.name)) != spacing:
            row = {"source": source, "endpoint": endpoint.name, "spacing_us": spacing}
            await self.run_statement(QUERIES.declare_gate, row)
            self._declared[source, endpoint.name] = spacing

    async def _take(self, source: str, endpoint: Endpoint, *, wider: float) -> _Slot | None:
        """Reserve a slot in which a request may be so many seconds later than usual."""
        before = time.monotonic()
        row = await self.run_statement(
            QUERIES.take_slot,
            {
                "source": source,
                "endpoint": endpoint.name,
                "per_day": endpoint.per_day,
                "wider": wider,
            },
        )
        if row is None:
            return None
        wait_seconds = max(0.0, row[0])
        return _Slot(before + wait_seconds, time.monotonic() + wait_seconds, row[1])

    async def _wait(self, slot: _Slot, source: str, endpoint: str) -> bool:
        """Sleep until the slot is due; False when a pause came up meanwhile."""
        left = slot.due - time.monotonic()
        if left > CHECK_ABOVE_SECONDS:
            await self._sleep(left - CHECK_ABOVE_SECONDS / 2)
            row = await self.run_statement(
                QUERIES.is_held,
                {"source": source, "endpoint": endpoint, "is_probe": slot.is_probe},
            )
            if row is None or row[0]:
                return False
            left = slot.due - time.monotonic()
        if left > 0:
            await self._sleep(left)
        return True

    async def _obstacle(self, source: str, endpoint: Endpoint) -> Held:
        row = await self.run_statement(
            QUERIES.obstacles,
            {"source": source, "endpoint": endpoint.name, "per_day": endpoint.per_day},
        )
        if row is None:  # somebody removed the endpoint's row
            self._declared.pop((source, endpoint.name), None)
            await self._declare(source, endpoint)
            return Held("", 0.0)
        paused, pause_reason, circuit, last_error, quota, source_pause = row
        if source_pause is not None:
            return Held(f"{source} is paused: {source_pause}", 0.0, is_paused=True)
        return max(
            Held(f"{source} asked us to wait: {pause_reason}", max(0.0, paused)),
            Held(f"{endpoint.name} failed too often: {last_error}", max(0.0, circuit)),
            Held(f"the day's {endpoint.per_day} requests are used up", max(0.0, quota)),
            key=lambda held: held.seconds,
        )

    async def run_statement(
        self, query: SQL, parameters: Mapping[str, object]
    ) -> tuple[Any, ...] | None:
        """Execute one statement and return its first row, on a new connection if the old one broke.

        Raises:
            DatabaseUnavailable: The database stayed away for half a minute.
        """
        for delay in (*RECONNECT_SECONDS, None):
            try:
                async with self._in_use:
                    return await self._execute(query, parameters)
            except (psycopg.OperationalError, DatabaseUnavailable) as error:
                if delay is None:
                    raise DatabaseUnavailable(
                        "The rate gate lost the database and it did not come back.",
                        hint="Start the database, then run the same command again.",
                    ) from error
                LOG.info("gate_reconnects", in_seconds=delay)
                # The real clock: the database needs real time to come back.
                await asyncio.sleep(delay)
        return None

    async def _execute(
        self, query: SQL, parameters: Mapping[str, object]
    ) -> tuple[Any, ...] | None:
        if self._connection is None:
            self._connection = await self._connect()
            await self._connection.execute(QUERIES.begin_gate_session)
        try:
            cursor = await self._connection.execute(query, parameters)
            return await cursor.fetchone() if cursor.description else None
        except BaseException:
            # A broken or interrupted connection is not trusted with the next statement.
            await self._drop()
            raise

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(psycopg.Error):
                await connection.close()


def _row(permit: Permit) -> dict[str, object]:
    return {"source": permit.source, "endpoint": permit.endpoint}
