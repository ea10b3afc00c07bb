"""``check`` and ``signoff``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from stocktake.check.results import junit as junit_text
from stocktake.cli import words
from stocktake.cli.arguments import DatasetNames, Since, SystemName, Until, read_range
from stocktake.cli.output import output_of
from stocktake.model import Severity
from stocktake.run.checked import check_system
from stocktake.run.registry import find_datasets, find_system

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from stocktake.model import CheckResult

EXIT_CODES = {
    Severity.PASS: 0,
    Severity.NOT_APPLICABLE: 0,
    Severity.WARN: 1,
    Severity.FAIL: 2,
    Severity.ERROR: 3,
}
STYLES = {
    Severity.PASS: "green",
    Severity.NOT_APPLICABLE: "dim",
    Severity.WARN: "yellow",
    Severity.FAIL: "red",
    Severity.ERROR: "bold red",
}
SHOWN_KEYS = 3


def check(
    context: typer.Context,
    system: SystemName,
    datasets: DatasetNames = None,
    since: Since = "",
    until: Until = "",
    every: Annotated[bool, typer.Option("--all", help="Show passed checks too.")] = False,
    junit: Annotated[Path | None, typer.Option(help="Also write a JUnit file here.")] = None,
) -> int:
    """Measure every promise. Exit 0 pass, 1 warn, 2 fail, 3 when one could not be measured."""
    out = output_of(context)
    found = find_system(system)
    chosen = find_datasets(found, datasets or [])
    with out.workspace("check") as workspace:
        results = check_system(workspace, found, chosen, read_range(since, until))
    if junit is not None:
        junit.write_text(junit_text(found.name, results), encoding="utf-8")
    worst = max((EXIT_CODES[result.severity] for result in results), default=0)
    document = {"system": found.name, "exit_code": worst, "results": results}
    out.emit(document, lambda console: render_checks(console, results, every=every))
    return worst


def render_checks(console: Console, results: Sequence[CheckResult], *, every: bool) -> None:
    """Draw check results, worst first; passed ones only when ``every`` is set."""
    counted = dict.fromkeys(Severity, 0)
    for result in results:
        counted[result.severity] += 1
    mild = (Severity.PASS, Severity.NOT_APPLICABLE)
    shown = [result for result in results if every or result.severity not in mild]
    shown.sort(key=lambda result: -EXIT_CODES[result.severity])
    if shown:
        table = Table(box=None, pad_edge=False)
        for heading in ("", "check", "dataset", "group"):
            table.add_column(heading)
        table.add_column("value", justify="right")
        table.add_column("detail", overflow="fold")
        for result in shown:
            keys = ", ".join(
                "/".join(str(value) for value in key.values())
                for key in list(result.failing_keys)[:SHOWN_KEYS]
            )
            table.add_row(
                f"[{STYLES[result.severity]}]{result.severity.value}[/]",
                result.check,
                result.dataset,
                result.group,
                _figure(result.value),
                " · ".join(part for part in (result.detail, keys) if part),
            )
        console.print(table)
    told = ", ".join(
        f"[{STYLES[severity]}]{count} {severity.value}[/]"
        for severity, count in counted.items()
        if count
    )
    console.print(f"{len(results)} checks: {told or 'none declared'}")


def _figure(value: float | None) -> str:
    """Return a measured value: whole numbers in full, others to four digits."""
    if value is None:
        return ""
    return words.number(int(value)) if value == int(value) else f"{value:.4g}"
