"""When a gap would have been noticed: the first check that says so, kept or recomputed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from heapq import merge
from typing import TYPE_CHECKING, Any

from stocktake.check.measure import judge
from stocktake.check.results import first_bad
from stocktake.count.holes import holes
from stocktake.count.losses import due, history_began, late, losses
from stocktake.model import Loss, Range, Severity
from stocktake.report.health import Notice
from stocktake.run.checked import checks_of
from stocktake.run.counted import count_years, today_of
from stocktake.run.fires import next_fires

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from psycopg import Connection

    from stocktake.model import Check, Coverage, Dataset, Schedule, System
    from stocktake.run.workspace import Workspace

MOST_LOSSES = 200
MOST_FIRES = 14
"""Scheduled checks recomputed for each gap; after that nobody can speak of noticing."""
BAD = (Severity.WARN, Severity.FAIL)


@dataclass(slots=True)
class Noticing:
    """What the search for first checks shares.

    Args:
        conn: Connection.
        workspace: Where.
        system: Of which.
    """

    conn: Connection[Any]
    workspace: Workspace
    system: System
    _counted: dict[tuple[str, date | None, datetime], list[Coverage]] = field(default_factory=dict)

    def notice(self, loss: Loss) -> Notice:
        """Return the loss with the first check that says so."""
        dataset = self.system.dataset(loss.dataset)
        guards = [check for check in checks_of(self.system, [dataset]) if check.kind == "coverage"]
        kept = first_bad(
            self.conn,
            self.system.name,
            names=[check.name for check in guards],
            since=loss.lost_at,
            until=loss.back_at or self.workspace.clock(),
        )
        due_at, due_by = self._scheduled(loss, dataset, guards)
        if kept is not None and (due_at is None or kept[0] <= due_at):
            return Notice(loss, kept[0], f"check {kept[1]}, as kept")
        return Notice(loss, due_at, due_by)

    def _scheduled(
        self, loss: Loss, dataset: Dataset, guards: Sequence[Check]
    ) -> tuple[datetime | None, str]:
        """Return the first scheduled check that says so, and which; else why none does."""
        looking = [
            one
            for one in self.system.schedules
            if one.verb == "check" and guards and (not one.datasets or dataset.name in one.datasets)
        ]
        if not looking:
            return None, "no scheduled check looks at it; a count, or this report, does"
        fires = merge(*(self._fires(one, loss) for one in looking), key=lambda fire: fire[0])
        for at, schedule in fires:
            if loss.back_at is not None and at >= loss.back_at:
                return None, "held again before the next check"
            if self._says_so(loss, dataset, guards, at=at):
                word = "is due" if at > self.workspace.clock() else "was due"
                return at, f"schedule {schedule.name}, {schedule.verb} {word}"
        return None, f"not by the {MOST_FIRES} checks after it: within their limits"

    def _fires(self, schedule: Schedule, loss: Loss) -> Iterator[tuple[datetime, Schedule]]:
        for at in next_fires(schedule.cron, schedule.zone, after=loss.lost_at, most=MOST_FIRES):
            yield at, schedule

    def _says_so(
        self, loss: Loss, dataset: Dataset, guards: Sequence[Check], *, at: datetime
    ) -> bool:
        counted = self._coverages(loss, dataset, at)
        return any(judge(check, one.coverage) in BAD for check in guards for one in counted)

    def _coverages(self, loss: Loss, dataset: Dataset, at: datetime) -> list[Coverage]:
        """Return the years that a loss touches as they were known at an instant."""
        window, now = _whole_years(loss, self.system.first_month), self.workspace.clock()
        key = (dataset.name, window.since, min(at, now))
        if key not in self._counted:
            years = count_years(
                self.conn,
                self.workspace,
                self.system,
                dataset,
                window,
                as_of=None if at > now else at,
            )
            self._counted[key] = [one for _, one in years]
        return self._counted[key]


def notices(
    conn: Connection[Any],
    workspace: Workspace,
    system: System,
    datasets: Sequence[Dataset],
    window: Range,
    *,
    limit: int,
) -> tuple[list[Notice], int]:
    """Return the newest gaps of now and of the past since the history began, and their number.

    Days that were due before the first load are left to the count: nobody lost them.
    """
    began = history_began(conn, system)
    if began is None:
        return [], 0
    lost = losses(conn, system, limit=MOST_LOSSES)
    found = [*lost, *late(conn, system, began=began)]
    found += _never_held(conn, workspace, system, datasets, began=began, lost=lost)
    names = {dataset.name for dataset in datasets}
    chosen = [one for one in found if one.dataset in names and _touches(one, window)]
    chosen.sort(key=lambda one: (one.back_at is None, one.lost_at, one.dataset), reverse=True)
    noticing = Noticing(conn, workspace, system)
    return [noticing.notice(one) for one in chosen[:limit]], len(chosen)


def open_losses(
    conn: Connection[Any], workspace: Workspace, system: System, datasets: Sequence[Dataset]
) -> list[Loss]:
    """Return what is not held now although it was, or was due since the history began."""
    began = history_began(conn, system)
    if began is None:
        return []
    names = {dataset.name for dataset in datasets}
    lost = [one for one in losses(conn, system, limit=MOST_LOSSES) if one.back_at is None]
    return [
        *(one for one in lost if one.dataset in names),
        *_never_held(conn, workspace, system, datasets, began=began, lost=lost),
    ]


def _never_held(
    conn: Connection[Any],
    workspace: Workspace,
    system: System,
    datasets: Sequence[Dataset],
    *,
    began: datetime,
    lost: Sequence[Loss],
) -> list[Loss]:
    """Return gaps of now that were due since the history began and never held."""
    found = []
    window = Range(began.date(), today_of(workspace, system))
    still = [one for one in lost if one.back_at is None]
    for dataset in datasets:
        for hole in (
            holes(
                conn,
                system,
                dataset,
                partial=True,
                window=window,
                now=workspace.clock(),
                lifted=workspace.lifted(system),
            )
            or ()
        ):
            due_at = due(system, dataset, hole.first)
            first, last = hole.first.isoformat(), hole.last.isoformat()
            is_known = any(
                (one.dataset, one.series) == (dataset.name, hole.series)
                and one.first <= first
                and last <= one.last
                for one in still
            )
            if is_known or not began <= due_at <= workspace.clock():
                continue
            found.append(
                Loss(
                    dataset.name,
                    hole.series,
                    "",
                    hole.units,
                    first,
                    last,
                    lost_at=due_at,
                    was_held=False,
                    back_at=None,
                )
            )
    return found


def _whole_years(loss: Loss, month: int) -> Range:
    """Return the whole years in which a loss lies; everything for units without days."""
    days = _days(loss)
    if days is None:
        return Range()
    first, last = days
    begins = date(first.year - (first.month < month), month, 1)
    after = date(last.year + (last.month >= month), month, 1)
    return Range(begins, date.fromordinal(after.toordinal() - 1))


def _days(loss: Loss) -> tuple[date, date] | None:
    try:
        return date.fromisoformat(loss.first), date.fromisoformat(loss.last)
    except ValueError:
        return None


def _touches(loss: Loss, window: Range) -> bool:
    """Return whether a loss lies in the range; units without days always do."""
    days = _days(loss)
    if days is None:
        return True
    first, last = days
    return (window.since is None or last >= window.since) and (
        window.until is None or first <= window.until
    )
