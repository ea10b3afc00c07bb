"""``sources``: health, limits, use day by day, failures; pause, resume, and try one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from stocktake.cli import words
from stocktake.cli.output import output_of
from stocktake.run.clock import system_clock
from stocktake.run.registry import find_system
from stocktake.run.sourced import (
    find_source,
    pause,
    resume,
    source_days,
    source_log,
    source_robots,
    sources_now,
)
from stocktake.run.tried import verify_source

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from stocktake.cli.output import Output
    from stocktake.fetch.robots import RobotsState
    from stocktake.fetch.sources import EndpointState, FailedTry
    from stocktake.fetch.usage import EndpointDay
    from stocktake.observe.alerts import EventLine
    from stocktake.run.tried import Sample

ERROR = 3
STATE_WIDTH = 12
GOOD_CLASSES = frozenset({"good", "redirects"})
SHOWN_TEXT = 400
SHOWN_UNITS = 3


def sources(
    context: typer.Context,
    target: Annotated[str, typer.Argument(help="A system, or: log, pause, resume, verify.")],
    name: Annotated[str, typer.Argument(help="The source, after these.")] = "",
    reason: Annotated[str, typer.Option(help="Why it is paused.")] = "by hand",
    days: Annotated[int, typer.Option(min=1, help="Days of use shown, today included.")] = 7,
    limit: Annotated[int, typer.Option(min=1, help="Most lines of the log.")] = 20,
) -> int:
    """Show every endpoint's limits, use and failures, and robots.txt; pause, resume or verify.

    log lists tries that failed, pauses and open circuits. verify asks every feed once for one small
    answer through the same gate as any request, judges login, shape and rate headers, and shows the
    parsed rows; nothing is stored. Exit 3 when a feed could not be read.
    """
    out = output_of(context)
    if target == "verify":
        return _verify(out, name)
    if target == "log":
        return _log(out, name, limit)
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
        health = sources_now(workspace, found)
        robots = source_robots(workspace, found)
        used = source_days(workspace, found, days=days)
    document = {
        "system": found.name,
        "endpoints": health,
        "robots": robots,
        "days": [one.as_json() for one in used],
    }

    def render(console: Console) -> None:
        _render(console, health)
        console.print()
        _render_robots(console, robots)
        if used:
            console.print()
            _render_days(console, used)

    out.emit(document, render)
    return 0


def _log(out: Output, name: str, limit: int) -> int:
    system, source = find_source(name)
    with out.workspace("sources") as workspace:
        tries, told = source_log(workspace, system, source, limit=limit)
    document = {"source": source.name, "tries": tries, "events": told}
    out.emit(document, lambda console: _render_log(console, tries, told))
    return 0


def _verify(out: Output, name: str) -> int:
    system, source = find_source(name)
    with out.workspace("sources") as workspace:
        samples = verify_source(workspace, system, source)
        robots = [one for one in source_robots(workspace, system) if one.source == source.name]
    bad = [sample for sample in samples if sample.problem]
    document = {
        "source": source.name,
        "is_sound": not bad,
        "robots": robots,
        "samples": samples,
    }

    def render(console: Console) -> None:
        _render_robots(console, robots)
        _render_samples(console, samples)

    out.emit(document, render)
    return ERROR if bad else 0


def _render_robots(console: Console, robots: Sequence[RobotsState]) -> None:
    for one in robots:
        when = ""
        if one.fetched_at:
            word = "tried" if one.state == "unreachable" else "fetched"
            when = f" [dim]({word} {one.fetched_at:%Y-%m-%d %H:%M} UTC)[/]"
        place = one.origin or one.source
        console.print(f"robots.txt of {place} {_escaped(one.told)}{when}", soft_wrap=True)


def _render_samples(console: Console, samples: Sequence[Sample]) -> None:
    for sample in samples:
        query = "&".join(f"{key}={value}" for key, value in sample.params)
        console.print(f"[bold]{sample.feed}[/]  {sample.path}{'?' * bool(query)}{query}")
        verdict = f"[red]{sample.problem}[/]" if sample.problem else "[green]read[/]"
        console.print(f"  status {sample.status}, {words.size(sample.bytes)}: {verdict}")
        console.print(f"  login {sample.login}, shape {sample.shape}")
        for line in sample.limits:
            console.print(f"  [dim]{_escaped(line)}[/]")
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
    """Print a table per source that fits a terminal of 80 columns, then what went wrong."""
    for source in dict.fromkeys(one.source for one in health):
        own = [one for one in health if one.source == source]
        console.print(f"[bold]{source}[/]")
        table = Table(box=None, pad_edge=False)
        table.add_column("endpoint", overflow="fold")
        table.add_column("state", min_width=STATE_WIDTH)
        quota = ("quota",) if any(one.per_day for one in own) else ()
        for heading in ("per s", "last min", "waiting", "requests", "errors", *quota):
            table.add_column(heading, justify="right", no_wrap=True)
        for one in own:
            table.add_row(*_cells(one), *([_quota(one)] if quota else ()))
        console.print(table)
        for one in own:
            mean = "" if one.mean_seconds is None else f"mean {one.mean_seconds * 1000:.0f} ms"
            error = f"last error: {_escaped(one.last_error)}" if one.last_error else ""
            if told := ", ".join(filter(None, (mean, error))):
                console.print(f"  [dim]{_escaped(one.endpoint)}: {told}[/]", soft_wrap=True)


def _cells(one: EndpointState) -> Iterator[str]:
    learned = one.learned_per_second
    yield _escaped(one.endpoint)
    yield _state(one)
    yield f"{one.per_second:.3g}" if learned is None else f"{learned:.2g} of {one.per_second:.3g}"
    yield f"{one.last_minute or 0:,}/{one.per_minute or 0:,.0f}"
    yield words.number(one.units_waiting or 0)
    yield words.number(one.requests)
    refused = f" ({words.number(one.refusals)} × 429)" if one.refusals else ""
    yield words.number(one.errors) + refused


def _render_days(console: Console, used: Sequence[EndpointDay]) -> None:
    several = len({one.source for one in used}) > 1
    table = Table(box=None, pad_edge=False)
    table.add_column("day", no_wrap=True)
    table.add_column("endpoint", overflow="fold", min_width=STATE_WIDTH)
    for heading in ("requests", "errors", "bytes", "rows each", "half", "95 %"):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in used:
        each = one.rows_per_request
        table.add_row(
            str(one.day),
            f"{one.source} {one.endpoint}" if several else one.endpoint,
            words.number(one.requests),
            words.number(one.errors),
            words.size(one.bytes),
            "" if each is None else f"{each:,.1f}",
            _milliseconds(one.p50_seconds),
            _milliseconds(one.p95_seconds),
        )
    console.print(table)
    for one in used:
        if bad := {name: n for name, n in one.classes.items() if name not in GOOD_CLASSES}:
            told = ", ".join(f"{name.replace('_', ' ')} {n:,}" for name, n in sorted(bad.items()))
            console.print(f"  [dim]{one.day} {_escaped(one.endpoint)}: {told}[/]", soft_wrap=True)


def _render_log(console: Console, tries: Sequence[FailedTry], told: Sequence[EventLine]) -> None:
    lines = [
        (one.at, f"[yellow]{one.feed}[/] {_escaped(one.reason)} [dim]{_where(one)}[/]")
        for one in tries
    ]
    for event in told:
        style = "green" if event.resolves else "red"
        reason = _escaped(str(event.details.get("reason", "")))
        lines.append((event.at, f"[{style}]{event.kind}[/] {event.subject} {reason}"))
    if not lines:
        console.print("Nothing failed.")
    for at, text in sorted(lines, reverse=True):
        console.print(f"{at:%Y-%m-%d %H:%M:%S}  {text}", soft_wrap=True)


def _where(one: FailedTry) -> str:
    units = ", ".join(one.units[:SHOWN_UNITS]) + (" and more" if one.units[SHOWN_UNITS:] else "")
    capture = "" if one.capture_id is None else f", capture {one.capture_id}"
    return _escaped(f"{units}, run {one.run_id}{capture}")


def _milliseconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * 1000:,.0f} ms"


def _quota(one: EndpointState) -> str:
    if one.per_day is None:
        return ""
    text = f"{one.used_today:,}/{one.per_day:,}"
    if one.used_today and one.quota_resets_at is not None:
        left = (one.quota_resets_at - system_clock()).total_seconds()
        text += f", anew in {words.duration(max(0.0, left))}"
    return text


def _state(one: EndpointState) -> str:
    if one.source_pause:
        word = "source paused" if one.state == "paused" else one.state
        return f"[red]{word}: {one.source_pause}[/]"
    if one.paused_until:
        return f"[yellow]waits until {one.paused_until:%H:%M:%S}: {one.pause_reason}[/]"
    if one.circuit != "closed":
        return f"[yellow]circuit {one.circuit}[/]"
    return "[yellow]slow[/]" if one.state == "slow" else "[green]ready[/]"
