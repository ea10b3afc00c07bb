"""Rows of one facet before they meet the database: gathered over loads, one per key, hashed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import chain, compress, groupby, repeat
from operator import itemgetter, not_
from struct import unpack
from typing import TYPE_CHECKING, Any, Self

import msgspec

from stocktake.load.known import NOTHING_KNOWN, Known
from stocktake.load.lines import Lines, Row
from stocktake.load.sound import Refusal, refused_rows
from stocktake.model import Capture, Parsed, Reject, Request

if TYPE_CHECKING:
    from collections.abc import Container, Sequence
    from collections.abc import Set as AbstractSet

    from stocktake.load.tables import FacetTable

_ENCODER = msgspec.msgpack.Encoder(decimal_format="string", order="deterministic")


@dataclass(frozen=True, slots=True)
class Load:
    """One answer to be merged: its request, its stored captures (pages in order), its rows.

    Rows are attributed to the first page's capture; the others name it as their first page.
    ``retells`` is the capture whose rejects it tells anew: its own when it was stored before, the
    original of one that a person edited.
    """

    request: Request
    captures: Sequence[Capture]
    parsed: Parsed
    retells: int | None = None

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


@dataclass(slots=True)
class Batch:
    """Rows of one facet over all loads, one per key, and what was left out.

    Attributes:
        lines: Rows in ascending order of their keys.
        told: The same rows in the order of the answers, as they were told.
        read: Rows read, per load.
        duplicates: Rows set aside for another row with their key, per load.
        rejects: Rows refused: index of the load, and the reject.
        conflicts: Rows of one answer with one key and different values.
    """

    lines: Lines = field(default_factory=Lines)
    told: Sequence[Row] = ()
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
    encode_into = _ENCODER.encode_into
    encoded = bytearray()  # the same for all: made anew it would cost as much as the encoding
    digests = []
    for row in rows:
        encode_into(row, encoded)
        digest = fresh()
        digest.update(encoded)
        digests.append(digest.digest())
    return unpack(f">{len(digests)}q", b"".join(digests))


def gather(
    table: FacetTable,
    loads: Sequence[Load],
    *,
    thorough: bool,
    known: Known = NOTHING_KNOWN,
) -> Batch:
    """Return the facet's rows of all loads, one per key.

    Of rows with one key the one of the later load counts (loads come oldest first), of one load
    the last; where only absent rows are inserted, the first. Longest texts are kept from all.

    Args:
        thorough: Look at every value for what the table would refuse, not only for what it
            would take wrongly.
        known: Rows left out, for nothing is done with them.
    """
    batch = Batch()
    given: list[Sequence[Row]] = []
    for load in loads:
        rows = load.parsed.rows.get(table.facet.row, [])
        batch.read.append(len(rows))
        given.append(_lacking(table, rows, known.keys) if known.keys else rows)
    given = _sound(table, batch, given, thorough=thorough)
    batch.duplicates = [0] * len(given)
    told = _Told.of(table, given)
    if not told.rows:
        return batch
    longest: dict[Any, Row] = {}
    if len(set(told.keys)) < len(told.keys):
        places = sorted(_places(table, batch, told, longest))
        kept = Counter(map(told.loads.__getitem__, places))
        batch.duplicates = [len(some) - kept[index] for index, some in enumerate(given)]
        told = told.at(places)
    captures = [load.capture_id for load in loads]
    lines = Lines(told.keys, told.rows, row_hashes(told.rows), told.loads, captures)
    if longest:
        _lengthen(table, lines, longest)
    if known.digests:
        lines = lines.unlike(known.digests)
    batch.told = lines.rows
    batch.lines = lines.at(sorted(range(len(lines)), key=lines.keys.__getitem__))
    return batch


@dataclass(frozen=True, slots=True)
class _Told:
    """The rows of all loads one after the other, with their keys and loads."""

    keys: list[Any]
    rows: list[Row]
    loads: list[int]

    @classmethod
    def of(cls, table: FacetTable, given: Sequence[Sequence[Row]]) -> Self:
        rows = list(chain.from_iterable(given))
        keys = list(map(itemgetter(*table.key_positions), rows))
        loads = chain.from_iterable(map(repeat, range(len(given)), map(len, given)))
        return cls(keys, rows, list(loads))

    def at(self, places: Sequence[int]) -> Self:
        return type(self)(
            *(list(map(some.__getitem__, places)) for some in (self.keys, self.rows, self.loads))
        )


def _lacking(table: FacetTable, rows: Sequence[Row], held: AbstractSet[Any]) -> Sequence[Row]:
    """Return the rows whose keys are not held."""
    is_held = map(held.__contains__, map(itemgetter(*table.key_positions), rows))
    return list(compress(rows, map(not_, is_held)))


def _sound(
    table: FacetTable, batch: Batch, given: list[Sequence[Row]], *, thorough: bool
) -> list[Sequence[Row]]:
    """Return the rows that can be stored, per load; the others become rejects."""
    rows = list(chain.from_iterable(given))
    refused = refused_rows(table, rows, thorough=thorough)
    if thorough:
        refused |= _unencodable(rows, but=refused)
    if not refused:
        return given
    sound: list[Sequence[Row]] = []
    start = 0
    for index, some in enumerate(given):
        bad = {at - start for at in refused if start <= at < start + len(some)}
        batch.rejects += [
            (index, reject_row(table, some[at], *refused[at + start])) for at in sorted(bad)
        ]
        sound.append([row for at, row in enumerate(some) if at not in bad])
        start += len(some)
    return sound


def _places(
    table: FacetTable, batch: Batch, told: _Told, longest: dict[Any, Row]
) -> AbstractSet[int]:
    """Return where the rows stand that count, one per key, deciding between those that share one.

    First within an answer: what it sets aside does not count, its longer texts neither. Then
    beside the answers before it.
    """
    first_counts = table.facet.keep == "absent"
    found: dict[Any, int] = {}
    for index, group in groupby(range(len(told.loads)), key=told.loads.__getitem__):
        span = list(group)
        own = dict(zip(map(told.keys.__getitem__, span), span, strict=True))
        if len(own) < len(span):
            own = _settle(batch, told, (index, span), first_counts=first_counts)
        for key in found.keys() & own.keys() if table.longest else ():
            earlier, row = told.rows[found[key]], told.rows[own[key]]
            if earlier != row:
                longest[key] = _lengthened(table, longest.get(key, earlier), row)
        if first_counts:
            own.update(found)
            found = own
        else:
            found.update(own)
    return set(found.values())


def _settle(
    batch: Batch, told: _Told, answer: tuple[int, Sequence[int]], *, first_counts: bool
) -> dict[Any, int]:
    """Return where the rows of one answer stand that count, deciding between those of one key."""
    index, span = answer
    own: dict[Any, int] = {}
    for at in span:
        key = told.keys[at]
        other = own.get(key)
        if other is None or not first_counts:
            own[key] = at
        if other is not None and told.rows[other] != told.rows[at]:
            set_aside = told.rows[at if first_counts else other]
            batch.conflicts.append(Conflict(index, told.rows[own[key]], set_aside))
    return own


def _lengthen(table: FacetTable, lines: Lines, longest: Mapping[Any, Row]) -> None:
    """Give lines the longer texts of other answers; what their own answer said stays hashed."""
    rows = list(lines.rows)
    lengthened = set()
    for at, key in enumerate(lines.keys):
        if key in longest:
            row = _lengthened(table, rows[at], longest[key])
            if row != rows[at]:
                rows[at] = row
                lengthened.add(at)
    lines.rows, lines.lengthened = rows, lengthened


def reject_row(table: FacetTable, row: Row, code: str, reason: str) -> Reject:
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


def _lengthened(table: FacetTable, kept: Row, other: Row) -> Row:
    """Return ``kept`` with each longest text of both."""
    values = list(kept)
    for name in table.longest:
        at = table.facet.columns.index(name)
        texts = [text for text in (kept[at], other[at]) if text is not None]
        values[at] = max(texts, key=lambda text: (len(text), text), default=None)
    return tuple(values)
