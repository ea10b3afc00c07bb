"""What a run shows while it works: a bar on a terminal, a few lines elsewhere."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from rich.progress import BarColumn, SpinnerColumn, TextColumn
from rich.progress import Progress as Bar

from stocktake.cli import words
from stocktake.cli.output import Output
from stocktake.cli.plan import render_plan
from stocktake.cli.screen import console
from stocktake.run.progress import silent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from stocktake.model import Plan
    from stocktake.run.progress import Progress, Report

LEAST_SECONDS = 2.0
"""Between two lines of a run that is not shown on a terminal."""


class Announcer:
    """Shows a run's plan before it starts, or that a run is continued, and keeps the plan."""

    def __init__(self, out: Output) -> None:
        """Show on ``out``'s terminal, or nothing where it wants JSON or silence."""
        self._out = out
        self.plan: Plan | None = None

    def __call__(self, plan: Plan, resumed_run: int | None) -> None:
        """Show what is about to run."""
        self.plan = plan
        if self._out.as_json or self._out.is_quiet:
            return
        if resumed_run is not None:
            console().print(f"[bold]Resuming run {resumed_run}[/] where it stopped.")
        else:
            render_plan(console(), plan)


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
    task = bar.add_task("run", wave="", detail="", total=1)

    def report(progress: Progress) -> None:
        bar.start()  # not before: what is printed until then needs the terminal for itself
        bar.update(
            task,
            completed=progress.done,
            total=max(progress.total, progress.done, 1),
            wave=progress.wave,
            detail=_detail(progress),
        )
        if progress.note:
            bar.console.print(progress.note)

    try:
        yield report
    finally:
        bar.stop()


def _detail(progress: Progress) -> str:
    parts = [f"{progress.rows:,} rows"]
    if progress.per_second:
        parts.append(f"{progress.per_second:.1f}/s")
    if progress.failed:
        parts.append(f"[red]{progress.failed} failed[/]")
    if progress.eta_seconds is not None and progress.done < progress.total:
        parts.append(f"{words.duration(progress.eta_seconds)} left")
    return " · ".join(parts)


def _lines(screen: Console) -> Report:
    """Report now and then, and only what is new: output that goes to a file stays short."""
    seen: set[tuple[str, int]] = set()
    told_at = -LEAST_SECONDS

    def report(progress: Progress) -> None:
        nonlocal told_at
        step = (progress.wave, 10 * progress.done // max(progress.total, 1))
        now = time.monotonic()
        if progress.note or (step not in seen and now - told_at >= LEAST_SECONDS):
            seen.add(step)
            told_at = now
            screen.print(
                f"{progress.wave}: {progress.done:,}/{progress.total:,} · {_detail(progress)} "
                f"{progress.note}".rstrip(),
                soft_wrap=True,
            )

    return report
