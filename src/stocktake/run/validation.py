"""Checks along the way: a run that goes wrong stops after tens of units, not after years."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from stocktake.count.dated import member_days
from stocktake.model import Days, FromDataset, Range, axis_index, day_of, dimensions
from stocktake.observe.failpoints import reach
from stocktake.run.checked import check_loaded

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from stocktake.model import System
    from stocktake.run.batch import Finding
    from stocktake.run.workspace import Workspace


class Validation:
    """Measures what a run has loaded whenever enough of it is new; used by one thread at a time."""

    def __init__(
        self,
        workspace: Workspace,
        system: System,
        run_id: int,
        *,
        every: int,
        asked: Collection[str],
    ) -> None:
        """Check after each ``every`` units, 0 for only when told to; ``asked`` empty means all."""
        self._workspace = workspace
        self._system = system
        self._run_id = run_id
        self._every = every
        self._asked = frozenset(asked)
        self._datasets: set[str] = set()
        self._units: set[tuple[tuple[str, ...], int]] = set()
        self._members: dict[FromDataset, set[int]] = defaultdict(set)

    def add(self, findings: Sequence[Finding]) -> None:
        """Note a committed batch, and check if enough units have come together.

        Raises:
            PlanRefused: A check fails on them.
        """
        for finding in findings:
            feed = finding.errand.feed
            partitions = self._system.dataset(feed.fills[0]).partitions
            axis = dimensions(partitions)[axis_index(partitions)]
            if finding.load is None:
                continue
            if isinstance(axis, Days):
                self._datasets.update(feed.fills)
                self._units.update(finding.errand.marks)
            elif isinstance(axis, FromDataset) and axis.day is not None:
                self._datasets.update(feed.fills)
                self._members[axis].update(at for _, at in finding.errand.marks)
        noted = len(self._units) + sum(map(len, self._members.values()))
        if self._every and noted >= self._every:
            self.check()

    def check(self) -> None:
        """Check what was noted since the last time.

        Raises:
            PlanRefused: A check fails on it.
        """
        days = [day_of(ordinal) for _, ordinal in self._units]
        with self._workspace.database.connection() as conn:
            for axis, ordinals in self._members.items():
                days += member_days(conn, self._system, axis, ordinals)
        self._units.clear()
        self._members.clear()
        if not days:
            return
        window = Range(min(days), max(days))
        datasets = self._datasets & self._asked if self._asked else self._datasets
        check_loaded(self._workspace, self._system, datasets, window, run_id=self._run_id)
        reach("checked")
