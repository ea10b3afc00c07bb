"""What each feed is to fetch: needs united over what it fills, and cut to what was asked."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stocktake.model import Days, FromDataset, State, Values, axis_index, dimensions
from stocktake.model.ordinals import Ranges, newest, size, subtract, union
from stocktake.plan.cost import clipped

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from stocktake.model import Feed, Need, Observed, System

Series = tuple[str, ...]
Axis = Days | Values | FromDataset

UNREACHABLE = frozenset({State.BLOCKED, State.UNRECOVERABLE, State.NOT_EXPECTED})


@dataclass(slots=True)
class Wanted:
    """What one feed is to fetch: units per series, and why."""

    feed: Feed
    axis: Axis
    units: dict[Series, Ranges]
    states: Counter[State]
    names: Mapping[str, Mapping[int, str]]
    priority: int | None = None

    @property
    def reason(self) -> str:
        """The states of the units, most frequent first."""
        return ", ".join(f"{units} {state.value}" for state, units in self.states.most_common())


def wanted_of(
    system: System, needs: Iterable[Need], names: Mapping[str, Mapping[int, str]]
) -> list[Wanted]:
    """Unite the needs of each feed over the datasets it fills, feeds in the order of their turns.

    Where priorities are told, a unit is as urgent as the most urgent dataset it fills.
    """
    grouped: dict[tuple[str, int | None], dict[Series, list[tuple[int, int]]]]
    grouped = defaultdict(lambda: defaultdict(list))
    told: dict[tuple[str, int | None], Counter[tuple[str, State]]] = defaultdict(Counter)
    for need in needs:
        if need.state not in UNREACHABLE:
            grouped[need.feed, need.priority][need.series].extend(need.ranges)
            told[need.feed, need.priority][need.dataset, need.state] += need.units
    found = []
    for _, feed in system.feeds():
        partitions = system.dataset(feed.fills[0]).partitions
        axis = dimensions(partitions)[axis_index(partitions)]
        taken: dict[Series, Ranges] = {}
        for priority in sorted((rank for name, rank in grouped if name == feed.name), key=rank_of):
            units = {
                series: left
                for series, parts in grouped[feed.name, priority].items()
                if (left := subtract(union(parts), taken.get(series, ())))
            }
            for series, ranges in units.items():
                taken[series] = union((*taken.get(series, ()), *ranges))
            states: Counter[State] = Counter()
            for (_, state), count in told[feed.name, priority].items():
                states[state] = max(states[state], count)
            found.append(Wanted(feed, axis, units, states, names, priority))
    return found


def rank_of(priority: int | None) -> int:
    """Return a priority as a number: where none is told, all are equal."""
    return priority or 0


def take_sample(wanted: Iterable[Wanted], sample: int) -> None:
    """Keep the newest ``sample`` days over all feeds, and as many of the newest members.

    Of members that have days, only those of the newest days were asked for to begin with.
    """
    dated = [one for one in wanted if isinstance(one.axis, Days)]
    days = newest(
        union(part for one in dated for ranges in one.units.values() for part in ranges), sample
    )
    for one in wanted:
        if isinstance(one.axis, Days):
            one.units = clipped(one.units, days)
        elif isinstance(one.axis, FromDataset) and one.axis.day is None:
            every = union(part for ranges in one.units.values() for part in ranges)
            one.units = clipped(one.units, newest(every, sample))
        one.states = Counter({State.MISSING: sum(map(size, one.units.values()))})


def cut_to_target(wanted: Iterable[Wanted], observed: Observed, order: str) -> None:
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
