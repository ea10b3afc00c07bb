"""Needs in, an ordered and costed plan out: pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING

from stocktake.model import (
    Days,
    Feed,
    FromDataset,
    Observed,
    Plan,
    PlanOptions,
    PlanPart,
    State,
    System,
    Values,
    axis_index,
    day_of,
    dimensions,
    ordinal_of,
)
from stocktake.model.ordinals import Ranges, newest, size, union
from stocktake.plan.cost import (
    clipped,
    count_requests,
    duration,
    endpoint_costs,
    naive_duration,
    new_members,
    storage,
    within_budget,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from stocktake.model import Need

Series = tuple[str, ...]
Axis = Days | Values | FromDataset

UNREACHABLE = frozenset({State.BLOCKED, State.UNRECOVERABLE, State.NOT_EXPECTED})
STATIC, DATED, MEMBERS, DERIVED = range(4)
"""Stages of a plan: lists first, then days, then what the days named, then what is computed."""
DERIVE = "derive"


@dataclass(slots=True)
class Wanted:
    """What one feed is to fetch: units per series, and why."""

    feed: Feed
    axis: Axis
    units: dict[Series, Ranges]
    states: Counter[State]
    names: Mapping[str, Mapping[int, str]]

    @property
    def reason(self) -> str:
        """The states of the units, most frequent first."""
        return ", ".join(f"{units} {state.value}" for state, units in self.states.most_common())


def make_plan(
    system: System,
    needs: Sequence[Need],
    options: PlanOptions,
    *,
    observed: Observed,
    now: datetime,
) -> Plan:
    """Return the plan that fills ``needs`` in the order asked for.

    Requests are counted by letting the feeds make them; only those for members that the plan's own
    days will name are estimated (``PlanPart.dynamic``). ``needs`` that no feed can deliver are
    listed as unreachable, with the reason.

    Args:
        needs: As ``count.needs.needs`` returns them, unreachable states included.
        observed: What was seen so far, for estimates.
        now: Instant kept as ``made_at``.
    """
    wanted = _wanted(system, needs, observed.names)
    if options.until_target:
        _cut_to_target(wanted, observed, options.order)
    if options.sample is not None:
        _sample(wanted, options.sample)
    pieces = [piece for one in wanted for piece in _pieces(system, one)]
    pieces += _dynamic(system, wanted, pieces, options=options, observed=observed)
    parts = _in_waves(pieces, options)
    if options.max_requests is not None:
        parts = _within(system, parts, options, observed.names)
    parts += _derive_parts(system, needs, parts, options)
    costs = endpoint_costs(system, parts)
    rows, stored, basis = storage(system, parts, observed)
    return Plan(
        system.name,
        options,
        tuple(parts),
        costs,
        requests=sum(part.requests for part in parts),
        seconds=duration(system, parts),
        naive_seconds=naive_duration(costs),
        rows=rows,
        bytes=stored,
        estimated_from=basis,
        unreachable=_unreachable(system, needs),
        made_at=now,
    )


def _wanted(
    system: System, needs: Iterable[Need], names: Mapping[str, Mapping[int, str]]
) -> list[Wanted]:
    """Unite the needs of each feed over the datasets it fills, most urgent feed first."""
    grouped: dict[str, dict[Series, list[tuple[int, int]]]] = defaultdict(lambda: defaultdict(list))
    told: dict[str, Counter[tuple[str, State]]] = defaultdict(Counter)
    for need in needs:
        if need.state not in UNREACHABLE:
            grouped[need.feed][need.series].extend(need.ranges)
            told[need.feed][need.dataset, need.state] += need.units
    found = []
    for _, feed in system.feeds():
        if feed.name not in grouped:
            continue
        partitions = system.dataset(feed.fills[0]).partitions
        units = {series: union(parts) for series, parts in grouped[feed.name].items()}
        states: Counter[State] = Counter()
        for (_, state), count in told[feed.name].items():
            states[state] = max(states[state], count)
        axis = dimensions(partitions)[axis_index(partitions)]
        found.append(Wanted(feed, axis, units, states, names))
    return found


def _sample(wanted: Iterable[Wanted], sample: int) -> None:
    """Keep the newest ``sample`` days over all feeds, and as many of the newest members."""
    dated = [one for one in wanted if isinstance(one.axis, Days)]
    days = newest(
        union(part for one in dated for ranges in one.units.values() for part in ranges), sample
    )
    for one in wanted:
        if isinstance(one.axis, Days):
            one.units = clipped(one.units, days)
        elif isinstance(one.axis, FromDataset):
            every = union(part for ranges in one.units.values() for part in ranges)
            one.units = clipped(one.units, newest(every, sample))
        one.states = Counter({State.MISSING: sum(map(size, one.units.values()))})


def _cut_to_target(wanted: Iterable[Wanted], observed: Observed, order: str) -> None:
    """Keep what the neediest dataset of each feed lacks to its target."""
    for one in wanted:
        lacking = max((observed.needed.get(name, 0) for name in one.feed.fills), default=0)
        every = union(part for ranges in one.units.values() for part in ranges)
        low, high = 0, size(every)
        while low < high:
            middle = (low + high) // 2
            chosen = clipped(one.units, _from_end(every, middle, order))
            if sum(map(size, chosen.values())) >= lacking:
                high = middle
            else:
                low = middle + 1
        one.units = clipped(one.units, _from_end(every, low, order))


def _from_end(ranges: Ranges, wanted: int, order: str) -> Ranges:
    if order != "oldest":
        return newest(ranges, wanted)
    turned = tuple((-last, -first) for first, last in reversed(ranges))
    return tuple((-last, -first) for first, last in reversed(newest(turned, wanted)))


@dataclass(frozen=True, slots=True)
class Piece:
    """One feed's units of one year, or all of its units; parts come of them."""

    stage: int
    year: int
    part: PlanPart
    priority: int
    value: float


def _pieces(system: System, wanted: Wanted) -> Iterable[Piece]:
    """Cut what a feed is to fetch by year; lists and members stay whole."""
    feed = wanted.feed
    if not isinstance(wanted.axis, Days):
        if wanted.units:
            stage = STATIC if isinstance(wanted.axis, Values) else MEMBERS
            label = "lists" if stage == STATIC else _member_label(feed)
            yield _piece(system, wanted, wanted.units, stage=stage, label=label)
        return
    every = union(part for ranges in wanted.units.values() for part in ranges)
    if not every:
        return
    for year in range(day_of(every[0][0]).year, day_of(every[-1][1] - 1).year + 1):
        whole = ((ordinal_of(date(year, 1, 1)), ordinal_of(date(year + 1, 1, 1))),)
        units = clipped(wanted.units, whole)
        if units:
            yield _piece(system, wanted, units, stage=DATED, label=str(year))


def _member_label(feed: Feed) -> str:
    return "enrichment" if feed.priority else feed.name


def _piece(
    system: System, wanted: Wanted, units: Mapping[Series, Ranges], *, stage: int, label: str
) -> Piece:
    count = sum(map(size, units.values()))
    requests = count_requests(system, wanted.feed, units, names=wanted.names)
    part = PlanPart(
        0, label, "fetch", wanted.feed.name, units, count, requests, reason=wanted.reason
    )
    gained = count * len(wanted.feed.fills)
    year = int(label) if stage == DATED else 0
    return Piece(stage, year, part, wanted.feed.priority, gained / max(1, requests))


def _dynamic(
    system: System,
    wanted: Sequence[Wanted],
    pieces: list[Piece],
    *,
    options: PlanOptions,
    observed: Observed,
) -> list[Piece]:
    """Return parts for members that the plan's own days will name; they take in the known ones."""
    found = []
    for _, feed in system.feeds():
        partitions = system.dataset(feed.fills[0]).partitions
        axis = dimensions(partitions)[axis_index(partitions)]
        if not isinstance(axis, FromDataset) or not _asks_for(options, feed):
            continue
        days, naming = _naming(wanted, axis.dataset)
        is_on = feed.enabled_by in {"", *observed.settings}
        stands_by = feed.instead_of and not feed.assumed.new_per_unit[1]
        if not (days or naming) or stands_by or not is_on:
            continue
        column = (axis.dataset, axis.column)
        known = [piece for piece in pieces if piece.part.feed == feed.name]
        for piece in known:
            pieces.remove(piece)
        per_unit, requests_per_unit = feed.assumed.new_per_unit
        estimate = new_members(feed, observed, days=days, column=column) if days else 0
        named = round(naming * per_unit)
        units = estimate + max(named, sum(piece.part.units for piece in known))
        requests = estimate + max(
            round(naming * requests_per_unit), sum(piece.part.requests for piece in known)
        )
        part = PlanPart(
            0,
            _member_label(feed),
            "fetch",
            feed.name,
            {},
            units,
            requests,
            dynamic=True,
            reason=f"about {estimate or named} {axis.column} new in "
            + (f"{days} days of {axis.dataset}" if days else f"{naming} units of {axis.dataset}"),
        )
        found.append(Piece(MEMBERS, 0, part, feed.priority, len(feed.fills)))
    return found


def _asks_for(options: PlanOptions, feed: Feed) -> bool:
    return not options.datasets or not set(options.datasets).isdisjoint(feed.fills)


def _naming(wanted: Sequence[Wanted], dataset: str) -> tuple[int, int]:
    """Return how many days, and how many other units, of this plan bring rows of ``dataset``."""
    bringing = [one for one in wanted if dataset in (*one.feed.fills, *one.feed.also)]
    days = [
        part
        for one in bringing
        if isinstance(one.axis, Days)
        for ranges in one.units.values()
        for part in ranges
    ]
    others: dict[str, int] = {}
    for one in bringing:
        if not isinstance(one.axis, Days) and dataset in one.feed.fills:
            filled = one.feed.instead_of or one.feed.name
            others[filled] = others.get(filled, 0) + sum(map(size, one.units.values()))
    return size(union(days)), sum(others.values())


def _in_waves(pieces: Iterable[Piece], options: PlanOptions) -> list[PlanPart]:
    """Number the waves in the order asked for; parts of one wave share label and number."""
    sign = 1 if options.order == "oldest" else -1

    def newest_first(piece: Piece) -> tuple[object, ...]:
        return (piece.stage, sign * piece.year, piece.priority if piece.stage == MEMBERS else 0)

    def by_priority(piece: Piece) -> tuple[object, ...]:
        return (piece.priority, piece.stage, sign * piece.year)

    def by_value(piece: Piece) -> tuple[object, ...]:
        return (piece.part.dynamic, -piece.value, *newest_first(piece))

    order = {"priority": by_priority, "value": by_value}.get(options.order, newest_first)
    waves: dict[tuple[object, ...], int] = {}
    parts = []
    for piece in sorted(pieces, key=lambda one: (order(one), one.priority)):
        wave = waves.setdefault(order(piece), len(waves))
        parts.append(replace(piece.part, wave=wave, ordinals=_ordered(piece.part.ordinals, sign)))
    return parts


def _ordered(
    ordinals: Mapping[Series, Sequence[tuple[int, int]]], sign: int
) -> dict[Series, Sequence[tuple[int, int]]]:
    return {series: tuple(ranges)[::sign] for series, ranges in ordinals.items()}


def _within(
    system: System,
    parts: Sequence[PlanPart],
    options: PlanOptions,
    names: Mapping[str, Mapping[int, str]],
) -> list[PlanPart]:
    """Stop after ``max_requests``: the last part is cut, the rest left out."""
    left = options.max_requests or 0
    feeds = {feed.name: feed for _, feed in system.feeds()}
    kept: list[PlanPart] = []
    for part in parts:
        if part.requests <= left:
            kept.append(part)
            left -= part.requests
        elif left > 0 and not part.dynamic:
            units = within_budget(
                system,
                feeds[part.feed],
                {series: union(ranges) for series, ranges in part.ordinals.items()},
                budget=left,
                descending=options.order != "oldest",
                names=names,
            )
            requests = count_requests(system, feeds[part.feed], units, names=names)
            if requests:
                count = sum(map(size, units.values()))
                sign = 1 if options.order == "oldest" else -1
                kept.append(
                    replace(part, ordinals=_ordered(units, sign), units=count, requests=requests)
                )
            left -= requests
    return kept


def _derive_parts(
    system: System, needs: Iterable[Need], parts: Sequence[PlanPart], options: PlanOptions
) -> list[PlanPart]:
    """Return a last wave for what is computed from rows this plan brings, or still owed."""
    owed: Counter[str] = Counter()
    for need in needs:
        if need.feed == DERIVE:
            owed[need.dataset] += need.units
    feeds = {feed.name: feed for _, feed in system.feeds()}
    brought = {name for part in parts for name in (*feeds[part.feed].fills, *feeds[part.feed].also)}
    wave = max((part.wave for part in parts), default=-1) + 1
    found = []
    for derivation in system.derivations:
        chosen = not options.datasets or derivation.dataset in options.datasets
        touched = brought & set(derivation.inputs)
        if chosen and (touched or owed[derivation.dataset]):
            brought.add(derivation.dataset)
            found.append(
                PlanPart(
                    wave,
                    "derived",
                    "derive",
                    derivation.dataset,
                    {},
                    owed[derivation.dataset],
                    0,
                    reason=f"after {', '.join(derivation.inputs)}",
                )
            )
    return found


def _unreachable(system: System, needs: Iterable[Need]) -> tuple[tuple[str, str, int], ...]:
    """Return reason, dataset and units of what no request of this plan can fill."""
    feeds = {feed.name for _, feed in system.feeds()}
    totals: Counter[tuple[str, str]] = Counter()
    for need in needs:
        if need.state in UNREACHABLE and need.feed in feeds:
            totals[f"{need.feed}: {need.reason or need.state.value}", need.dataset] += need.units
        elif need.feed not in feeds and need.feed != DERIVE:
            totals[f"{need.feed}: comes only with other rows; replay", need.dataset] += need.units
    return tuple((reason, dataset, units) for (reason, dataset), units in totals.items())
