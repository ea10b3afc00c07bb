"""One exchange to its last byte, or to a plain word on why not; no redirects, retries, cookies."""

from __future__ import annotations

import asyncio
import socket
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from stocktake.fetch.decode import ACCEPTED, GZIP_MAGIC, DecodeError, decode
from stocktake.fetch.guard import literal_address
from stocktake.observe.traces import span

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from stocktake.fetch.guard import Guard

    Resolve = Callable[[str, int], Awaitable[list[str]]]

CHUNK_BYTES = 1 << 18
"""What arrives before reading waits; smaller ones make a large body stop and go."""
THREAD_ABOVE_BYTES = 1 << 18
PIN_SECONDS = 300
CONNECTIONS_PER_HOST = 16
MOST_HEADERS = 128
HEADER_BYTES = 8190
_TEXT_KINDS = ("json", "text", "xml", "html")


@dataclass(frozen=True, slots=True)
class Response:
    """What one GET brought.

    Args:
        status: HTTP status, 0 when no answer arrived.
        headers: Names in lower case; values of a repeated name joined by commas.
        body: Content, decoded; the raw bytes when ``flaw`` says that they cannot be decoded.
        seconds: From asking for a connection to the last byte.
        flaw: Why it must not be used, for users; empty for a whole answer.
        was_sent: Whether the request can have reached the server.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float
    flaw: str = ""
    was_sent: bool = True


class Transport(Protocol):
    """Anything that can get one address."""

    async def get(
        self, url: str, *, headers: Mapping[str, str], timeout_seconds: float, max_bytes: int
    ) -> Response:
        """Return what ``url`` answered, redirects included, within ``timeout_seconds`` in all.

        Failures of the network or the server are responses with a ``flaw``, not exceptions.

        Raises:
            RequestRefused: The host leads to an address that may not be asked.
        """
        ...


@dataclass(frozen=True, slots=True)
class _Asked:
    """One request as it is sent."""

    method: str
    url: URL
    headers: Mapping[str, str]
    body: bytes | None = None


@dataclass(slots=True)
class _Arrived:
    """What arrived so far, so that a failure can tell how far it got."""

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    chunks: list[bytes] = field(default_factory=list)
    size: int = 0

    @property
    def raw(self) -> bytes:
        """The body so far."""
        return b"".join(self.chunks)


class AiohttpTransport:
    """One session of aiohttp for all sources; use it as an asynchronous context manager."""

    def __init__(
        self,
        guard: Guard,
        *,
        connections_per_host: int = CONNECTIONS_PER_HOST,
        resolve: Resolve | None = None,
    ) -> None:
        """Open nothing yet.

        Args:
            guard: Vets every address before a connection is made.
            connections_per_host: Most connections to one host and port at once.
            resolve: Turns host and port into addresses; ``None`` asks the operating system.
        """
        self._guard = guard
        self._connections_per_host = connections_per_host
        self._resolve = resolve or _system_addresses
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open the session."""
        connector = aiohttp.TCPConnector(
            limit=0,
            limit_per_host=self._connections_per_host,
            resolver=_VettedResolver(self._guard, self._resolve),
            ttl_dns_cache=PIN_SECONDS,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
            max_line_size=HEADER_BYTES,
            max_field_size=HEADER_BYTES,
            max_headers=MOST_HEADERS,
            requote_redirect_url=False,
            read_bufsize=CHUNK_BYTES,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def get(
        self, url: str, *, headers: Mapping[str, str], timeout_seconds: float, max_bytes: int
    ) -> Response:
        """Return what ``url`` answered; see ``Transport.get``."""
        asked = _Asked("GET", URL(url, encoded=True), headers)
        return await self._exchange(asked, timeout_seconds, max_bytes)

    async def post(
        self,
        url: str,
        body: bytes,
        *,
        headers: Mapping[str, str],
        timeout_seconds: float,
        max_bytes: int,
    ) -> Response:
        """Send ``body`` and return what ``url`` answered; otherwise like ``get``."""
        asked = _Asked("POST", URL(url, encoded=True), headers, body)
        return await self._exchange(asked, timeout_seconds, max_bytes)

    async def _exchange(self, asked: _Asked, timeout_seconds: float, max_bytes: int) -> Response:
        target = asked.url
        host = target.host or ""
        if literal_address(host) is not None:  # addresses are never resolved, so vet them here
            self._guard.vet(host, [host])
        arrived = _Arrived()
        began = time.perf_counter()
        flaw, was_sent, body = "", True, b""
        with span(
            asked.method, kind="CLIENT", http__request__method=asked.method, server__address=host
        ) as note:
            try:
                async with asyncio.timeout(timeout_seconds):
                    await self._receive(asked, arrived, max_bytes)
                    body = await _decoded(arrived, max_bytes)
            except TimeoutError:
                flaw = f"no complete answer within {timeout_seconds:g} s"
            except DecodeError as error:
                flaw, body = str(error), arrived.raw
            except aiohttp.ClientError as error:
                flaw, was_sent = _flaw_of(error, arrived)
            note("http__response__status_code", arrived.status)
            note("http__response__body__size", len(body))
            if flaw:
                note("error__type", flaw)
        seconds = time.perf_counter() - began
        return Response(arrived.status, arrived.headers, body, seconds, flaw, was_sent)

    async def _receive(self, asked: _Asked, arrived: _Arrived, max_bytes: int) -> None:
        if self._session is None:
            raise RuntimeError("The transport is used outside its 'async with' block.")
        async with self._session.request(
            asked.method,
            asked.url,
            data=asked.body,
            headers={"Accept-Encoding": ACCEPTED, **asked.headers},
            allow_redirects=False,
            middlewares=(_only_once(),),
        ) as response:
            arrived.status = response.status
            arrived.headers = _plain_headers(response)
            async for chunk in response.content.iter_any():
                arrived.chunks.append(chunk)
                arrived.size += len(chunk)
                if arrived.size > max_bytes:
                    response.close()  # the rest is not worth reading, nor is the connection
                    raise DecodeError(f"body larger than {max_bytes} bytes")


class _VettedResolver(AbstractResolver):
    """Resolves a name, and hands on its addresses only if the guard lets all of them pass.

    aiohttp connects to exactly these addresses and keeps them for ``PIN_SECONDS``.
    """

    def __init__(self, guard: Guard, resolve: Resolve) -> None:
        self._guard = guard
        self._resolve = resolve

    async def resolve(  # type: ignore[override]  # aiohttp names the family
        self, host: str, port: int = 0, *, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        del family  # both kinds are tried
        addresses = self._guard.vet(host, await self._resolve(host, port))
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        """Nothing is kept."""


def _only_once() -> aiohttp.ClientMiddlewareType:
    """Refuse the second sending that aiohttp tries by itself on a new connection, past the gate."""
    was_sent = False

    async def send(
        request: aiohttp.ClientRequest, following: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        nonlocal was_sent
        if was_sent:
            raise aiohttp.ServerDisconnectedError
        was_sent = True
        return await following(request)

    return send


async def _system_addresses(host: str, port: int) -> list[str]:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _plain_headers(response: aiohttp.ClientResponse) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in response.headers.items():
        key = name.lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    return headers


async def _decoded(arrived: _Arrived, max_bytes: int) -> bytes:
    raw, encoding = arrived.raw, arrived.headers.get("content-encoding", "")
    if len(raw) > THREAD_ABOVE_BYTES and encoding:
        content = await asyncio.to_thread(decode, raw, encoding, max_bytes=max_bytes)
    else:
        content = decode(raw, encoding, max_bytes=max_bytes)
    kind = arrived.headers.get("content-type", "")
    if content.startswith(GZIP_MAGIC) and any(text in kind for text in _TEXT_KINDS):
        raise DecodeError("body compressed more often than its headers say")
    return content


def _flaw_of(error: aiohttp.ClientError, arrived: _Arrived) -> tuple[str, bool]:
    """Return what went wrong, in our words (theirs may hold addresses), and whether it was sent."""
    for kind, flaw, was_sent in _FLAWS:
        if isinstance(error, kind):
            return flaw.format(count=arrived.size), was_sent
    return f"transport failure ({type(error).__name__})", True


_FLAWS: tuple[tuple[type[aiohttp.ClientError], str, bool], ...] = (
    (aiohttp.ClientConnectorDNSError, "host name cannot be resolved", False),
    (aiohttp.ClientConnectorCertificateError, "TLS certificate not trusted", False),
    (aiohttp.ClientSSLError, "TLS failed", False),
    (aiohttp.ClientConnectorError, "connection refused or unreachable", False),
    (aiohttp.ServerDisconnectedError, "connection closed before an answer", True),
    (aiohttp.ClientPayloadError, "answer cut short after {count} bytes", True),
    (aiohttp.ClientResponseError, "answer is not valid HTTP", True),
    (aiohttp.ClientOSError, "connection reset after {count} bytes", True),
)
