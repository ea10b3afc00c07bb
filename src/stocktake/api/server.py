"""The server: uvicorn, with headers that arrive late or never end ended."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from stocktake.errors import ConfigurationError

LOOPBACK, PORT = "127.0.0.1", 8321
HEADER_SECONDS = 10.0
MOST_HEADER_BYTES = 32_768
KEEP_ALIVE_SECONDS = 75
ENDING_SECONDS = 10
BACKLOG = 2_048
ENDLESS = "is_endless"
"""Set in the state of a request whose answer goes on until the listener leaves."""
WANTED_FILES = 8_192


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen.

    Args:
        host: Name or address; ``0.0.0.0`` and ``::`` are every one of this machine's.
        port: 1 to 65535; 0 takes any free one.
        trusted_proxy: Addresses of proxies whose ``X-Forwarded-For`` and ``-Proto`` count,
            separated by commas; empty: nobody's do.
    """

    host: str = LOOPBACK
    port: int = PORT
    trusted_proxy: str = ""


class _Protocol(HttpToolsProtocol):
    """HTTP/1.1 whose headers must be whole within ten seconds and 32 KiB."""

    _waiting: asyncio.TimerHandle | None = None
    _header_bytes = 0

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Count what arrives while headers are not whole."""
        cycle: Any = self.cycle  # None before the first request
        is_between = cycle is None or cycle.response_complete
        if is_between:
            self._wait()
            self._header_bytes += len(data)
        super().data_received(data)
        if self._waiting is not None and self._header_bytes > MOST_HEADER_BYTES:
            self._give_up()

    def on_headers_complete(self) -> None:
        """Stop waiting: the request is whole but for its body."""
        self._stop_waiting()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_waiting()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """End what would never end by itself at once; let everything else finish."""
        cycle: Any = self.cycle
        if cycle is None or cycle.response_complete or not cycle.scope["state"].get(ENDLESS):
            super().shutdown()
        else:
            self.transport.close()

    def _wait(self) -> None:
        if self._waiting is None:
            loop = asyncio.get_running_loop()
            self._waiting = loop.call_later(HEADER_SECONDS, self._give_up)

    def _stop_waiting(self) -> None:
        self._header_bytes = 0
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _give_up(self) -> None:
        self._stop_waiting()
        if self.transport is not None:
            self.transport.abort()


class _Server(uvicorn.Server):
    """A server that leaves signals to the program it is part of."""

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield


@contextlib.asynccontextmanager
async def listening(app: FastAPI, address: Address) -> AsyncIterator[str]:
    """Serve for the length of a block, and yield the address browsers on this machine use.

    Raises:
        ConfigurationError: The port is taken or not allowed, or there is no such address here.
    """
    taken = _socket(address)
    config = uvicorn.Config(
        app,
        http=_Protocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(address.trusted_proxy),
        forwarded_allow_ips=address.trusted_proxy or None,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=ENDING_SECONDS,
        backlog=BACKLOG,
    )
    server = _Server(config)
    serving = asyncio.ensure_future(server.serve(sockets=[taken]))
    try:
        while not (server.started or serving.done()):  # noqa: ASYNC110 -- uvicorn has no event
            await asyncio.sleep(0.01)
        if serving.done():
            await serving
        yield _url(address.host, taken.getsockname()[1])
    finally:
        server.should_exit = True
        await serving


async def serve(
    app: FastAPI,
    address: Address,
    *,
    stop: asyncio.Event,
    announce: Callable[[str], None],
) -> None:
    """Serve until ``stop`` is set; ``announce`` is called with the address once it is open.

    Raises:
        ConfigurationError: As for ``listening``.
    """
    async with listening(app, address) as url:
        announce(url)
        await stop.wait()


def raise_file_limit() -> None:
    """Let this process hold as many connections as the machine lets it, up to what is sensible."""
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 -- POSIX only

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED_FILES if hard == resource.RLIM_INFINITY else min(WANTED_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _socket(address: Address) -> socket.socket:
    try:
        family, kind, proto, _, place = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        taken = socket.socket(family, kind, proto)
    except OSError as error:
        raise _unusable(address, error) from error
    try:
        if sys.platform != "win32":
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(place)
        taken.listen(BACKLOG)
    except OSError as error:
        taken.close()
        raise _unusable(address, error) from error
    taken.settimeout(0)
    return taken


def _unusable(address: Address, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        f"cannot listen on {address.host} port {address.port}: {error.strerror or error}.",
        hint="Choose another with --port, or stop what uses it.",
    )


def _url(host: str, port: int) -> str:
    shown = {"0.0.0.0": LOOPBACK, "::": "::1"}.get(host, host)  # noqa: S104 -- not bound here
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"
