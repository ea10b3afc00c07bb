"""What is promised, series by series: pure, from declarations and a day."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

from stocktake.count.routes import Route, axis_of
from stocktake.model import (
    Calendar,
    Dataset,
    Days,
    Either,
    FromDataset,
    Range,
    State,
    Values,
    ordinal_of,
)
from stocktake.model.ordinals import HIGHEST, LOWEST, Ranges, intersect, subtract, union

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

HORIZON = timedelta(days=731)
"""How far ahead listed days are looked up to be shown as future."""

Told = tuple[tuple[State, str, Ranges], ...]
"""Ranges that are not to be had, with state and reason; disjoint."""


@dataclass(frozen=True, slots=True)
class Reach:
    """What one route can deliver of a promise, and what it says of the rest."""

    route: str
    is_required: bool
    ranges: Ranges
    outside: Told = ()


@dataclass(frozen=True, slots=True)
class Promise:
    """What one series promises.

    Args:
        is_known: Whether an expectation speaks for the series at all.
        asked: Ordinals within the count's window, up to today: what lies later never counts.
        promised: Ordinals expected up to today; includes those nobody can deliver any more.
        future: Promised later than today.
        outside: ``unrecoverable`` (within ``promised``) and ``not_expected`` ranges.
        reaches: Per route what it can deliver.
    """

    is_known: bool
    asked: Ranges
    promised: Ranges = ()
    future: Ranges = ()
    outside: Told = ()
    reaches: tuple[Reach, ...] = ()


def promise(
    dataset: Dataset,
    ways: Sequence[Route],
    *,
    series: tuple[str, ...],
    window: Range,
    today: date,
    lifted: frozenset[str] = frozenset(),
) -> Promise:
    """Return what one series of ``dataset`` promises up to and including ``today``.

    For datasets whose units are members of another dataset the ranges are those of the members'
    days; ``stocktake.count.states`` turns them into members.

    Args:
        series: The key without the counted dimension.
        window: Days asked about; open ends mean the dataset's own first day and today.
        today: The count's day in the dataset's zone.
        lifted: Names of the source settings that are true (``Window.lifted_by``).
    """
    axis = axis_of(dataset)
    if isinstance(axis, Values):
        everything = ((0, len(axis.values)),)
        plain = Promise(is_known=True, asked=everything, promised=everything)
        return _reached(plain, _enabled(ways, lifted), series, ())
    if isinstance(axis, FromDataset) and axis.day is None:
        everything = ((LOWEST, HIGHEST),)
        plain = Promise(is_known=True, asked=everything, promised=everything)
        return _reached(plain, _enabled(ways, lifted), series, ())
    past = ((LOWEST, ordinal_of(today) + 1),)
    asked = intersect(_asked(window), past)
    spans = _spans(dataset, series, window=window, today=today, ways=ways)
    if spans is None:
        return Promise(is_known=False, asked=asked, reaches=_no_reach(ways))
    told = tuple((state, why, intersect(ranges, past)) for state, why, ranges in spans)
    wanted = _parts(spans, State.MISSING, State.UNRECOVERABLE)
    outside = {State.UNRECOVERABLE, State.NOT_EXPECTED}
    plain = Promise(
        is_known=True,
        asked=asked,
        promised=intersect(wanted, past),
        future=union((*subtract(wanted, past), *_parts(spans, State.FUTURE))),
        outside=tuple(line for line in told if line[0] in outside and line[2]),
    )
    limits = tuple((way, _limits(way, today=today, lifted=lifted)) for way in ways)
    return _reached(plain, _enabled(ways, lifted), series, limits)


def _enabled(ways: Sequence[Route], lifted: frozenset[str]) -> list[Route]:
    """Return the routes; one that nobody enabled can deliver nothing, and says so."""
    return [
        replace(way, off=f"off: setting {way.feed.enabled_by} of its source")
        if way.feed is not None and way.feed.enabled_by not in {"", *lifted}
        else way
        for way in ways
    ]


def _parts(told: Told, *states: State) -> Ranges:
    return union(part for state, _, ranges in told if state in states for part in ranges)


def _asked(window: Range) -> Ranges:
    first = LOWEST if window.since is None else ordinal_of(window.since)
    last = HIGHEST if window.until is None else ordinal_of(window.until) + 1
    return ((first, last),) if first < last else ()


def _spans(
    dataset: Dataset,
    series: tuple[str, ...],
    *,
    window: Range,
    today: date,
    ways: Sequence[Route],
) -> Told | None:
    """Return the expectation's word on every day asked about, ``None`` when it has none."""
    axis = axis_of(dataset)
    since = axis.since if isinstance(axis, Days) else date.min
    since = max(since, window.since or since)
    ahead = max((way.window.days_ahead for way in ways), default=0)
    rule = dataset.expect
    if isinstance(rule, Either):
        rule = rule.rule_for(series)
    # Days to come are endless; members and listed days with a later day are known by name.
    is_open = isinstance(axis, Days) and (rule is None or isinstance(rule, Calendar))
    until = today + (timedelta(days=ahead) if is_open else HORIZON)
    until = min(until, window.until) if window.until is not None else until
    if since > until:
        return ()
    if rule is None:
        return ((State.MISSING, "", ((_floor(since), ordinal_of(until) + 1),)),)
    found: dict[tuple[State, str], list[tuple[int, int]]] = {}
    for span in rule.spans(series, since, until):
        part = (_floor(span.first), ordinal_of(span.last) + 1)
        found.setdefault((span.state, span.reason), []).append(part)
    if not found:
        return None
    return tuple((state, why, union(parts)) for (state, why), parts in found.items())


def _floor(day: date) -> int:
    return LOWEST if day == date.min else ordinal_of(day)


def _limits(way: Route, *, today: date, lifted: frozenset[str]) -> Ranges:
    """Return the days a route can deliver."""
    window = way.window
    first = LOWEST if window.since is None else ordinal_of(window.since)
    if window.days_back is not None and window.lifted_by not in lifted:
        first = max(first, ordinal_of(today) - window.days_back + 1)
    return ((first, ordinal_of(today) + 1),)


def _reached(
    plain: Promise,
    ways: Sequence[Route],
    series: tuple[str, ...],
    limits: Iterable[tuple[Route, Ranges]],
) -> Promise:
    """Return the promise narrowed to what some route can, or once could, deliver."""
    within = {way.name: ranges for way, ranges in limits}
    possible = subtract(plain.promised, _parts(plain.outside, *State))
    reaches = []
    for way in ways:
        if not (way.delivers and way.serves(series)):
            reaches.append(Reach(way.name, is_required=False, ranges=()))
            continue
        allowed = () if way.off else within.get(way.name, ((LOWEST, HIGHEST),))
        beyond = subtract(possible, allowed)
        state, reason = way.window.state, way.window.reason
        if way.off:
            state, reason = State.NOT_EXPECTED, way.off
        outside = ((state, reason, beyond),) if beyond else ()
        ranges = intersect(possible, allowed)
        if ahead := () if way.off else _ahead(way, plain.future):
            outside = (*outside, (State.FUTURE, "", ahead))
        reaches.append(Reach(way.name, is_required=way.is_required, ranges=ranges, outside=outside))
    reaches = _by_file(reaches, ways, possible)
    lost, never = _verdict(reaches, possible)
    return replace(
        plain,
        promised=subtract(plain.promised, _parts(never, State.NOT_EXPECTED)),
        outside=(*plain.outside, *lost, *never),
        reaches=tuple(reaches),
    )


def _ahead(way: Route, future: Ranges) -> Ranges:
    """Return the first days after today that the route can already tell of."""
    if not (way.window.days_ahead and future):
        return ()
    return intersect(future, ((future[0][0], future[0][0] + way.window.days_ahead),))


def _by_file(reaches: list[Reach], ways: Sequence[Route], possible: Ranges) -> list[Reach]:
    """Let files deliver a series that no feed serves; otherwise they only hold units."""
    if any(reach.ranges or reach.outside for reach in reaches):
        return reaches
    return [
        replace(reach, ranges=possible) if way.feed is None else reach
        for reach, way in zip(reaches, ways, strict=True)
    ]


def _verdict(reaches: Sequence[Reach], possible: Ranges) -> tuple[Told, Told]:
    """Return what nobody delivers: once promised (unrecoverable), and never (not expected)."""
    beyond = subtract(possible, union(part for reach in reaches for part in reach.ranges))
    lost: list[tuple[State, str, Ranges]] = []
    never: list[tuple[State, str, Ranges]] = []
    for wanted, target in ((State.UNRECOVERABLE, lost), (State.NOT_EXPECTED, never)):
        for reach in reaches:
            for state, why, ranges in reach.outside:
                part = intersect(ranges, beyond)
                if state is wanted and part:
                    target.append((state, why, part))
                    beyond = subtract(beyond, part)
    return tuple(lost), tuple(never)


def _no_reach(ways: Sequence[Route]) -> tuple[Reach, ...]:
    return tuple(Reach(way.name, is_required=False, ranges=()) for way in ways)
