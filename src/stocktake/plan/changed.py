"""What changed since a plan was made: pure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stocktake.model.ordinals import size, subtract, union

if TYPE_CHECKING:
    from stocktake.model import Plan, System
    from stocktake.model.ordinals import Ranges

Series = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FeedChange:
    """Units of one feed that a plan holds and a new one would not, and the other way round.

    Args:
        feed: The feed.
        filled: Units that need no request any more.
        due: Units that a new plan would hold besides.
        is_known: Whether the system still has such a feed.
    """

    feed: str
    filled: int
    due: int
    is_known: bool = True


def plan_changes(system: System, then: Plan, now: Plan) -> list[FeedChange]:
    """Return, per feed of either plan, what changed; feeds without a change are left out.

    Units that become known only on the way are not compared.
    """
    before, after = _units(then), _units(now)
    known = {feed.name for _, feed in system.feeds()}
    found = [
        FeedChange(
            feed,
            _lacking(before.get(feed, {}), after.get(feed, {})),
            _lacking(after.get(feed, {}), before.get(feed, {})),
            feed in known,
        )
        for feed in dict.fromkeys([*before, *after])
    ]
    return [one for one in found if one.filled or one.due or not one.is_known]


def _units(plan: Plan) -> dict[str, dict[Series, Ranges]]:
    found: dict[str, dict[Series, list[tuple[int, int]]]] = defaultdict(lambda: defaultdict(list))
    for part in plan.parts:
        if part.kind == "fetch" and not part.dynamic:
            for series, ranges in part.ordinals.items():
                found[part.feed][series].extend(ranges)
    return {
        feed: {series: union(ranges) for series, ranges in units.items()}
        for feed, units in found.items()
    }


def _lacking(units: dict[Series, Ranges], others: dict[Series, Ranges]) -> int:
    return sum(size(subtract(ranges, others.get(series, ()))) for series, ranges in units.items())
