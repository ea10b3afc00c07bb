"""Where a system stands: its coverage up to today, and the newest final day per dataset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stocktake.model import Range
from stocktake.run.counted import count_system, newest_settled
from stocktake.run.documents import coverage_json, up_to_today

if TYPE_CHECKING:
    from datetime import date

    from stocktake.model import Coverage, System
    from stocktake.run.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Stand:
    """Where a system stands: its coverage, and the newest final day per dataset."""

    system: str
    counted: list[Coverage]
    newest: dict[str, date]


def stand_of(workspace: Workspace, system: System) -> Stand:
    """Count a system up to today."""
    counted = count_system(workspace, system, system.datasets, Range())
    newest = newest_settled(workspace, system, system.datasets)
    return Stand(system.name, [up_to_today(one) for one in counted], newest)


def stand_json(stand: Stand) -> list[dict[str, Any]]:
    """Return the JSON objects of a system's datasets."""
    return [
        {**coverage_json(one), "newest_settled": stand.newest.get(one.dataset)}
        for one in stand.counted
    ]
