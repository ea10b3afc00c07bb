"""``accept``: a gap waived by a person."""

from __future__ import annotations

from typing import Annotated

import typer

from stocktake.cli.arguments import SystemName, read_day
from stocktake.cli.output import output_of
from stocktake.count.decide import Decision
from stocktake.errors import UsageError
from stocktake.run.decided import accept_unit, give_up_unit, withdraw_unit
from stocktake.run.registry import find_datasets, find_system


def accept(
    context: typer.Context,
    system: SystemName,
    dataset: Annotated[str, typer.Argument(help="Dataset, old names too.")],
    unit: Annotated[str, typer.Argument(help="The unit's key, such as 2019-03-05/ire.")],
    reason: Annotated[str, typer.Option(help="Why this gap is acceptable.")] = "",
    by: Annotated[str, typer.Option(help="Who accepts it.")] = "",
    until: Annotated[
        str, typer.Option(help="Until when: YYYY-MM-DD; then it is a gap again.")
    ] = "",
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Take it back.")] = False,
    unrecoverable: Annotated[
        bool, typer.Option("--unrecoverable", help="No source has it any more: it stays a gap.")
    ] = False,
) -> int:
    """Waive a gap, or give it up: with a name and a reason kept.

    A waived gap stops counting until a day; an unrecoverable one counts, but no plan asks for it.
    """
    out = output_of(context)
    found = find_system(system)
    (target,) = find_datasets(found, [dataset])
    if not withdraw and not (reason and by):
        raise UsageError(
            "an accepted gap needs a reason and a name.",
            hint="Add --reason '…' --by '…', and --until YYYY-MM-DD if it should expire.",
        )
    last = read_day(until, "--until")
    decide = give_up_unit if unrecoverable else accept_unit
    with out.workspace("accept") as workspace:
        told = (
            withdraw_unit(workspace, found, target, unit)
            if withdraw
            else decide(workspace, found, target, unit, decision=Decision(reason, by, last))
        )
    out.emit(told, lambda console: console.print(f"{target.name} {unit} is {told.state}"))
    return 0
