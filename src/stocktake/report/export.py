"""Tables as files: CSV that is safe to open in a spreadsheet, or JSON lines."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from psycopg.sql import SQL, Identifier

from stocktake.errors import UsageError
from stocktake.report.cells import cell
from stocktake.report.whole import whole_file
from stocktake.store.queries import load_queries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    import psycopg

    from stocktake.model import Dataset, System

QUERIES = load_queries("stocktake.store", "sql/report.sql")
FORMATS = ("csv", "jsonl")
PIECE_ROWS = 5_000
"""Rows held in memory at once."""


@dataclass(frozen=True, slots=True)
class Exported:
    """A file that was written.

    Args:
        path: Where it is.
        rows: Rows in it.
        bytes: Its size.
        sha256: Hex digest of its bytes; equal rows give equal bytes.
    """

    path: str
    rows: int
    bytes: int
    sha256: str


def export(
    conn: psycopg.Connection[tuple[Any, ...]],
    system: System,
    dataset: Dataset,
    *,
    path: Path,
    file_format: str,
) -> Exported:
    r"""Write a dataset's rows to ``path``, ordered by row key, without the engine's columns.

    CSV has a header line, ``\n`` line ends, NULL as an empty cell and an empty text as ``""``;
    texts that a spreadsheet would run begin with ``'`` (see ``cells.restored``). JSON lines keep
    texts as they are, decimals as numbers, days and instants in ISO 8601.

    Raises:
        UsageError: A format that does not exist.
    """
    if file_format not in FORMATS:
        raise UsageError(
            f"--format {file_format!r} does not exist.", hint=f"Formats: {', '.join(FORMATS)}."
        )
    with conn.transaction(), conn.cursor(name="export") as cursor:
        cursor.itersize = PIECE_ROWS
        cursor.execute(
            QUERIES.export_rows.format(
                columns=SQL(", ").join(map(Identifier, columns(conn, system, dataset))),
                table=Identifier(system.name, dataset.name),
                key=SQL(", ").join(map(Identifier, dataset.key)),
            )
        )
        names = columns(conn, system, dataset)
        encode = csv_lines if file_format == "csv" else json_lines
        return write_rows(path, names, cursor, encode=encode)


def columns(
    conn: psycopg.Connection[tuple[Any, ...]], system: System, dataset: Dataset
) -> list[str]:
    """Return the table's columns in order, without those of the engine (they begin with ``_``)."""
    found = conn.execute(
        QUERIES.table_columns, {"schema": system.name, "table": dataset.name}
    ).fetchall()
    return [name for (name,) in found]


def write_rows(
    path: Path,
    names: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    encode: Callable[[Sequence[str], Iterable[Sequence[object]]], Iterator[bytes]],
) -> Exported:
    """Write rows to a file that is whole or absent, and return what it holds."""
    digest = hashlib.sha256()
    counted = _Counted(rows)
    size = 0
    with whole_file(path) as file:
        for line in encode(names, counted):
            digest.update(line)
            size += file.write(line)
    return Exported(str(path), counted.seen, size, digest.hexdigest())


def csv_lines(names: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[bytes]:
    """Yield a header and a line a row, UTF-8."""
    yield (",".join(names) + "\n").encode()
    for row in rows:
        yield (",".join(map(cell, row)) + "\n").encode()


def json_lines(names: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[bytes]:
    """Yield a JSON object a row, UTF-8."""
    encoder = msgspec.json.Encoder(decimal_format="number", enc_hook=str)
    for row in rows:
        yield encoder.encode(dict(zip(names, row, strict=True))) + b"\n"


class _Counted:
    """Rows that are counted while they pass."""

    def __init__(self, rows: Iterable[Sequence[object]]) -> None:
        self._rows = rows
        self.seen = 0

    def __iter__(self) -> Iterator[Sequence[object]]:
        for row in self._rows:
            self.seen += 1
            yield row
