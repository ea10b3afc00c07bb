"""Sets of ordinals as half-open ranges, ascending and disjoint: the pure side of multiranges."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Ranges = tuple[tuple[int, int], ...]
"""Half-open ranges, ascending, disjoint and never empty."""

LOWEST, HIGHEST = -(2**31), 2**31 - 1
"""Ends of an open range; no ordinal lies there."""


def union(parts: Iterable[tuple[int, int]]) -> Ranges:
    """Return the ordinals of ``parts``, which may overlap, touch, be empty or stand in any order.

    >>> union([(5, 7), (1, 3), (3, 4), (9, 9)])
    ((1, 4), (5, 7))
    """
    merged: list[tuple[int, int]] = []
    for first, last in sorted(parts):
        if first >= last:
            continue
        if merged and first <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return tuple(merged)


def in_ranges(ordinals: Iterable[int]) -> Ranges:
    """Return ascending ordinals as ranges.

    >>> in_ranges([1, 2, 3, 7])
    ((1, 4), (7, 8))
    """
    found: list[tuple[int, int]] = []
    first = last = LOWEST
    for ordinal in ordinals:
        if ordinal != last:
            found.append((first, last))
            first = ordinal
        last = ordinal + 1
    return (*found[1:], (first, last)) if last != LOWEST else ()


def intersect(left: Ranges, right: Ranges) -> Ranges:
    """Return the ordinals in both.

    >>> intersect(((1, 5), (8, 9)), ((3, 10),))
    ((3, 5), (8, 9))
    """
    shared: list[tuple[int, int]] = []
    at = 0
    for first, last in left:
        while at < len(right) and right[at][1] <= first:
            at += 1
        index = at
        while index < len(right) and right[index][0] < last:
            shared.append((max(first, right[index][0]), min(last, right[index][1])))
            index += 1
    return tuple(shared)


def subtract(left: Ranges, right: Ranges) -> Ranges:
    """Return the ordinals of ``left`` that are not in ``right``.

    >>> subtract(((1, 10),), ((2, 3), (9, 12)))
    ((1, 2), (3, 9))
    """
    return intersect(left, complement(right))


def complement(ranges: Ranges) -> Ranges:
    """Return every ordinal that is not in ``ranges``."""
    outside: list[tuple[int, int]] = []
    start = LOWEST
    for first, last in ranges:
        if start < first:
            outside.append((start, first))
        start = last
    if start < HIGHEST:
        outside.append((start, HIGHEST))
    return tuple(outside)


def size(ranges: Iterable[tuple[int, int]]) -> int:
    """Return how many ordinals the ranges hold."""
    return sum(last - first for first, last in ranges)


def members(ranges: Iterable[tuple[int, int]]) -> Iterator[int]:
    """Yield every ordinal, in the order of the ranges."""
    for first, last in ranges:
        yield from range(first, last)


def newest(ranges: Ranges, wanted: int) -> Ranges:
    """Return the ``wanted`` highest ordinals.

    >>> newest(((1, 4), (6, 8)), 3)
    ((3, 4), (6, 8))
    """
    kept: list[tuple[int, int]] = []
    for first, last in reversed(ranges):
        if wanted <= 0:
            break
        kept.append((max(first, last - wanted), last))
        wanted -= last - first
    return tuple(reversed(kept))


def as_text(ranges: Iterable[tuple[int, int]]) -> str:
    """Return PostgreSQL's spelling of an ``int4multirange``.

    >>> as_text(((1, 4), (6, 8)))
    '{[1,4),[6,8)}'
    """
    return "{" + ",".join(f"[{first},{last})" for first, last in ranges) + "}"


def from_text(text: str) -> Ranges:
    """Return the ranges of PostgreSQL's spelling of a finite ``int4multirange``.

    >>> from_text("{[1,4),[6,8)}")
    ((1, 4), (6, 8))
    """
    if text == "{}":
        return ()
    parts = text[2:-2].split("),[")
    return tuple((int(first), int(last)) for first, last in (part.split(",") for part in parts))
