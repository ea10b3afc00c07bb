"""``systems`` and ``status``."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from stocktake.cli import words
from stocktake.cli.count import as_json, coverage_table
from stocktake.cli.output import output_of
from stocktake.model import Range
from stocktake.run.counted import count_system
from stocktake.run.listed import list_runs
from stocktake.run.registry import find_system, installed_systems

SHOWN_RUNS = 5


def systems(context: typer.Context) -> int:
    """List the systems installed."""
    out = output_of(context)
    found = installed_systems()
    document = {
        "systems": [
            {
                "system": system.name,
                "summary": system.summary,
                "datasets": [dataset.name for dataset in system.datasets],
                "sources": [source.name for source in system.sources],
            }
            for system in found.values()
        ]
    }

    def render(console: object) -> None:
        table = Table(box=None, pad_edge=False)
        for heading in ("system", "datasets", "sources", "what it is"):
            table.add_column(heading, overflow="fold")
        for system in found.values():
            table.add_row(
                system.name,
                str(len(system.datasets)),
                ", ".join(source.name for source in system.sources),
                system.summary,
            )
        console.print(table)  # type: ignore[attr-defined]

    out.emit(document, render)
    return 0


def status(
    context: typer.Context,
    system: Annotated[str, typer.Argument(help="Only this system.")] = "",
) -> int:
    """Show coverage, open gaps and the last runs."""
    out = output_of(context)
    chosen = [find_system(system)] if system else list(installed_systems().values())
    with out.workspace("status") as workspace:
        counted = {one.name: count_system(workspace, one, one.datasets, Range()) for one in chosen}
        last = list_runs(workspace, system or None, limit=SHOWN_RUNS)
        kind = workspace.kind
    document = {
        "kind": kind,
        "systems": {name: [as_json(one) for one in found] for name, found in counted.items()},
        "runs": [line.as_json() for line in last],
    }

    def render(console: object) -> None:
        show = console.print  # type: ignore[attr-defined]
        if kind == "sandbox":
            show("[black on yellow] Sandbox data [/]")
        for name, found in counted.items():
            show(coverage_table(found, name))
        for line in last:
            show(
                f"run {line.run_id} {line.system} {line.kind}: {line.state}, "
                f"{words.number(line.requests)} requests, {line.started_at:%Y-%m-%d %H:%M}"
            )
        if not last:
            show("no run yet: stocktake plan SYSTEM shows what there is to do")

    out.emit(document, render)
    return 0
