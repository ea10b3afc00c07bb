"""Separated text for parsers: read row by row, with line numbers; nothing is mended in silence."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from stocktake.errors import LoadError
from stocktake.model.source import Reject

DELIMITERS = ",;\t|"
_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_SHOWN = 500


@dataclass(frozen=True, slots=True)
class BrokenLine:
    """A record that could not be read.

    Attributes:
        line: Line of the file it begins on, 1 is the first.
        code: ``fields``, ``quotes``, ``encoding`` or ``nul``.
        reason: A sentence for users.
        raw: Its text, at most 500 characters, undecodable bytes as escapes.
    """

    line: int
    code: str
    reason: str
    raw: str


@dataclass(frozen=True, slots=True)
class CsvTable:
    """What a file of separated text holds; records = ``rows`` + ``broken``.

    Attributes:
        header: Column names, in the spelling that was asked for.
        rows: Line number and values of each sound record, in the file's order.
        broken: Records that could not be read.
    """

    header: tuple[str, ...]
    rows: Sequence[tuple[int, Sequence[str]]]
    broken: Sequence[BrokenLine]

    def records(self) -> Iterator[tuple[int, Mapping[str, str]]]:
        """Yield line number and values by column of each sound record."""
        for line, values in self.rows:
            yield line, dict(zip(self.header, values, strict=True))

    def rejects(self, dataset: str) -> list[Reject]:
        """Return the broken records as rejects of a dataset."""
        return [
            Reject(dataset, f"line {one.line}", one.code, one.reason, one.raw)
            for one in self.broken
        ]


def read_csv(body: bytes, *, columns: Sequence[str] = (), delimiter: str = "") -> CsvTable:
    r"""Read separated text with a header line.

    UTF-8, or UTF-16 with a byte order mark; lines may end in LF, CRLF or CR; quoted fields may
    hold line ends; blank lines are passed over. A record with bytes of another encoding, a NUL, a
    misplaced quote or the wrong number of fields is broken; the others are read.

    Args:
        body: The file's bytes, uncompressed.
        columns: Names the header must have, in any order and case; others may stand beside them.
        delimiter: One character; empty finds it in the header among comma, semicolon, tab, bar.

    Raises:
        LoadError: No header, a name twice, or a column that is not there.

    >>> table = read_csv(b"Id;Name\n1;Ann\n2\n", columns=("id", "name"))
    >>> table.rows, [(one.line, one.code) for one in table.broken]
    ([(2, ['1', 'Ann'])], [(3, 'fields')])
    """
    text = _decoded(body)
    lines = io.StringIO(text, newline="")
    chosen = delimiter or _delimiter(text)
    reader = csv.reader(lines, delimiter=chosen, strict=True)
    header: tuple[str, ...] | None = None
    rows: list[tuple[int, Sequence[str]]] = []
    broken: list[BrokenLine] = []
    for line, values, problem in _records(reader, lines):
        if header is None:
            if problem:
                raise LoadError(f"Line {line}, the header, cannot be read: {problem}.")
            header = _header(values, columns)
        elif one := _broken(line, values, problem=problem, width=len(header)):
            broken.append(one)
        else:
            rows.append((line, values))
    if header is None:
        raise LoadError("The file is empty: not even a header.", hint=_wanted(columns))
    return CsvTable(header, rows, broken)


def read_number(text: str, *, decimal_mark: str = ".", group_mark: str = ",") -> Decimal:
    """Return a number as people write it in one country.

    Groups must be of three digits; a number in brackets is negative; exponents are allowed.

    Args:
        text: Digits with marks; spaces around are ignored.
        decimal_mark: Before the fraction.
        group_mark: Between thousands; empty when there is none.

    Raises:
        ValueError: Anything else: nothing, percent signs, ``NaN``, marks of another country.

    >>> read_number("1,234.5"), read_number("(5)"), read_number("-0")
    (Decimal('1234.5'), Decimal('-5'), Decimal('0'))
    >>> read_number("1.234,5", decimal_mark=",", group_mark=".")
    Decimal('1234.5')
    """
    given = text.strip()
    is_negative = given.startswith("(") and given.endswith(")")
    plain = given[1:-1] if is_negative else given
    mark, group = re.escape(decimal_mark), re.escape(group_mark)
    whole = rf"(?:[0-9]{{1,3}}(?:{group}[0-9]{{3}})+|[0-9]+)" if group_mark else "[0-9]+"
    sign = "" if is_negative else "[+-]?"
    pattern = rf"{sign}(?:{whole}(?:{mark}[0-9]*)?|{mark}[0-9]+)(?:[eE][+-]?[0-9]{{1,3}})?"
    if not re.fullmatch(pattern, plain):
        msg = f"{text!r} is not a number written with {decimal_mark!r} and {group_mark!r}"
        raise ValueError(msg)
    if group_mark:
        plain = plain.replace(group_mark, "")
    value = Decimal(plain.replace(decimal_mark, "."))
    if not value:
        return abs(value)
    return -value if is_negative else value


def _decoded(body: bytes) -> str:
    for mark, encoding in _BOMS:
        if body.startswith(mark):
            errors = "surrogateescape" if encoding == "utf-8" else "replace"
            return body[len(mark) :].decode(encoding, errors)
    return body.decode("utf-8", "surrogateescape")


def _delimiter(text: str) -> str:
    first = next((line for line in io.StringIO(text) if line.strip()), "")
    bare = re.sub(r'"[^"]*"', "", first)
    return max(DELIMITERS, key=bare.count)


def _records(
    reader: Iterator[list[str]], lines: io.StringIO
) -> Iterator[tuple[int, list[str], str]]:
    """Yield first line, values and what is wrong with the quotes, of each record."""
    read = 0
    while True:
        line = read + 1
        start = lines.tell()
        problem = ""
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            problem = str(error)
            end = lines.tell()
            lines.seek(start)
            values = [lines.read(max(0, min(end - start, _SHOWN)))]
            lines.seek(end)
        read = reader.line_num  # type: ignore[attr-defined]
        if values or problem:
            yield line, values, problem


def _header(values: Sequence[str], columns: Sequence[str]) -> tuple[str, ...]:
    spelling = {name.casefold(): name for name in columns}
    found = tuple(spelling.get(name.strip().casefold(), name.strip()) for name in values)
    if doubled := sorted({name for name in found if found.count(name) > 1}):
        raise LoadError(f"The header names {', '.join(doubled)} twice.", hint=_wanted(columns))
    if lacking := [name for name in columns if name not in found]:
        raise LoadError(
            f"The header lacks {', '.join(lacking)}; it has {', '.join(found)}."[:_SHOWN],
            hint=_wanted(columns),
        )
    return found


def _wanted(columns: Sequence[str]) -> str:
    return f"Columns wanted: {', '.join(columns)}." if columns else "The first line names columns."


def _broken(line: int, values: Sequence[str], *, problem: str, width: int) -> BrokenLine | None:
    text = ",".join(values)
    if problem:
        found = "quotes", f"line {line} cannot be split into fields: {problem}."
    elif any("\udc80" <= letter <= "\udcff" or letter == "\ufffd" for letter in text):
        found = "encoding", f"line {line} holds bytes that are not UTF-8."
    elif "\x00" in text:
        found = "nul", f"line {line} holds the character NUL."
    elif len(values) != width:
        found = "fields", f"line {line} has {len(values)} fields, the header {width}."
    else:
        return None
    raw = text[:_SHOWN].replace("\x00", "\\x00").encode("utf-8", "backslashreplace").decode()
    return BrokenLine(line, found[0], found[1], raw)
