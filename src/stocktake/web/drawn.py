"""Small pictures drawn on the server: a line of shares over time, as points of an SVG."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

WIDE, HIGH = 200, 36
MARGIN = 3


@dataclass(frozen=True, slots=True)
class Line:
    """A line of shares, 0 to 1, in a box of ``WIDE`` by ``HIGH``.

    Attributes:
        points: As SVG wants them.
        first: First share known, ``None`` without any.
        last: Last one.
        since: Instant of the first.
    """

    points: str
    first: float | None
    last: float | None
    since: datetime | None


def line_of(found: Sequence[tuple[datetime, float | None]]) -> Line:
    """Return the line through the shares known, from the first instant to the last.

    The scale goes from 0 to 1, so that two lines can be compared; a share that stays is a line too.
    """
    known = [(at, share) for at, share in found if share is not None]
    if not known:
        return Line("", None, None, None)
    first, last = known[0][0].timestamp(), known[-1][0].timestamp()
    span = (last - first) or 1.0
    spots = [
        (WIDE * (at.timestamp() - first) / span, HIGH - MARGIN - share * (HIGH - 2 * MARGIN))
        for at, share in known
    ]
    if len(spots) == 1:
        spots = [(0.0, spots[0][1]), (float(WIDE), spots[0][1])]
    points = " ".join(f"{across:.1f},{down:.1f}" for across, down in spots)
    return Line(points, known[0][1], known[-1][1], known[0][0])
