"""How a run's report is printed, and which exit code it means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Table

from stocktake.cli import words
from stocktake.cli.count import exit_code
from stocktake.cli.screen import console
from stocktake.run.claim import as_json as counts_as_json
from stocktake.run.counted import count_system
from stocktake.run.planned import asked_range
from stocktake.run.registry import find_datasets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from stocktake.cli.output import Output
    from stocktake.model import Plan, Range, RunReport, System
    from stocktake.run.workspace import Workspace


def report_as_json(done: RunReport) -> dict[str, Any]:
    """Return the contract's JSON object of a run."""
    return {
        "run_id": done.run_id,
        "state": done.state,
        "requests": done.requests,
        "rows": {table: counts_as_json(counts) for table, counts in done.rows.items()},
        "units": {state.value: units for state, units in done.units.items()},
        "seconds": round(done.seconds, 3),
        "notes": list(done.notes),
    }


def print_report(
    out: Output,
    workspace: Workspace,
    system: System,
    done: RunReport,
    *,
    window: Range | None = None,
    datasets: Sequence[str] | None = (),
) -> int:
    """Print what a run did and return the exit code of what is held after it.

    Args:
        out: Where to.
        workspace: Where the run was.
        system: Of which.
        done: The run.
        window: Range that was asked for; its coverage decides the exit code.
        datasets: Names asked for, empty for all: what they hold decides. ``None`` for commands
            that load what a user gave: they are not judged by what they did not give.
    """
    if out.as_json:
        out.emit(report_as_json(done), lambda _: None)
    else:
        render_report(console(), done)
    failed = bool(done.units) and any(
        units for state, units in done.units.items() if state.value in {"failed", "blocked"}
    )
    if datasets is None or window is None:
        return 2 if failed else 0
    counted = count_system(workspace, system, find_datasets(system, tuple(datasets)), window)
    code = exit_code(counted)
    if code:
        out.hint(f"stocktake gaps {system.name}")
    return max(code, 2 if failed else 0)


def print_planned(
    out: Output, workspace: Workspace, system: System, done: RunReport, *, plan: Plan | None
) -> int:
    """Print what a planned run did; what its plan asked for, no more, decides the exit code."""
    if plan is None:
        return print_report(out, workspace, system, done)
    now = plan.made_at or workspace.clock()
    window = asked_range(system, plan.options, now=now)
    return print_report(out, workspace, system, done, window=window, datasets=plan.options.datasets)


def render_report(screen: Console, done: RunReport) -> None:
    """Draw a run's report: rows per table, units per state, requests and time."""
    table = Table(box=None, pad_edge=False)
    table.add_column("table")
    for heading in ("read", "inserted", "updated", "unchanged", "rejected", "duplicates"):
        table.add_column(heading, justify="right")
    for name, counts in done.rows.items():
        values = (
            counts.read,
            counts.inserted,
            counts.updated,
            counts.unchanged,
            counts.rejected,
            counts.duplicates,
        )
        table.add_row(name, *(words.number(value) if value else "·" for value in values))
    if done.rows:
        screen.print(table)
    units = ", ".join(
        f"{words.number(count)} {words.state_text(state)}" for state, count in done.units.items()
    )
    screen.print(
        f"run {done.run_id} {done.state}: {words.number(done.requests)} requests, "
        f"{units or 'no units'}, {words.duration(done.seconds)}",
        soft_wrap=True,
    )
    for note in done.notes:
        screen.print(f"[yellow]note:[/] {note}", soft_wrap=True)
