"""Sync: what is new, what was not final, and what is due for a second look."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from stocktake.model import PlanOptions, State
from stocktake.run.backfill import Conduct, backfill

if TYPE_CHECKING:
    from stocktake.model import RunReport, System
    from stocktake.run.workspace import Workspace


def sync(
    workspace: Workspace,
    system: System,
    datasets: tuple[str, ...],
    *,
    days: int,
    conduct: Conduct,
) -> RunReport:
    """Fill the last ``days`` days up to today, including units due for a re-check.

    Args:
        workspace: Where.
        system: Of which.
        datasets: Names; empty means all.
        days: How far back, at least 1.
        conduct: How.
    """
    today = workspace.clock().date()
    options = PlanOptions(
        datasets=datasets,
        since=today - timedelta(days=days),
        until=today,
        states=(State.MISSING, State.FAILED, State.THIN, State.STALE, State.COMPLETE),
    )
    return backfill(workspace, system, options, conduct=conduct)
