"""``count``: held against expected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from stocktake.cli import words
from stocktake.cli.arguments import (
    DatasetNames,
    Period,
    Since,
    SystemName,
    Until,
    read_instant,
    read_range,
)
from stocktake.cli.calendar import week_legend, week_rows
from stocktake.cli.output import Output, output_of
from stocktake.model import State
from stocktake.run.counted import count_system, layers, recount_system
from stocktake.run.documents import coverage_json, up_to_today
from stocktake.run.periods import window_of
from stocktake.run.registry import find_datasets, find_system

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

    from stocktake.count.holes import Stretch
    from stocktake.model import Coverage, Drift

PASS, WARN, FAIL = 0, 1, 2
SHOWN_DRIFT = 20
WIDE = 110
"""Columns from which tables show bars and row counts."""
BAR = 10


def count(
    context: typer.Context,
    system: SystemName,
    datasets: DatasetNames = None,
    since: Since = "",
    until: Until = "",
    period: Period = "",
    as_of: Annotated[str, typer.Option(help="What was known at this day or instant.")] = "",
    recount: Annotated[
        bool, typer.Option("--recount", help="Count the rows anew and report drift.")
    ] = False,
) -> int:
    """Count held units and rows against what should exist, up to today unless --until is later.

    Exit 0 when every target is reached, 1 when units are thin or stale, 2 when a dataset is below
    its target or, with --recount, when ledger and rows disagree.
    """
    out = output_of(context)
    found = find_system(system)
    chosen = find_datasets(found, datasets or [])
    window, instant = read_range(since, until), read_instant(as_of, "--as-of")
    with out.workspace("count") as workspace:
        window = window_of(workspace, found, window, period=period)
        drift = recount_system(workspace, found, chosen, window) if recount else []
        counted = count_system(workspace, found, chosen, window, as_of=instant)
        weeks = layers(workspace, found, chosen, window) if _shows_weeks(out, period, as_of) else {}
    if not (until or period):
        counted = [up_to_today(one) for one in counted]
    document: dict[str, Any] = {
        "system": found.name,
        "datasets": [coverage_json(c) for c in counted],
    }
    if recount:
        document["drift"] = drift
    out.emit(document, lambda console: _render(console, found.name, counted, drift, weeks=weeks))
    if recount and not drift:
        out.hint("ledger and rows agree.")
    return FAIL if drift else exit_code(counted)


def _shows_weeks(out: Output, period: str, as_of: str) -> bool:
    """Say whether to draw what a season's layers hold week by week, as of now."""
    return bool(period) and not (out.as_json or as_of)


def exit_code(counted: Sequence[Coverage]) -> int:
    """Return 2 below a target, 1 with thin or stale units, else 0."""
    if any(coverage.needed_for_target for coverage in counted):
        return FAIL
    soft = any(
        coverage.states.get(state) for coverage in counted for state in (State.THIN, State.STALE)
    )
    return WARN if soft else PASS


def coverage_table(counted: Sequence[Coverage], title: str, *, width: int = WIDE) -> Table:
    """Return the table of coverage per dataset.

    Args:
        counted: One line each.
        title: Above it.
        width: Columns of the terminal; a narrow one gets neither bars nor rows.
    """
    is_wide = width >= WIDE
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    table.add_column("dataset", no_wrap=True)
    if is_wide:
        table.add_column("", no_wrap=True)
    figures = ("coverage", "held", "expected", "missing")
    for heading in (*figures, "to target", "rows") if is_wide else figures:
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("other states", overflow="fold")
    for one in counted:
        table.add_row(*_cells(one, is_wide=is_wide))
    return table


def _cells(one: Coverage, *, is_wide: bool) -> list[str]:
    figures = [
        words.percent(one.coverage),
        words.number(one.held),
        words.number(one.expected),
        words.number(one.missing) if one.missing else "·",
    ]
    others = [
        f"{words.number(units)} {words.state_text(state)}"
        for state, units in one.states.items()
        if units and state not in (State.COMPLETE, State.MISSING)
    ]
    if not is_wide:
        return [one.dataset, *figures, ", ".join(others)]
    needed = words.number(one.needed_for_target) if one.needed_for_target else "·"
    rows = "·" if one.rows is None else words.number(one.rows)
    bar = words.bar(one.coverage, BAR)
    return [one.dataset, bar, *figures, needed, rows, ", ".join(others)]


def _render(
    console: Console,
    system: str,
    counted: Sequence[Coverage],
    drift: Sequence[Drift],
    *,
    weeks: Mapping[str, Sequence[Stretch]],
) -> None:
    title = f"{system}: held against expected"
    console.print(coverage_table(counted, title, width=console.width))
    if weeks:
        console.print()
        for line in week_rows(weeks):
            console.print(line, soft_wrap=True)
        console.print(week_legend())
    if not drift:
        return
    console.print(f"\n[bold red]{len(drift)} units where ledger and rows disagree[/]")
    for one in drift[:SHOWN_DRIFT]:
        known = "none" if one.ledger_rows is None else str(one.ledger_rows)
        console.print(
            f"  {one.dataset} {'/'.join(one.key)} ({one.feed}): {one.kind}; "
            f"ledger {known} rows, table {one.rows}"
        )
    if len(drift) > SHOWN_DRIFT:
        console.print(f"  and {len(drift) - SHOWN_DRIFT} more (--json lists them all)")
