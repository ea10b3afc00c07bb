"""Needs by how urgent they are: the priorities a system declares, and the periods they go by."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, TypedDict, Unpack
from zoneinfo import ZoneInfo

from stocktake.count.needs import needs
from stocktake.count.routes import axis_of
from stocktake.count.statements import system_statements
from stocktake.count.states import Looking
from stocktake.errors import UsageError
from stocktake.model import FromDataset, Range, dimensions
from stocktake.model.partition import is_dated

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from datetime import datetime

    from psycopg import Connection

    from stocktake.model import Dataset, Need, PlanOptions, State, System


class Wanting(TypedDict, total=False):
    """What is looked for, as ``count.needs.needs`` takes it."""

    states: Collection[State]
    refetch: bool
    due_only: bool


def ranked_needs(
    conn: Connection,
    system: System,
    datasets: Sequence[Dataset],
    *,
    options: PlanOptions,
    looking: Looking,
    **wanting: Unpack[Wanting],
) -> list[Need]:
    """Return what is needed; with the priority of each where ``options`` go by priority.

    Units that no priority of ``options.priorities`` covers are left out.
    """
    if not options.is_by_priority:
        return _needs_with_lists(conn, system, datasets, looking=looking, **wanting)
    starts = newest_starts(conn, system, now=looking["now"])
    asked = looking.get("window") or Range()
    found: list[Need] = []
    for dataset in datasets:
        for priority, window in windows(dataset.priorities, starts):
            if options.priorities and priority not in options.priorities:
                continue
            common = _common(window, asked)
            if common is not None:
                one = Looking(**{**looking, "window": common})
                found += (
                    replace(need, priority=priority)
                    for need in _needs_with_lists(conn, system, [dataset], looking=one, **wanting)
                )
    return found


def _needs_with_lists(
    conn: Connection,
    system: System,
    datasets: Sequence[Dataset],
    *,
    looking: Looking,
    **wanting: Unpack[Wanting],
) -> list[Need]:
    """Return needs; of lists that name members also those of the period the first day lies in.

    A season's schedule bears the season's first day: without it, nobody would know which games a
    week in its middle has.
    """
    window = looking.get("window") or Range()
    asked = window.since or date.min
    named = {
        dim.dataset
        for one in system.datasets
        for dim in dimensions(one.partitions)
        if isinstance(dim, FromDataset)
    }
    lists = [
        one
        for one in datasets
        if one.name in named and isinstance(axis_of(one), FromDataset) and is_dated(one.partitions)
    ]
    known = periods(conn, system) if lists else None
    starts = {
        one.since
        for one in (known or {}).values()
        if one.since and one.since <= asked <= (one.until or asked)
    }
    if not starts:
        return needs(conn, system, datasets, **wanting, **looking)
    whole = Looking(**{**looking, "window": Range(max(starts), window.until)})
    others = [one for one in datasets if one not in lists]
    return [
        *needs(conn, system, lists, **wanting, **whole),
        *needs(conn, system, others, **wanting, **looking),
    ]


def periods(conn: Connection, system: System) -> dict[str, Range] | None:
    """Return the stretches of days a system knows by name; ``None`` when it names none."""
    statement = system_statements(system).get("periods")
    if statement is None:
        return None
    return {name: Range(since, until) for name, since, until in conn.execute(statement).fetchall()}


def newest_starts(conn: Connection, system: System, *, now: datetime) -> list[date]:
    """Return the first days of a system's periods that have begun, newest first.

    A system that names no periods is cut at the beginnings of its years; only as many are told as
    one of its datasets has priorities.
    """
    today = now.astimezone(ZoneInfo(system.zone)).date()
    named = periods(conn, system)
    if named is not None:
        begun = {one.since for one in named.values() if one.since and one.since <= today}
        return sorted(begun, reverse=True)
    year = today.year if today.month >= system.first_month else today.year - 1
    most = max(len(dataset.priorities) for dataset in system.datasets)
    return [date(year - back, system.first_month, 1) for back in range(most)]


def windows(priorities: Sequence[int], starts: Sequence[date]) -> Iterator[tuple[int, Range]]:
    """Yield each priority with the days it covers, newest first; together they cover all days.

    >>> for priority, window in windows((0, 0, 2), [date(2024, 7, 1), date(2023, 7, 1)]):
    ...     print(priority, window.since, window.until)
    0 2023-07-01 None
    2 None 2023-06-30
    """
    until: date | None = None
    position = 0
    for priority, equals in groupby(priorities):
        position += sum(1 for _ in equals)
        is_last = position >= len(priorities) or position > len(starts)
        since = None if is_last else starts[position - 1]
        yield priority, Range(since, until)
        if since is None:
            return
        until = since - timedelta(days=1)


def read_priorities(system: System, texts: Sequence[str]) -> tuple[int, ...]:
    """Return priorities from words such as ``P0``, joined by commas.

    Raises:
        UsageError: The system declares no such priority.
    """
    known = sorted({rank for dataset in system.datasets for rank in dataset.priorities})
    names = {f"P{rank}": rank for rank in known}
    words = [word.strip().upper() for text in texts for word in text.split(",") if word.strip()]
    for word in words:
        if word not in names:
            raise UsageError(
                f"{system.name} has no priority {word!r}.", hint=f"Known: {', '.join(names)}."
            )
    return tuple(sorted({names[word] for word in words}))


def _common(left: Range, right: Range) -> Range | None:
    since = max(filter(None, (left.since, right.since)), default=None)
    until = min(filter(None, (left.until, right.until)), default=None)
    if since and until and since > until:
        return None
    return Range(since, until)
