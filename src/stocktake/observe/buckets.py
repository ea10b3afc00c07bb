"""Histograms of durations: how many fell below each bound, and what half of them stayed below."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

BOUNDS = tuple(
    round(10.0**power * step, 4)
    for power in range(-3, 3)
    for step in (1, 1.5, 2, 3, 5, 7)
    if 10.0**power * step <= 300  # noqa: PLR2004 -- five minutes: no request may take longer
)
"""Upper bounds in seconds, included; a last bucket holds what took longer. Stored histograms count
by these: changing them needs a migration."""


def bucket(seconds: float) -> int:
    """Return the place of a duration among the buckets.

    >>> bucket(0.0), bucket(0.0012), bucket(10_000) == len(BOUNDS)
    (0, 1, True)
    """
    return bisect_left(BOUNDS, seconds)


def histogram(durations: Iterable[float]) -> list[int]:
    """Return how many durations fell into each bucket."""
    counts = [0] * (len(BOUNDS) + 1)
    for seconds in durations:
        counts[bucket(seconds)] += 1
    return counts


def quantile(counts: Sequence[int], share: float) -> float | None:
    """Return the duration that ``share`` (0 to 1) of all stayed below, in seconds.

    Within a bucket they are taken to be spread evenly; ``None`` when there are none.

    >>> quantile(histogram([0.1] * 99 + [2.0]), 0.5)
    0.0852
    """
    total = sum(counts)
    if not total:
        return None
    wanted = share * total
    below = 0
    for place, count in enumerate(counts):
        if count and below + count >= wanted:
            upper = BOUNDS[min(place, len(BOUNDS) - 1)]
            lower = BOUNDS[place - 1] if place else 0.0
            return round(lower + (upper - lower) * max(0.0, wanted - below) / count, 4)
        below += count
    return BOUNDS[-1]
