"""``runs`` and ``run show|cancel|pause|resume|undo``."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from stocktake.cli import words
from stocktake.cli.output import output_of
from stocktake.cli.progress import Announcer, shown_progress
from stocktake.cli.queued import USUAL, Detach, Rank, asking, print_queued, queue_up
from stocktake.cli.reports import print_planned, render_report, report_as_json
from stocktake.cli.screen import console
from stocktake.run.backfill import Conduct
from stocktake.run.documents import tables_json
from stocktake.run.followed import list_workers, log_since, progress_of
from stocktake.run.listed import list_runs, show_run
from stocktake.run.queue import undo_work
from stocktake.run.registry import find_system
from stocktake.run.resumed import (
    UNFINISHED,
    cancel_run,
    pause_run,
    requeue_run,
    resumable,
    resume_run,
)
from stocktake.run.undone import undo, undoing
from stocktake.run.watched import run_failures

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

    from stocktake.cli.output import Output
    from stocktake.load.undo import TableBack
    from stocktake.run.followed import RunProgress
    from stocktake.run.listed import RunLine
    from stocktake.run.workspace import Workspace

FOLLOW_SECONDS = 1.0

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
        underway = {
            line.run_id: progress_of(workspace, line) for line in found if line.state == "running"
        }
    documents = [
        {
            **line.as_json(),
            "progress": underway[line.run_id].as_json() if line.run_id in underway else None,
        }
        for line in found
    ]
    out.emit({"runs": documents}, lambda console: render_runs(console, found, underway))
    return 0


NOT_UNDER_WAY: Mapping[int, RunProgress] = {}


def render_runs(
    console: Console,
    found: Sequence[RunLine],
    underway: Mapping[int, RunProgress] = NOT_UNDER_WAY,
) -> None:
    """Draw runs as a table, in the order given; those under way with their progress."""
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
            line.error or line.message or progress_text(underway.get(line.run_id)),
        )
    console.print(table)


def progress_text(progress: RunProgress | None) -> str:
    """Say in one line how far a run is."""
    if progress is None:
        return ""
    parts = []
    if progress.units:
        parts.append(f"{progress.units_done:,} of {progress.units:,} units")
    if progress.per_second:
        parts.append(f"{progress.per_second:.1f}/s")
    if progress.eta_seconds:
        parts.append(f"{words.duration(progress.eta_seconds)} left")
    if progress.workers:
        parts.append(f"{len(progress.workers)} workers")
    return " · ".join(parts)


run = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Show, cancel, pause, resume or undo a run.",
)


@run.command("show")
def run_show(
    context: typer.Context,
    run_id: RunId,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Print its log as it comes, until it ends.")
    ] = False,
) -> int:
    """Show a run's state, progress, counts, errors and last log lines."""
    out = output_of(context)
    with out.workspace("run") as workspace:
        if follow:
            _follow(out, workspace, run_id)
        line, log = show_run(workspace, run_id)
        progress = progress_of(workspace, line)
        failures = run_failures(workspace, run_id)
    document: dict[str, Any] = {
        **line.as_json(),
        "progress": progress.as_json(),
        "failures": failures,
        "log": [{"at": at, "level": level, "text": text} for at, level, text in log],
    }

    def render(console: Console) -> None:
        render_runs(console, [line], {run_id: progress})
        for table, counts in line.counts.items():
            console.print(f"  {table}: " + ", ".join(f"{n:,} {k}" for k, n in counts.items() if n))
        _render_coverage(console, line)
        _render_hands(console, progress)
        for one in failures:
            times = f"{words.number(one.count)} times" if one.count > 1 else "once"
            told = f"  {times} {one.feed} {one.outcome}: {one.reason} ({one.unit or 'no unit'})"
            console.print(told, markup=False, soft_wrap=True)
        for at, level, text in () if follow else log:
            console.print(f"  {at:%H:%M:%S} {level} {text}", markup=False, soft_wrap=True)

    out.emit(document, render)
    return _code(line) if follow else 0


def _code(line: RunLine) -> int:
    """Return what a run's end means to a script that waited for it."""
    if line.state == "done":
        lacking = any(kept.get("after", {}).get("missing") for kept in line.coverage.values())
        return 2 if lacking else 0
    return 130 if line.state in ("paused", "cancelled") else 3


def _follow(out: Output, workspace: Workspace, run_id: int) -> None:
    """Print log lines and progress as they come, until the run has ended or was paused."""
    screen, seq, told = console(), 0, ""
    while True:
        line, _ = show_run(workspace, run_id)
        for entry in log_since(workspace, run_id, seq):
            seq = entry.seq
            if not (out.as_json or out.is_quiet):
                text = f"{entry.at:%H:%M:%S} {entry.level} {entry.text}"
                screen.print(text, markup=False, soft_wrap=True)
        if line.state not in UNFINISHED or line.state == "paused":
            return
        text = progress_text(progress_of(workspace, line)) if line.state == "running" else ""
        if line.state == "queued" and not list_workers(workspace):
            text = "queued; no worker is alive: stocktake worker"
        if text and text != told and not (out.as_json or out.is_quiet):
            screen.print(f"[dim]{text}[/]", soft_wrap=True)
            told = text
        time.sleep(FOLLOW_SECONDS)


def _render_coverage(screen: Console, line: RunLine) -> None:
    """Draw what was asked for: held before, held after, still missing."""
    if not line.coverage:
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("  dataset")
    for heading in ("expected", "held before", "held after", "missing"):
        table.add_column(heading, justify="right")
    for dataset, kept in line.coverage.items():
        before, after = kept.get("before", {}), kept.get("after", {})
        table.add_row(
            f"  {dataset}",
            *(
                "" if value is None else words.number(value)
                for value in (
                    after.get("expected", before.get("expected")),
                    before.get("held"),
                    after.get("held"),
                    after.get("missing"),
                )
            ),
        )
    screen.print(table)


def _render_hands(screen: Console, progress: RunProgress) -> None:
    """Say which chunks there are, and who has them in hand."""
    if progress.chunks:
        told = ", ".join(f"{several:,} {state}" for state, several in progress.chunks.items())
        screen.print(f"  chunks: {told}")
    if progress.workers:
        screen.print(f"  workers: {', '.join(progress.workers)}", markup=False, soft_wrap=True)
    if progress.lease_until is not None:
        told = f"  goes elsewhere at {progress.lease_until:%H:%M:%S} UTC unless it is heard of"
        screen.print(told, soft_wrap=True)


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
def run_resume(
    context: typer.Context,
    run_id: RunId,
    detach: Annotated[
        bool | None,
        typer.Option(
            "--detach/--here", help="By workers, or by this program; as before when left out."
        ),
    ] = None,
) -> int:
    """Go on with an interrupted or paused run, exactly where it stopped."""
    out = output_of(context)
    with out.workspace("run") as workspace:
        stopped, _ = show_run(workspace, run_id)
        if detach or (detach is None and stopped.is_detached):
            requeue_run(workspace, run_id, by=asking())
            print_queued(out, run_id, workers=len(list_workers(workspace)))
            return 0
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
    detach: Detach = False,
    rank: Rank = USUAL,
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
        if detach:
            return queue_up(out, workspace, system, undo_work(run_id), priority=rank)
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
        "tables": tables_json(tables),
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
    table.add_column("kept", justify="right")
    for one in tables:
        figures = (one.removed, one.restored, one.kept)
        told = ["" if figure is None else words.number(figure) for figure in figures]
        table.add_row(one.dataset, *told)
    console.print(table)
