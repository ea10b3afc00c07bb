"""``plan``: which units, in which order, at what cost."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from stocktake.cli import words
from stocktake.cli.arguments import (
    DatasetNames,
    Period,
    Since,
    States,
    Until,
    checked,
    login_name,
    read_range,
    read_states,
)
from stocktake.cli.output import output_of
from stocktake.errors import UsageError
from stocktake.model import PlanOptions
from stocktake.plan.changed import plan_changes
from stocktake.plan.declared import outdated
from stocktake.run.approved import approval_of, approve_plan
from stocktake.run.documents import plan_json
from stocktake.run.foreseen import first_requests, leaves_missing
from stocktake.run.operations import show_plan
from stocktake.run.periods import window_of
from stocktake.run.planned import make_and_save
from stocktake.run.ranked import read_priorities
from stocktake.run.registry import find_datasets, find_system

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

    from stocktake.cli.output import Output
    from stocktake.model import Plan
    from stocktake.run.approved import Approval
    from stocktake.run.foreseen import Leaves

Order = Annotated[
    str, typer.Option(help="newest, oldest, priority, or value (coverage gained per request).")
]
Priority = Annotated[
    list[str] | None,
    typer.Option(help="Only units as urgent as P0, P1 …; repeat, or join by commas."),
]
Sample = Annotated[int | None, typer.Option(help="Only the newest N days or units.")]
MaxRequests = Annotated[int | None, typer.Option(help="Plan at most this many requests.")]
UntilTarget = Annotated[bool, typer.Option("--until-target", help="Only what targets need.")]
Refetch = Annotated[bool, typer.Option("--refetch", help="Fetch also what is complete.")]

Only = Annotated[
    list[str] | None,
    typer.Option(
        help="Only units picked by hand: DATASET:FIRST..LAST/SERIES, parts left out at will "
        "(:/gb); repeat."
    ),
]


def plan(
    context: typer.Context,
    system: Annotated[str, typer.Argument(help="A system, or: show, approve (a number).")],
    datasets: DatasetNames = None,
    since: Since = "",
    until: Until = "",
    period: Period = "",
    state: States = None,
    order: Order = "newest",
    priority: Priority = None,
    sample: Sample = None,
    max_requests: MaxRequests = None,
    until_target: UntilTarget = False,
    refetch: Refetch = False,
    only: Only = None,
    save: Annotated[bool, typer.Option("--save", help="Keep it for backfill --plan ID.")] = False,
    by: Annotated[str, typer.Option(help="Who approves; your login name when left out.")] = "",
) -> int:
    """Show what would be fetched and derived, and what it costs. Fetches nothing.

    show prints a kept plan and what changed since it was made; approve lets one start whose cost
    is above what settings allow without.
    """
    out = output_of(context)
    if system in {"show", "approve"}:
        return _kept(out, system, datasets, by=by)
    found = find_system(system)
    names = [dataset.name for dataset in find_datasets(found, datasets)] if datasets else []
    window = read_range(since, until)
    options = checked(
        PlanOptions(
            datasets=tuple(names),
            since=window.since,
            until=window.until,
            states=read_states(state),
            order=order,
            sample=sample,
            max_requests=max_requests,
            until_target=until_target,
            refetch=refetch,
            priorities=read_priorities(found, priority or ()),
            only=tuple(only or ()),
        )
    )
    with out.workspace("plan") as workspace:
        window = window_of(workspace, found, window, period=period)
        options = dataclasses.replace(options, since=window.since, until=window.until)
        made = make_and_save(workspace, found, options, save=save)
        first = first_requests(workspace, found, made) if out.as_json else ()
        leaves = leaves_missing(workspace, found, made)

    def render(console: Console) -> None:
        render_plan(console, made)
        _render_leaves(console, leaves)

    out.emit(plan_json(made, first=first, leaves=leaves), render)
    if made.plan_id is not None:
        out.hint(f"stocktake backfill {found.name} --plan {made.plan_id}")
    elif made.parts:
        out.hint(f"stocktake backfill {found.name} --sample 7, then without --sample")
    return 0


def _kept(out: Output, verb: str, names: Sequence[str] | None, *, by: str) -> int:
    """Show or approve a kept plan."""
    number = names[0] if names and len(names) == 1 else ""
    if not number.isdecimal():
        raise UsageError(f"plan {verb} needs a plan's number.", hint=f"stocktake plan {verb} 12")
    with out.workspace("plan") as workspace:
        made, _, _ = show_plan(workspace, int(number))
        if verb == "approve":
            approve_plan(workspace, int(number), by=login_name(by))
        told = approval_of(workspace, made)
        own = find_system(made.system)
        wrong = outdated(own, made)
        first = () if wrong else first_requests(workspace, own, made)
        leaves = () if wrong else leaves_missing(workspace, own, made)
        again = made if wrong else make_and_save(workspace, own, made.options, save=False)
    changes = plan_changes(own, made, again)
    document = {
        **plan_json(made, first=first, leaves=leaves),
        "made_at": made.made_at,
        "approved_at": told.at,
        "approved_by": told.by,
        "approval_needed": told.needed or None,
        "changes": changes,
        "outdated": wrong,
    }

    out.emit(document, lambda console: _render_kept(console, made, told, document))
    next_step = f"backfill {made.system} --plan {number}"
    if wrong:
        next_step = f"plan {made.system} --save"
    elif told.obstacle:
        next_step = f"plan approve {number}"
    out.hint(f"stocktake {next_step}")
    return 0


def _render_kept(console: Console, made: Plan, told: Approval, document: Mapping[str, Any]) -> None:
    render_plan(console, made)
    for text in document["outdated"]:
        console.print(f"[red]no longer valid: {text}[/]", soft_wrap=True)
    for one in document["changes"]:
        console.print(
            f"since then, {one.feed}: {words.number(one.filled)} units filled, "
            f"{words.number(one.due)} more due"
        )
    if told.at is not None:
        console.print(f"approved by {told.by} at {told.at:%Y-%m-%d %H:%M} UTC")
    elif told.needed:
        console.print(f"[yellow]not approved: it {told.needed}[/]")


def render_plan(console: Console, made: Plan) -> None:
    """Draw a plan: waves, cost per endpoint, the total, and what stays out of reach."""
    if not made.parts:
        console.print(f"[green]Nothing to do for {made.system}.[/]")
    else:
        console.print(_waves(made))
        console.print()
        console.print(_costs(made))
        console.print(
            f"\n[bold]{words.number(made.requests)} requests, "
            f"{words.duration(made.seconds)}[/] with endpoints side by side "
            f"[dim](one by one at the slowest rate: {words.duration(made.naive_seconds)})[/]"
            f"\nabout {words.about(made.rows)} rows, {words.size(made.bytes)} "
            f"[dim](estimated from {made.estimated_from})[/]"
        )
    for reason, dataset, units in made.unreachable:
        console.print(
            f"[dim]out of reach: {words.number(units)} units of {dataset}: {reason}[/]",
            soft_wrap=True,
        )


def _render_leaves(console: Console, leaves: Sequence[Leaves]) -> None:
    for one in leaves:
        if one.after:
            console.print(
                f"[dim]stays missing: {words.number(one.after)} of {words.number(one.missing)} "
                f"units of {one.dataset}[/]"
            )


def _waves(made: Plan) -> Table:
    title = f"{made.system}: plan" + (f" {made.plan_id}" if made.plan_id is not None else "")
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for heading in ("wave", "fetch"):
        table.add_column(heading, no_wrap=True)
    table.add_column("units", justify="right", no_wrap=True)
    table.add_column("requests", justify="right", no_wrap=True)
    table.add_column("why", overflow="fold")
    shown = None
    told = set()
    for part in made.parts:
        if part.kind != "fetch":
            continue
        label = part.label if part.wave != shown else ""
        shown = part.wave
        about = "≈ " if part.dynamic else ""
        # the reason speaks of all waves of a feed: once is enough
        reason = "" if (part.feed, part.reason) in told else _thousands(part.reason)
        told.add((part.feed, part.reason))
        table.add_row(
            label,
            part.feed,
            about + words.number(part.units),
            about + words.number(part.requests) if part.requests else "",
            f"[dim]{reason}[/]",
        )
    derived = list(dict.fromkeys(part.feed for part in made.parts if part.kind == "derive"))
    if derived:
        table.add_row("derived", f"{len(derived)} tables", "", "", "[dim]what these rows touch[/]")
    return table


def _thousands(text: str) -> str:
    return re.sub(r"\b\d{4,}\b(?!-)", lambda found: f"{int(found[0]):,}", text)


def _costs(made: Plan) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("endpoint")
    for heading in ("requests", "per second", "time"):
        table.add_column(heading, justify="right")
    for cost in made.costs:
        table.add_row(
            f"{cost.source} {cost.endpoint}",
            words.number(cost.requests),
            f"{cost.per_second:g}" + ("" if cost.is_rate_known else " (assumed)"),
            words.duration(cost.seconds)
            + (f" ({cost.quota_days} quota days)" if cost.quota_days else ""),
        )
    return table
