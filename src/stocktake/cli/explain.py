"""``why``, ``trace`` and ``capture show``: from a unit or a row back to the bytes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from stocktake.cli import words
from stocktake.cli.arguments import SystemName
from stocktake.cli.output import output_of
from stocktake.errors import UsageError
from stocktake.run.documents import capture_json
from stocktake.run.explained import explain_unit, show_capture, trace_row
from stocktake.run.registry import find_datasets, find_system

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from stocktake.load.provenance import Provenance, Version
    from stocktake.model import Explanation

SHOWN = 10
DatasetName = Annotated[str, typer.Argument(help="Dataset, old names too.")]


def why(
    context: typer.Context,
    system: SystemName,
    dataset: DatasetName,
    unit: Annotated[str, typer.Argument(help="The unit's key, such as 2019-03-05/ire.")],
) -> int:
    """Explain one unit: promise, state per feed, attempts, captures, rejects, next try."""
    out = output_of(context)
    found = find_system(system)
    (target,) = find_datasets(found, [dataset])
    with out.workspace("why") as workspace:
        told = explain_unit(workspace, found, target, unit)
    out.emit(told, lambda console: render_why(console, told))
    return 0


def render_why(console: Console, told: Explanation) -> None:
    """Draw all that is known of one unit."""
    console.print(
        f"[bold]{told.unit.dataset} {told.unit}[/]  {words.state_text(told.state)}"
        + (f": {told.reason}" if told.reason else ""),
        soft_wrap=True,
    )
    console.print(f"promised by  {told.rule}", soft_wrap=True)
    for feed in told.feeds:
        rows = ""
        if feed.rows is not None:
            of = f" of {feed.expected_rows}" if feed.expected_rows is not None else ""
            rows = f", {feed.rows}{of} rows"
        final = f", final since {feed.settled_at:%Y-%m-%d %H:%M}" if feed.settled_at else ""
        reason = f": {feed.reason}" if feed.reason else ""
        console.print(
            f"feed         {feed.feed}: {words.state_text(feed.state)}{reason}{rows}{final}",
            soft_wrap=True,
        )
    for name, state, reason in told.upstream:
        console.print(
            f"after        {name}: {words.state_text(state)}" + (f": {reason}" if reason else ""),
            soft_wrap=True,
        )
    for attempt in told.attempts[:SHOWN]:
        console.print(
            f"attempt      {attempt.at:%Y-%m-%d %H:%M:%S} {attempt.feed}: "
            f"{attempt.outcome}: {attempt.reason}",
            soft_wrap=True,
        )
    for capture in told.captures[:SHOWN]:
        used = "" if capture.is_loaded else ", not loaded"
        console.print(
            f"capture      {capture.capture_id}: {capture.feed}, status {capture.status}, "
            f"{words.size(capture.bytes)}, {capture.fetched_at:%Y-%m-%d %H:%M:%S}{used}"
        )
    for position, code, reason in told.rejects[:SHOWN]:
        console.print(f"reject       {position}: {code}: {reason}", soft_wrap=True, markup=False)
    _render_withdrawn(console, told)
    if told.next_try_at:
        console.print(f"next try     {told.next_try_at:%Y-%m-%d %H:%M} UTC")
    console.print(f"[bold]what to do[/]   {told.advice}", soft_wrap=True)


def _render_withdrawn(console: Console, told: Explanation) -> None:
    for row in told.withdrawn[:SHOWN]:
        what = "row" if row.is_row_gone else row.facet
        console.print(
            f"withdrawn    {what} {row.key}: by run {row.run_id}, no longer in capture "
            f"{row.capture_id} of {row.at:%Y-%m-%d %H:%M:%S}",
            markup=False,
            soft_wrap=True,
        )


def trace(
    context: typer.Context,
    system: SystemName,
    dataset: DatasetName,
    key: Annotated[list[str], typer.Argument(help="Row key as COLUMN=VALUE…")],
) -> int:
    """Show a row's provenance: runs, captures, receipts, what it was before."""
    out = output_of(context)
    found = find_system(system)
    (target,) = find_datasets(found, [dataset])
    values = dict(part.split("=", 1) for part in key if "=" in part)
    if len(values) != len(key) or set(values) != set(target.key):
        wanted = " ".join(f"{column}=…" for column in target.key)
        raise UsageError(
            f"a row of {target.name} is named by {' and '.join(target.key)}.",
            hint=f"stocktake trace {found.name} {target.name} {wanted}",
        )
    with out.workspace("trace") as workspace:
        told = trace_row(workspace, found, target, values)
    out.emit(told, lambda console: _render_trace(console, told))
    return 0


def _render_trace(console: Console, told: Provenance) -> None:
    table = Table(title=f"{told.dataset} {told.key}", title_justify="left", box=None)
    for heading in ("facet", "capture", "request", "fetched", "run", "loaded"):
        table.add_column(heading)
    for origin in told.origins:
        table.add_row(
            origin.facet,
            str(origin.capture_id or ""),
            origin.request,
            f"{origin.fetched_at:%Y-%m-%d %H:%M:%S}" if origin.fetched_at else "",
            str(origin.run_id or ""),
            f"{origin.loaded_at:%Y-%m-%d %H:%M:%S}" if origin.loaded_at else "",
        )
    if told.origins:
        console.print(table)
    else:
        console.print(f"{told.dataset} {told.key} is no longer there: its source withdrew it")
    for line in _said_by_people(told):
        console.print(line, markup=False, soft_wrap=True)
    for one in told.withdrawals[:SHOWN]:
        what = "the row" if one.is_row_gone else one.facet
        console.print(
            f"run {one.run_id} found {what} withdrawn: {one.feed} no longer told it in capture "
            f"{one.capture_id}, {one.at:%Y-%m-%d %H:%M:%S}",
            markup=False,
            soft_wrap=True,
        )
    for version in told.versions[:SHOWN]:
        console.print(_before(version), markup=False, soft_wrap=True)


def _said_by_people(told: Provenance) -> Iterator[str]:
    """Yield what people changed or decided about the row, a line each."""
    for origin in told.origins:
        edit = origin.edit
        if edit is not None and edit.at is not None:
            why = f": {edit.reason}" if edit.reason else ""
            yield (
                f"capture {origin.capture_id} is capture {edit.edits} with {edit.position} changed "
                f"by {edit.by}, {edit.at:%Y-%m-%d %H:%M:%S}{why}"
            )
    for pair in told.decisions:
        taken = f", {', '.join(pair.from_other)} of the other row" if pair.from_other else ""
        yield f"duplicate {pair.duplicate_id} was decided by {pair.decided_by}: {pair.state}{taken}"


def _before(version: Version) -> str:
    """Return what a run overwrote: the row's own columns, empty ones only counted."""
    own = {name: value for name, value in version.before.items() if not name.startswith("_")}
    told = [f"{name} {value}" for name, value in own.items() if value is not None]
    empty = len(own) - len(told)
    if empty:
        told.append(f"{empty} columns empty")
    return f"before run {version.run_id} ({version.operation}): {', '.join(told) or 'the same'}"


capture = typer.Typer(
    add_completion=False, rich_markup_mode=None, no_args_is_help=True, help="Bytes as received."
)


@capture.command("show")
def capture_show(
    context: typer.Context,
    capture_id: Annotated[int, typer.Argument(metavar="ID", help="Number of the capture.")],
) -> int:
    """Write a capture's body to stdout, byte for byte; with --json its request and headers."""
    out = output_of(context)
    with out.workspace("capture") as workspace:
        stored = show_capture(workspace, capture_id)
    if not out.as_json:
        sys.stdout.buffer.write(stored.capture.body)
        sys.stdout.flush()
        return 0
    out.emit(capture_json(stored), lambda _: None)
    return 0


@capture.callback()
def _capture() -> None:
    """Bytes as received."""
