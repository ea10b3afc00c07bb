"""``schedule list`` and ``schedule next``: when work recurs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from stocktake.cli.arguments import read_instant
from stocktake.cli.output import output_of
from stocktake.errors import UsageError
from stocktake.run.clock import system_clock
from stocktake.run.fires import next_fires
from stocktake.run.registry import find_system, installed_systems
from stocktake.run.schedule import find_schedule, schedule_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from stocktake.run.schedule import ScheduleLine

schedule = typer.Typer(
    add_completion=False, rich_markup_mode=None, no_args_is_help=True, help="When work recurs."
)


@schedule.command("list")
def schedule_list(
    context: typer.Context,
    system: Annotated[str, typer.Argument(help="Only this system's.")] = "",
) -> int:
    """List the schedules systems declare, the next to fire first."""
    out = output_of(context)
    chosen = [find_system(system)] if system else list(installed_systems().values())
    lines = schedule_lines(chosen, now=system_clock())
    document = [
        {
            "name": line.name,
            "system": line.system,
            "cron": line.schedule.cron,
            "zone": line.schedule.zone,
            "verb": line.schedule.verb,
            "datasets": list(line.schedule.datasets),
            "next_at": line.next_at,
        }
        for line in lines
    ]
    out.emit({"schedules": document}, lambda console: _render(console, lines))
    return 0


def _render(console: Console, lines: Sequence[ScheduleLine]) -> None:
    if not lines:
        console.print("No system declares a schedule.")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("schedule", "cron", "zone", "next"):
        table.add_column(heading, no_wrap=True)
    table.add_column("what", overflow="fold")
    for line in lines:
        one = line.schedule
        table.add_row(
            line.name,
            one.cron,
            one.zone,
            f"{line.next_at:%a %Y-%m-%d %H:%M}" if line.next_at else "never",
            f"{one.verb} {' '.join(one.datasets)}",
        )
    console.print(table)


@schedule.command("next")
def schedule_next(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A schedule; or give --cron and --zone.")] = "",
    cron: Annotated[str, typer.Option(help="An expression to try, such as '30 2 * * *'.")] = "",
    zone: Annotated[str, typer.Option(help="IANA zone of --cron.")] = "UTC",
    after: Annotated[str, typer.Option("--from", help="From this day or instant on.")] = "",
    most: Annotated[int, typer.Option("-n", min=1, max=1000, help="How many.")] = 5,
) -> int:
    """Show the next fire times of a schedule, or of an expression just typed."""
    out = output_of(context)
    if bool(name) == bool(cron):
        raise UsageError(
            "name a schedule or give --cron, one of the two.",
            hint="stocktake schedule list; or: stocktake schedule next --cron '30 2 * * *'",
        )
    if name:
        _, found = find_schedule(installed_systems().values(), name)
        cron, zone = found.cron, found.zone
    start = read_instant(after, "--from", day_is="start") or system_clock()
    fires = next_fires(cron, zone, after=start, most=most)

    def render(console: Console) -> None:
        for at in fires:
            console.print(f"{at:%a %Y-%m-%d %H:%M %Z}  [dim]{at.astimezone():%H:%M} here[/]")
        if not fires:
            console.print("It never fires.")

    out.emit({"cron": cron, "zone": zone, "from": start, "fires": fires}, render)
    return 0
