"""Freshness, as every door of the product asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stocktake.count.freshness import freshness
from stocktake.model import CheckResult, Severity
from stocktake.run.stale import find_stale

if TYPE_CHECKING:
    from collections.abc import Collection

    from psycopg import Connection

    from stocktake.model import Lag, System
    from stocktake.run.workspace import Workspace


def measure_freshness(workspace: Workspace, system: System) -> list[Lag]:
    """Return how far every slice with a promise of freshness is behind it."""
    with workspace.database.connection() as conn:
        find_stale(conn, workspace, system)
        return freshness(conn, system, now=workspace.clock(), lifted=workspace.lifted(system))


def freshness_results(
    conn: Connection[Any], workspace: Workspace, system: System, datasets: Collection[str]
) -> list[CheckResult]:
    """Return the promises of freshness of some datasets as results of checks, in hours.

    What is stale must have been noted before.
    """
    now = workspace.clock()
    return [
        CheckResult(
            check=f"{one.dataset}_fresh",
            dataset=one.dataset,
            group="/".join(one.series),
            severity=one.severity,
            value=one.behind_hours,
            measured_rows=0 if one.severity is Severity.NOT_APPLICABLE else 1,
            failing_keys=(),
            detail=one.reason,
            at=now,
        )
        for one in freshness(conn, system, now=now, lifted=workspace.lifted(system))
        if one.dataset in datasets
    ]
