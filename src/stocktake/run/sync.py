"""Sync: what is new, what was not final, and what is due for a second look."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from stocktake.model import PlanOptions
from stocktake.run.aftermath import tell_standing
from stocktake.run.backfill import Asking, Conduct, execute
from stocktake.run.registry import find_datasets

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
    """Fill the last ``days`` days up to today, and the days ahead that sources tell of.

    Fetched are units that are missing, thin, stale, or failed and due for another try; held ones
    whose re-check is due, however old; lists and members older than their feed's
    ``refresh_after``. Answers that did not change are recognised and not loaded. Each sync is
    planned anew: one that was interrupted is not continued, and interrupted backfills are left as
    they are.

    Args:
        workspace: Where.
        system: Of which.
        datasets: Names; empty means all.
        days: How far back, at least 1; the day is today's in the system's zone.
        conduct: How.

    Raises:
        PlanRefused: Another process runs something of this system.
        CredentialsRefused, SourceUnavailable, StoreError: As for ``backfill``.
    """
    today = workspace.clock().astimezone(ZoneInfo(system.zone)).date()
    options = PlanOptions(datasets=datasets, since=today - timedelta(days=days))
    done = execute(workspace, system, Asking("sync", options), conduct=conduct)
    tell_standing(workspace, system, find_datasets(system, datasets))
    return done
