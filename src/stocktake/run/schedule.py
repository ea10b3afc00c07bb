"""The schedules that systems declare, and when they fire next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from stocktake.errors import UsageError
from stocktake.run.fires import next_fires

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stocktake.model import Schedule, System


@dataclass(frozen=True, slots=True)
class ScheduleLine:
    """One declared schedule and when it fires next.

    Args:
        system: Whose it is.
        schedule: As declared.
        next_at: Its next instant, with the schedule's own offset.
    """

    system: str
    schedule: Schedule
    next_at: datetime | None

    @property
    def name(self) -> str:
        """``system.schedule``, as commands take it."""
        return f"{self.system}.{self.schedule.name}"


def schedule_lines(systems: Iterable[System], *, now: datetime) -> list[ScheduleLine]:
    """Return every schedule the systems declare, the next to fire first."""
    lines = [
        ScheduleLine(system.name, one, _first(one, now))
        for system in systems
        for one in system.schedules
    ]
    latest = datetime.max.replace(tzinfo=UTC)
    return sorted(lines, key=lambda line: (line.next_at or latest, line.name))


def find_schedule(systems: Iterable[System], name: str) -> tuple[System, Schedule]:
    """Return a schedule by ``system.schedule``, or by its own name when only one system has it.

    Raises:
        UsageError: None or several are called so.
    """
    pairs = [(system, one) for system in systems for one in system.schedules]
    fitting = [
        (system, one) for system, one in pairs if name in (one.name, f"{system.name}.{one.name}")
    ]
    if len(fitting) == 1:
        return fitting[0]
    known = ", ".join(f"{system.name}.{one.name}" for system, one in fitting or pairs)
    problem = "several schedules are" if fitting else "no schedule is"
    raise UsageError(f"{problem} called {name!r}.", hint=f"Schedules: {known or 'none'}.")


def _first(schedule: Schedule, now: datetime) -> datetime | None:
    return next(iter(next_fires(schedule.cron, schedule.zone, after=now, most=1)), None)
