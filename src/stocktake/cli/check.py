"""``check``: every promise, or one gate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from stocktake.check.results import junit as junit_text
from stocktake.cli.arguments import DatasetNames, Period, Since, SystemName, Until, read_range
from stocktake.cli.items import STYLES, items_table, render_unmet
from stocktake.cli.output import output_of
from stocktake.cli.queued import USUAL, Detach, Rank, queue_up
from stocktake.errors import UsageError
from stocktake.model import Severity
from stocktake.report.figures import figure
from stocktake.run.checked import check_system
from stocktake.run.documents import gate_json
from stocktake.run.measured import measure_gate
from stocktake.run.periods import window_of
from stocktake.run.queue import check_work
from stocktake.run.registry import find_datasets, find_system

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from stocktake.cli.output import Output
    from stocktake.model import CheckResult, GateVerdict, Range, System

EXIT_CODES = {
    Severity.PASS: 0,
    Severity.NOT_APPLICABLE: 0,
    Severity.WARN: 1,
    Severity.FAIL: 2,
    Severity.ERROR: 3,
}
SHOWN_KEYS = 3


def check(
    context: typer.Context,
    system: SystemName,
    datasets: DatasetNames = None,
    since: Since = "",
    until: Until = "",
    period: Period = "",
    every: Annotated[bool, typer.Option("--all", help="Show passed checks too.")] = False,
    junit: Annotated[Path | None, typer.Option(help="Also write a JUnit file here.")] = None,
    gate: Annotated[
        str, typer.Option(metavar="NAME", help="Whether the data are ready for this use instead.")
    ] = "",
    detach: Detach = False,
    rank: Rank = USUAL,
) -> int:
    """Measure every promise. Exit 0 pass, 1 warn, 2 fail, 3 when one could not be measured.

    With --gate: 0 ready, 1 ready but degraded, 2 not ready.
    """
    out = output_of(context)
    found = find_system(system)
    window = read_range(since, until)
    if gate:
        return _gate(out, found, gate, window=window, period=period)
    chosen = find_datasets(found, datasets or [])
    with out.workspace("check") as workspace:
        window = window_of(workspace, found, window, period=period)
        if detach:
            names = [one.name for one in chosen] if datasets else []
            work = check_work(names, window=window)
            return queue_up(out, workspace, found, work, priority=rank)
        results = check_system(workspace, found, chosen, window)
    if junit is not None:
        junit.write_text(junit_text(found.name, results), encoding="utf-8")
    worst = max((EXIT_CODES[result.severity] for result in results), default=0)
    document = {"system": found.name, "exit_code": worst, "results": results}
    out.emit(document, lambda console: render_checks(console, results, every=every))
    return worst


def _gate(out: Output, system: System, name: str, *, window: Range, period: str) -> int:
    if name not in {one.name for one in system.gates}:
        known = ", ".join(one.name for one in system.gates) or "none"
        raise UsageError(f"{system.name} has no gate {name!r}.", hint=f"Gates: {known}.")
    with out.workspace("check") as workspace:
        window = window_of(workspace, system, window, period=period)
        verdict = measure_gate(workspace, system, name, window)
    document = gate_json(system, verdict)
    out.emit(document, lambda screen: render_gate(screen, system, verdict))
    return verdict.exit_code


def render_gate(screen: Console, system: System, verdict: GateVerdict) -> None:
    """Draw a gate's criteria, what stands in the way, and its verdict."""
    title = system.gate(verdict.gate).title
    screen.print(f"[bold]{system.name}: gate {verdict.gate}[/]{' · ' * bool(title)}{title}")
    screen.print(items_table(verdict.items, width=screen.width))
    render_unmet(screen, [item for item in verdict.items if not item.is_met])
    style = ("green", "yellow", "red")[verdict.exit_code]
    screen.print(f"\n[{style}]{verdict.verdict}[/]")
    for reason in verdict.reasons:
        screen.print(f"  {escape(reason)}", soft_wrap=True)


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
                figure(result.value) if result.value is not None else "",
                " · ".join(part for part in (result.detail, keys) if part),
            )
        console.print(table)
    told = ", ".join(
        f"[{STYLES[severity]}]{count} {severity.value}[/]"
        for severity, count in counted.items()
        if count
    )
    console.print(f"{len(results)} checks: {told or 'none declared'}")
