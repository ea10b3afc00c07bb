"""Since when gaps are gaps: when their units were promised, or lost what they held."""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, datetime, time
from heapq import heappop, heappush
from itertools import groupby, pairwise
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from stocktake.count.routes import zone_of
from stocktake.count.states import QUERIES, SEPARATOR, Connection, Question
from stocktake.model import Days, day_of
from stocktake.model.ordinals import from_text, intersect

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from stocktake.model import System
    from stocktake.model.ordinals import Ranges

Series = tuple[str, ...]
Stretch = tuple[Series, int, int]
"""Neighbouring units of one series: its key, the first ordinal and the one after the last."""


class Piece(NamedTuple):
    """Neighbouring ordinals to which the same thing happened last at the same instant."""

    first: int
    last: int
    at: datetime


def turned_at(
    conn: Connection, system: System, asked: Question, stretches: Sequence[Stretch]
) -> list[datetime | None]:
    """Return since when each stretch has had a unit that every count would show as a gap.

    That is, for the unit of it that turned first, the instant it was promised (its day began, its
    member was last taken into what is expected) or lost what it held, whichever came later.
    ``None`` where neither is known: values of a list are promised from the beginning.
    """
    if not stretches:
        return []
    parameters: dict[str, Any] = {
        **asked.parameters,
        "keys": sorted({SEPARATOR.join(series) for series, _, _ in stretches}),
        "first": min(first for _, first, _ in stretches),
        "last": max(last for _, _, last in stretches),
        "series_id": asked.member_series,
    }
    lost: dict[Series, list[Piece]] = {}
    for key, changes in groupby(conn.execute(QUERIES.losses_of, parameters), itemgetter(0)):
        lost[tuple(key)] = _latest((at, from_text(text)) for _, at, text in changes)
    began = _Beginning(conn, system, asked, parameters)
    return [_first(began, lost.get(series, []), first, last) for series, first, last in stretches]


class _Beginning:
    """When units of one dataset came to be promised."""

    def __init__(
        self, conn: Connection, system: System, asked: Question, parameters: dict[str, Any]
    ) -> None:
        self._zone = zone_of(system, asked.dataset) if isinstance(asked.axis, Days) else None
        self._named: list[Piece] = []
        if asked.member_series is not None:
            found = conn.execute(QUERIES.promises_of, parameters)
            self._named = _latest((at, from_text(text)) for at, text in found)

    def of(self, first: int, last: int) -> datetime | None:
        """Return when the earliest of some neighbouring units was promised."""
        if self._zone is not None:
            return datetime.combine(day_of(first), time(), self._zone).astimezone(UTC)
        return min((one.at for one in _within(self._named, first, last)), default=None)


def _first(began: _Beginning, lost: Sequence[Piece], first: int, last: int) -> datetime | None:
    found: list[datetime | None] = []
    for piece in _within(lost, first, last):
        if first < piece.first:
            found.append(began.of(first, piece.first))
        promised = began.of(piece.first, piece.last)
        found.append(max(promised, piece.at) if promised else piece.at)
        first = piece.last
    if first < last:
        found.append(began.of(first, last))
    return min((instant for instant in found if instant), default=None)


def _latest(changes: Iterable[tuple[datetime, Ranges]]) -> list[Piece]:
    """Return disjoint pieces, ascending, from changes that come newest first."""
    spans = sorted(
        (first, last, age, at) for age, (at, ranges) in enumerate(changes) for first, last in ranges
    )
    edges = sorted({edge for span in spans for edge in span[:2]})
    found: list[Piece] = []
    there: list[tuple[int, int, datetime]] = []  # spans that began, the newest first
    begun = 0
    for edge, following in pairwise(edges):
        while begun < len(spans) and spans[begun][0] <= edge:
            _, last, age, at = spans[begun]
            heappush(there, (age, last, at))
            begun += 1
        while there and there[0][1] <= edge:
            heappop(there)
        if there:
            found.append(Piece(edge, following, there[0][2]))
    return found


def _within(pieces: Sequence[Piece], first: int, last: int) -> Iterator[Piece]:
    """Yield what of ascending, disjoint pieces lies between two ordinals."""
    begin = max(0, bisect_right(pieces, first, key=lambda one: one.first) - 1)
    for place in range(begin, len(pieces)):  # a slice would copy all that follow
        piece = pieces[place]
        if piece.first >= last:
            return
        for part in intersect(((piece.first, piece.last),), ((first, last),)):
            yield Piece(*part, piece.at)
