"""``runs`` and ``run show|cancel|pause|resume|undo``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from stocktake.cli import words
from stocktake.cli.output import output_of
from stocktake.cli.progress import Announcer, shown_progress
from stocktake.cli.reports import print_planned, render_report, report_as_json
from stocktake.run.backfill import Conduct
from stocktake.run.listed import cancel_run, list_runs, show_run
from stocktake.run.registry import find_system
from stocktake.run.resumed import pause_run, resumable, resume_run
from stocktake.run.undone import undo, undoing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from stocktake.load.undo import TableBack
    from stocktake.run.listed import RunLine

RunId = Annotated[int, typer.Argument(metavar="ID", help="Number of the run.")]


def runs(
    context: typer.Context,
    system: Annotated[str, typer.Argument(help="Only this system's.")] = "",
    limit: Annotated[int, typer.Option(min=1)] = 20,
) -> int:
    """List the last runs, newest first."""
    out = output_of(context)
    with out.workspace("runs") as workspace:
        found = list_runs(workspace, system or None, limit=limit)
    out.emit(
        {"runs": [line.as_json() for line in found]}, lambda console: render_runs(console, found)
    )
    return 0


def render_runs(console: Console, found: Sequence[RunLine]) -> None:
    """Draw runs as a table, in the order given."""
    if not found:
        console.print("No run yet. Start one: stocktake backfill SYSTEM")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("run", "system", "kind", "state", "started", "took"):
        table.add_column(heading)
    table.add_column("requests", justify="right")
    table.add_column("rows changed", justify="right")
    table.add_column("message", overflow="fold")
    for line in found:
        table.add_row(
            str(line.run_id),
            line.system,
            line.kind,
            line.state,
            f"{line.started_at:%Y-%m-%d %H:%M:%S}",
            words.duration(line.seconds),
            words.number(line.requests),
            words.number(line.changed_rows),
            line.error or line.message,
        )
    console.print(table)


run = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Show, cancel, pause, resume or undo a run.",
)


@run.command("show")
def run_show(context: typer.Context, run_id: RunId) -> int:
    """Show a run's state, counts, errors and last log lines."""
    out = output_of(context)
    with out.workspace("run") as workspace:
        line, log = show_run(workspace, run_id)
    document: dict[str, Any] = {
        **line.as_json(),
        "log": [{"at": at, "level": level, "text": text} for at, level, text in log],
    }

    def render(console: Console) -> None:
        render_runs(console, [line])
        for table, counts in line.counts.items():
            console.print(f"  {table}: " + ", ".join(f"{n:,} {k}" for k, n in counts.items() if n))
        for at, level, text in log:
            console.print(f"  {at:%H:%M:%S} {level} {text}", markup=False, soft_wrap=True)

    out.emit(document, render)
    return 0


@run.command("cancel")
def run_cancel(context: typer.Context, run_id: RunId) -> int:
    """Cancel a run: its process stops at the next batch; what is loaded stays."""
    out = output_of(context)
    with out.workspace("run") as workspace:
        line = cancel_run(workspace, run_id)
    out.emit(line.as_json(), lambda console: console.print(f"run {run_id} is {line.state}"))
    return 0


@run.command("pause")
def run_pause(context: typer.Context, run_id: RunId) -> int:
    """Pause a run: its process stops at the next batch; run resume goes on from there."""
    out = output_of(context)
    with out.workspace("run") as workspace:
        line = pause_run(workspace, run_id)
    out.emit(line.as_json(), lambda console: console.print(f"run {run_id} is {line.state}"))
    out.hint(f"stocktake run resume {run_id}")
    return 0


@run.command("resume")
def run_resume(context: typer.Context, run_id: RunId) -> int:
    """Go on with an interrupted or paused run in the foreground, exactly where it stopped."""
    out = output_of(context)
    with out.workspace("run") as workspace:
        line, system, options = resumable(workspace, run_id)
        with shown_progress(out) as report:
            announced = Announcer(out)
            conduct = Conduct(report=report, announce=announced)
            done = resume_run(workspace, line, system, options=options, conduct=conduct)
        return print_planned(out, workspace, system, done, plan=announced.plan)


@run.command("undo")
def run_undo(
    context: typer.Context,
    run_id: RunId,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would be removed and restored.")
    ] = False,
) -> int:
    """Take a run back: rows it made go, rows it changed are what they were, tables follow.

    What it fetched is kept: replay or backfill loads it again without asking the source.
    """
    out = output_of(context)
    tables: list[TableBack] = []
    with out.workspace("run") as workspace:
        line, _ = show_run(workspace, run_id)
        system = find_system(line.system)
        if dry_run:
            tables += undoing(workspace, system, run_id)
            out.emit(_tables_as_json(run_id, tables), lambda console: _render(console, tables))
            return 0
        done = undo(workspace, system, run_id, announce=tables.extend)

    def render(console: Console) -> None:
        _render(console, tables)
        render_report(console, done)

    out.emit({**report_as_json(done), **_tables_as_json(run_id, tables)}, render)
    out.hint(f"stocktake gaps {line.system}")
    return 0


def _tables_as_json(run_id: int, tables: Sequence[TableBack]) -> dict[str, Any]:
    return {
        "undoes": run_id,
        "tables": {
            one.dataset: {"removed": one.removed, "restored": one.restored} for one in tables
        },
    }


def _render(console: Console, tables: Sequence[TableBack]) -> None:
    """Draw rows removed and restored per table."""
    if not tables:
        console.print("no rows to remove or restore")
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("table")
    table.add_column("removed", justify="right")
    table.add_column("restored", justify="right")
    for one in tables:
        table.add_row(one.dataset, words.number(one.removed), words.number(one.restored))
    console.print(table)
