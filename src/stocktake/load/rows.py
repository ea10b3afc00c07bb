"""Rows of one facet before they meet the database: gathered over loads, one per key, hashed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2b
from itertools import compress, repeat
from operator import itemgetter, ne
from struct import unpack
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from stocktake.load.sound import Refusal, refused_rows
from stocktake.model import Capture, Parsed, Reject, Request

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence
    from collections.abc import Set as AbstractSet

    from stocktake.load.tables import FacetTable

Row = tuple[Any, ...]

_ENCODER = msgspec.msgpack.Encoder(decimal_format="string", order="deterministic")


@dataclass(frozen=True, slots=True)
class Load:
    """One answer to be merged: its request, its stored captures (pages in order), its rows.

    Rows are attributed to the first page's capture; the others name it as their first page.
    """

    request: Request
    captures: Sequence[Capture]
    parsed: Parsed

    @property
    def capture_id(self) -> int:
        """Capture of the first page; it must be stored."""
        capture_id = self.captures[0].capture_id
        if capture_id is None:
            msg = f"{self.request.path}: rows are merged only from stored captures."
            raise ValueError(msg)
        return capture_id


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two rows of one answer that share a key and differ.

    Attributes:
        load: Index of the answer.
        kept: The row that counts.
        other: The row set aside.
    """

    load: int
    kept: Row
    other: Row


class Line(NamedTuple):
    """One row on its way into the table.

    Attributes:
        key: Its key; a tuple when composite.
        row: What is written.
        digest: Hash of what its answer said; longer texts of other answers do not count.
        is_lengthened: Whether it has longer texts of other answers: then a row held may lack them
            although its answer said the same.
        load: Index of the answer it came from.
        capture_id: The answer's capture.
    """

    key: Any
    row: Row
    digest: int
    is_lengthened: bool
    load: int
    capture_id: int


@dataclass(slots=True)
class Batch:
    """Rows of one facet over all loads, one per key, and what was left out.

    Attributes:
        lines: Rows in ascending order of their keys.
        read: Rows read, per load.
        duplicates: Rows set aside for another row with their key, per load.
        rejects: Rows refused: index of the load, and the reject.
        conflicts: Rows of one answer with one key and different values.
    """

    lines: list[Line] = field(default_factory=list)
    read: list[int] = field(default_factory=list)
    duplicates: list[int] = field(default_factory=list)
    rejects: list[tuple[int, Reject]] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)


def row_hash(row: Row) -> int:
    """Return the 8-byte BLAKE2b of the row's canonical encoding, as a signed integer.

    The encoding is MessagePack of the values in the facet's order: decimals and dates as text
    (``1.50`` and ``1.5`` differ), aware datetimes as the instant whatever their zone, sets and
    mappings sorted. Equal rows have equal hashes in every program and on every machine.

    Raises:
        UnicodeEncodeError: A text holds half of a surrogate pair.

    >>> row_hash(("rac_1", 7, None)) == row_hash(("rac_1", 7, None))
    True
    >>> row_hash(("rac_1", 7, None)) == row_hash(("rac_1", "7", None))
    False
    """
    return row_hashes((row,))[0]


def row_hashes(rows: Sequence[Row]) -> tuple[int, ...]:
    """Return ``row_hash`` of each row."""
    fresh = blake2b(digest_size=8).copy  # a copy costs two thirds of making one
    digests = []
    for encoded in map(_ENCODER.encode, rows):
        digest = fresh()
        digest.update(encoded)
        digests.append(digest.digest())
    return unpack(f">{len(digests)}q", b"".join(digests))


def gather(
    table: FacetTable,
    loads: Sequence[Load],
    *,
    thorough: bool,
    held: AbstractSet[Any] = frozenset(),
) -> Batch:
    """Return the facet's rows of all loads, one per key.

    Of rows with one key the one of the later load counts (loads come oldest first), of one load
    the last; where only absent rows are inserted, the first. Longest texts are kept from all.

    Args:
        thorough: Look at every value for what the table would refuse, not only for what it
            would take wrongly.
        held: Keys whose rows are left out, for nothing is done with them: they are there for good.
    """
    found: dict[Any, tuple[Row, int]] = {}
    longest: dict[Any, Row] = {}
    compared: list[int] = []
    batch = Batch()
    key_of = itemgetter(*table.key_positions)
    for index, load in enumerate(loads):
        rows = load.parsed.rows.get(table.facet.row, [])
        batch.read.append(len(rows))
        if held:
            rows = list(compress(rows, [key not in held for key in map(key_of, rows)]))
        refused = refused_rows(table, rows, thorough=thorough)
        if thorough:
            refused |= _unencodable(rows, but=refused)
        if refused:
            batch.rejects += [
                (index, reject_row(table, rows[at], code=code, reason=reason))
                for at, (code, reason) in sorted(refused.items())
            ]
            rows = [row for at, row in enumerate(rows) if at not in refused]
        compared.append(len(rows))
        fresh = dict(zip(map(key_of, rows), zip(rows, repeat(index)), strict=False))
        if len(fresh) == len(rows) and found.keys().isdisjoint(fresh):
            found.update(fresh)
        else:
            keyed = zip(map(key_of, rows), rows, strict=True)
            batch.conflicts += _settle(table, found, longest=longest, keyed=keyed, index=index)
    kept = Counter(index for _, index in found.values())
    batch.duplicates = [rows - kept[index] for index, rows in enumerate(compared)]
    if found:
        batch.lines = _lines(table, found, longest, [load.capture_id for load in loads])
    return batch


def _lines(
    table: FacetTable,
    found: Mapping[Any, tuple[Row, int]],
    longest: Mapping[Any, Row],
    capture_ids: Sequence[int],
) -> list[Line]:
    keys = sorted(found)
    rows, indexes = zip(*map(found.__getitem__, keys), strict=True)
    digests = row_hashes(rows)
    written = rows
    if longest:
        written = tuple(
            _lengthened(table, row, longest[key]) if key in longest else row
            for key, row in zip(keys, rows, strict=True)
        )
    lengthened = map(ne, written, rows) if longest else [False] * len(rows)
    captures = map(capture_ids.__getitem__, indexes)
    lines = zip(keys, written, digests, lengthened, indexes, captures, strict=False)
    return list(map(partial(tuple.__new__, Line), lines))


def reject_row(table: FacetTable, row: Row, *, code: str, reason: str) -> Reject:
    """Return the reject of a row; its place in the capture is told by its key."""
    return Reject(
        dataset=table.dataset.name,
        position=key_text(table, row),
        code=code,
        reason=reason,
        raw=as_json(named(table, row)),
    )


def named(table: FacetTable, row: Row) -> Mapping[str, Any]:
    """Return a row as a mapping by column."""
    return dict(zip(table.facet.columns, row, strict=True))


def key_text(table: FacetTable, row: Row) -> str:
    """Return a row's key as people write it: ``race_id=rac_1,horse_id=hrs_7``."""
    return ",".join(
        f"{name}={row[at]}" for name, at in zip(table.key, table.key_positions, strict=True)
    )


def storable(text: str) -> str:
    """Return a text without what PostgreSQL refuses: NUL and half surrogates become escapes."""
    return text.replace("\x00", "\\x00").encode(errors="backslashreplace").decode()


def as_json(value: object) -> str:
    """Return JSON of any row, in ASCII: NUL and half surrogates become escapes."""
    return json.dumps(value, default=str)


def _unencodable(rows: Sequence[Row], *, but: Container[int]) -> dict[int, Refusal]:
    """Return the positions of rows with a value of a kind that has no canonical form."""
    refused = {}
    for at, row in enumerate(rows):
        if at in but:
            continue
        try:
            row_hash(row)
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            refused[at] = ("type", f"A value cannot be stored: {error}.")
    return refused


def _settle(
    table: FacetTable,
    found: dict[Any, tuple[Row, int]],
    *,
    longest: dict[Any, Row],
    keyed: Iterable[tuple[Any, Row]],
    index: int,
) -> list[Conflict]:
    """Add an answer's rows, deciding between those that share a key.

    First within the answer: what it sets aside does not count, its longer texts neither. Then
    beside the answers before it.
    """
    conflicts = []
    first_counts = table.facet.keep == "absent"
    own: dict[Any, Row] = {}
    for key, row in keyed:
        other = own.get(key)
        if other is None or not first_counts:
            own[key] = row
        if other is not None and other != row:
            set_aside = row if first_counts else other
            conflicts.append(Conflict(index, own[key], set_aside))
    for key, row in own.items():
        earlier = found.get(key)
        if earlier is None or not first_counts:
            found[key] = (row, index)
        if table.longest and earlier is not None and earlier[0] != row:
            longest[key] = _lengthened(table, longest.get(key, earlier[0]), row)
    return conflicts


def _lengthened(table: FacetTable, kept: Row, other: Row) -> Row:
    """Return ``kept`` with each longest text of both."""
    values = list(kept)
    for name in table.longest:
        at = table.facet.columns.index(name)
        texts = [text for text in (kept[at], other[at]) if text is not None]
        values[at] = max(texts, key=lambda text: (len(text), text), default=None)
    return tuple(values)
