"""A heatmap as bytes: one per unit, or per day of a dataset whose units only fall on days."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from stocktake.count.holes import stretches
from stocktake.count.states import Connection, View, question, ranges_in
from stocktake.model import Days, FromDataset, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from stocktake.model import Dataset, System

UNKNOWN = 127
"""A cell of which nothing is expected and nothing known."""

FIRST_CODE = 128
"""States are told by codes from here on; lower ones are a share in percent, 0 to 100."""

CODES: Mapping[State, int] = MappingProxyType(
    {state: FIRST_CODE + place for place, state in enumerate(State)}
)
"""The byte of each state, in the order in which ``State`` lists them."""

Axis = Literal["day", "share", "member"]


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


def packed(conn: Connection, system: System, dataset: Dataset, view: View) -> Tile:
    """Return every cell between the first and the last one of which something is known."""
    asked = question(conn, system, dataset, view=view)
    if isinstance(asked.axis, FromDataset) and asked.axis.day is not None:
        return _shares(conn, system, dataset, view)
    lines = ranges_in(conn, asked, states=tuple(State))
    found = (
        (tuple(key), first, last, CODES[State(state)]) for key, _, state, _, first, last in lines
    )
    return _filled("day" if isinstance(asked.axis, Days) else "member", list(found))


def _shares(conn: Connection, system: System, dataset: Dataset, view: View) -> Tile:
    days = stretches(conn, system, dataset, view) or []
    return _filled(
        "share",
        [
            (one.series, one.first, one.last + 1, 100 * one.held // (one.held + one.lacking))
            for one in days
            if one.held + one.lacking
        ],
    )


def _filled(axis: Axis, found: Iterable[tuple[tuple[str, ...], int, int, int]]) -> Tile:
    lines = list(found)
    if not lines:
        return Tile(axis, (), 0, 0, b"")
    first = min(line[1] for line in lines)
    width = max(line[2] for line in lines) - first
    rows: dict[tuple[str, ...], bytearray] = {}
    for series, start, end, code in lines:
        cells = rows.get(series)
        if cells is None:
            cells = rows[series] = bytearray([UNKNOWN]) * width
        cells[start - first : end - first] = bytes([code]) * (end - start)
    return Tile(axis, tuple(rows), first, width, b"".join(rows.values()))
