"""How soon what a source has should be here, and how far behind it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stocktake.model.check import Severity

LENIENT = timedelta(days=1)
"""How much later than ``within`` it is a failure, unless declared."""


@dataclass(frozen=True, slots=True)
class Freshness:
    """How soon units should be complete once they can be, and tables computed once inputs changed.

    Args:
        datasets: The datasets it is promised of.
        within: From when a unit is final at its source (``Settle.after`` after its day) until it
            is complete; or from a change of an input until what is derived follows. Later warns.
        fail_after: Later fails; a day more than ``within`` unless given.
        series: Only this slice: the values of the other dimensions (``("ire",)``), which then has
            no other promise. Empty: every slice, each measured by itself.
    """

    datasets: tuple[str, ...]
    within: timedelta
    fail_after: timedelta | None = None
    series: tuple[str, ...] = ()

    @property
    def limit(self) -> timedelta:
        """From when on it is a failure."""
        return self.within + LENIENT if self.fail_after is None else self.fail_after


@dataclass(frozen=True, slots=True)
class Lag:
    """How far one slice of a dataset is behind what it should be.

    Args:
        dataset: Its name.
        series: The slice; empty where a dataset has none.
        behind_hours: Hours since the oldest thing due was due, 0 when nothing is due; ``None``
            when there is nothing to be late: nothing was ever held.
        within_hours: Above this it warns.
        fail_hours: Above this it fails.
        severity: The verdict.
        settled_until: The newest day that is final, ``None`` where units have no days.
        reason: What is due, empty when nothing is.
    """

    dataset: str
    series: tuple[str, ...]
    behind_hours: float | None
    within_hours: float
    fail_hours: float
    severity: Severity
    settled_until: date | None = None
    reason: str = ""
