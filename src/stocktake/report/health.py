"""A health report: what a system holds, lacks and promises at one instant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stocktake.model import Severity, State

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from stocktake.model import CheckResult, Coverage, Hole, Loss

PASS, WARN, FAIL = 0, 1, 2


@dataclass(frozen=True, slots=True)
class DatasetHealth:
    """A dataset over the range and in each of its years.

    Args:
        whole: Over the whole range.
        years: Per year, those in which something is expected or held; empty for units without
            days.
        rows: Rows in the table, whatever the range.
        final_rows: About how many rows the finished history has, ``None`` when nobody says.
    """

    whole: Coverage
    years: Sequence[tuple[str, Coverage]]
    rows: int
    final_rows: int | None


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A run that has not ended."""

    run_id: int
    kind: str
    state: str
    started_at: datetime
    requests: int


@dataclass(frozen=True, slots=True)
class RequestUse:
    """Requests sent to one endpoint so far, and of the day's quota."""

    source: str
    endpoint: str
    requests: int
    errors: int
    refusals: int
    used_today: int
    per_day: int | None


@dataclass(frozen=True, slots=True)
class Notice:
    """A gap of now or of the past, and the first check that says so.

    Args:
        at: First check that says so: kept, or due by the schedules and recomputed from what was
            known then. ``None`` when none would have.
        by: Which, in words; or why none.
    """

    loss: Loss
    at: datetime | None = None
    by: str = ""

    @property
    def days(self) -> float | None:
        """Days between the loss and the check; ``None`` when no check says so."""
        return None if self.at is None else (self.at - self.loss.lost_at).total_seconds() / 86400


@dataclass(frozen=True, slots=True)
class Health:
    """All that a report says, before it is laid out.

    Args:
        kind: ``sandbox`` or ``real``.
        since: First day, ``None`` for each dataset's own.
        until: Last day, included.
        holes: Longest first.
        hole_count: How many there are, if not all are listed.
        notices: Newest first.
        notice_count: How many there are, if not all are listed.
    """

    system: str
    kind: str
    at: datetime
    since: date | None
    until: date
    datasets: Sequence[DatasetHealth]
    holes: Sequence[Hole]
    hole_count: int
    checks: Sequence[CheckResult]
    open_runs: Sequence[OpenRun]
    requests: Sequence[RequestUse]
    notices: Sequence[Notice]
    notice_count: int

    @property
    def exit_code(self) -> int:
        """2 below a target or with a failing check, 1 with anything that warns, else 0."""
        severities = {result.severity for result in self.checks}
        if severities & {Severity.FAIL, Severity.ERROR} or self.short:
            return FAIL
        soft = any(one.whole.states.get(state) for one in self.datasets for state in SOFT)
        return WARN if soft or self.open_runs or Severity.WARN in severities else PASS

    @property
    def short(self) -> list[Coverage]:
        """Datasets below their target."""
        return [one.whole for one in self.datasets if one.whole.needed_for_target]


SOFT = (State.THIN, State.STALE)
