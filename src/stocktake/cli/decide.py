"""``accept``: a gap waived, or given up, by a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from stocktake.cli.arguments import SystemName, read_day, read_range
from stocktake.cli.output import output_of
from stocktake.count.decide import Decision
from stocktake.errors import UsageError
from stocktake.run.decided import (
    accept_range,
    accept_unit,
    give_up_unit,
    withdraw_range,
    withdraw_unit,
)
from stocktake.run.registry import find_datasets, find_system

if TYPE_CHECKING:
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
    unrecoverable: Annotated[
        bool, typer.Option("--unrecoverable", help="No source has it any more: it stays a gap.")
    ] = False,
) -> int:
    """Waive gaps, one or all of some days: they stop counting until a day, with name and reason.

    A unit that is marked as unrecoverable counts as a gap, but no plan asks for it.
    """
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
    decide = give_up_unit if unrecoverable else accept_unit
    if not unit and unrecoverable:
        raise UsageError("units are given up one by one.", hint="Name the unit.")
    if not unit:
        return _range(out, found, target, read_range(first, last), None if withdraw else decision)
    with out.workspace("accept") as workspace:
        told = (
            withdraw_unit(workspace, found, target, unit)
            if withdraw
            else decide(workspace, found, target, unit, decision=decision)
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
