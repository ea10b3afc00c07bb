"""A source for tests: a raw loopback server that sends exactly the bytes a test wants."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING, Self

from stocktake.fetch.fetcher import Fetcher
from stocktake.fetch.gate import RateGate
from stocktake.fetch.guard import Guard
from stocktake.fetch.transport import AiohttpTransport
from stocktake.fetch.tries import Retries
from stocktake.model import Endpoint, Feed, Parsed, Request, Source

if TYPE_CHECKING:
    from stocktake.fetch.answer import Answer, Known
    from stocktake.store.database import Database

Reply = bytes | Callable[[asyncio.StreamWriter], Awaitable[None]]
CANARY = "canary-7Qx1vB9s"
REQUEST = Request("days", "results", (("date", "2024-05-01"),), (("2024-05-01",),))
ENDPOINT = Endpoint("results", per_second=1000.0, timeout_seconds=5.0)
NOW = datetime(2024, 5, 2, 12, 0, tzinfo=UTC)


def no_rows(bodies: Sequence[bytes], request: Request, fetched_at: datetime) -> Parsed:
    return Parsed()


def no_requests(keys: Sequence[tuple[str, ...]]) -> list[Request]:
    return []


FEED = Feed("days", ENDPOINT, ("results",), no_requests, no_rows)


def feed_of(endpoint: Endpoint) -> Feed:
    return replace(FEED, endpoint=endpoint)


def reply(status: int, body: bytes = b"", **headers: str) -> bytes:
    """Return a well-formed answer on a connection that stays open."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"HTTP/1.1 {status} Reason", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in named.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def as_json(body: bytes, **headers: str) -> bytes:
    return reply(200, body, Content_Type="application/json", **headers)


OK = as_json(b'{"total": 1}')


def reset_after(sent: bytes) -> Reply:
    """Send some bytes, then break the connection with RST."""

    async def act(writer: asyncio.StreamWriter) -> None:
        writer.write(sent)
        await writer.drain()
        await asyncio.sleep(0.02)
        raw: socket.socket = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    return act


def closed_after(sent: bytes) -> Reply:
    async def act(writer: asyncio.StreamWriter) -> None:
        writer.write(sent)
        await writer.drain()
        writer.close()

    return act


def drip(start: bytes, piece: bytes, *, every_seconds: float) -> Reply:
    """Send ``start``, then ``piece`` again and again until the client goes."""

    async def act(writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        while not writer.is_closing():
            writer.write(piece)
            try:
                await writer.drain()
            except ConnectionError:
                return
            await asyncio.sleep(every_seconds)

    return act


def letter_by_letter(whole: bytes, *, every_seconds: float) -> Reply:
    async def act(writer: asyncio.StreamWriter) -> None:
        for letter in whole:
            writer.write(bytes([letter]))
            await asyncio.sleep(every_seconds)

    return act


@dataclass(frozen=True)
class Seen:
    """A request as the server saw it."""

    at: float
    target: str
    headers: Mapping[str, str]


@dataclass
class Vendor:
    """The server: gives its replies in turn, the last one for ever."""

    replies: list[Reply]
    seen: list[Seen] = field(default_factory=list)
    base_url: str = ""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.base_url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *error: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                first, *lines = head.decode("latin-1").rstrip().split("\r\n")
                fields = (line.partition(":") for line in lines)
                headers = {name.lower(): value.strip() for name, _, value in fields}
                self.seen.append(Seen(time.monotonic(), first.split(" ")[1], headers))
                chosen = self.replies[min(len(self.seen), len(self.replies)) - 1]
                if isinstance(chosen, bytes):
                    writer.write(chosen)
                    await writer.drain()
                else:
                    await chosen(writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()


@dataclass
class Scene:
    """A fetcher in front of a vendor. Sleeps pass at once: the database's row is moved back."""

    database: Database
    vendor: Vendor
    fetcher: Fetcher
    source: Source
    gate: RateGate
    delays: list[float]
    waits: list[float]

    async def fetch(
        self, feed: Feed = FEED, request: Request = REQUEST, *, known: Known | None = None
    ) -> Answer:
        return await self.fetcher.fetch(self.source, feed, request=request, known=known)

    @property
    def targets(self) -> list[str]:
        return [seen.target for seen in self.vendor.seen]


@asynccontextmanager
async def scene(
    database: Database,
    *replies: Reply,
    auth: str = "none",
    seed: int = 1,
    **settings: str,
) -> AsyncIterator[Scene]:
    """Open a vendor that gives ``replies``, and a fetcher for it."""
    delays: list[float] = []
    waits: list[float] = []

    async def pass_at_once(seconds: float) -> None:
        waits.append(seconds)
        if seconds < 0.05:
            await asyncio.sleep(seconds)
        else:
            move_time(database, seconds)

    async def delay(seconds: float) -> None:
        delays.append(seconds)
        await asyncio.sleep(0)

    async with Vendor(list(replies)) as vendor:
        own = {"base_url": vendor.base_url, **settings}
        guard = Guard({"vendor": own})
        gate = RateGate(database.async_connect, sleep=pass_at_once)
        async with AiohttpTransport(guard) as transport:
            fetcher = Fetcher(
                transport,
                gate,
                guard=guard,
                settings={"vendor": own},
                clock=lambda: NOW,
                retries=Retries(random=Random(seed), sleep=delay),
            )
            source = Source("vendor", auth=auth, feeds=(FEED,))
            try:
                yield Scene(database, vendor, fetcher, source, gate, delays, waits)
            finally:
                await gate.close()


def move_time(database: Database, seconds: float) -> None:
    """Let time pass for the gates: everything they wait for comes nearer."""
    with database.connection() as connection:
        connection.execute(
            "update gate set paused_until = paused_until - %(by)s * interval '1 second',"
            " opened_at = opened_at - %(by)s * interval '1 second',"
            " next_slot_at = next_slot_at - %(by)s * interval '1 second'",
            {"by": seconds},
        )


def fetched(
    database: Database, *replies: Reply, feed: Feed = FEED, known: Known | None = None
) -> tuple[Answer, list[Seen]]:
    """Fetch once from a vendor that gives ``replies``; return the answer and what it saw."""

    async def work() -> tuple[Answer, list[Seen]]:
        async with scene(database, *replies) as stage:
            return await stage.fetch(feed, known=known), stage.vendor.seen

    return asyncio.run(work())
