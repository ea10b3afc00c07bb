"""``sources``: health, limits and failures; pause and resume."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from stocktake.cli import words
from stocktake.cli.output import output_of
from stocktake.errors import UsageError
from stocktake.run.registry import find_system, installed_systems
from stocktake.run.sourced import pause, resume, source_health

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from stocktake.fetch.sources import EndpointState


def sources(
    context: typer.Context,
    target: Annotated[str, typer.Argument(help="A system, or: pause, resume.")],
    name: Annotated[str, typer.Argument(help="The source, after pause or resume.")] = "",
    reason: Annotated[str, typer.Option(help="Why it is paused.")] = "by hand",
) -> int:
    """Show every endpoint's limits, use and failures; pause or resume a source."""
    out = output_of(context)
    if target in {"pause", "resume"}:
        _require_source(name)
        with out.workspace("sources") as workspace:
            if target == "pause":
                pause(workspace, name, reason=reason)
            else:
                resume(workspace, name)
        state = "paused" if target == "pause" else "active"
        out.emit(
            {"source": name, "state": state}, lambda console: console.print(f"{name} is {state}")
        )
        return 0
    found = find_system(target)
    with out.workspace("sources") as workspace:
        health = source_health(workspace, found)
    out.emit({"system": found.name, "endpoints": health}, lambda console: _render(console, health))
    return 0


def _require_source(name: str) -> None:
    known = sorted(
        source.name for system in installed_systems().values() for source in system.sources
    )
    if name not in known:
        raise UsageError(
            f"there is no source {name!r}." if name else "name the source.",
            hint=f"Sources: {', '.join(known)}.",
        )


def _render(console: Console, health: Sequence[EndpointState]) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("source", "endpoint", "state"):
        table.add_column(heading)
    for heading in ("allowed/s", "learned/s", "requests", "errors", "429", "mean", "quota"):
        table.add_column(heading, justify="right")
    table.add_column("last error", overflow="fold")
    for one in health:
        table.add_row(
            one.source,
            one.endpoint,
            _state(one),
            f"{one.per_second:g}",
            "" if one.learned_per_second is None else f"{one.learned_per_second:g}",
            words.number(one.requests),
            words.number(one.errors),
            words.number(one.refusals),
            "" if one.mean_seconds is None else f"{one.mean_seconds * 1000:.0f} ms",
            "" if one.per_day is None else f"{one.used_today:,}/{one.per_day:,}",
            one.last_error,
        )
    console.print(table)


def _state(one: EndpointState) -> str:
    if one.source_pause:
        return f"[red]source paused: {one.source_pause}[/]"
    if one.paused_until:
        return f"[yellow]waits until {one.paused_until:%H:%M:%S}: {one.pause_reason}[/]"
    return "[green]ready[/]" if one.circuit == "closed" else f"[yellow]circuit {one.circuit}[/]"
