"""``systems`` and ``status``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from stocktake.cli import words
from stocktake.cli.count import coverage_table
from stocktake.cli.output import output_of
from stocktake.cli.runs import render_runs
from stocktake.model import Severity
from stocktake.run.documents import system_json
from stocktake.run.listed import list_runs
from stocktake.run.registry import find_system, installed_systems
from stocktake.run.standing import stand_json, stand_of

if TYPE_CHECKING:
    from rich.console import Console

    from stocktake.run.standing import Stand

SHOWN_RUNS = 5
HOUR = 3600
"""Seconds."""


def systems(context: typer.Context) -> int:
    """List the systems installed."""
    out = output_of(context)
    found = installed_systems()
    document = {"systems": [system_json(system) for system in found.values()]}

    def render(console: Console) -> None:
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
        console.print(table)

    out.emit(document, render)
    return 0


def status(
    context: typer.Context,
    system: Annotated[str, typer.Argument(help="Only this system.")] = "",
) -> int:
    """Show coverage, freshness, open gaps and the last runs."""
    out = output_of(context)
    chosen = [find_system(system)] if system else list(installed_systems().values())
    with out.workspace("status") as workspace:
        stands = [stand_of(workspace, one) for one in chosen]
        last = list_runs(workspace, system or None, limit=SHOWN_RUNS)
        kind = workspace.kind
    document = {
        "kind": kind,
        "systems": {stand.system: stand_json(stand) for stand in stands},
        "runs": [line.as_json() for line in last],
    }

    def render(console: Console) -> None:
        if kind == "sandbox":
            console.print("[black on yellow] Sandbox data [/]")
        for stand in stands:
            _render_stand(console, stand)
        render_runs(console, last)

    out.emit(document, render)
    return 0


def _render_stand(console: Console, stand: Stand) -> None:
    title = f"{stand.system}: held against expected"
    console.print(coverage_table(stand.counted, title, width=console.width))
    missing = sum(one.missing for one in stand.counted)
    open_gaps = f"{words.number(missing)} units missing" if missing else "no unit missing"
    text = f"\n[bold]{open_gaps}[/]"
    if stand.newest:
        days = ", ".join(
            f"{day} ({', '.join(name for name, own in stand.newest.items() if own == day)})"
            for day in sorted(set(stand.newest.values()), reverse=True)
        )
        text += f"; newest settled day: {days}"
    console.print(text)
    _render_lags(console, stand)
    console.print()


def _render_lags(console: Console, stand: Stand) -> None:
    """Say what is late; slices with nothing to be late of are left out."""
    measured = [one for one in stand.lags if one.behind_hours is not None]
    late = [one for one in measured if one.severity in (Severity.WARN, Severity.FAIL)]
    for one in late:
        style = "red" if one.severity is Severity.FAIL else "yellow"
        name = " ".join((one.dataset, "/".join(one.series))).strip()
        behind = words.duration((one.behind_hours or 0) * HOUR)
        within = words.duration(one.within_hours * HOUR)
        console.print(f"[{style}]late[/] {name}: {behind}, promised within {within}; {one.reason}")
    if measured and not late:
        console.print(f"fresh: {len(measured)} of {len(measured)} promises are kept")
