"""Needs in, an ordered and costed plan out: pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, datetime
from typing import TYPE_CHECKING

from stocktake.model import (
    Days,
    FromDataset,
    Observed,
    Plan,
    PlanOptions,
    PlanPart,
    System,
    Values,
    day_of,
    ordinal_of,
)
from stocktake.model.ordinals import Ranges, size, union
from stocktake.plan.cost import (
    clipped,
    count_requests,
    duration,
    endpoint_costs,
    naive_duration,
    storage,
    within_budget,
)
from stocktake.plan.declared import declared
from stocktake.plan.dynamic import still_unnamed
from stocktake.plan.wanted import UNREACHABLE, Wanted, cut_to_target, take_sample, wanted_of
from stocktake.plan.waves import (
    DATED,
    MEMBERS,
    STATIC,
    Piece,
    in_waves,
    member_label,
    ordered,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from stocktake.model import Need

Series = tuple[str, ...]

DERIVE = "derive"


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
    wanted = wanted_of(system, needs, observed.names)
    if options.until_target:
        cut_to_target(wanted, observed, options.order)
    if options.sample is not None:
        take_sample(wanted, options.sample)
    pieces = [piece for one in wanted for piece in _pieces(system, one)]
    pieces += still_unnamed(system, wanted, pieces, options=options, observed=observed)
    parts = in_waves(pieces, options)
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
        unreachable=_unreachable(system, needs, observed.settings),
        made_at=now,
        declared=declared(system, parts),
    )


def _pieces(system: System, wanted: Wanted) -> Iterable[Piece]:
    """Cut what a feed is to fetch by year; lists and members stay whole."""
    feed = wanted.feed
    if not isinstance(wanted.axis, Days):
        if wanted.units:
            stage = STATIC if isinstance(wanted.axis, Values) else MEMBERS
            label = "lists"
            if isinstance(wanted.axis, FromDataset):
                label = member_label(system, feed, wanted.axis)
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


def _piece(
    system: System, wanted: Wanted, units: Mapping[Series, Ranges], *, stage: int, label: str
) -> Piece:
    count = sum(map(size, units.values()))
    requests = count_requests(system, wanted.feed, units, names=wanted.names)
    part = PlanPart(
        0,
        label,
        "fetch",
        wanted.feed.name,
        units,
        count,
        requests,
        reason=wanted.reason,
        priority=wanted.priority,
    )
    gained = count * len(wanted.feed.fills)
    year = int(label) if stage == DATED else 0
    return Piece(stage, year, part, wanted.feed.turn, gained / max(1, requests))


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
                    replace(part, ordinals=ordered(units, sign), units=count, requests=requests)
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
        if options.priorities:
            declared = system.dataset(derivation.dataset).priorities
            chosen = chosen and not set(declared).isdisjoint(options.priorities)
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


def _unreachable(
    system: System, needs: Iterable[Need], settings: Collection[str]
) -> tuple[tuple[str, str, int], ...]:
    """Return reason, dataset and units of what no request of this plan can fill.

    A feed that is off says nothing of a dataset that another one brings.
    """
    feeds = {feed.name for _, feed in system.feeds()}
    on = {feed.name for _, feed in system.feeds() if feed.enabled_by in {"", *settings}}
    brought = {name for _, feed in system.feeds() if feed.name in on for name in feed.fills}
    totals: Counter[tuple[str, str]] = Counter()
    for need in needs:
        if need.feed in feeds - on and need.dataset in brought:
            continue
        if need.state in UNREACHABLE and need.feed in feeds:
            totals[f"{need.feed}: {need.reason or need.state.value}", need.dataset] += need.units
        elif need.feed not in feeds and need.feed != DERIVE:
            totals[f"{need.feed}: comes only with other rows; replay", need.dataset] += need.units
    return tuple((reason, dataset, units) for (reason, dataset), units in totals.items())
