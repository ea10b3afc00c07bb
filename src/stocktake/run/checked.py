"""Checks on demand, and those that stop a run which goes wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stocktake.check.measure import run_checks
from stocktake.model import Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stocktake.model import Check, CheckResult, Dataset, PlanPart, Range, System
    from stocktake.run.workspace import Workspace


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
) -> list[CheckResult]:
    """Measure the checks over a range and keep the results."""
    with workspace.database.connection() as conn:
        return run_checks(
            conn,
            system,
            checks_of(system, datasets),
            since=window.since,
            until=window.until,
            now=workspace.clock(),
        )


def failures(results: Sequence[CheckResult]) -> list[CheckResult]:
    """Return the results that fail or could not be measured."""
    return [one for one in results if one.severity in (Severity.FAIL, Severity.ERROR)]


def check_days(workspace: Workspace, system: System, parts: Sequence[PlanPart]) -> None:
    """Measure the checks of a wave's days."""
