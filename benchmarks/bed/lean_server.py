"""Serves rendered days from memory, so that no contender waits for a server that thinks.

Anything with ``date=YYYY-MM-DD`` in its address is answered with that day, whatever the login;
``/requests`` tells how many requests came. Only the standard library.
"""

import asyncio
import hashlib
import json
import mmap
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.request import urlopen

__all__ = ["LeanServer", "lean_server"]

ROOT = Path(__file__).resolve().parents[2]
_DAY: Final = re.compile(rb"[?&]date=(\d{4}-\d\d-\d\d)")
_END: Final = b"\r\n\r\n"
_HEAD: Final = b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%b\r\n"


@dataclass(frozen=True, slots=True)
class LeanServer:
    """A running server."""

    base_url: str
    number: int

    def requests(self) -> int:
        """Return how many requests for days came so far."""
        with urlopen(f"{self.base_url}/requests") as answer:
            return int(json.load(answer))


@contextmanager
def lean_server(folder: Path, *, etags: bool = False) -> Iterator[LeanServer]:
    """Run a server for what was rendered into ``folder``.

    Args:
        etags: Send an ``ETag`` and answer 304 to a fitting ``If-None-Match``.
    """
    command = [sys.executable, "-m", "benchmarks.bed.lean_server", str(folder)]
    child = subprocess.Popen(
        [*command, "--etags"] if etags else command, cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert child.stdout is not None
        port = int(child.stdout.readline())
        yield LeanServer(f"http://127.0.0.1:{port}", child.pid)
    finally:
        child.terminate()
        child.wait()


class _Days(asyncio.Protocol):
    """One connection."""

    def __init__(self, store: "_Store") -> None:
        self._store = store
        self._waiting = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        *requests, self._waiting = (self._waiting + data).split(_END)
        for request in requests:
            self._transport.writelines(self._store.answer(request))


class _Store:
    """The days, in memory that is shared with the file."""

    def __init__(self, folder: Path, *, etags: bool) -> None:
        places = json.loads((folder / "index").read_text("utf-8"))["places"]
        with (folder / "bodies").open("rb") as source:
            content = memoryview(mmap.mmap(source.fileno(), 0, access=mmap.ACCESS_READ))
        self._bodies = {
            day.encode(): content[start : start + size] for day, (start, size) in places.items()
        }
        self._etags: dict[bytes, bytes] = {}
        if etags:
            self._etags = {
                day: hashlib.sha256(body).hexdigest().encode() for day, body in self._bodies.items()
            }
        self._requests = 0

    def answer(self, request: bytes) -> list[bytes | memoryview]:
        line = request.partition(b"\r\n")[0]
        if b" /requests " in line:
            told = b"%d" % self._requests
            return [_HEAD % (b"200 OK", len(told), b""), told]
        self._requests += 1
        found = _DAY.search(line)
        day = found[1] if found else b""
        body = self._bodies.get(day)
        if body is None:
            return [_HEAD % (b"404 Not Found", 2, b""), b"{}"]
        etag = self._etags.get(day, b"")
        if etag and etag in request:
            return [_HEAD % (b"304 Not Modified", 0, b'ETag: "%b"\r\n' % etag)]
        header = b'ETag: "%b"\r\n' % etag if etag else b""
        return [_HEAD % (b"200 OK", len(body), header), body]


async def _serve(folder: Path, *, etags: bool) -> None:
    store = _Store(folder, etags=etags)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Days(store), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1]), etags="--etags" in sys.argv))
