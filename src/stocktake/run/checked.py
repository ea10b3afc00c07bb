"""Checks on demand, and those that stop a run which goes wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stocktake.check.measure import run_checks
from stocktake.check.results import Standing, latest_results, store_results, trend, trends
from stocktake.errors import PlanRefused
from stocktake.model import Severity
from stocktake.observe.traces import span
from stocktake.run.alarms import tell_checks
from stocktake.run.counted import count_years, today_of
from stocktake.run.fresh import freshness_results
from stocktake.run.stale import find_stale
from stocktake.store.queries import load_queries

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from stocktake.model import Check, CheckResult, Dataset, Range, System
    from stocktake.run.workspace import Workspace

BY_ROW = frozenset({"missing", "invalid", "failed", "share", "ratio", "duplicate"})
"""Kinds that can be judged on part of a history; totals of a year cannot."""


def checks_of(system: System, datasets: Sequence[Dataset]) -> tuple[Check, ...]:
    """Return the checks declared on the datasets and on the system about them."""
    names = {dataset.name for dataset in datasets}
    own = [check for dataset in datasets for check in dataset.checks]
    return (*own, *(check for check in system.checks if check.dataset in names))


def check_system(
    workspace: Workspace,
    system: System,
    datasets: Sequence[Dataset],
    window: Range,
    *,
    run_id: int | None = None,
) -> list[CheckResult]:
    """Measure the checks over a range and keep the results.

    Coverage checks get one figure per year of the range and dataset. Promises of freshness are
    measured too, unless the range ends in the past, where nothing is late.
    """
    chosen = checks_of(system, datasets)
    counted = {check.dataset for check in chosen if check.kind == "coverage"}
    told = span("check", system=system.name, checks=len(chosen))
    with told, workspace.database.connection() as conn:
        find_stale(conn, workspace, system)
        coverages = {
            name: count_years(conn, workspace, system, system.dataset(name), window)
            for name in counted
        }
        results = run_checks(
            conn, system, chosen, window=window, now=workspace.clock(), coverages=coverages
        )
        if window.until is None or window.until >= today_of(workspace, system):
            names = {one.name for one in datasets}
            results += freshness_results(conn, workspace, system, names)
        store_results(conn, system.name, results, run_id=run_id)
        tell_checks(conn, system, results, now=workspace.clock())
    return results


def last_checked(workspace: Workspace, system: System) -> list[Standing]:
    """Return the newest result of each check and group, by dataset, check and group."""
    with workspace.database.connection() as conn:
        return latest_results(conn, system.name)


def check_trend(
    workspace: Workspace, system: System, *, check: str, group: str, latest: int = 30
) -> list[tuple[datetime, Severity, float | None]]:
    """Return the latest results of a check in one group, newest first."""
    with workspace.database.connection() as conn:
        return trend(conn, system.name, check=check, group=group, latest=latest)


def check_trends(
    workspace: Workspace, system: System, *, latest: int = 30
) -> dict[tuple[str, str], list[float | None]]:
    """Return the latest values of every check and group, oldest first."""
    with workspace.database.connection() as conn:
        return trends(conn, system.name, latest=latest)


def statement_of(system: System, check: Check) -> str:
    """Return the SQL that a check of kind ``sql`` is measured by; empty for kinds compiled."""
    if check.kind != "sql":
        return ""
    statement = load_queries(system.package, "checks.sql")[check.value]
    return statement.as_string(None).strip()


def check_loaded(
    workspace: Workspace,
    system: System,
    datasets: Collection[str],
    window: Range,
    *,
    run_id: int,
) -> list[CheckResult]:
    """Measure the checks that part of a history can be judged by on days just loaded.

    Raises:
        PlanRefused: One failed; what is loaded stays, and the run goes no further.
    """
    chosen = [
        check
        for check in checks_of(system, [system.dataset(name) for name in datasets])
        if check.anytime or (check.kind in BY_ROW and check.day)
    ]
    if not chosen:
        return []
    with workspace.database.connection() as conn:
        results = run_checks(conn, system, chosen, window=window, now=workspace.clock())
        store_results(conn, system.name, results, run_id=run_id)
    wrong = [one for one in results if one.severity in (Severity.FAIL, Severity.ERROR)]
    if wrong:
        told = "; ".join(
            f"{one.check} {one.group} is {one.value:.4g}" if one.value is not None else one.check
            for one in wrong[:3]
        )
        raise PlanRefused(
            f"the rows of {window.since} to {window.until} fail {len(wrong)} checks: {told}.",
            hint=f"stocktake check {system.name} --since {window.since} --until {window.until}"
            " shows them; what is loaded is kept, run the command again to go on.",
        )
    return results
