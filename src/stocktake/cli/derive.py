"""``derive`` and ``verify``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from stocktake.cli import words
from stocktake.cli.arguments import DatasetNames, SystemName
from stocktake.cli.count import FAIL, PASS
from stocktake.cli.output import output_of
from stocktake.cli.queued import USUAL, Detach, Rank, queue_up
from stocktake.cli.reports import render_report, report_as_json
from stocktake.run.derived import derive_system, verify_system
from stocktake.run.queue import derive_work, verify_work
from stocktake.run.registry import find_datasets, find_system

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from stocktake.run.derived import Verdict


def derive(
    context: typer.Context,
    system: SystemName,
    datasets: DatasetNames = None,
    full: Annotated[bool, typer.Option("--full", help="Recompute every key.")] = False,
    min_runs: Annotated[
        int | None, typer.Option(min=1, help="Override the min_runs parameter.")
    ] = None,
    detach: Detach = False,
    rank: Rank = USUAL,
) -> int:
    """Recompute derived tables for the keys that changed inputs touch."""
    out = output_of(context)
    found = find_system(system)
    chosen = find_datasets(found, datasets or [])
    parameters = {} if min_runs is None else {"min_runs": min_runs}
    with out.workspace("derive") as workspace:
        if detach:
            names = [one.name for one in chosen] if datasets else []
            work = derive_work(names, full=full, parameters=parameters)
            return queue_up(out, workspace, found, work, priority=rank)
        done = derive_system(workspace, found, chosen, full=full, parameters=parameters)
    out.emit(report_as_json(done), lambda console: render_report(console, done))
    return PASS


def verify(
    context: typer.Context,
    system: SystemName,
    datasets: DatasetNames = None,
    full: Annotated[bool, typer.Option("--full", help="Every key, not a sample.")] = False,
    seed: Annotated[int, typer.Option(help="Chooses the sample.")] = 1,
    detach: Detach = False,
    rank: Rank = USUAL,
) -> int:
    """Prove that derived tables, ledger and rows agree; exit 2 when anything differs."""
    out = output_of(context)
    found = find_system(system)
    chosen = find_datasets(found, datasets or [])
    with out.workspace("verify") as workspace:
        if detach:
            names = [one.name for one in chosen] if datasets else []
            work = verify_work(names, full=full, seed=seed)
            return queue_up(out, workspace, found, work, priority=rank)
        verdicts = verify_system(workspace, found, chosen, full=full, seed=seed)
    differ = sum(verdict.differences for verdict in verdicts)
    document = {"system": found.name, "is_clean": not differ, "verified": verdicts}
    out.emit(document, lambda console: _render(console, verdicts))
    return FAIL if differ else PASS


def _render(console: Console, verdicts: Sequence[Verdict]) -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column("what")
    table.add_column("", no_wrap=True)
    for heading in ("compared", "different"):
        table.add_column(heading, justify="right")
    for verdict in verdicts:
        mark = "[red]differs[/]" if verdict.differences else "[green]agrees[/]"
        different = words.number(verdict.differences) if verdict.differences else "·"
        table.add_row(verdict.what, mark, words.number(verdict.compared), different)
    console.print(table)
    for verdict in verdicts:
        for example in verdict.examples:
            console.print(f"{verdict.what}: {example}", markup=False, soft_wrap=True)
