"""``gaps``: every gap by name, neighbouring units joined, members of one kind added up."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from stocktake.cli import words
from stocktake.cli.arguments import (
    DatasetNames,
    Period,
    Since,
    States,
    SystemName,
    Until,
    read_range,
    read_states,
)
from stocktake.cli.count import WIDE, exit_code
from stocktake.cli.output import output_of
from stocktake.errors import UsageError
from stocktake.model import FromDataset, axis_index, dimensions
from stocktake.run.counted import count_system
from stocktake.run.gapped import SORTS, GapFilter, figures_json, find_gaps, noticed_day
from stocktake.run.periods import window_of
from stocktake.run.registry import find_datasets, find_system

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from stocktake.model import Gap, System
    from stocktake.run.gapped import Gapped

SHOWN, SHOWN_REASONS = 200, 5


@dataclass(frozen=True, slots=True)
class GapLine:
    """One line of the table: a range of days, or members of one state and reason added up."""

    gap: Gap
    units: int
    members: str
    since: str


def gaps(
    context: typer.Context,
    system: SystemName,
    datasets: DatasetNames = None,
    state: States = None,
    since: Since = "",
    until: Until = "",
    period: Period = "",
    limit: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Ranges listed at most, each on its own. Without it horses, people and other "
            "members are added up, and --json lists every range.",
        ),
    ] = None,
    reason: Annotated[str, typer.Option(help="Only gaps whose reason holds this.")] = "",
    sort: Annotated[str, typer.Option(help=f"Their order: {', '.join(SORTS)}.")] = "declared",
) -> int:
    """Name every gap and its reason, neighbouring units joined to ranges.

    Tells since when each is one, and how many of them can be had now.

    Exit 0 when every target is reached, 1 when units are thin or stale, 2 below a target.
    """
    out = output_of(context)
    found = find_system(system)
    chosen = find_datasets(found, datasets or [])
    window, states = read_range(since, until), read_states(state)
    if sort not in SORTS:
        raise UsageError(f"--sort {sort!r} is no order.", hint=f"Orders: {', '.join(SORTS)}.")
    with out.workspace("gaps") as workspace:
        window = window_of(workspace, found, window, period=period)
        counted = count_system(workspace, found, chosen, window)
        asked = GapFilter(states, reason, sort)
        told = find_gaps(workspace, found, chosen, window, asked=asked, counted=counted)
    listed = told.gaps[:limit]
    document = {
        "system": found.name,
        "gaps": listed,
        **figures_json(told),
        "is_truncated": len(listed) < len(told.gaps),
    }
    lines = [_alone(found, gap) for gap in listed]
    if limit is None:
        lines = list(grouped(found, listed))

    def render(console: Console) -> None:
        _render(console, found.name, lines, document["is_truncated"])
        _render_figures(console, told)

    out.emit(document, render)
    if listed:
        first = listed[0]
        key = "/".join((first.first, *first.series))
        out.hint(
            f"stocktake why {found.name} {first.dataset} {key}  ·  stocktake plan {found.name}"
        )
    return exit_code(counted)


def grouped(system: System, listed: Sequence[Gap]) -> Iterator[GapLine]:
    """Yield ranges of days and values as they are; members joined by state and reason."""
    for name, found in groupby(listed, key=lambda gap: gap.dataset):
        partitions = system.dataset(name).partitions
        axis = dimensions(partitions)[axis_index(partitions)]
        if not isinstance(axis, FromDataset):
            yield from (_alone(system, gap) for gap in found)
            continue
        noun = axis.column.removesuffix("_id") + "s" if axis.column.endswith("_id") else "keys"
        kinds: dict[tuple[object, ...], list[Gap]] = {}
        for gap in found:
            kinds.setdefault((gap.series, gap.state, gap.reason), []).append(gap)
        for alike in kinds.values():
            since = min(noticed_day(system, gap) for gap in alike)
            yield GapLine(alike[0], sum(gap.units for gap in alike), noun, since)


def _alone(system: System, gap: Gap) -> GapLine:
    return GapLine(gap, gap.units, "", noticed_day(system, gap))


def _render_figures(console: Console, told: Gapped) -> None:
    if not told.gaps:
        console.print(f"[dim]proven by counting the rows up to {told.until}[/]")
        return
    console.print(
        f"[bold]{words.number(told.missing)} missing[/], {words.number(told.needed)} needed for "
        f"target; of those listed {words.number(told.reachable)} can be had now"
    )
    for state, reason, units in told.unreachable[:SHOWN_REASONS]:
        console.print(
            f"[dim]out of reach: {words.number(units)} {state.value}: {reason}[/]", soft_wrap=True
        )


def _render(console: Console, system: str, lines: Sequence[GapLine], is_truncated: object) -> None:
    if not lines:
        console.print(f"[green]{system} has no gap in this range.[/]")
        return
    shown = lines if is_truncated else lines[:SHOWN]
    console.print(f"[bold]{system}: gaps[/]")
    if console.width >= WIDE:
        console.print(_table(shown, is_wide=True))
    else:
        for name, own in groupby(shown, key=lambda line: line.gap.dataset):
            console.print(f"[bold]{name}[/]")
            console.print(_table(list(own), is_wide=False))
    left = len(lines) - len(shown)
    if left > 0:
        console.print(f"[dim]and {words.number(left)} more ranges; --limit and --json list them[/]")
    elif is_truncated:
        console.print(f"[dim]the first {len(lines)} ranges; a larger --limit shows more[/]")


def _table(lines: Sequence[GapLine], *, is_wide: bool) -> Table:
    table = Table(box=None, pad_edge=False)
    headings = ("dataset", "series", "from", "to") if is_wide else ("series", "from", "to")
    for heading in headings:
        table.add_column(heading, no_wrap=True)
    table.add_column("units", justify="right", no_wrap=True)
    table.add_column("state", no_wrap=True)
    table.add_column("since", no_wrap=True)
    table.add_column("reason", overflow="fold")
    for line in lines:
        gap = line.gap
        cells = [
            "/".join(gap.series),
            f"[dim]{line.members}[/]" if line.members else gap.first,
            "" if line.members or gap.last == gap.first else gap.last,
            words.number(line.units),
            words.state_text(gap.state),
            line.since,
            gap.reason,
        ]
        table.add_row(*([gap.dataset, *cells] if is_wide else cells))
    return table
