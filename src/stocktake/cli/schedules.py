"""``schedule list|next|history|run|enable|disable|change|add|remove``: when work recurs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, cast, get_args

import typer
from rich.table import Table

from stocktake.cli import words
from stocktake.cli.arguments import SystemName, login_name, read_instant
from stocktake.cli.output import output_of
from stocktake.errors import UsageError
from stocktake.model import Schedule
from stocktake.model.schedule import VERBS, CatchUp, Overlap
from stocktake.run.clock import system_clock
from stocktake.run.documents import fire_json, schedule_json
from stocktake.run.fires import jumps_before, next_fires
from stocktake.run.registry import find_system
from stocktake.run.scheduled import (
    add_schedule,
    change_schedule,
    find_kept,
    list_schedules,
    note_by_hand,
    queue_now,
    remove_schedule,
    schedule_history,
    switch_schedule,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from stocktake.run.scheduled import FireLine, Kept

schedule = typer.Typer(
    add_completion=False, rich_markup_mode=None, no_args_is_help=True, help="When work recurs."
)
Name = Annotated[str, typer.Argument(help="A schedule, as `stocktake schedule list` names it.")]
By = Annotated[str, typer.Option(help="Who; the account's name unless given.")]
FLAGS = {"is_forced": "--force", "full": "--full", "days": "--days", "seed": "--seed"}
WIDE = 130
"""Columns of a terminal from which a schedule takes one line."""
"""Options of runs that the command line has too; the others are for workers only."""


@schedule.command("list")
def schedule_list(
    context: typer.Context,
    system: Annotated[str, typer.Argument(help="Only this system's.")] = "",
) -> int:
    """List schedules, the next to fire first: whether they are on, how the last time went."""
    out = output_of(context)
    name = find_system(system).name if system else None
    with out.workspace("schedule") as workspace:
        found = list_schedules(workspace, name)
    document = {"schedules": [schedule_json(one) for one in found]}
    out.emit(document, lambda console: _render(console, found))
    return 0


def _render(console: Console, found: Sequence[Kept]) -> None:
    if not found:
        console.print("No schedule. Add one: stocktake schedule add --help")
        return
    is_narrow = console.width < WIDE
    between = "\n" if is_narrow else "  "
    table = Table(box=None, pad_edge=False)
    for heading in ("schedule", "cron", "next", "last", *(() if is_narrow else ("what",))):
        table.add_column(heading, no_wrap=heading == "next", overflow="fold")
    for one in found:
        coming = f"{one.next_at:%a %Y-%m-%d %H:%M}" if one.next_at else "never"
        what = f"{one.schedule.verb} {' '.join(one.schedule.datasets)}"
        table.add_row(
            f"{one.name}\n[dim]{what}[/]" if is_narrow else one.name,
            f"{one.schedule.cron}{between}[dim]{one.schedule.zone}[/]",
            f"[dim]off: {one.obstacle}[/]" if one.obstacle else coming,
            _outcome(one.last) if one.last else "",
            *(() if is_narrow else (what,)),
        )
    console.print(table)


def _outcome(one: FireLine) -> str:
    """Return how a fire went, and its run."""
    styles = {"fired": "green", "skipped": "yellow", "missed": "red"}
    told = f"run {one.run_id} {one.run_state}" if one.run_id else one.outcome
    is_bad = one.run_state in ("failed", "cancelled", "paused")
    style = "red" if is_bad else styles.get(one.outcome, "dim")
    return f"[{style}]{told}[/]"


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
        with out.workspace("schedule") as workspace:
            found = find_kept(workspace, name).schedule
        cron, zone = found.cron, found.zone
    start = read_instant(after, "--from", day_is="start") or system_clock()
    fires = next_fires(cron, zone, after=start, most=most)
    jumps = jumps_before(fires, after=start)

    def render(console: Console) -> None:
        for at, is_jump in zip(fires, jumps, strict=True):
            told = "  [yellow]clocks change before it[/]" if is_jump else ""
            console.print(f"{at:%a %Y-%m-%d %H:%M %Z}  [dim]{at.astimezone():%H:%M} here[/]{told}")
        if not fires:
            console.print("It never fires.")

    document = {"cron": cron, "zone": zone, "from": start, "fires": fires, "jumps": jumps}
    out.emit(document, render)
    return 0


@schedule.command("history")
def schedule_history_of(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Only this schedule's.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="Lines at most.")] = 20,
) -> int:
    """Show what became of each time schedules were due, newest first, and how late they began."""
    out = output_of(context)
    with out.workspace("schedule") as workspace:
        found = schedule_history(workspace, name, limit=limit)
    document = {"fires": [fire_json(one) for one in found]}
    out.emit(document, lambda console: _render_history(console, found))
    return 0


def _render_history(console: Console, found: Sequence[FireLine]) -> None:
    if not found:
        console.print("Nothing was due yet. Schedules fire while this runs: stocktake up")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("due", "schedule", "outcome", "late", "by"):
        table.add_column(heading, no_wrap=True)
    table.add_column("why", overflow="fold")
    for one in found:
        table.add_row(
            f"{one.due_at:%Y-%m-%d %H:%M} UTC",
            one.name,
            _outcome(one),
            words.duration(one.lateness_seconds),
            one.by,
            one.reason,
        )
    console.print(table)


@schedule.command("run")
def schedule_run(
    context: typer.Context,
    name: Name,
    detach: Annotated[
        bool, typer.Option("--detach", help="Hand it to a worker instead of running it here.")
    ] = False,
    by: By = "",
) -> int:
    """Run a schedule now, here or by a worker; its clock and whether it is on do not matter."""
    out = output_of(context)
    who = login_name(by)
    if detach:
        with out.workspace("schedule") as workspace:
            found, run_id = queue_now(workspace, name, by=who)
        out.emit(
            {"name": found.name, "run_id": run_id, "state": "queued"},
            lambda console: console.print(f"run {run_id} of {found.name} is queued"),
        )
        out.hint(f"stocktake run show {run_id}; stocktake worker executes it")
        return 0
    with out.workspace("schedule") as workspace:
        found, began = find_kept(workspace, name), workspace.clock()
    try:
        return _run_here(context, found)
    finally:
        with out.workspace("schedule") as workspace:
            note_by_hand(workspace, found, at=began, by=who)


def _run_here(context: typer.Context, found: Kept) -> int:
    """Run the command that does what the schedule does, as if it had been typed."""
    chosen, root = found.schedule, context.find_root()
    arguments = [found.system]
    if chosen.verb != "train":
        arguments += chosen.datasets
    for option, value in chosen.options:
        if option in FLAGS and value is not False:
            arguments.append(FLAGS[option] if value is True else f"{FLAGS[option]}={value}")
    group: Any = root.command
    command = group.get_command(root, chosen.verb)
    with command.make_context(chosen.verb, arguments, parent=root) as inner:
        return int(inner.command.invoke(inner) or 0)


@schedule.command("enable")
def schedule_enable(context: typer.Context, name: Name, by: By = "") -> int:
    """Let a schedule fire again, from now on."""
    return _switch(context, name, is_enabled=True, by=by)


@schedule.command("disable")
def schedule_disable(context: typer.Context, name: Name, by: By = "") -> int:
    """Keep a schedule from firing until it is enabled; what is due meanwhile is left out."""
    return _switch(context, name, is_enabled=False, by=by)


def _switch(context: typer.Context, name: str, *, is_enabled: bool, by: str) -> int:
    out = output_of(context)
    with out.workspace("schedule") as workspace:
        found = switch_schedule(workspace, name, is_enabled=is_enabled, by=login_name(by))
    out.emit(schedule_json(found), lambda console: console.print(_told(found), soft_wrap=True))
    return 0


def _told(one: Kept) -> str:
    """Return whether a schedule is on, and when it fires next."""
    if one.obstacle:
        return f"{one.name} is off: {one.obstacle}"
    coming = f"{one.next_at:%a %Y-%m-%d %H:%M %Z}" if one.next_at else "never"
    return f"{one.name} is on; next: {coming}"


@schedule.command("change")
def schedule_change(
    context: typer.Context,
    name: Name,
    cron: Annotated[
        str, typer.Option(help="When, such as '30 2 * * *'; empty: as its system declares.")
    ] = "",
    zone: Annotated[str, typer.Option(help="IANA zone whose clock is meant.")] = "UTC",
    by: By = "",
) -> int:
    """Give a schedule another clock, whatever its system declares; without --cron, that one's."""
    out = output_of(context)
    with out.workspace("schedule") as workspace:
        found = change_schedule(workspace, name, cron=cron, zone=zone, by=login_name(by))
    clock = f"{found.schedule.cron} in {found.schedule.zone}"
    out.emit(schedule_json(found), lambda console: console.print(f"{found.name}: {clock}"))
    return 0


@schedule.command("add")
def schedule_add(
    context: typer.Context,
    system: SystemName,
    name: Annotated[str, typer.Argument(help="What to call it; unique within the system.")],
    verb: Annotated[str, typer.Argument(help=f"What to do: {', '.join(VERBS)}.")],
    datasets: Annotated[
        list[str] | None, typer.Argument(help="Datasets; all when none is named.")
    ] = None,
    cron: Annotated[str, typer.Option(help="Five fields, such as '30 2 * * *'.")] = "",
    zone: Annotated[str, typer.Option(help="IANA zone; the system's unless given.")] = "",
    catch_up: Annotated[
        str, typer.Option(help="Fires that nobody was there for: coalesce, or each.")
    ] = "coalesce",
    overlap: Annotated[
        str, typer.Option(help="While the run before is not over: skip, or queue.")
    ] = "skip",
    jitter: Annotated[int, typer.Option(min=0, help="Longest delay, in seconds.")] = 0,
    by: By = "",
) -> int:
    """Add a schedule of one's own: schedule add racing nights sync ra_races --cron '0 3 * * *'."""
    out = output_of(context)
    found = find_system(system)
    if not cron:
        raise UsageError("when is it to fire?", hint="Add --cron, such as --cron '30 2 * * *'.")
    for option, value, known in (
        ("--catch-up", catch_up, get_args(CatchUp)),
        ("--overlap", overlap, get_args(Overlap)),
    ):
        if value not in known:
            raise UsageError(
                f"{option} {value!r} does not exist.", hint=f"It is one of: {', '.join(known)}."
            )
    try:
        wanted = Schedule(
            name,
            cron,
            zone or found.zone,
            verb,
            datasets=tuple(datasets or ()),
            catch_up=cast("CatchUp", catch_up),
            overlap=cast("Overlap", overlap),
            jitter_seconds=jitter,
        )
    except ValueError as error:
        raise UsageError(f"{error}.", hint="stocktake schedule add --help") from None
    with out.workspace("schedule") as workspace:
        kept = add_schedule(workspace, found, wanted, by=login_name(by))
    out.emit(schedule_json(kept), lambda console: console.print(_told(kept), soft_wrap=True))
    return 0


@schedule.command("remove")
def schedule_remove(context: typer.Context, name: Name) -> int:
    """Remove a schedule that somebody added, with its history; declared ones can be disabled."""
    out = output_of(context)
    with out.workspace("schedule") as workspace:
        found = remove_schedule(workspace, name)
    out.emit({"removed": found.name}, lambda console: console.print(f"{found.name} is removed"))
    return 0
