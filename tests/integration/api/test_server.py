"""The real server on a socket: headers that trickle or never end, keep-alive, streams, its end."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from stocktake.access.roles import Role
from stocktake.api import server
from stocktake.api.server import Address, listening
from stocktake.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.api.conftest import Served


@contextmanager
def running(served: Served) -> Iterator[int]:
    """Serve on a free port from a thread; yield the port."""
    ports: list[int] = []
    opened, loop = threading.Event(), asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        async with listening(served.app, Address(port=0)) as url:
            ports.append(int(url.rpartition(":")[2]))
            opened.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert opened.wait(30)
    try:
        yield ports[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(30)
        loop.close()


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def until_closed(link: socket.socket) -> bytes:
    found = b""
    try:
        while part := link.recv(65_536):
            found += part
    except ConnectionResetError:
        pass
    return found


def answered(link: socket.socket) -> bytes:
    """Read one answer with a Content-Length."""
    found = b""
    while b"\r\n\r\n" not in found:
        found += link.recv(65_536)
    head, _, body = found.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    while len(body) < length:
        body += link.recv(65_536)
    return head


def test_a_connection_serves_many_requests(served: Served) -> None:
    key = served.with_key(Role.VIEWER).headers["Authorization"]
    request = f"GET /api/v1/systems HTTP/1.1\r\nHost: localhost\r\nAuthorization: {key}\r\n\r\n"
    with running(served) as port, connected(port) as link:
        for _ in range(3):
            link.sendall(request.encode())

            assert answered(link).startswith(b"HTTP/1.1 200 OK")


def test_headers_that_trickle_are_given_up(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "HEADER_SECONDS", 0.5)
    with running(served) as port, connected(port) as link:
        begun = time.monotonic()
        link.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")

        assert until_closed(link) == b""
        assert time.monotonic() - begun < 8


def test_headers_without_end_are_given_up(served: Served) -> None:
    with running(served) as port, connected(port) as link:
        link.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        endless = b"".join(b"X-%d: %s\r\n" % (number, b"x" * 100) for number in range(100_000))
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            link.sendall(endless)


@pytest.mark.parametrize(
    "request_line",
    [b"nonsense\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc"],
)
def test_what_is_no_request_is_refused(served: Served, request_line: bytes) -> None:
    with running(served) as port, connected(port) as link:
        link.sendall(request_line)
        link.shutdown(socket.SHUT_WR)

        assert until_closed(link)[:12] in (b"HTTP/1.1 400", b"")


def test_a_request_that_names_two_lengths_is_refused(served: Served) -> None:
    smuggled = (
        b"POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n"
        b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n"
        b"GET /livez HTTP/1.1\r\n\r\n"
    )
    with running(served) as port, connected(port) as link:
        link.sendall(smuggled)

        assert until_closed(link).count(b"HTTP/1.1 ") <= 1


def test_a_port_that_is_taken_is_said_so(served: Served) -> None:
    with running(served) as port:

        async def again() -> None:
            async with listening(served.app, Address(port=port)):
                pass

        with pytest.raises(ConfigurationError, match=f"port {port}"):
            asyncio.run(again())


def test_a_name_that_is_none_is_said_so(served: Served) -> None:
    async def nowhere() -> None:
        async with listening(served.app, Address(host="256.1.1.1", port=0)):
            pass

    with pytest.raises(ConfigurationError, match=r"256\.1\.1\.1"):
        asyncio.run(nowhere())
