"""Answers that break the rules of HTTP, written straight onto the connection."""

import asyncio
import gzip
import socket
import struct
import zlib
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final

from stocktake.testing.faults import Fault

DEFAULT_SLOW_BYTE_SECONDS: Final = 0.2
DEFAULT_STALL_SECONDS: Final = 3600.0
DEFAULT_BOMB_MB: Final = 256
DEFAULT_OVERSIZED_MB: Final = 96
DEFAULT_HEADER_KB: Final = 256

_MB: Final = 1 << 20
_SETTLE_SECONDS: Final = 0.02
_JSON: Final = "application/json"


def head(status: int, *headers: tuple[str, str | int]) -> bytes:
    """Return a status line and headers as bytes, with the blank line that ends them."""
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _plain_head(length: int) -> bytes:
    return head(200, ("Content-Type", _JSON), ("Content-Length", length))


def _gzip_head(length: int) -> bytes:
    return head(
        200, ("Content-Type", _JSON), ("Content-Encoding", "gzip"), ("Content-Length", length)
    )


async def _write(transport: asyncio.Transport, block: bytes) -> bool:
    """Write a block and wait until the buffer is small; False once the other side left."""
    if transport.is_closing():
        return False
    transport.write(block)
    while transport.get_write_buffer_size() > _MB:
        await asyncio.sleep(_SETTLE_SECONDS)
        if transport.is_closing():
            return False
    return True


async def _reset(transport: asyncio.Transport, body: bytes, fault: Fault) -> None:
    whole = _plain_head(len(body)) + body
    sent = whole[: int(fault.number(0))]
    if sent:
        await _write(transport, sent)
        await asyncio.sleep(_SETTLE_SECONDS)
    connection: socket.socket | None = transport.get_extra_info("socket")
    if connection is not None:
        linger_none = struct.pack("ii", 1, 0)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_none)
    transport.abort()


async def _truncated(transport: asyncio.Transport, body: bytes, fault: Fault) -> None:
    kept = body[: int(fault.number(len(body) // 2))]
    await _write(transport, _plain_head(max(len(body), len(kept) + 1)) + kept)
    transport.close()


async def _extra_bytes(transport: asyncio.Transport, body: bytes, fault: Fault) -> None:
    await _write(transport, _plain_head(len(body)) + body + b"x" * int(fault.number(64)))
    transport.close()


async def _slow_body(transport: asyncio.Transport, body: bytes, fault: Fault) -> None:
    pause = fault.number(DEFAULT_SLOW_BYTE_SECONDS)
    await _write(transport, _plain_head(len(body)))
    for position in range(len(body)):
        if not await _write(transport, body[position : position + 1]):
            return
        await asyncio.sleep(pause)
    transport.close()


async def _stall(transport: asyncio.Transport, body: bytes, fault: Fault) -> None:
    await _write(transport, _plain_head(len(body)) + body[: len(body) * 99 // 100])
    await _hold(transport, fault.number(DEFAULT_STALL_SECONDS))
    transport.close()


async def _timeout(transport: asyncio.Transport, _body: bytes, fault: Fault) -> None:
    await _hold(transport, fault.number(DEFAULT_STALL_SECONDS))
    transport.close()


async def _hold(transport: asyncio.Transport, seconds: float) -> None:
    until = asyncio.get_running_loop().time() + seconds
    while not transport.is_closing() and asyncio.get_running_loop().time() < until:  # noqa: ASYNC110 no event tells that the client left
        await asyncio.sleep(_SETTLE_SECONDS)


async def _bad_gzip(transport: asyncio.Transport, body: bytes, _fault: Fault) -> None:
    packed = bytearray(gzip.compress(body, mtime=0))
    packed[-8] ^= 0xFF  # the CRC no longer fits
    await _write(transport, _gzip_head(len(packed)) + packed)
    transport.close()


async def _truncated_gzip(transport: asyncio.Transport, body: bytes, fault: Fault) -> None:
    packed = gzip.compress(body, mtime=0)
    kept = packed[: int(fault.number(len(packed) // 2))]
    await _write(transport, _gzip_head(len(kept)) + kept)
    transport.close()


async def _gzip_bomb(transport: asyncio.Transport, _body: bytes, fault: Fault) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    spaces = b" " * _MB
    packed = b"".join(packer.compress(spaces) for _ in range(int(fault.number(DEFAULT_BOMB_MB))))
    packed += packer.compress(b"{}") + packer.flush()
    await _write(transport, _gzip_head(len(packed)) + packed)
    transport.close()


async def _oversized(transport: asyncio.Transport, _body: bytes, fault: Fault) -> None:
    blocks = int(fault.number(DEFAULT_OVERSIZED_MB))
    spaces = b" " * _MB
    await _write(transport, _plain_head(blocks * _MB + 2))
    for _ in range(blocks):
        if not await _write(transport, spaces):
            return
    await _write(transport, b"{}")
    transport.close()


async def _endless_body(transport: asyncio.Transport, _body: bytes, fault: Fault) -> None:
    pause = fault.number(0.0)
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    await _write(transport, head(200, ("Content-Type", _JSON), ("Transfer-Encoding", "chunked")))
    while await _write(transport, chunk):  # noqa: ASYNC110 the pause is the fault
        await asyncio.sleep(pause)


async def _large_headers(transport: asyncio.Transport, body: bytes, fault: Fault) -> None:
    filler = "x" * (int(fault.number(DEFAULT_HEADER_KB)) << 10)
    await _write(transport, head(200, ("Content-Length", len(body)), ("X-Filler", filler)) + body)
    transport.close()


BreakConnection = Callable[[asyncio.Transport, bytes, Fault], Awaitable[None]]

BROKEN: Final[dict[str, BreakConnection]] = {
    "bad_gzip": _bad_gzip,
    "endless_body": _endless_body,
    "extra_bytes": _extra_bytes,
    "gzip_bomb": _gzip_bomb,
    "large_headers": _large_headers,
    "oversized": _oversized,
    "reset": _reset,
    "slow_body": _slow_body,
    "stall": _stall,
    "timeout": _timeout,
    "truncated": _truncated,
    "truncated_gzip": _truncated_gzip,
}
"""Faults that need the bare connection: they end it, whatever the client hoped for."""

SILENT: Final[frozenset[str]] = frozenset({"reset", "timeout"})
"""Faults logged with status 0: no complete status line need have been sent."""
