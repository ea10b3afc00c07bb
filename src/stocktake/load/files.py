"""Files as they lie on a disk: found, unpacked by what they are, and limited in size."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import zstandard

from stocktake.errors import LoadError
from stocktake.model import Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from stocktake.model import FileFormat

    Unpacker = zlib._Decompress | zstandard.ZstdDecompressionObj  # noqa: SLF001 -- unnamed in zlib

MOST_BYTES = 1 << 30
"""Largest file accepted, unpacked."""
PACKED_SUFFIXES = (".gz", ".zst")
_PIECE = 1 << 20
_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_GZIP_WINDOW = 31


def paths_in(paths: Sequence[Path], form: FileFormat) -> list[Path]:
    """Return the files named, and those of the format in the folders named, in order of name.

    Raises:
        LoadError: A path that is not there, or a folder without a file of the format.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(one for one in path.rglob("*") if one.is_file() and _fits(one, form))
            if not inside:
                endings = ", ".join(form.suffixes)
                raise LoadError(
                    f"{path}: no file of {form.name} in this folder.",
                    hint=f"Their names end in {endings}, also with .gz or .zst.",
                )
            found += inside
        elif path.is_file():
            found.append(path)
        else:
            raise LoadError(f"{path}: there is no such file.", hint="Check the path.")
    return list(dict.fromkeys(found))


def open_files(
    paths: Sequence[Path], form: FileFormat, *, most_bytes: int = MOST_BYTES
) -> Iterator[tuple[Request, bytes]]:
    """Yield each file as a request and its unpacked bytes, one at a time.

    Whether a file is packed is told by its content, whatever its name. The same bytes give the
    same rows whatever the file's name: loading a file twice changes nothing.

    Args:
        paths: Files, as ``paths_in`` returns them.
        form: Format they are read as.
        most_bytes: Largest size accepted, unpacked.

    Raises:
        LoadError: A file that cannot be read, ends too early, or is too large.
    """
    for path in paths:
        yield Request(feed=form.name, path=path.name), read_file(path, most_bytes=most_bytes)


def read_file(path: Path, *, most_bytes: int = MOST_BYTES) -> bytes:
    """Return the bytes of a plain, gzip or zstandard file, unpacked.

    Raises:
        LoadError: It cannot be read, ends in the middle of its packing, or is too large.
    """
    try:
        with path.open("rb") as file:
            packed = file.read(most_bytes + 1)
    except OSError as error:
        raise LoadError(f"{path}: cannot be read: {error.strerror}.") from error
    if len(packed) > most_bytes:
        raise _too_large(path, most_bytes)
    if packed.startswith(_GZIP):
        return _unpacked(path, packed, opened=_open_gzip, most_bytes=most_bytes)
    if packed.startswith(_ZSTD):
        return _unpacked(path, packed, opened=_open_zstd, most_bytes=most_bytes)
    return packed


def _open_gzip() -> Unpacker:
    return zlib.decompressobj(_GZIP_WINDOW)


def _open_zstd() -> Unpacker:
    return zstandard.ZstdDecompressor().decompressobj()


def _unpacked(
    path: Path, packed: bytes, *, opened: Callable[[], Unpacker], most_bytes: int
) -> bytes:
    """Unpack every member of a packed file; zeros at its end are padding."""
    parts: list[bytes] = []
    size = 0
    rest = memoryview(packed)
    while rest.nbytes and any(rest[:_PIECE]):
        unpacker = opened()
        try:
            while not unpacker.eof:
                if not rest.nbytes:
                    raise LoadError(
                        f"{path}: ends in the middle of its packed content.",
                        hint="The copy is not complete: fetch or copy the file again.",
                    )
                part = unpacker.decompress(bytes(rest[:_PIECE]))
                rest = rest[_PIECE:]
                parts.append(part)
                size += len(part)
                if size > most_bytes:
                    raise _too_large(path, most_bytes)
        except (zlib.error, zstandard.ZstdError) as error:
            raise LoadError(
                f"{path}: its packed content is damaged: {error}.",
                hint="Fetch or copy the file again.",
            ) from error
        unread = len(unpacker.unused_data)
        rest = memoryview(packed)[len(packed) - rest.nbytes - unread :]
    return b"".join(parts)


def _fits(path: Path, form: FileFormat) -> bool:
    name = path.name.lower()
    for packed in PACKED_SUFFIXES:
        name = name.removesuffix(packed)
    return name.endswith(tuple(suffix.lower() for suffix in form.suffixes))


def _too_large(path: Path, most_bytes: int) -> LoadError:
    return LoadError(
        f"{path}: larger than {most_bytes >> 20} MiB unpacked.",
        hint="Split it into several files.",
    )
