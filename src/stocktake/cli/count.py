"""``count`` and ``gaps``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from stocktake.cli import words
from stocktake.cli.arguments import (
    DatasetNames,
    Since,
    States,
    SystemName,
    Until,
    read_instant,
    read_range,
    read_states,
)
from stocktake.cli.output import output_of
from stocktake.model import State
from stocktake.run.counted import count_system, list_gaps, recount_system
from stocktake.run.registry import find_datasets, find_system

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from stocktake.model import Coverage, Drift, Gap

PASS, WARN, FAIL = 0, 1, 2
SHOWN_DRIFT = 20


def count(
    context: typer.Context,
    system: SystemName,
    datasets: DatasetNames = None,
    since: Since = "",
    until: Until = "",
    as_of: Annotated[str, typer.Option(help="What was known at this day or instant.")] = "",
    recount: Annotated[
        bool, typer.Option("--recount", help="Count the rows anew and report drift.")
    ] = False,
) -> int:
    """Count held units and rows against what should exist.

    Exit 0 when every target is reached, 1 when units are thin or stale, 2 when a dataset is below
    its target or, with --recount, when ledger and rows disagree.
    """
    out = output_of(context)
    found = find_system(system)
    chosen = find_datasets(found, datasets or [])
    window, instant = read_range(since, until), read_instant(as_of, "--as-of")
    with out.workspace("count") as workspace:
        drift = recount_system(workspace, found, chosen, window) if recount else []
        counted = count_system(workspace, found, chosen, window, as_of=instant)
    document: dict[str, Any] = {"system": found.name, "datasets": [as_json(c) for c in counted]}
    if recount:
        document["drift"] = drift
    out.emit(document, lambda console: _render(console, found.name, counted, drift))
    if recount and not drift:
        out.hint("ledger and rows agree.")
    return FAIL if drift else exit_code(counted)


def exit_code(counted: Sequence[Coverage]) -> int:
    """Return 2 below a target, 1 with thin or stale units, else 0."""
    if any(coverage.needed_for_target for coverage in counted):
        return FAIL
    soft = any(
        coverage.states.get(state) for coverage in counted for state in (State.THIN, State.STALE)
    )
    return WARN if soft else PASS


def as_json(coverage: Coverage) -> dict[str, Any]:
    """Return the contract's JSON object of one dataset."""
    return {
        "dataset": coverage.dataset,
        "expected": coverage.expected,
        "held": coverage.held,
        "coverage": coverage.coverage,
        "missing": coverage.missing,
        "needed_for_target": coverage.needed_for_target,
        "target": coverage.target,
        "surplus": coverage.surplus,
        "states": {state.value: units for state, units in coverage.states.items()},
        "rows": coverage.rows,
    }


def coverage_table(counted: Sequence[Coverage], title: str) -> Table:
    """Return the table of coverage per dataset."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("dataset", no_wrap=True)
    table.add_column("", no_wrap=True)
    for heading in ("coverage", "held", "expected", "missing", "to target", "surplus", "rows"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("other states")
    for one in counted:
        others = ", ".join(
            f"{words.number(units)} {words.state_text(state)}"
            for state, units in one.states.items()
            if units and state not in (State.COMPLETE, State.MISSING)
        )
        table.add_row(
            one.dataset,
            words.bar(one.coverage, 10),
            words.percent(one.coverage),
            words.number(one.held),
            words.number(one.expected),
            words.number(one.missing),
            words.number(one.needed_for_target),
            words.number(one.surplus),
            words.number(one.rows),
            others,
        )
    return table


def _render(
    console: Console, system: str, counted: Sequence[Coverage], drift: Sequence[Drift]
) -> None:
    console.print(coverage_table(counted, f"{system}: held against expected"))
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


def gaps(
    context: typer.Context,
    system: SystemName,
    datasets: DatasetNames = None,
    state: States = None,
    since: Since = "",
    until: Until = "",
    limit: Annotated[int, typer.Option(min=1, help="Ranges shown at most.")] = 200,
) -> int:
    """Name every gap and its reason, neighbouring units joined to ranges."""
    out = output_of(context)
    found = find_system(system)
    chosen = find_datasets(found, datasets or [])
    window, states = read_range(since, until), read_states(state)
    with out.workspace("gaps") as workspace:
        listed = list_gaps(workspace, found, chosen, window, states=states, limit=limit)
        counted = count_system(workspace, found, chosen, window)
    document = {
        "system": found.name,
        "gaps": listed,
        "units": sum(gap.units for gap in listed),
        "is_truncated": len(listed) >= limit,
    }
    out.emit(document, lambda console: _render_gaps(console, found.name, listed, limit))
    if listed:
        first = listed[0]
        key = "/".join(part for part in (first.first, *first.series))
        out.hint(
            f"stocktake why {found.name} {first.dataset} {key}  ·  stocktake plan {found.name}"
        )
    return exit_code(counted)


def _render_gaps(console: Console, system: str, listed: Sequence[Gap], limit: int) -> None:
    if not listed:
        console.print(f"[green]{system} has no gap in this range.[/]")
        return
    table = Table(title=f"{system}: gaps", title_justify="left", box=None, pad_edge=False)
    for heading in ("dataset", "series", "from", "to"):
        table.add_column(heading)
    table.add_column("units", justify="right")
    table.add_column("state")
    table.add_column("reason", overflow="fold")
    for gap in listed:
        table.add_row(
            gap.dataset,
            "/".join(gap.series),
            gap.first,
            gap.last if gap.last != gap.first else "",
            words.number(gap.units),
            words.state_text(gap.state),
            gap.reason,
        )
    console.print(table)
    if len(listed) >= limit:
        console.print(f"[dim]the first {limit} ranges; --limit shows more[/]")
