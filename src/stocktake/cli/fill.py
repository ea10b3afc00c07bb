"""``backfill``, ``sync``, ``load`` and ``replay``: commands that start a run."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, SpinnerColumn, TextColumn
from rich.progress import Progress as Bar

from stocktake.cli import words
from stocktake.cli.arguments import (
    DatasetNames,
    Since,
    States,
    SystemName,
    Until,
    plan_options,
    read_range,
)
from stocktake.cli.output import Output, console, output_of
from stocktake.cli.plan import (
    MaxRequests,
    Order,
    Refetch,
    Sample,
    UntilTarget,
    render_plan,
)
from stocktake.cli.reports import print_report
from stocktake.run.backfill import Conduct
from stocktake.run.backfill import backfill as run_backfill
from stocktake.run.files import load_files
from stocktake.run.progress import silent
from stocktake.run.registry import find_datasets, find_system
from stocktake.run.replay import replay as run_replay
from stocktake.run.sync import sync as run_sync

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stocktake.model import Plan, PlanOptions
    from stocktake.run.progress import Progress, Report


def backfill(
    context: typer.Context,
    system: SystemName,
    datasets: DatasetNames = None,
    since: Since = "",
    until: Until = "",
    state: States = None,
    order: Order = "newest",
    sample: Sample = None,
    max_requests: MaxRequests = None,
    until_target: UntilTarget = False,
    refetch: Refetch = False,
    plan: Annotated[int | None, typer.Option(help="Run this saved plan.")] = None,
) -> int:
    """Fill past gaps in the foreground. Interrupt it whenever you like: it goes on from there."""
    out = output_of(context)
    found = find_system(system)
    names = [dataset.name for dataset in find_datasets(found, datasets)] if datasets else []
    options = plan_options(
        names,
        read_range(since, until),
        states=state,
        order=order,
        sample=sample,
        max_requests=max_requests,
        until_target=until_target,
        refetch=refetch,
    )
    with out.workspace("backfill") as workspace, shown_progress(out) as report:
        conduct = Conduct(report=report, announce=_announcer(out))
        done = run_backfill(workspace, found, options, conduct=conduct, plan_id=plan)
        return print_report(out, workspace, found, done, _window_of(options))


def _announcer(out: Output) -> Any:
    def announce(made: Plan, resumed_run: int | None) -> None:
        if out.as_json or out.is_quiet:
            return
        if resumed_run is not None:
            console().print(f"[bold]Resuming run {resumed_run}[/] where it stopped.")
        else:
            render_plan(console(), made)

    return announce


def _window_of(options: PlanOptions) -> Any:
    return read_range(str(options.since or ""), str(options.until or ""))


def sync(
    context: typer.Context,
    system: SystemName,
    datasets: DatasetNames = None,
    days: Annotated[int, typer.Option(min=1, help="Look back this many days.")] = 14,
) -> int:
    """Fetch what is new, what was not final, and what is due for a re-check."""
    out = output_of(context)
    found = find_system(system)
    names = tuple(dataset.name for dataset in find_datasets(found, datasets)) if datasets else ()
    with out.workspace("sync") as workspace, shown_progress(out) as report:
        done = run_sync(workspace, found, names, days=days, conduct=Conduct(report=report))
        return print_report(out, workspace, found, done, None)


def load(
    context: typer.Context,
    system: SystemName,
    dataset: Annotated[str, typer.Argument(help="Dataset the files hold, old names too.")],
    files: Annotated[list[Path], typer.Argument(help="Files or folders; .gz and .zst are read.")],
    source: Annotated[
        str, typer.Option(help="File source; found by dataset and ending when unambiguous.")
    ] = "",
) -> int:
    """Load files through a file source, captured, parsed and merged like any answer."""
    out = output_of(context)
    found = find_system(system)
    (target,) = find_datasets(found, [dataset])
    with out.workspace("load") as workspace, shown_progress(out) as report:
        done = load_files(workspace, found, target, files, source=source, report=report)
        return print_report(out, workspace, found, done, None, judged=False)


def replay(
    context: typer.Context,
    system: SystemName,
    datasets: DatasetNames = None,
    since: Since = "",
    until: Until = "",
) -> int:
    """Parse stored captures again and merge what comes out; no request is made."""
    out = output_of(context)
    found = find_system(system)
    chosen = find_datasets(found, datasets or [])
    window = read_range(since, until)
    with out.workspace("replay") as workspace, shown_progress(out) as report:
        done = run_replay(workspace, found, chosen, window, report=report)
        return print_report(out, workspace, found, done, window, judged=False)


@contextlib.contextmanager
def shown_progress(out: Output) -> Iterator[Report]:
    """Yield what a run reports progress to: a bar on a terminal, lines elsewhere, or nothing."""
    if out.as_json or out.is_quiet:
        yield silent
        return
    screen = console()
    if not screen.is_terminal:
        yield _lines(screen)
        return
    bar = Bar(
        SpinnerColumn(),
        TextColumn("[bold]{task.fields[wave]}[/]"),
        BarColumn(bar_width=None),
        TextColumn("{task.completed:,.0f}/{task.total:,.0f}"),
        TextColumn("{task.fields[detail]}"),
        console=screen,
        transient=True,
    )
    with bar:
        task = bar.add_task("run", wave="starting", detail="", total=1)

        def report(progress: Progress) -> None:
            bar.update(
                task,
                completed=progress.done,
                total=max(progress.total, progress.done, 1),
                wave=progress.wave,
                detail=_detail(progress),
            )
            if progress.note:
                bar.console.print(progress.note)

        yield report


def _detail(progress: Progress) -> str:
    parts = [f"{progress.rows:,} rows", f"{progress.per_second:.1f}/s"]
    if progress.failed:
        parts.append(f"[red]{progress.failed} failed[/]")
    if progress.eta_seconds is not None:
        parts.append(f"{words.duration(progress.eta_seconds)} left")
    return " · ".join(parts)


def _lines(screen: Any) -> Report:
    """Report at most one line per tenth of the plan: output that goes to a file stays short."""
    seen: dict[str, int] = {}

    def report(progress: Progress) -> None:
        tenth = 10 * progress.done // max(progress.total, 1)
        if seen.get(progress.wave) != tenth or progress.note:
            seen[progress.wave] = tenth
            screen.print(
                f"{progress.wave}: {progress.done:,}/{progress.total:,} · {_detail(progress)} "
                f"{progress.note}".rstrip(),
                soft_wrap=True,
            )

    return report
