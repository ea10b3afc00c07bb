"""From a plan part's ordinals to requests, lazily: a part may hold millions of units."""

from __future__ import annotations

import heapq
from bisect import bisect_right
from dataclasses import dataclass
from itertools import groupby, islice
from operator import itemgetter
from typing import TYPE_CHECKING

from stocktake.model import Days, Values, axis_index, day_of, dimensions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from stocktake.fetch.answer import Answer, Known
    from stocktake.model import Dataset, Feed, Request, Source

Series = tuple[str, ...]
CHUNK = 256
"""Ordinals handed to ``Feed.requests`` at once: enough to share requests, little to hold."""


@dataclass(frozen=True, slots=True)
class Errand:
    """One request of a plan part, and the units it will check off.

    Args:
        part: Number of the part in its plan.
        source: Where it goes.
        feed: What it is for.
        request: The request itself.
        marks: Series and ordinal of each of the request's units.
        known: What is stored of its latest answer, so that an unchanged one needs no loading.
    """

    part: int
    source: Source
    feed: Feed
    request: Request
    marks: tuple[tuple[Series, int], ...]
    known: Known | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """An errand and its answer."""

    errand: Errand
    answer: Answer


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a plan part is about: its number, its feed, and how the feed's units are cut.

    Args:
        part: Number of the part in its plan.
        source: Its source.
        feed: Its feed.
        dataset: A dataset the feed fills; its partitions are the feed's.
        order: Ordinals of members in the order wanted; empty: as they were first seen.
    """

    part: int
    source: Source
    feed: Feed
    dataset: Dataset
    order: Sequence[int] = ()


def errands(
    assigned: Assignment,
    remaining: Mapping[Series, Sequence[tuple[int, int]]],
    *,
    newest_first: bool,
    names: Callable[[Sequence[int]], Mapping[int, str]],
    known: Callable[[Sequence[Request]], Sequence[Known | None]],
) -> Iterator[Errand]:
    """Yield the errands of a part in order.

    Args:
        assigned: The part.
        remaining: Half-open ordinal ranges per series that are not yet checked off.
        newest_first: Days from the last to the first; members in the order the
            assignment names.
        names: Member keys by ordinal, asked for a chunk at a time; unused for days and values.
        known: What is stored of the answers to requests, asked for a chunk at a time.
    """
    partitions = assigned.dataset.partitions
    axis = axis_index(partitions)
    counted = dimensions(partitions)[axis]
    groups = in_turn(assigned, remaining, newest_first=newest_first)
    at_once = None if assigned.feed.bulk else CHUNK
    while chunk := [mark for group in islice(groups, at_once) for mark in group]:
        if isinstance(counted, Days):
            keys = {_key(series, axis, str(day_of(at))): (series, at) for series, at in chunk}
        elif isinstance(counted, Values):
            keys = {_key(series, axis, counted.values[at]): (series, at) for series, at in chunk}
        else:
            keys = _named(chunk, axis, names)
        requests = list(assigned.feed.requests(list(keys)))
        for request, stored in zip(requests, known(requests), strict=True):
            marks = tuple(keys[key] for key in request.units)
            yield Errand(assigned.part, assigned.source, assigned.feed, request, marks, stored)


def in_turn(
    assigned: Assignment,
    remaining: Mapping[Series, Sequence[tuple[int, int]]],
    *,
    newest_first: bool,
) -> Iterator[list[tuple[Series, int]]]:
    """Yield the units of a part in order, those of one ordinal together."""
    partitions = assigned.dataset.partitions
    counted = dimensions(partitions)[axis_index(partitions)]
    descending = newest_first and isinstance(counted, Days)
    if assigned.order:
        merged = _ranked(remaining, assigned.order)
    else:
        streams = [_ordinals(series, ranges, descending) for series, ranges in remaining.items()]
        merged = iter(heapq.merge(*streams, key=lambda mark: -mark[1] if descending else mark[1]))
    return (list(group) for _, group in groupby(merged, key=lambda mark: mark[1]))


def _ordinals(
    series: Series,
    ranges: Iterable[tuple[int, int]],
    descending: bool,  # noqa: FBT001 -- private
) -> Iterator[tuple[Series, int]]:
    for low, high in sorted(ranges, reverse=descending):
        for ordinal in range(high - 1, low - 1, -1) if descending else range(low, high):
            yield series, ordinal


def _ranked(
    remaining: Mapping[Series, Sequence[tuple[int, int]]], order: Sequence[int]
) -> Iterator[tuple[Series, int]]:
    wanted = {series: sorted(ranges) for series, ranges in remaining.items()}
    for ordinal in order:
        for series, ranges in wanted.items():
            at = bisect_right(ranges, ordinal, key=itemgetter(0)) - 1
            if at >= 0 and ordinal < ranges[at][1]:
                yield series, ordinal


def _key(series: Series, axis: int, value: str) -> tuple[str, ...]:
    return (*series[:axis], value, *series[axis:])


def _named(
    chunk: Sequence[tuple[Series, int]],
    axis: int,
    names: Callable[[Sequence[int]], Mapping[int, str]],
) -> dict[tuple[str, ...], tuple[Series, int]]:
    keys: dict[tuple[str, ...], tuple[Series, int]] = {}
    for series in dict.fromkeys(series for series, _ in chunk):
        ordinals = [ordinal for other, ordinal in chunk if other == series]
        for ordinal, name in names(ordinals).items():
            keys[_key(series, axis, name)] = (series, ordinal)
    return keys
