"""robots.txt asked for: one copy per host for the whole fleet, consulted before each request.

The file is asked for as any other request is: guarded, at the source's own rate, with at most five
redirects; never with the source's credentials. One program asks, the others wait for its answer.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import asdict, replace
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import structlog

from stocktake.errors import RequestRefused
from stocktake.fetch.captures import QUERIES
from stocktake.fetch.exchange import MOST_REDIRECTS, Disallowed, Exchange
from stocktake.fetch.gate import Held
from stocktake.fetch.retry_after import retry_after_seconds
from stocktake.fetch.robots import (
    ABSENT,
    AGAIN_AFTER,
    FOUND,
    LONGEST_LIFE,
    MOST_BYTES,
    TOO_MANY,
    UNREACHABLE,
    Copy,
    Read,
    copy_of,
    read_copy,
    slowed,
    what_holds,
)
from stocktake.fetch.tries import LONGEST_PAUSE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from stocktake.fetch.exchange import Exchanged
    from stocktake.fetch.tries import Retries
    from stocktake.model import Endpoint

LOG = structlog.get_logger(__name__)

TRIES = 3
LEASE_SECONDS = 120.0
LOOK_AGAIN_SECONDS = 0.2
MOST_HOSTS = 100
"""Hosts whose rules are kept in memory, up to half a megabyte each."""


class Robots:
    """The rules of one source's hosts."""

    def __init__(self, agent: str, *, clock: Callable[[], datetime], retries: Retries) -> None:
        """Ask for nothing yet.

        Args:
            agent: Product token whose rules are obeyed.
            clock: The present instant, aware, in UTC; copies live by it.
            retries: How a file that fails is asked for again.
        """
        self._agent = agent
        self._clock = clock
        self._retries = retries
        self._read: dict[str, Read] = {}
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def admit(
        self, exchange: Exchange, url: str, *, endpoint: Endpoint, headers: Mapping[str, str]
    ) -> Endpoint | Disallowed | Held:
        """Return the endpoint, at most as fast as the host wants it, or why not to ask ``url``."""
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}".lower()
        async with self._turns[origin]:
            read = await self._current(exchange, origin, endpoint, user_agent=headers["User-Agent"])
        if isinstance(read, Disallowed | Held):
            return read
        copy = read.copy
        at = f"{copy.fetched_at:%Y-%m-%d %H:%M} UTC"
        if copy.state == UNREACHABLE:
            return Disallowed(
                f"robots.txt of {parts.netloc} cannot be read, so nothing there may be asked "
                f"({copy.problem}, tried {at})",
                copy.expires_at,
            )
        if copy.state == FOUND and not read.rules.can_fetch(url, read.name):
            path = parts.path or "/"
            return Disallowed(
                f"robots.txt of {parts.netloc} disallows {path} (fetched {at})", copy.expires_at
            )
        return slowed(endpoint, read.delay_seconds)

    async def _current(
        self, exchange: Exchange, origin: str, endpoint: Endpoint, *, user_agent: str
    ) -> Read | Disallowed | Held:
        """Return what holds of a host; asks when nobody's copy does."""
        place = {"source": exchange.source, "origin": origin}
        read = self._read.get(origin)
        while read is None or read.copy.expires_at <= self._clock():
            row = await exchange.gate.run_statement(QUERIES.robots_copy, place)
            if row is not None:
                read = await asyncio.to_thread(read_copy, Copy(*row), self._agent)
            if read is None or read.copy.expires_at <= self._clock():
                claim = {**place, "now": self._clock(), "lease": LEASE_SECONDS}
                if await exchange.gate.run_statement(QUERIES.claim_robots, claim) is None:
                    await self._retries.sleep(LOOK_AGAIN_SECONDS)
                    continue
                slow = slowed(endpoint, read.delay_seconds if read else 0.0)
                copy = await self._ask(exchange, origin, slow, user_agent=user_agent)
                if isinstance(copy, Disallowed | Held):
                    await exchange.gate.run_statement(QUERIES.release_robots, place)
                    return copy
                read = await self._keep(
                    exchange, place, what_holds(copy, read.copy if read else None)
                )
            if len(self._read) >= MOST_HOSTS:
                self._read.clear()  # they are in the database
            self._read[origin] = read
        return read

    async def _keep(self, exchange: Exchange, place: Mapping[str, str], copy: Copy) -> Read:
        """Give the fleet a new copy."""
        read = await asyncio.to_thread(read_copy, copy, self._agent)
        told = {"disallowed": read.disallowed, "delay_seconds": read.delay_seconds}
        await exchange.gate.run_statement(QUERIES.keep_robots, {**place, **asdict(copy), **told})
        LOG.info("robots_read", **place, state=copy.state, problem=copy.problem)
        return read

    async def _ask(
        self, exchange: Exchange, origin: str, endpoint: Endpoint, *, user_agent: str
    ) -> Copy | Disallowed | Held:
        """Return what a host answers, after three tries at the most."""
        headers = {"User-Agent": user_agent, "Accept": "text/plain", "Accept-Encoding": "identity"}
        endpoint = replace(endpoint, max_bytes=MOST_BYTES)
        tried = 0
        while True:
            tried += 1
            own = Exchange(exchange.transport, exchange.gate, exchange.guard, exchange.source, None)
            try:
                sent = await own.send(f"{origin}/robots.txt", endpoint=endpoint, headers=headers)
            except RequestRefused as error:
                now, is_endless = self._clock(), len(own.tries) > MOST_REDIRECTS
                state, life = (ABSENT, LONGEST_LIFE) if is_endless else (UNREACHABLE, AGAIN_AFTER)
                return Copy(state, b"", now, now + life, error.message)
            finally:
                exchange.requests += own.requests
                exchange.tries += own.tries
            if isinstance(sent, Disallowed | Held):
                return sent
            copy = copy_of(sent.response, now=self._clock())
            again = await self._report(exchange, sent, copy, tried=tried)
            if again is None:
                return copy
            if tried >= TRIES or again > LONGEST_PAUSE_SECONDS:
                until = copy.fetched_at + timedelta(seconds=again)
                latest = copy.fetched_at + LONGEST_LIFE
                return replace(copy, expires_at=min(latest, max(copy.expires_at, until)))

    async def _report(
        self, exchange: Exchange, sent: Exchanged, copy: Copy, *, tried: int
    ) -> float | None:
        """Tell the gate how a try went; return the seconds the host wants rest, ``None`` if good.

        Waits before another try, unless the gate does.
        """
        response, permit, gate = sent.response, sent.permit, exchange.gate
        if copy.state != UNREACHABLE:
            await gate.succeeded(permit, seconds=response.seconds)
            return None
        reason = f"robots.txt: {copy.problem}"
        asked = retry_after_seconds(response.headers, now=copy.fetched_at)
        if response.status == TOO_MANY:
            pause = self._retries.pause(tried) if asked is None else asked
            await gate.hold(
                permit,
                pause_seconds=min(pause, LONGEST_PAUSE_SECONDS),
                reason=reason,
                seconds=response.seconds,
            )
            return pause
        await gate.failed(
            permit, reason=reason, seconds=response.seconds, was_sent=response.was_sent
        )
        if asked is not None:
            pause = min(asked, LONGEST_PAUSE_SECONDS)
            await gate.pause(permit, pause_seconds=pause, reason=reason)
        elif tried < TRIES:
            await self._retries.sleep(self._retries.delay(tried))
        return asked or 0.0
