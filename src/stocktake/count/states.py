"""The one answer to what is held and what is not: counts, gaps, needs and the heatmap read it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg

from stocktake.count.expected import Promise, promise
from stocktake.count.routes import (
    DERIVE,
    Axis,
    Route,
    axis_of,
    ordinal_text,
    routes,
    series_keys,
    today_in,
    zone_of,
)
from stocktake.model import (
    GAP_STATES,
    HELD_STATES,
    Calendar,
    Coverage,
    Dataset,
    FromDataset,
    Gap,
    Need,
    Range,
    State,
    System,
    axis_index,
    dimensions,
    ordinal_of,
)
from stocktake.model.ordinals import HIGHEST, LOWEST, Ranges, as_text, subtract, union
from stocktake.store.queries import load_queries

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import date, datetime

Connection = psycopg.Connection[tuple[Any, ...]]

QUERIES = load_queries("stocktake.store", "sql/count.sql")


EVER = Range()


@dataclass(frozen=True, slots=True)
class View:
    """From where a count looks: which days, at which instant, with which settings.

    Args:
        window: Days asked about.
        now: The instant of the count; its day is the last that may be expected.
        lifted: Names of the source settings that are true.
        as_of: Count what was known at this earlier instant, with the day it then was.
    """

    now: datetime
    window: Range = EVER
    lifted: frozenset[str] = frozenset()
    as_of: datetime | None = None

    @property
    def instant(self) -> datetime:
        """The instant whose day is the last expected."""
        return self.as_of or self.now


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """One series of a heatmap: a state per day from ``first`` on, ``None`` for unknown days."""

    series: tuple[str, ...]
    first: int
    states: list[State | None]


@dataclass(frozen=True, slots=True)
class Question:
    """The parameters of the states statement for one dataset."""

    dataset: Dataset
    axis: Axis
    today: date
    parameters: dict[str, Any]
    is_known: bool
    member_series: int | None = None


def count(
    conn: Connection,
    system: System,
    datasets: Sequence[str] = (),
    *,
    view: View,
) -> list[Coverage]:
    """Return coverage per dataset in the system's order; ``held + gaps = expected`` holds.

    Args:
        datasets: Names or aliases; empty means all.
        view: Datasets without days are counted whole, whatever its window.
    """
    return [_coverage(conn, system, dataset, view) for dataset in _chosen(system, datasets)]


def _coverage(conn: Connection, system: System, dataset: Dataset, view: View) -> Coverage:
    asked = question(conn, system, dataset, view=view)
    found = conn.execute(QUERIES.state_units, asked.parameters).fetchall()
    states = {State(state): units for state, units in found if units}
    surplus = states.pop(State.SURPLUS, 0)
    held = sum(states.get(state, 0) for state in HELD_STATES)
    gaps_found = sum(states.get(state, 0) for state in GAP_STATES)
    if not asked.is_known:
        return Coverage(dataset.name, None, surplus, rows=_rows(conn, asked), target=dataset.target)
    if surplus:
        states[State.SURPLUS] = surplus
    return Coverage(
        dataset.name,
        expected=held + gaps_found,
        held=held,
        states={state: states[state] for state in State if state in states},
        surplus=surplus,
        rows=_rows(conn, asked) if held or surplus else None,
        target=dataset.target,
    )


def _rows(conn: Connection, asked: Question) -> int | None:
    row = conn.execute(QUERIES.rows_kept, asked.parameters).fetchone()
    return row[0] if row else None


def gaps(
    conn: Connection,
    system: System,
    datasets: Sequence[str] = (),
    *,
    view: View,
    states: Collection[State] = GAP_STATES,
    limit: int | None = None,
) -> list[Gap]:
    """Return runs of neighbouring units in one of ``states``, per dataset, by series and key.

    Args:
        limit: Most runs per dataset, ``None`` for all.
    """
    found: list[Gap] = []
    for dataset in _chosen(system, datasets):
        asked = question(conn, system, dataset, view=view)
        lines = _ranges(conn, asked, states=states, limit=limit)
        names = _names(conn, asked, [edge for line in lines for edge in (line[4], line[5] - 1)])
        found += [
            Gap(
                dataset.name,
                tuple(key),
                ordinal_text(asked.axis, first, names),
                ordinal_text(asked.axis, last - 1, names),
                last - first,
                State(state),
                reason,
            )
            for key, _, state, reason, first, last in lines
        ]
    return found


def needs(
    conn: Connection,
    system: System,
    datasets: Sequence[str] = (),
    *,
    view: View,
    states: Collection[State],
    due_only: bool = False,
) -> list[Need]:
    """Return per feed the units in one of ``states``, in the system's order of datasets.

    Args:
        states: States of the *feed's* units; gaps nobody can fill may be asked for too.
        due_only: Leave out units whose next try is later than now, and add held units whose
            re-check is due (state ``complete``).
    """
    found: list[Need] = []
    for dataset in _chosen(system, datasets):
        asked = question(conn, system, dataset, view=view)
        grouped: dict[tuple[str, tuple[str, ...], str, str], list[tuple[int, int]]]
        grouped = defaultdict(list)
        for key, feed, state, reason, first, last in _ranges(
            conn, asked, states=states, by_feed=True
        ):
            grouped[feed, tuple(key), state, reason].append((first, last))
        lines = [
            Need(feed, dataset.name, series, State(state), reason, union(parts))
            for (feed, series, state, reason), parts in grouped.items()
        ]
        found += _due(conn, asked, lines, now=view.now) if due_only else lines
    return found


def _due(conn: Connection, asked: Question, lines: Iterable[Need], *, now: datetime) -> list[Need]:
    parameters = {**asked.parameters, "now": now}
    waiting: dict[tuple[str, tuple[str, ...]], Ranges] = {}
    found: list[Need] = []
    for key, feed, is_waiting, text in conn.execute(QUERIES.waiting_units, parameters):
        series, ranges = tuple(key), ranges_of(text)
        if is_waiting:
            waiting[feed, series] = ranges
        else:
            found.append(
                Need(feed, asked.dataset.name, series, State.COMPLETE, "re-check due", ranges)
            )
    for line in lines:
        ranges = subtract(line.ranges, waiting.get((line.feed, line.series), ()))
        if ranges:
            found.append(
                Need(line.feed, line.dataset, line.series, line.state, line.reason, ranges)
            )
    return found


def matrix(conn: Connection, system: System, dataset: str, *, view: View) -> list[MatrixRow]:
    """Return a state per series and day (or member) between the first and last known one."""
    asked = question(conn, system, system.dataset(dataset), view=view)
    lines = _ranges(conn, asked, states=tuple(State))
    if not lines:
        return []
    first = min(line[4] for line in lines)
    width = max(line[5] for line in lines) - first
    grid: dict[tuple[str, ...], list[State | None]] = {}
    for key, _, state, _, start, end in lines:
        cells = grid.setdefault(tuple(key), [None] * width)
        cells[start - first : end - first] = [State(state)] * (end - start)
    return [MatrixRow(series, first, cells) for series, cells in grid.items()]


def state_of(
    conn: Connection, system: System, dataset: Dataset, *, series: tuple[str, ...], view: View
) -> list[tuple[str, State, str, tuple[int, int]]]:
    """Return every range of one series: feed (empty: as a whole), state, reason, range."""
    asked = question(conn, system, dataset, view=view, only=series)
    found = []
    for by_feed in (False, True):
        lines = _ranges(conn, asked, states=tuple(State), by_feed=by_feed)
        found += [(line[1], State(line[2]), line[3], (line[4], line[5])) for line in lines]
    return found


def _chosen(system: System, datasets: Sequence[str]) -> list[Dataset]:
    if not datasets:
        return list(system.datasets)
    wanted = {system.dataset(name).name for name in datasets}
    return [dataset for dataset in system.datasets if dataset.name in wanted]


def _ranges(
    conn: Connection,
    asked: Question,
    *,
    states: Collection[State],
    limit: int | None = None,
    by_feed: bool = False,
) -> list[tuple[Any, ...]]:
    parameters = {
        **asked.parameters,
        "states": [state.value for state in states],
        "limit": limit,
        "by_feed": by_feed,
    }
    return conn.execute(QUERIES.state_ranges, parameters).fetchall()


def _names(conn: Connection, asked: Question, ordinals: list[int]) -> dict[int, str]:
    if asked.member_series is None or not ordinals:
        return {}
    parameters = {"series_id": asked.member_series, "ordinals": ordinals}
    return dict(conn.execute(QUERIES.member_keys, parameters).fetchall())


def ranges_of(text: str) -> Ranges:
    """Return the ranges of PostgreSQL's spelling of a finite ``int4multirange``."""
    if text == "{}":
        return ()
    parts = text[2:-2].split("),[")
    return tuple((int(first), int(last)) for first, last in (part.split(",") for part in parts))


def question(
    conn: Connection,
    system: System,
    dataset: Dataset,
    *,
    view: View,
    only: tuple[str, ...] | None = None,
) -> Question:
    """Return the parameters that ask the states statement about ``dataset``."""
    today = today_in(zone_of(system, dataset), view.instant)
    ways = routes(system, dataset)
    axis = axis_of(dataset)
    keys = [only] if only is not None else _keys(conn, system, dataset)
    shared, promises = _promises(dataset, ways, keys, view=view, today=today)
    is_known = any(one.is_known for one in promises)
    rules = [(number, *rule) for number, one in enumerate(promises) for rule in _rules(one)]
    member_series = None
    if isinstance(axis, FromDataset):
        member_series = _member_series(conn, system, axis)
        is_known = is_known and member_series is not None
        rules = _member_rules(conn, rules, series_id=member_series, axis=axis, view=view)
    first, last = _bounds(view.window)
    parameters = {
        "system": system.name,
        "dataset": dataset.name,
        "keys": [key_text(key) for key in keys],
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
    return Question(dataset, axis, today, parameters, is_known, member_series)


def _bounds(window: Range) -> tuple[int, int]:
    return (
        LOWEST if window.since is None else ordinal_of(window.since),
        HIGHEST if window.until is None else ordinal_of(window.until) + 1,
    )


def key_text(key: Sequence[str]) -> str:
    """Return PostgreSQL's spelling of a ``text[]``, so that keys of any length share one array."""
    parts = ('"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"' for text in key)
    return "{" + ",".join(parts) + "}"


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
        series_id = _member_series(conn, system, dim)
        parameters = {"series_id": series_id, "ordinals": None}
        found = conn.execute(QUERIES.member_keys, parameters).fetchall()
        named[dim.dataset, dim.column] = sorted(key for _, key in found)
    return series_keys(dataset.partitions, named)


def _member_series(conn: Connection, system: System, dim: FromDataset) -> int | None:
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
            told = promise(dataset, ways, key, window=view.window, today=today, lifted=view.lifted)
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
    parameters = {
        "series_id": series_id,
        "as_of": view.as_of,
        "dated": axis.day is not None,
        # the window asks about members whether promised or not: number 0
        "numbers": [
            0 if rule[2] == "window" else index for index, rule in enumerate(rules, start=1)
        ],
        "days": [rule[4] for rule in rules],
    }
    found: dict[int, str] = dict(conn.execute(QUERIES.member_rules, parameters).fetchall())
    turned = [
        (*rule[:4], found[0 if rule[2] == "window" else index])
        for index, rule in enumerate(rules, start=1)
    ]
    waived = conn.execute(QUERIES.member_waived, parameters).fetchall()
    profiles = sorted({rule[0] for rule in rules})
    return turned + [
        (profile, "", State.NOT_EXPECTED.value, reason, ranges)
        for profile in profiles
        for reason, ranges in waived
    ]


__all__ = ["Connection", "MatrixRow", "View", "count", "gaps", "matrix", "needs", "state_of"]
