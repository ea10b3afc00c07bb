"""Small pictures drawn on the server as SVG: lines over time, and bars per day."""

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


def trend_of(values: Sequence[float | None]) -> str:
    """Return the points of a line through values, oldest first, on a scale of their own.

    >>> trend_of([1.0, None, 3.0])
    '0.0,33.0 200.0,3.0'
    >>> trend_of([2.0]), trend_of([])
    ('', '')
    """
    known = [(place, value) for place, value in enumerate(values) if value is not None]
    if len(known) < 2:  # noqa: PLR2004 -- a line has two ends
        return ""
    low, high = min(value for _, value in known), max(value for _, value in known)
    span = (high - low) or 1.0
    return " ".join(
        f"{WIDE * place / (len(values) - 1):.1f},"
        f"{HIGH - MARGIN - (value - low) / span * (HIGH - 2 * MARGIN):.1f}"
        for place, value in known
    )


@dataclass(frozen=True, slots=True)
class Bar:
    """One day's bar: requests that went well, and those that did not, on top of them.

    Attributes:
        across: Left edge, in a picture 1,000 wide.
        wide: Width.
        good: Height of the lower part, of 100.
        bad: Height of the upper part.
        text: The figures, for those who point at it.
    """

    across: float
    wide: float
    good: float
    bad: float
    text: str


def bars_of(days: Sequence[tuple[str, int, int]]) -> list[Bar]:
    """Return a bar per day from its name, requests and errors, all on one scale.

    >>> bars_of([("2024-01-01", 10, 5)])[0].good
    50.0
    """
    most = max((requests for _, requests, _ in days), default=0) or 1
    wide = 1000 / max(1, len(days))
    return [
        Bar(
            number * wide,
            wide * 0.8,
            100 * (requests - errors) / most,
            100 * errors / most,
            f"{name}: {requests:,} requests, {errors:,} errors",
        )
        for number, (name, requests, errors) in enumerate(days)
    ]
