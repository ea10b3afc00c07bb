"""What each feed should deliver: the gaps of ``gaps``, told per feed, for ``plan``."""

from __future__ import annotations

from array import array
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Unpack

from stocktake.count.aged import aged
from stocktake.count.routes import axis_of, join_key, ordinal_text
from stocktake.count.states import (
    QUERIES,
    Connection,
    Looking,
    Question,
    View,
    member_series,
    question,
    ranges_in,
)
from stocktake.model import HELD_STATES, TO_FILL_STATES, Dataset, FromDataset, Need, State, System
from stocktake.model.ordinals import (
    LOWEST,
    Ranges,
    from_text,
    intersect,
    members,
    subtract,
    union,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from stocktake.model import Feed

Series = tuple[str, ...]
UNREACHABLE = (State.BLOCKED, State.UNRECOVERABLE, State.NOT_EXPECTED)
"""States a plan lists without fetching: what stays a gap, and why."""


def needs(
    conn: Connection,
    system: System,
    datasets: Sequence[Dataset],
    *,
    states: Collection[State] = (),
    refetch: bool = False,
    due_only: bool = False,
    **looking: Unpack[Looking],
) -> list[Need]:
    """Return per feed the units in one of ``states``, in the order of ``datasets``.

    Args:
        states: States of the *feed's* units. None means missing, failed, thin and stale, and what
            the feed cannot deliver (``UNREACHABLE``), for the plan to list with its reason.
        refetch: Also what is held.
        due_only: What a sync wants: without units whose next try is later than now, with days
            ahead (state ``future``) and held units whose re-check is due or whose answer is older
            than ``Feed.refresh_after`` (state ``complete``), also those before the window.
    """
    view = View(**looking)
    wanted = {*(states or (*TO_FILL_STATES, *UNREACHABLE)), *(HELD_STATES if refetch else ())}
    wanted |= {State.FUTURE} if due_only else set()
    found: list[Need] = []
    for dataset in datasets:
        asked = question(conn, system, dataset, view=view)
        grouped: dict[tuple[str, tuple[str, ...], str, str], list[tuple[int, int]]]
        grouped = defaultdict(list)
        for line in ranges_in(conn, asked, states=wanted, by_feed=True):
            key, feed, state, reason, first, last = line
            grouped[feed, tuple(key), state, reason].append((first, last))
        lines = [
            Need(feed, dataset.name, series, State(state), reason, union(parts))
            for (feed, series, state, reason), parts in grouped.items()
        ]
        lines = _standing_in(conn, system, dataset, lines)
        found += _in_time(conn, asked, lines, due_only=due_only, now=view.now)
        found += aged(conn, system, dataset, now=view.now) if due_only else ()
    return found


def member_keys(
    conn: Connection, system: System, dataset: Dataset, ordinals: Sequence[int]
) -> Mapping[int, str]:
    """Return the keys of members by ordinal, for a dataset whose units are members."""
    axis = axis_of(dataset)
    if not isinstance(axis, FromDataset):
        return {}
    parameters = {"series_id": member_series(conn, system, axis), "ordinals": list(ordinals)}
    return dict(conn.execute(QUERIES.member_keys, parameters).fetchall())


def newest_members(conn: Connection, system: System, dataset: Dataset) -> Sequence[int]:
    """Return the ordinals of members, the one seen on the latest day first, four bytes each."""
    axis = axis_of(dataset)
    if not isinstance(axis, FromDataset):
        return ()
    parameters = {"series_id": member_series(conn, system, axis)}
    return array("i", (row[0] for row in conn.execute(QUERIES.newest_members, parameters)))


def _standing_in(
    conn: Connection, system: System, dataset: Dataset, lines: Sequence[Need]
) -> list[Need]:
    """Leave to a feed that stands in for another what that one failed at or has no request for."""
    feeds = {feed.name: feed for _, feed in system.feeds()}
    helped = {feeds[one.instead_of].name for one in feeds.values() if one.instead_of}
    left: dict[tuple[str, Series], Ranges] = {}
    for line in lines:
        if line.feed in helped:
            failed = line.state in (State.FAILED, State.UNRECOVERABLE)
            ranges = (
                line.ranges if failed else _unasked(conn, system, dataset, feeds[line.feed], line)
            )
            left[line.feed, line.series] = union((*left.get((line.feed, line.series), ()), *ranges))
    kept = []
    for line in lines:
        stands_for = feeds[line.feed].instead_of if line.feed in feeds else ""
        ranges = line.ranges
        if stands_for:
            ranges = intersect(ranges, left.get((stands_for, line.series), ()))
        elif line.feed in helped and line.state is State.MISSING:
            ranges = subtract(ranges, _unasked(conn, system, dataset, feeds[line.feed], line))
        if ranges:
            kept.append(replace(line, ranges=ranges))
    return kept


def _unasked(conn: Connection, system: System, dataset: Dataset, feed: Feed, line: Need) -> Ranges:
    """Return the units that the feed makes no request for."""
    axis = axis_of(dataset)
    ordinals = list(members(line.ranges))
    names = member_keys(conn, system, dataset, ordinals)
    keys = {
        at: join_key(
            dataset.partitions, line.series, position=ordinal_text(axis, at, members=names)
        )
        for at in ordinals
    }
    asked = {key for request in feed.requests(tuple(keys.values())) for key in request.units}
    return union((at, at + 1) for at, key in keys.items() if key not in asked)


def _in_time(
    conn: Connection, asked: Question, lines: Iterable[Need], *, due_only: bool, now: datetime
) -> list[Need]:
    """Leave out what waits for its next try: what the source does not have; all if ``due_only``."""
    parameters = {**asked.parameters, "now": now}
    if due_only:  # a second look is due however long ago the day was
        parameters["first"] = LOWEST
    waiting: dict[tuple[str, tuple[str, ...]], Ranges] = defaultdict(tuple)
    name = asked.dataset.name
    found: list[Need] = []
    for key, feed, waits, is_gone, reason, text in conn.execute(QUERIES.waiting_units, parameters):
        series, ranges = tuple(key), from_text(text)
        if waits and (is_gone or due_only):
            waiting[feed, series] = union((*waiting[feed, series], *ranges))
        if waits and is_gone and not due_only:
            found.append(Need(feed, name, series, State.UNRECOVERABLE, reason, ranges))
        elif not waits and due_only:
            found.append(Need(feed, name, series, State.COMPLETE, "re-check due", ranges))
    for line in lines:
        ranges = subtract(line.ranges, waiting.get((line.feed, line.series), ()))
        if ranges:
            found.append(replace(line, ranges=ranges))
    return found
