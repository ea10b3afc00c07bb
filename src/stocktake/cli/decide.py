"""``accept``, ``rejects`` and ``duplicates``: what people decide about the data."""

from __future__ import annotations

import csv
import sys
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from stocktake.cli.arguments import DatasetNames, SystemName, read_day, read_range
from stocktake.cli.output import output_of
from stocktake.count.decide import Decision
from stocktake.errors import UsageError
from stocktake.run.decided import (
    accept_range,
    accept_unit,
    list_duplicates,
    list_rejects,
    withdraw_range,
    withdraw_unit,
)
from stocktake.run.registry import find_datasets, find_system

if TYPE_CHECKING:
    from rich.console import Console

    from stocktake.cli.output import Output
    from stocktake.model import Dataset, Range, System


def accept(
    context: typer.Context,
    system: SystemName,
    dataset: Annotated[str, typer.Argument(help="Dataset, old names too.")],
    unit: Annotated[
        str, typer.Argument(help="The unit's key, such as 2019-03-05/ire; or name days.")
    ] = "",
    reason: Annotated[str, typer.Option(help="Why this gap is acceptable.")] = "",
    by: Annotated[str, typer.Option(help="Who accepts it.")] = "",
    until: Annotated[
        str, typer.Option(help="Until when: YYYY-MM-DD; then it is a gap again.")
    ] = "",
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Take it back.")] = False,
    *,
    first: Annotated[str, typer.Option("--from", help="All gaps from this day on.")] = "",
    last: Annotated[str, typer.Option("--to", help="All gaps up to this day.")] = "",
) -> int:
    """Waive gaps, one or all of some days: they stop counting until a day, with name and reason."""
    out = output_of(context)
    found = find_system(system)
    (target,) = find_datasets(found, [dataset])
    if not withdraw and not (reason and by):
        raise UsageError(
            "an accepted gap needs a reason and a name.",
            hint="Add --reason '…' --by '…', and --until YYYY-MM-DD if it should expire.",
        )
    decision = Decision(reason, by, read_day(until, "--until"))
    if bool(unit) == bool(first or last):
        raise UsageError("name a unit, or days by --from and --to.")
    if not unit:
        return _range(out, found, target, read_range(first, last), None if withdraw else decision)
    with out.workspace("accept") as workspace:
        told = (
            withdraw_unit(workspace, found, target, unit)
            if withdraw
            else accept_unit(workspace, found, target, unit, decision=decision)
        )
    out.emit(told, lambda console: console.print(f"{target.name} {unit} is {told.state}"))
    return 0


def _range(
    out: Output, system: System, dataset: Dataset, window: Range, decision: Decision | None
) -> int:
    with out.workspace("accept") as workspace:
        if decision is None:
            units = withdraw_range(workspace, system, dataset, window)
        else:
            units = accept_range(workspace, system, dataset, window, decision=decision)
    word = "withdrawn" if decision is None else "accepted"
    document = {"dataset": dataset.name, "units": units, "state": word}
    out.emit(document, lambda console: console.print(f"{dataset.name}: {units:,} units {word}"))
    return 0


def rejects(
    context: typer.Context,
    system: SystemName,
    datasets: DatasetNames = None,
    limit: Annotated[int, typer.Option(min=1)] = 50,
    as_csv: Annotated[bool, typer.Option("--csv", help="CSV with the original rows.")] = False,
) -> int:
    """List rows that failed validation, with capture, position and reason."""
    out = output_of(context)
    found = find_system(system)
    chosen = find_datasets(found, datasets or [])
    with out.workspace("rejects") as workspace:
        listed = list_rejects(workspace, found, chosen, limit=limit)
    if as_csv:
        writer = csv.writer(sys.stdout)
        writer.writerow(("dataset", "capture_id", "position", "code", "reason", "raw"))
        for one in listed:
            writer.writerow(
                (
                    one.dataset,
                    one.capture_id,
                    one.position,
                    one.code,
                    one.reason,
                    one.raw,
                )
            )
        return 0

    def render(console: Console) -> None:
        if not listed:
            console.print("[green]no reject[/]")
            return
        table = Table(box=None, pad_edge=False)
        for heading in ("dataset", "capture", "position", "code", "reason"):
            table.add_column(heading, overflow="fold")
        for one in listed:
            table.add_row(
                one.dataset,
                str(one.capture_id or ""),
                one.position,
                one.code,
                one.reason,
            )
        console.print(table)

    out.emit({"system": found.name, "rejects": listed}, render)
    return 0


def duplicates(
    context: typer.Context,
    system: SystemName,
    datasets: DatasetNames = None,
    limit: Annotated[int, typer.Option(min=1)] = 50,
) -> int:
    """List keys that came with different values: which was kept, which was not."""
    out = output_of(context)
    found = find_system(system)
    chosen = find_datasets(found, datasets or [])
    with out.workspace("duplicates") as workspace:
        listed = list_duplicates(workspace, found, chosen, limit=limit)

    def render(console: Console) -> None:
        if not listed:
            console.print("[green]no duplicate with different values[/]")
            return
        table = Table(box=None, pad_edge=False)
        for heading in ("dataset", "row", "state", "differs in"):
            table.add_column(heading, overflow="fold")
        for one in listed:
            differs = [name for name, value in one.kept.items() if one.other.get(name) != value]
            table.add_row(one.dataset, one.row_key, one.state, ", ".join(differs))
        console.print(table)

    out.emit({"system": found.name, "duplicates": listed}, render)
    return 0
