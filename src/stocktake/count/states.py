"""The one answer to what is held and what is not: counts, gaps, needs and the heatmap read it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Required, TypedDict

import psycopg

from stocktake.count.expected import Promise, promise
from stocktake.count.routes import (
    DERIVE,
    Axis,
    Route,
    axis_of,
    routes,
    series_keys,
    today_in,
    zone_of,
)
from stocktake.count.schedules import scheduled
from stocktake.count.waived import waived_ranges, without
from stocktake.model import (
    Calendar,
    Dataset,
    Days,
    FromDataset,
    Range,
    State,
    System,
    axis_index,
    dimensions,
    ordinal_of,
)
from stocktake.model.ordinals import HIGHEST, LOWEST, Ranges, as_text
from stocktake.store.queries import load_queries

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import date

Connection = psycopg.Connection[tuple[Any, ...]]

QUERIES = load_queries("stocktake.store", "sql/count.sql")

SEPARATOR = "\x1f"
"""Joins the parts of a series key on its way into the database; no key holds it."""


EVER = Range()


class Looking(TypedDict, total=False):
    """From where a count looks: which days, at which instant, with which settings.

    Args:
        now: The instant of the count; its day, in the dataset's zone, is the last expected.
        window: Days asked about; datasets without days are counted whole.
        lifted: Names of the source settings that are true (``Window.lifted_by``).
        as_of: Count what was known at this earlier instant, with the day it then was.
    """

    now: Required[datetime]
    window: Range
    lifted: frozenset[str]
    as_of: datetime | None


@dataclass(frozen=True, slots=True)
class Members:
    """What a look has learnt of the members of one column.

    Args:
        waived: Members that are listed but not promised, by reason.
        by_days: Of ranges of days, all members that have such a day, and those promised.
    """

    waived: Sequence[tuple[str, str]]
    by_days: dict[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class View:
    """``Looking`` with its defaults filled in."""

    now: datetime
    window: Range = EVER
    lifted: frozenset[str] = frozenset()
    as_of: datetime | None = None
    waived: dict[tuple[str, int | None], dict[str, Ranges]] = field(
        default_factory=dict, compare=False
    )
    """What statements of waived units told: asked once by a look at many datasets."""
    members: dict[tuple[int | None, bool], Members] = field(default_factory=dict, compare=False)
    """What was learnt of members: many datasets count the members of one column."""
    series: dict[tuple[str, str], int | None] = field(default_factory=dict, compare=False)
    """Which series number the values of columns."""

    @property
    def instant(self) -> datetime:
        """The instant whose day is the last expected."""
        return self.as_of or self.now


@dataclass(frozen=True, slots=True)
class Question:
    """The parameters of the states statement for one dataset."""

    dataset: Dataset
    axis: Axis
    today: date
    parameters: dict[str, Any]
    is_known: bool
    member_series: int | None = None


def state_of(
    conn: Connection, system: System, dataset: Dataset, *, series: tuple[str, ...], view: View
) -> list[tuple[str, State, str, tuple[int, int]]]:
    """Return every range of one series: feed (empty: as a whole), state, reason, range."""
    asked = question(conn, system, dataset, view=view, only=[series])
    found = []
    for by_feed in (False, True):
        lines = ranges_in(conn, asked, states=tuple(State), by_feed=by_feed)
        found += [(line[1], State(line[2]), line[3], (line[4], line[5])) for line in lines]
    return found


def ranges_in(
    conn: Connection,
    asked: Question,
    *,
    states: Collection[State],
    limit: int | None = None,
    by_feed: bool = False,
) -> list[tuple[Any, ...]]:
    """Return lines of key, feed, state, reason, first ordinal and the one after the last.

    Args:
        by_feed: What each feed owes instead of what the dataset as a whole holds.
    """
    parameters = {
        **asked.parameters,
        "states": [state.value for state in states],
        "limit": limit,
        "by_feed": by_feed,
    }
    return conn.execute(QUERIES.state_ranges, parameters).fetchall()


def question(
    conn: Connection,
    system: System,
    dataset: Dataset,
    *,
    view: View,
    only: Sequence[tuple[str, ...]] | None = None,
) -> Question:
    """Return the parameters that ask the states statement about ``dataset``.

    Args:
        only: Keys of the series asked about, ``None`` for all.
    """
    dataset = scheduled(conn, system, dataset)
    today = today_in(zone_of(system, dataset), view.instant)
    ways = routes(system, dataset)
    axis = axis_of(dataset)
    keys = list(only) if only is not None else _keys(conn, system, dataset)
    shared, promises = _promises(dataset, ways, keys, view=view, today=today)
    is_known = any(one.is_known for one in promises)
    if is_known:
        # A series of which nothing is known cannot be short, nor hold too much: it is left out.
        known = [at for at, number in enumerate(shared) if promises[number].is_known]
        keys, shared = [keys[at] for at in known], [shared[at] for at in known]
    rules = [(number, *rule) for number, one in enumerate(promises) for rule in _rules(one)]
    members = None
    if isinstance(axis, FromDataset):
        column = (axis.dataset, axis.column)
        if column not in view.series:
            view.series[column] = member_series(conn, system, axis)
        members = view.series[column]
        is_known = is_known and members is not None
        rules = _member_rules(conn, rules, series_id=members, axis=axis, view=view)
    if dataset.waived:
        asked = (dataset.waived, members)
        if asked not in view.waived:
            view.waived[asked] = waived_ranges(
                conn, system, dataset, members=members, lifted=view.lifted
            )
        rules = without(rules, view.waived[asked])
    first, last = _bounds(view.window) if isinstance(axis, Days) else (LOWEST, HIGHEST)
    parameters = {
        "system": system.name,
        "dataset": dataset.name,
        "keys": [SEPARATOR.join(key) for key in keys],
        "profiles": shared,
        "rule_profile": [rule[0] for rule in rules],
        "rule_feed": [rule[1] for rule in rules],
        "rule_state": [rule[2] for rule in rules],
        "rule_reason": [rule[3] for rule in rules],
        "rule_ranges": [rule[4] for rule in rules],
        "upstream": _upstream(system, dataset, ways),
        "as_of": view.as_of,
        "today": today,
        "first": first,
        "last": last,
    }
    return Question(dataset, axis, today, parameters, is_known, members)


def _bounds(window: Range) -> tuple[int, int]:
    return (
        LOWEST if window.since is None else ordinal_of(window.since),
        HIGHEST if window.until is None else ordinal_of(window.until) + 1,
    )


def _upstream(system: System, dataset: Dataset, ways: Sequence[Route]) -> list[str]:
    """Return the datasets of the same units that a derived dataset comes after."""
    if not any(way.name == DERIVE for way in ways):
        return []
    above = [system.dataset(name) for name in dataset.after]
    return [one.name for one in above if one.partitions == dataset.partitions]


def _keys(conn: Connection, system: System, dataset: Dataset) -> list[tuple[str, ...]]:
    counted = axis_index(dataset.partitions)
    named: dict[tuple[str, str], list[str]] = {}
    for index, dim in enumerate(dimensions(dataset.partitions)):
        if index == counted or not isinstance(dim, FromDataset):
            continue
        series_id = member_series(conn, system, dim)
        parameters = {"series_id": series_id, "ordinals": None}
        found = conn.execute(QUERIES.member_keys, parameters).fetchall()
        named[dim.dataset, dim.column] = sorted(key for _, key in found)
    return series_keys(dataset.partitions, named)


def member_series(conn: Connection, system: System, dim: FromDataset) -> int | None:
    """Return the series that numbers the values of a column, ``None`` before any was seen."""
    parameters = {"system": system.name, "dataset": dim.dataset, "key": [dim.column]}
    row = conn.execute(QUERIES.member_series, parameters).fetchone()
    return row[0] if row else None


def _promises(
    dataset: Dataset,
    ways: Sequence[Route],
    keys: Sequence[tuple[str, ...]],
    *,
    view: View,
    today: date,
) -> tuple[list[int], list[Promise]]:
    """Return per key the index of its promise, and the promises, each computed once."""
    singled = _singled_out(dataset, ways)
    numbers: dict[Promise, int] = {}
    by_class: dict[tuple[str, ...] | None, int] = {}
    shared: list[int] = []
    for key in keys:
        group = key if singled is None or key in singled else None
        number = by_class.get(group)
        if number is None:
            told = promise(
                dataset, ways, series=key, window=view.window, today=today, lifted=view.lifted
            )
            number = by_class[group] = numbers.setdefault(told, len(numbers))
        shared.append(number)
    return shared, list(numbers)


def _singled_out(dataset: Dataset, ways: Sequence[Route]) -> set[tuple[str, ...]] | None:
    """Return the series that some rule names; all others share one promise. ``None``: unknown."""
    named = {series for way in ways for series in way.only}
    if dataset.expect is None:
        return named
    if not isinstance(dataset.expect, Calendar):
        return None
    closures = {closure.series for closure in dataset.expect.closures}
    return named | set(dataset.expect.only) | (closures - {()})


def _rules(told: Promise) -> Iterable[tuple[str, str, str, str]]:
    """Yield a promise as lines of feed, state, reason and ranges."""
    yield "", "window", "", as_text(told.asked)
    yield "", State.MISSING, "", as_text(told.promised)
    yield "", State.FUTURE, "", as_text(told.future)
    for state, reason, ranges in told.outside:
        yield "", state, reason, as_text(ranges)
    for reach in told.reaches:
        word = "required" if reach.is_required else "optional"
        yield reach.route, word, "", as_text(reach.ranges)
        for state, reason, ranges in reach.outside:
            yield reach.route, state, reason, as_text(ranges)


def _member_rules(
    conn: Connection,
    rules: list[tuple[int, str, str, str, str]],
    *,
    series_id: int | None,
    axis: FromDataset,
    view: View,
) -> list[tuple[int, str, str, str, str]]:
    """Turn rules on days into rules on the members that have those days."""
    dated = axis.day is not None
    told = view.members.get((series_id, dated))
    if told is None:
        waived = {"series_id": series_id, "as_of": view.as_of}
        found = conn.execute(QUERIES.member_waived, waived).fetchall()
        told = view.members[series_id, dated] = Members(found)
    asked = sorted({rule[4] for rule in rules} - told.by_days.keys())
    if asked:
        parameters = {
            "series_id": series_id,
            "as_of": view.as_of,
            "dated": dated,
            "numbers": list(range(len(asked))),
            "days": asked,
        }
        lines = conn.execute(QUERIES.member_rules, parameters).fetchall()
        told.by_days.update({asked[number]: (every, some) for number, every, some in lines})
    # the window asks about members whether promised or not
    turned = [(*rule[:4], told.by_days[rule[4]][rule[2] != "window"]) for rule in rules]
    profiles = sorted({rule[0] for rule in rules})
    return turned + [
        (profile, "", State.NOT_EXPECTED.value, reason, ranges)
        for profile in profiles
        for reason, ranges in told.waived
    ]
