"""Coverage as it was known on days gone by; its figures are those of ``count --as-of``."""

from __future__ import annotations

import threading
from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from stocktake.model import Range
from stocktake.run.clock import end_of
from stocktake.run.counted import count_system
from stocktake.store.queries import load_queries

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from stocktake.model import Coverage, System
    from stocktake.run.lately import Standings
    from stocktake.run.workspace import Workspace

SQL = load_queries("stocktake.store", "sql/pages.sql")
DAYS = 90
MOST_POINTS = 30
"""Days counted of a trend: all days on which the ledger changed, if there are no more."""


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """What was known of a system at an instant; ``expected`` 0 when nothing was promised yet."""

    at: datetime
    held: int
    expected: int

    @property
    def coverage(self) -> float | None:
        """Held ÷ expected, ``None`` when nothing was expected."""
        return self.held / self.expected if self.expected else None


def trend_days(workspace: Workspace, system: System, *, days: int = DAYS) -> list[date]:
    """Return the days (UTC) of a trend, oldest first: those on which the ledger changed.

    Days before today only. The day before the first change is among them, so that a line begins
    where it stood. When more changed than are counted, every so-manieth is left out.
    """
    today = workspace.clock().date()
    since = today - timedelta(days=days)
    given = {"system": system.name, "since": since, "today": today}
    with workspace.database.connection() as conn:
        changed = [day for (day,) in conn.execute(SQL.days_of_changes, given)]
    if not changed:
        return []
    wanted = sorted({since, max(since, changed[0] - timedelta(days=1)), *changed})
    thinned = wanted[:: -(-len(wanted) // MOST_POINTS)]
    return thinned if thinned[-1] == wanted[-1] else [*thinned, wanted[-1]]


def counted_on(workspace: Workspace, system: System, day: date) -> TrendPoint:
    """Count what was known of a system at the end of a day (UTC)."""
    at = end_of(day)
    return _added(at, count_system(workspace, system, system.datasets, Range(), as_of=at))


class Trends:
    """Remembers points of days gone by, which never change; safe to share between threads."""

    def __init__(self, workspace: Workspace, standings: Standings) -> None:
        """Remember nothing yet."""
        self._workspace = workspace
        self._standings = standings
        self._points: dict[str, dict[date, TrendPoint]] = {}
        self._whole: set[str] = set()
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def of(self, system: System) -> list[TrendPoint]:
        """Return a system's trend, oldest first; its last point is the present count."""
        with self._locks[system.name]:
            kept = self._points.setdefault(system.name, {})
            for day in trend_days(self._workspace, system):
                if day not in kept:
                    kept[day] = counted_on(self._workspace, system, day)
            self._whole.add(system.name)
        standing = self._standings.of(system)
        present = TrendPoint(standing.at, standing.held, standing.expected)
        return [*(kept[day] for day in sorted(kept)), present]

    def is_known(self, system: System) -> bool:
        """Return whether a trend was counted before, so that another costs little."""
        return system.name in self._whole


def _added(at: datetime, counted: Sequence[Coverage]) -> TrendPoint:
    return TrendPoint(
        at, sum(one.held for one in counted), sum(one.expected or 0 for one in counted)
    )
