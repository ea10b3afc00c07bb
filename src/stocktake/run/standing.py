"""Where a system stands: its coverage, the newest final day per dataset, and what is late."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stocktake.model import Range
from stocktake.run.counted import count_system, newest_settled
from stocktake.run.documents import coverage_json, up_to_today
from stocktake.run.fresh import measure_freshness

if TYPE_CHECKING:
    from datetime import date

    from stocktake.model import Coverage, Lag, System
    from stocktake.run.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Stand:
    """Where a system stands.

    Args:
        system: Its name.
        counted: Coverage of each dataset up to today.
        newest: The newest day that is final in every slice, per dataset with days.
        lags: How far each slice with a promise of freshness is behind.
    """

    system: str
    counted: list[Coverage]
    newest: dict[str, date]
    lags: list[Lag]


def stand_of(workspace: Workspace, system: System) -> Stand:
    """Count a system up to today."""
    counted = count_system(workspace, system, system.datasets, Range())
    newest = newest_settled(workspace, system, system.datasets)
    lags = measure_freshness(workspace, system)
    for lag in lags:  # members' days; those of days were looked up slice by slice
        if lag.settled_until is not None:
            newest.setdefault(lag.dataset, lag.settled_until)
    return Stand(system.name, [up_to_today(one) for one in counted], newest, lags)


def stand_json(stand: Stand) -> list[dict[str, Any]]:
    """Return the JSON objects of a system's datasets."""
    return [
        {
            **coverage_json(one),
            "newest_settled": stand.newest.get(one.dataset),
            "freshness": [lag_json(lag) for lag in stand.lags if lag.dataset == one.dataset],
        }
        for one in stand.counted
    ]


def lag_json(lag: Lag) -> dict[str, Any]:
    """Return the JSON object of one slice's freshness."""
    return {
        "series": list(lag.series),
        "behind_hours": lag.behind_hours,
        "within_hours": lag.within_hours,
        "fail_hours": lag.fail_hours,
        "severity": lag.severity.value,
        "settled_until": lag.settled_until,
        "reason": lag.reason,
    }
