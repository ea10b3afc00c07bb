"""``signoff``: a history's checklist, measured and signed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from stocktake.cli.arguments import Period, Since, Until, login_name, read_range
from stocktake.cli.items import items_table, render_unmet
from stocktake.cli.output import output_of
from stocktake.cli.screen import console
from stocktake.errors import UsageError
from stocktake.model import Severity
from stocktake.run.documents import signoff_json
from stocktake.run.periods import window_of
from stocktake.run.registry import find_system
from stocktake.run.signed import list_signoffs, show_signoff, sign_off

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from stocktake.cli.output import Output
    from stocktake.model import SignOff

PASS, WARN, FAIL = 0, 1, 2


def signoff(
    context: typer.Context,
    target: Annotated[str, typer.Argument(help="A system, or: list, show.")],
    name: Annotated[str, typer.Argument(help="After list a system, after show a number.")] = "",
    since: Since = "",
    until: Until = "",
    period: Period = "",
    by: Annotated[str, typer.Option(help="Who signs; your login name when left out.")] = "",
    waive: Annotated[
        list[str] | None,
        typer.Option(metavar="ITEM=REASON", help="Sign although this item fails; repeat."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Measure, record nothing.")] = False,
) -> int:
    """Measure everything a history must show, and sign it; refused while an item fails.

    Without --until the last day is yesterday: a day that is not over is never complete.

    Exit 0 when signed with every item met, 1 when signed with warnings or waived items, 2 when
    refused. list shows what was signed, show one sign-off with every figure.
    """
    out = output_of(context)
    if target == "list":
        return _list(out, name)
    if target == "show":
        return _show(out, name)
    found, window = find_system(target), read_range(since, until)
    waivers = dict(_waiver(text) for text in waive or ())
    with out.workspace("signoff") as workspace:
        window = window_of(workspace, found, window, period=period)
        signed = sign_off(
            workspace,
            found,
            window,
            by=login_name(by),
            waivers=waivers,
            record=not dry_run,
        )
        kind = workspace.kind
    if kind == "sandbox" and not out.as_json:
        console().print("[black on yellow] Sandbox data [/]")
    out.emit(signoff_json(signed), lambda screen: _render(screen, signed))
    if signed.refused:
        out.hint(f"mend it and sign again, or --waive {signed.refused[0].name}='reason'")
    elif dry_run:
        out.hint(f"stocktake signoff {found.name} --by NAME")
    else:
        out.hint(f"stocktake signoff show {signed.signoff_id}")
    return _exit_code(signed)


def _exit_code(signed: SignOff) -> int:
    if signed.refused:
        return FAIL
    is_clean = all(item.severity is Severity.PASS for item in signed.items)
    return PASS if is_clean else WARN


def _waiver(text: str) -> tuple[str, str]:
    item, mark, reason = text.partition("=")
    if not mark:
        raise UsageError(
            f"--waive {text!r} gives no reason.", hint="Write --waive ITEM='why it may fail'."
        )
    return item.strip(), reason


def _list(out: Output, name: str) -> int:
    found = find_system(name)
    with out.workspace("signoff") as workspace:
        listed = list_signoffs(workspace, found)
    document = {"system": found.name, "signoffs": [signoff_json(one) for one in listed]}
    out.emit(document, lambda screen: _render_list(screen, listed, found.name))
    return 0


def _show(out: Output, number: str) -> int:
    if not number.isdecimal():
        raise UsageError(
            f"{number!r} is not the number of a sign-off.", hint="stocktake signoff list SYSTEM"
        )
    with out.workspace("signoff") as workspace:
        signed = show_signoff(workspace, int(number))
    out.emit(signoff_json(signed), lambda screen: _render(screen, signed))
    return 0


def _days(signed: SignOff) -> str:
    return f"{signed.since or 'the beginning'} to {signed.until}"


def _render(screen: Console, signed: SignOff) -> None:
    screen.print(f"[bold]{signed.system}: sign-off of {_days(signed)}[/]")
    screen.print(items_table(signed.items, width=screen.width))
    render_unmet(screen, signed.refused)
    screen.print()
    if signed.signoff_id is not None:
        screen.print(
            f"[green]signed[/] as sign-off {signed.signoff_id} by {escape(signed.by)} "
            f"at {signed.at:%Y-%m-%d %H:%M} UTC"
        )
    elif signed.refused:
        names = ", ".join(item.name for item in signed.refused)
        screen.print(f"[red]not signed[/]: {names}", soft_wrap=True)
    else:
        screen.print("every item is met or waived; nothing was recorded")


def _render_list(screen: Console, listed: Sequence[SignOff], system: str) -> None:
    if not listed:
        screen.print(f"{system} was never signed off.")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("sign-off", "days", "by", "at", "met", "waived"):
        table.add_column(heading, overflow="fold")
    for one in listed:
        met = sum(item.is_met for item in one.items)
        table.add_row(
            str(one.signoff_id),
            _days(one),
            escape(one.by),
            f"{one.at:%Y-%m-%d %H:%M}",
            f"{met} of {len(one.items)}",
            ", ".join(item.name for item in one.items if item.waived) or "·",
        )
    screen.print(table)
