"""A heatmap as bytes: one per unit, or per day of a dataset whose units only fall on days."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from stocktake.count.holes import stretches
from stocktake.count.routes import axis_of
from stocktake.count.states import QUERIES, Connection, View, question, ranges_in
from stocktake.model import GAP_STATES, Days, FromDataset, Range, State, day_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from stocktake.model import Dataset, System

UNKNOWN = 127
"""A cell of which nothing is expected and nothing known."""

WHOLE = 100
FIRST_CODE = 128
"""States are told by codes from here on; lower ones are a share in percent, 0 to 100."""

CODES: Mapping[State, int] = MappingProxyType(
    {state: FIRST_CODE + place for place, state in enumerate(State)}
)
"""The byte of each state, in the order in which ``State`` lists them."""

Axis = Literal["day", "share", "member"]
Line = tuple[tuple[str, ...], int, int, int]


@dataclass(frozen=True, slots=True)
class Outline:
    """What a heatmap would show, without its cells.

    Attributes:
        axis: As a tile's.
        rows: Series keys, in order.
        lacking: Of each row its units in a gap's state; of shares the days of which some lack.
        ends: Of each row the ordinal of its last cell.
        first: Ordinal of the first column.
        width: Columns.
    """

    axis: Axis
    rows: tuple[tuple[str, ...], ...]
    lacking: tuple[int, ...]
    ends: tuple[int, ...]
    first: int
    width: int


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows of a heatmap, and neighbouring columns of them."""

    rows: Sequence[tuple[str, ...]]
    first: int
    width: int


@dataclass(frozen=True, slots=True)
class Tile:
    """Cells of a heatmap, row after row.

    Attributes:
        axis: ``day``: a cell is a unit of a day. ``share``: a cell is a day, its byte the share
            held of the units that fall on it, rounded down. ``member``: a cell is a unit without
            a day, in order of first sight.
        rows: Series keys.
        first: Ordinal of the first column.
        width: Columns; each row has as many bytes.
        cells: The bytes.
    """

    axis: Axis
    rows: tuple[tuple[str, ...], ...]
    first: int
    width: int
    cells: bytes

    def row(self, number: int) -> bytes:
        """Return the bytes of one row."""
        return self.cells[number * self.width : (number + 1) * self.width]


def outline(
    conn: Connection,
    system: System,
    dataset: Dataset,
    view: View,
    *,
    states: Collection[State] = tuple(State),
) -> Outline:
    """Return the rows and columns between the first and the last cell in one of ``states``.

    It is asked of the database as a whole, so that nothing need be read of cells nobody looks at.
    """
    axis = _axis(dataset)
    if axis == "share":
        return _outlined(axis, _days(conn, system, dataset, view))
    asked = question(conn, system, dataset, view=view)
    parameters = {
        **asked.parameters,
        "states": [state.value for state in states],
        "gaps": [state.value for state in GAP_STATES],
    }
    lines = [
        (tuple(key), first, end, lacking)
        for key, first, end, lacking in conn.execute(QUERIES.state_spans, parameters)
    ]
    return _outlined(axis, lines)


def _axis(dataset: Dataset) -> Axis:
    axis = axis_of(dataset)
    if isinstance(axis, FromDataset) and axis.day is not None:
        return "share"
    return "day" if isinstance(axis, Days) else "member"


def _outlined(axis: Axis, lines: Sequence[Line]) -> Outline:
    """Return the outline of lines of key, first ordinal, the one after the last, and a weight.

    A weight is what the line lacks; of a share it is the percent held.
    """
    if not lines:
        return Outline(axis, (), (), (), 0, 0)
    rows: dict[tuple[str, ...], tuple[int, int]] = {}
    for key, _, end, weight in lines:
        lacking, last = rows.get(key, (0, end - 1))
        more = int(weight < WHOLE) if axis == "share" else weight
        rows[key] = (lacking + more, max(last, end - 1))
    first = min(line[1] for line in lines)
    lacks, ends = zip(*rows.values(), strict=True)
    return Outline(axis, tuple(rows), lacks, ends, first, max(ends) + 1 - first)


def packed(
    conn: Connection, system: System, dataset: Dataset, view: View, *, part: Part | None = None
) -> Tile:
    """Return the cells of a part, or every one between the first and the last known."""
    axis = _axis(dataset)
    if axis == "share":
        return _filled(axis, _days(conn, system, dataset, view), part)
    if part is not None and axis == "day" and part.width:
        window = Range(day_of(part.first), day_of(part.first + part.width - 1))
        view = replace(view, window=window)
    rows = None if part is None else part.rows
    asked = question(conn, system, dataset, view=view, only=rows)
    lines = [
        (tuple(key), first, last, CODES[State(state)])
        for key, _, state, _, first, last in ranges_in(conn, asked, states=tuple(State))
    ]
    return _filled(axis, lines, part)


def _days(conn: Connection, system: System, dataset: Dataset, view: View) -> list[Line]:
    days = stretches(conn, system, dataset, view) or []
    return [
        (one.series, one.first, one.last + 1, WHOLE * one.held // (one.held + one.lacking))
        for one in days
        if one.held + one.lacking
    ]


def _filled(axis: Axis, lines: Sequence[Line], part: Part | None) -> Tile:
    if part is None:
        if not lines:
            return Tile(axis, (), 0, 0, b"")
        first = min(line[1] for line in lines)
        keys = tuple(dict.fromkeys(line[0] for line in lines))
        part = Part(keys, first, max(line[2] for line in lines) - first)
    blank = bytes([UNKNOWN]) * part.width
    rows = {key: bytearray(blank) for key in part.rows}
    for series, start, end, code in lines:
        begin, stop = max(0, start - part.first), min(part.width, end - part.first)
        if series in rows and begin < stop:
            rows[series][begin:stop] = bytes([code]) * (stop - begin)
    return Tile(axis, tuple(part.rows), part.first, part.width, b"".join(rows.values()))
