"""How the measured criteria of a sign-off list or a gate are printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from stocktake.model import Severity
from stocktake.report.figures import UNITS, figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from stocktake.model import Item

STYLES = {
    Severity.PASS: "green",
    Severity.NOT_APPLICABLE: "dim",
    Severity.WARN: "yellow",
    Severity.FAIL: "red",
    Severity.ERROR: "bold red",
}
WIDE = 110
SHOWN_LINES = 5


def items_table(items: Sequence[Item], *, width: int) -> Table:
    """Return the checklist; narrow terminals get the detail without the threshold."""
    table = Table(box=None, pad_edge=False)
    table.add_column("", no_wrap=True)
    table.add_column("item", no_wrap=True)
    table.add_column("value", justify="right", no_wrap=True)
    if width >= WIDE:
        table.add_column("allowed", overflow="fold", max_width=30)
    table.add_column("detail", overflow="fold")
    for item in items:
        cells = [_verdict(item), item.name, figure(item.value, UNITS.get(item.kind, ""))]
        if width >= WIDE:
            cells.append(item.threshold)
        detail = escape(item.detail)
        if item.waived:
            detail = f"[cyan]waived: {escape(item.waived)}[/] · {detail}"
        table.add_row(*cells, detail)
    return table


def render_unmet(screen: Console, items: Sequence[Item]) -> None:
    """Draw what stands in the way, part by part, and what to do about it."""
    for item in items:
        screen.print(f"\n[{STYLES[item.severity]}]{item.name}[/]: {escape(item.title)}")
        bad = [line for line in item.lines if line.severity not in _MILD]
        for line in bad[:SHOWN_LINES]:
            told = figure(line.value, UNITS.get(item.kind, ""))
            word = f"[{STYLES[line.severity]}]{line.severity.value:5}[/]"
            screen.print(
                f"  {word} {escape(line.group)}  {told}  [dim]{escape(line.detail)}[/]",
                soft_wrap=True,
            )
        if len(bad) > SHOWN_LINES:
            screen.print(f"  [dim]and {len(bad) - SHOWN_LINES} more (--json lists them all)[/]")
        if item.severity is Severity.NOT_APPLICABLE:
            screen.print(f"  {escape(item.detail)}; that is no proof")
        if item.advice:
            screen.print(f"  [dim]next:[/] {escape(item.advice)}", soft_wrap=True)


_MILD = (Severity.PASS, Severity.NOT_APPLICABLE)


def _verdict(item: Item) -> str:
    if item.waived:
        return "[cyan]waived[/]"
    return f"[{STYLES[item.severity]}]{item.severity.value}[/]"
