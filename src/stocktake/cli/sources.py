"""``sources``: health, limits and failures; pause, resume, and try one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from stocktake.cli import words
from stocktake.cli.output import output_of
from stocktake.run.registry import find_system
from stocktake.run.sourced import find_source, pause, resume, source_health
from stocktake.run.tried import verify_source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from stocktake.cli.output import Output
    from stocktake.fetch.sources import EndpointState
    from stocktake.run.tried import Sample

ERROR = 3
SHOWN_TEXT = 400


def sources(
    context: typer.Context,
    target: Annotated[str, typer.Argument(help="A system, or: pause, resume, verify.")],
    name: Annotated[str, typer.Argument(help="The source, after these.")] = "",
    reason: Annotated[str, typer.Option(help="Why it is paused.")] = "by hand",
) -> int:
    """Show every endpoint's limits, use and failures; pause, resume or verify a source.

    verify asks every feed once for one small answer and shows the parsed rows beside it; nothing
    is stored. Exit 3 when a feed could not be read.
    """
    out = output_of(context)
    if target == "verify":
        return _verify(out, name)
    if target in {"pause", "resume"}:
        find_source(name)
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


def _verify(out: Output, name: str) -> int:
    system, source = find_source(name)
    with out.workspace("sources") as workspace:
        samples = verify_source(workspace, system, source)
    bad = [sample for sample in samples if sample.problem]
    document = {"source": source.name, "is_sound": not bad, "samples": samples}
    out.emit(document, lambda console: _render_samples(console, samples))
    return ERROR if bad else 0


def _render_samples(console: Console, samples: Sequence[Sample]) -> None:
    for sample in samples:
        query = "&".join(f"{key}={value}" for key, value in sample.params)
        console.print(f"[bold]{sample.feed}[/]  {sample.path}{'?' * bool(query)}{query}")
        verdict = f"[red]{sample.problem}[/]" if sample.problem else "[green]read[/]"
        console.print(f"  status {sample.status}, {words.size(sample.bytes)}: {verdict}")
        if sample.body:
            console.print(f"  [dim]{_escaped(sample.body[:SHOWN_TEXT])}[/]", soft_wrap=True)
        for rows in sample.rows:
            told = ", ".join(f"{k}={v}" for k, v in rows.first.items() if v not in (None, ""))
            console.print(f"  → {rows.rows} {rows.table}, first: [cyan]{_escaped(told)}[/]")
        for note in sample.notes:
            console.print(f"  [yellow]note:[/] {note}")


def _escaped(text: str) -> str:
    return " ".join(text.split()).replace("[", "\\[")


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
