"""What a plan costs: requests counted exactly, time at the allowed rates, rows and bytes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from math import ceil
from typing import TYPE_CHECKING

from stocktake.model import Days, EndpointCost, Values, axis_index, day_of, dimensions
from stocktake.model.ordinals import intersect, members, newest, size, union

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from stocktake.model import Feed, Observed, PlanPart, System
    from stocktake.model.ordinals import Ranges

Series = tuple[str, ...]

SPACING = 1.05
"""The gate leaves 1.05 ÷ rate seconds between requests."""
DAY_SECONDS = 86_400
WEIGHT = 0.001
"""Endpoints with a smaller share of the requests do not set the naive rate."""
BYTES_PER_ROW = 700.0
"""Bytes of table and indexes per row, assumed until rows are stored."""
DECLINE = 0.62
"""From year to year, the part of the first year's surplus of new members that is left."""
YEAR_DAYS = 365
ENOUGH_DAYS = 30
"""Held days from which the members seen tell more than the declaration."""


NO_NAMES: Mapping[str, Mapping[int, str]] = {}


def unit_keys(
    system: System,
    feed: Feed,
    ordinals: Mapping[Series, Ranges],
    *,
    names: Mapping[str, Mapping[int, str]] = NO_NAMES,
) -> list[Series]:
    """Return the keys of a feed's units, the units of one day or member next to each other.

    Members without a name here are called by their number: few requests depend on their names.
    """
    partitions = system.dataset(feed.fills[0]).partitions
    index = axis_index(partitions)
    axis = dimensions(partitions)[index]
    if len(ordinals) == 1:
        series, ranges = next(iter(ordinals.items()))
        marks = [(ordinal, series) for ordinal in members(ranges)]
    else:
        marks = sorted(
            (at, series) for series, ranges in ordinals.items() for at in members(ranges)
        )
    if isinstance(axis, Days):
        texts = {ordinal: day_of(ordinal).isoformat() for ordinal, _ in marks}
    elif isinstance(axis, Values):
        texts = dict(enumerate(axis.values))
    else:
        known = names.get(feed.name, {})
        texts = {ordinal: known.get(ordinal) or str(ordinal) for ordinal, _ in marks}
    return [(*series[:index], texts[at], *series[index:]) for at, series in marks]


def count_requests(
    system: System,
    feed: Feed,
    ordinals: Mapping[Series, Ranges],
    *,
    names: Mapping[str, Mapping[int, str]] = NO_NAMES,
) -> int:
    """Return how many requests the feed makes for these units, by letting it make them."""
    return sum(1 for _ in feed.requests(unit_keys(system, feed, ordinals, names=names)))


def within_budget(
    system: System,
    feed: Feed,
    ordinals: Mapping[Series, Ranges],
    *,
    budget: int,
    descending: bool,
    names: Mapping[str, Mapping[int, str]] = NO_NAMES,
) -> Mapping[Series, Ranges]:
    """Return the largest part, from the end that is filled first, that ``budget`` requests fill."""
    every = union(part for ranges in ordinals.values() for part in ranges)
    low, high = 0, size(every)
    while low < high:
        middle = (low + high + 1) // 2
        chosen = clipped(ordinals, _first(every, middle, descending=descending))
        if count_requests(system, feed, chosen, names=names) <= budget:
            low = middle
        else:
            high = middle - 1
    return clipped(ordinals, _first(every, low, descending=descending))


def _first(ranges: Ranges, wanted: int, *, descending: bool) -> Ranges:
    if descending:
        return newest(ranges, wanted)
    turned = newest(tuple((-last, -first) for first, last in reversed(ranges)), wanted)
    return tuple((-last, -first) for first, last in reversed(turned))


def clipped(ordinals: Mapping[Series, Ranges], allowed: Ranges) -> dict[Series, Ranges]:
    """Return the units whose ordinal is in ``allowed``, series without any left out."""
    kept = {series: intersect(ranges, allowed) for series, ranges in ordinals.items()}
    return {series: ranges for series, ranges in kept.items() if ranges}


def new_members(feed: Feed, observed: Observed, *, days: int, column: tuple[str, str]) -> int:
    """Estimate how many members ``days`` further days name for the first time.

    They come fast at first, then ever slower: what was declared for the first year and for later,
    scaled by what was seen once a month of days is held.
    """
    before = observed.held_days.get(column[0], 0)
    predicted = _named_by(feed, before)
    scale = 1.0
    if before >= ENOUGH_DAYS and predicted:
        scale = observed.members.get(column, 0) / predicted
    return round(scale * (_named_by(feed, before + days) - predicted))


def _named_by(feed: Feed, days: int) -> float:
    first, later = feed.assumed.new_per_day
    years, rest = divmod(days, YEAR_DAYS)
    weight = YEAR_DAYS * (1 - DECLINE**years) / (1 - DECLINE) + rest * DECLINE**years
    return later * days + (first - later) * weight


def endpoint_costs(system: System, parts: Iterable[PlanPart]) -> tuple[EndpointCost, ...]:
    """Return requests and seconds per endpoint, in the system's order of feeds."""
    requests: dict[str, int] = defaultdict(int)
    for part in parts:
        if part.kind == "fetch":
            requests[part.feed] += part.requests
    totals: dict[tuple[str, str], EndpointCost] = {}
    for source, feed in system.feeds():
        if not requests.get(feed.name):
            continue
        endpoint = feed.endpoint
        before = totals.get((source.name, endpoint.name))
        total = requests[feed.name] + (before.requests if before else 0)
        totals[source.name, endpoint.name] = EndpointCost(
            source.name,
            endpoint.name,
            total,
            endpoint.per_second,
            total * SPACING / endpoint.per_second,
            ceil(total / endpoint.per_day) if endpoint.per_day else None,
            endpoint.is_rate_known,
        )
    return tuple(totals.values())


def duration(system: System, parts: Sequence[PlanPart]) -> float:
    """Return the seconds a plan takes: waves one after another, endpoints of a wave side by side.

    A day's quota may make it longer than the rates do.
    """
    waves = sorted({part.wave for part in parts})
    seconds = sum(
        max(
            (
                cost.seconds
                for cost in endpoint_costs(system, [part for part in parts if part.wave == wave])
            ),
            default=0.0,
        )
        for wave in waves
    )
    quota_days = max((cost.quota_days or 0 for cost in endpoint_costs(system, parts)), default=0)
    return max(seconds, float(max(0, quota_days - 1) * DAY_SECONDS))


def naive_duration(costs: Sequence[EndpointCost]) -> float:
    """Return the seconds of all requests one after another at the slowest endpoint's rate."""
    total = sum(cost.requests for cost in costs)
    rates = [cost.per_second for cost in costs if cost.requests >= WEIGHT * total]
    return total / min(rates) if rates else 0.0


def storage(system: System, parts: Iterable[PlanPart], observed: Observed) -> tuple[int, int, str]:
    """Return estimated rows, stored bytes, and what the estimate rests on."""
    rows = bytes_stored = 0.0
    assumed: set[str] = set()
    seen: set[str] = set()
    feeds = {feed.name: feed for _, feed in system.feeds()}
    for part in parts:
        feed = feeds.get(part.feed)
        if part.kind != "fetch" or feed is None:
            continue
        (seen if feed.name in observed.rows_per_unit else assumed).add(feed.name)
        rows += part.units * observed.rows_per_unit.get(feed.name, feed.assumed.rows_per_unit)
        bytes_stored += part.requests * observed.bytes_per_request.get(
            feed.name, float(feed.assumed.bytes_per_request)
        )
    bytes_stored += rows * (observed.bytes_per_row or BYTES_PER_ROW)
    texts = [
        f"{word}: {', '.join(_measured(name, observed) for name in sorted(names))}"
        for word, names in (("seen", seen), ("assumed", assumed))
        if names
    ]
    return round(rows), round(bytes_stored), "; ".join(texts)


def _measured(feed: str, observed: Observed) -> str:
    """Return a feed with the number of answers its figures were measured on."""
    answers = observed.answers.get(feed, 0)
    return f"{feed} ({answers:,} answer{'s' * (answers != 1)})" if answers else feed
