"""``report``: a system's health, on the screen and as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from stocktake.cli.arguments import Period, Since, SystemName, Until, read_range
from stocktake.cli.output import output_of
from stocktake.errors import UsageError
from stocktake.report.sections import BAD, GOOD, QUIET, SOFT, sections, title_of, verdict_of
from stocktake.report.whole import whole_file
from stocktake.run.documents import health_json
from stocktake.run.periods import window_of
from stocktake.run.registry import find_system
from stocktake.run.reported import examine, sandbox_note, written

if TYPE_CHECKING:
    from rich.console import Console

    from stocktake.report.health import Health
    from stocktake.report.sections import Section

STYLES = {GOOD: "green", SOFT: "yellow", BAD: "red", QUIET: "dim"}
TONES = (GOOD, SOFT, BAD)
FORMATS = (".md", ".json", ".html")


def report(
    context: typer.Context,
    system: SystemName,
    since: Since = "",
    until: Until = "",
    period: Period = "",
    out_path: Annotated[
        Path | None,
        typer.Option("--out", help="File to write (.md, .json, .html), or a folder for all three."),
    ] = None,
) -> int:
    """Report a system's health: coverage by year, gaps, checks, what would have been noticed when.

    Exit 0 healthy, 1 with warnings, 2 below a target or with a failing check.
    """
    out = output_of(context)
    found, window = find_system(system), read_range(since, until)
    paths = [] if out_path is None else _paths(out_path, found.name)
    with out.workspace("report") as workspace:
        window = window_of(workspace, found, window, period=period)
        health = examine(workspace, found, window)
    document = health_json(health)
    for path in paths:
        with whole_file(path) as file:
            file.write(written(health, path.suffix.lower()).encode())
    if out.as_json:
        out.emit(document, lambda _: None)
    elif paths:
        out.emit(None, lambda screen: _told(screen, health, paths))
    else:
        out.emit(None, lambda screen: render_health(screen, health))
    return health.exit_code


def _paths(target: Path, name: str) -> list[Path]:
    """Return the files to write.

    Raises:
        UsageError: The file's name has none of the endings.
    """
    if target.suffix.lower() in FORMATS:
        return [target]
    if target.suffix and not target.is_dir():
        raise UsageError(
            f"--out {target} has an ending that is none of {', '.join(FORMATS)}.",
            hint="Use one of them, or name a folder for all three.",
        )
    target.mkdir(parents=True, exist_ok=True)
    return [target / f"{name}{ending}" for ending in FORMATS]


def render_health(screen: Console, health: Health) -> None:
    """Draw a report."""
    _head(screen, health)
    for part in sections(health):
        screen.print(f"\n[bold]{escape(part.title)}[/]")
        screen.print(f"[dim]{escape(part.text)}[/]")
        if part.rows:
            screen.print(_table(part))


def _head(screen: Console, health: Health) -> None:
    style = STYLES[TONES[health.exit_code]]
    screen.print(f"[bold]{escape(title_of(health))}[/]  [{style}]{verdict_of(health)}[/]")
    for text in sandbox_note(health):
        screen.print(f"[black on yellow] {text} [/]")


def _told(screen: Console, health: Health, paths: list[Path]) -> None:
    _head(screen, health)
    for path in paths:
        screen.print(str(path), markup=False, soft_wrap=True)


def _table(part: Section) -> Table:
    table = Table(box=None, pad_edge=False)
    last = len(part.columns) - 1
    for place, column in enumerate(part.columns):
        table.add_column(
            column.heading,
            justify="right" if column.is_figure else "left",
            no_wrap=place != last or column.is_figure,
            overflow="fold",
        )
    for row in part.rows:
        style = STYLES.get(row.tone, "")
        first, *rest = map(escape, row.cells)
        table.add_row(f"[{style}]{first}[/]" if style else first, *rest)
    return table
