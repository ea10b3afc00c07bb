"""Gaps as people ask for them: filtered, in an order, with the figures that go above the list."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from stocktake.model import GAP_STATES, TO_FILL_STATES, Range, State
from stocktake.run.counted import count_system, list_gaps, today_of
from stocktake.run.ranked import newest_starts, windows
from stocktake.run.sourced import source_health

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from stocktake.model import Coverage, Dataset, Gap, System
    from stocktake.run.workspace import Workspace

SORTS = {
    "declared": "as declared",
    "size": "largest first",
    "age": "first noticed first",
    "newest": "newest first",
    "oldest": "oldest first",
    "priority": "most urgent first",
}
"""Orders of a list of gaps, with their words."""
NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class GapFilter:
    """Which gaps are asked for, in which order.

    Args:
        states: Their states; none means gaps, and what is thin or stale.
        reason: Part of their reason, capitals or not.
        sort: One of ``SORTS``.
        limit: Most ranges found before they are filtered and sorted; ``None`` for all.
        as_of: As known at an earlier instant.
    """

    states: tuple[State, ...] = ()
    reason: str = ""
    sort: str = "declared"
    limit: int | None = None
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True)
class Gapped:
    """Gaps found, and what they come to.

    Args:
        gaps: Ranges of units alike.
        missing: Units missing of the datasets asked about, whatever the filter.
        needed: Units of them that their targets need.
        states: Units of ``gaps`` by state.
        reachable: Units of ``gaps`` that a plan may ask for now.
        unreachable: Units of ``gaps`` that no request can fill now, by state and reason, most
            first.
        until: The last day that was counted: up to it the list is proven whole.
        is_cut: Whether there are more than ``GapFilter.limit``.
    """

    gaps: Sequence[Gap]
    missing: int
    needed: int
    states: Mapping[State, int]
    reachable: int
    unreachable: Sequence[tuple[State, str, int]]
    until: date
    is_cut: bool

    @property
    def units(self) -> int:
        """Units of all gaps found."""
        return sum(self.states.values())


def find_gaps(
    workspace: Workspace,
    system: System,
    datasets: Sequence[Dataset],
    window: Range,
    *,
    asked: GapFilter,
    counted: Sequence[Coverage] | None = None,
    listed: Sequence[Gap] | None = None,
) -> Gapped:
    """Return the gaps asked for and their figures.

    Args:
        counted: The datasets' coverage over ``window``, where it is known already.
        listed: Their first gaps, unfiltered, where they are known already.
    """
    if counted is None:
        counted = count_system(workspace, system, datasets, window, as_of=asked.as_of)
    if listed is None:
        listed = list_gaps(
            workspace,
            system,
            datasets,
            window,
            states=asked.states,
            limit=asked.limit,
            as_of=asked.as_of,
        )
    wanted = asked.reason.casefold()
    found = [gap for gap in listed if wanted in gap.reason.casefold()]
    order = _order(workspace, system, asked.sort)
    if order is not None:
        found.sort(key=order, reverse=asked.sort == "newest")
    states: Counter[State] = Counter()
    beyond: Counter[tuple[State, str]] = Counter()
    paused, reachable = _paused(workspace, system), 0
    for gap in found:
        states[gap.state] += gap.units
        if gap.state not in TO_FILL_STATES:
            beyond[gap.state, gap.reason] += gap.units * (gap.state in GAP_STATES)
        elif gap.dataset in paused:
            beyond[gap.state, paused[gap.dataset]] += gap.units
        else:
            reachable += gap.units
    today = today_of(workspace, system)
    return Gapped(
        found,
        sum(one.missing for one in counted),
        sum(one.needed_for_target for one in counted),
        dict(states),
        reachable,
        [(state, reason, units) for (state, reason), units in beyond.most_common() if units],
        min(window.until or today, today),
        is_cut=asked.limit is not None and len(listed) >= asked.limit,
    )


def _paused(workspace: Workspace, system: System) -> dict[str, str]:
    """Return the datasets all of whose sources are paused, with why."""
    states = source_health(workspace, system)
    pauses = {one.source: one.source_pause for one in states if one.source_pause}
    on = {"", *workspace.lifted(system)}
    asked: dict[str, set[str]] = defaultdict(set)
    for source, feed in system.feeds():
        if feed.enabled_by in on:
            for name in feed.fills:
                asked[name].add(source.name)
    return {
        name: "; ".join(f"{one} is paused: {pauses[one]}" for one in sorted(sources))
        for name, sources in asked.items()
        if sources <= pauses.keys()
    }


def _order(workspace: Workspace, system: System, sort: str) -> Callable[[Gap], Any] | None:
    """Return by what gaps are sorted; ``None`` where they stay as declared."""
    if sort == "priority":
        with workspace.database.connection() as conn:
            starts = newest_starts(conn, system, now=workspace.clock())
        ranks = {one.name: list(windows(one.priorities, starts)) for one in system.datasets}
        return lambda gap: _rank(ranks[gap.dataset], gap.last)
    return {
        "size": lambda gap: -gap.units,
        "age": lambda gap: gap.noticed_at or NEVER,
        "newest": lambda gap: gap.first,
        "oldest": lambda gap: gap.first,
    }.get(sort)


def _rank(ranks: Sequence[tuple[int, Range]], last: str) -> int:
    """Return how urgent a gap is by its last day; units without days are as urgent as the newest.

    >>> from datetime import date
    >>> ranks = [(0, Range(date(2024, 1, 1), None)), (2, Range(None, date(2023, 12, 31)))]
    >>> _rank(ranks, "2024-03-05"), _rank(ranks, "2019-03-05"), _rank(ranks, "hrs_1")
    (0, 2, 0)
    """
    try:
        day = date.fromisoformat(last)
    except ValueError:
        return ranks[0][0]
    return next(rank for rank, window in ranks if window.since is None or day >= window.since)


def noticed_day(system: System, gap: Gap) -> str:
    """Return the day, in the system's zone, from which on a gap was one; empty when not known."""
    if gap.noticed_at is None:
        return ""
    return gap.noticed_at.astimezone(ZoneInfo(system.zone)).date().isoformat()


def figures_json(found: Gapped) -> dict[str, Any]:
    """Return the JSON object of what gaps come to."""
    return {
        "units": found.units,
        "missing": found.missing,
        "needed_for_target": found.needed,
        "reachable": found.reachable,
        "states": found.states,
        "unreachable": [
            {"state": state, "reason": reason, "units": units}
            for state, reason, units in found.unreachable
        ],
        "proven_until": found.until,
    }
