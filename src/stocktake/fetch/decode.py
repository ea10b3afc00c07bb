"""Content encodings undone by ourselves, so that every damage is noticed and no bomb explodes."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import zstandard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STEP_BYTES = 1 << 20
# One zstd block of 4 bytes may hold 128 KiB, so 512 bytes at a time grow by 16 MiB at most.
ZSTD_STEP_BYTES = 512
ZSTD_WINDOW_BYTES = 1 << 27
GZIP_MAGIC = b"\x1f\x8b"
ACCEPTED = "gzip, deflate, zstd"
_GZIP_WINDOW = zlib.MAX_WBITS | 16


class DecodeError(ValueError):
    """The bytes are not what their encoding says; the text says how, for users."""


def decode(raw: bytes, encoding: str, *, max_bytes: int) -> bytes:
    """Return the content of ``raw``.

    Args:
        raw: Bytes as received, transfer encoding undone.
        encoding: The Content-Encoding header; empty and ``identity`` mean none.
        max_bytes: Largest content accepted.

    Raises:
        DecodeError: Cut short, damaged, followed by other bytes, an encoding we did not ask for,
            or larger than ``max_bytes``.
    """
    name = encoding.strip().lower()
    if name in {"", "identity"}:
        return _bounded(iter((raw,)), max_bytes)
    pieces = _DECODERS.get(name)
    if pieces is None:
        raise DecodeError(f"content encoding {name[:40]!r}, which was not asked for")
    try:
        content = _bounded(pieces(raw), max_bytes)
    except (zlib.error, zstandard.ZstdError) as error:
        raise DecodeError(f"damaged {name} body") from error
    return content


def _bounded(pieces: Iterator[bytes], max_bytes: int) -> bytes:
    kept: list[bytes] = []
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > max_bytes:
            raise DecodeError(f"body larger than {max_bytes} bytes")
        kept.append(piece)
    return kept[0] if len(kept) == 1 else b"".join(kept)


def _inflate(raw: bytes, window: int, name: str) -> Iterator[bytes]:
    """Yield the content of one stream, or of several gzip members in a row."""
    rest = raw
    while True:
        stream = zlib.decompressobj(window)
        while not stream.eof:
            piece = stream.decompress(rest, STEP_BYTES)
            rest = stream.unconsumed_tail
            if not piece and not rest and not stream.eof:
                raise DecodeError(f"{name} body cut short")
            yield piece
        rest = stream.unused_data
        if not rest:
            return
        if window != _GZIP_WINDOW or not rest.startswith(GZIP_MAGIC):
            raise DecodeError(f"{len(rest)} bytes after the end of the {name} body")


def _gzip(raw: bytes) -> Iterator[bytes]:
    return _inflate(raw, _GZIP_WINDOW, "gzip")


def _deflate(raw: bytes) -> Iterator[bytes]:
    """Yield zlib content, or raw deflate, which some servers send under the same name."""
    has_header = len(raw) > 1 and raw[0] & 15 == zlib.DEFLATED and (raw[0] << 8 | raw[1]) % 31 == 0
    return _inflate(raw, zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS, "deflate")


def _zstd(raw: bytes) -> Iterator[bytes]:
    rest = memoryview(raw)
    while True:
        stream = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW_BYTES).decompressobj()
        while not stream.eof:
            if not rest:
                raise DecodeError("zstd body cut short")
            step, rest = rest[:ZSTD_STEP_BYTES], rest[ZSTD_STEP_BYTES:]
            yield stream.decompress(step)
        unused = stream.unused_data + bytes(rest)
        if not unused:
            return
        if not unused.startswith(zstandard.FRAME_HEADER):
            raise DecodeError(f"{len(unused)} bytes after the end of the zstd body")
        rest = memoryview(unused)


_DECODERS: dict[str, Callable[[bytes], Iterator[bytes]]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "zstd": _zstd,
}
