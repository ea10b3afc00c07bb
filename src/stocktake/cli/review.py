"""``rejects`` and ``duplicates``: listed, tried again, edited, decided."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast, get_args

import typer
from rich.markup import escape
from rich.table import Table

from stocktake.cli import words
from stocktake.cli.arguments import login_name
from stocktake.cli.output import output_of
from stocktake.cli.progress import shown_progress
from stocktake.cli.reports import print_report
from stocktake.errors import UsageError
from stocktake.load.duplicates import Choice, Decision
from stocktake.load.rejects import RejectKind
from stocktake.report.cells import csv_text
from stocktake.run.decided import dismiss_rejects, list_duplicates, list_rejects, reject_groups
from stocktake.run.documents import REJECT_COLUMNS, rehearsal_json, reject_cells, retrial_json
from stocktake.run.registry import find_datasets, find_system
from stocktake.run.reviewed import (
    home_of_duplicate,
    home_of_reject,
    rehearse_duplicate,
    rehearse_edit,
    rehearse_rejects,
    reopen_duplicate,
    retry_edited,
    retry_rejects,
    settle_duplicate,
)

if TYPE_CHECKING:
    from rich.console import Console

    from stocktake.cli.output import Output
    from stocktake.load.rehearsal import Rehearsal
    from stocktake.model import RunReport, System

DECISIONS = get_args(Decision)
MOST_SHOWN = 20
Names = Annotated[
    list[str] | None, typer.Argument(help="Datasets; after edit and dismiss a number.")
]
By = Annotated[str, typer.Option(help="Who; your login name when left out.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")]


def rejects(
    context: typer.Context,
    target: Annotated[
        str, typer.Argument(help="A system, or: groups, retry, dismiss (a system), edit.")
    ],
    names: Names = None,
    limit: Annotated[int, typer.Option(min=1)] = 50,
    as_csv: Annotated[bool, typer.Option("--csv", help="CSV with the original rows.")] = False,
    code: Annotated[str, typer.Option(help="Only rejects of this code.")] = "",
    text: Annotated[str, typer.Option(help="With edit: the row as it should have come.")] = "",
    file: Annotated[Path | None, typer.Option(help="With edit: a file that holds it.")] = None,
    reason: Annotated[str, typer.Option(help="Why: with dismiss it must be given.")] = "",
    by: By = "",
    dry_run: DryRun = False,
) -> int:
    """List rows that failed validation, with capture, position and reason.

    groups counts them by reason; retry parses their answers again, after a parser was corrected;
    edit loads one row as it should have come; dismiss ends them with a reason.
    """
    out = output_of(context)
    given = list(names or ())
    if target in {"groups", "retry", "dismiss", "edit"} and not given:
        raise UsageError(f"rejects {target} needs a system or a number.", hint=_hint(target))
    if target == "groups":
        return _groups(out, given)
    if target == "retry":
        return _retry(out, given, code=code, dry_run=dry_run)
    if target == "dismiss":
        return _dismiss(out, given, code=code, reason=reason, by=by)
    if target == "edit":
        row = file.read_text(encoding="utf-8") if file is not None else text
        return _edit(out, given[0], row=row, reason=reason, by=by, dry_run=dry_run)
    return _list_rejects(out, target, given, limit=limit, as_csv=as_csv, code=code)


def _kind(names: list[str], code: str) -> tuple[System, RejectKind]:
    """Return the system that comes first, and which of its rejects are meant."""
    found = find_system(names[0])
    chosen = find_datasets(found, names[1:]) if names[1:] else ()
    return found, RejectKind(tuple(one.name for one in chosen), code or None)


def _retry(out: Output, names: list[str], *, code: str, dry_run: bool) -> int:
    found, kind = _kind(names, code)
    with out.workspace("rejects") as workspace, shown_progress(out) as report:
        if not dry_run:
            done = retry_rejects(workspace, found, kind, report=report)
            return print_report(out, workspace, found, done, datasets=None)
        retrial = rehearse_rejects(workspace, found, kind)
    told = (
        f"{words.number(retrial.refused)} refused now, {words.number(retrial.left)} then; "
        f"{retrial.tried} of {retrial.answers} answers tried"
    )
    out.emit(retrial_json(retrial), lambda screen: _rehearsal(screen, retrial.told, told))
    return 0


def _dismiss(out: Output, names: list[str], *, code: str, reason: str, by: str) -> int:
    who = login_name(by)
    with out.workspace("rejects") as workspace:
        if names[0].isdecimal():
            number = int(names[0])
            home = home_of_reject(workspace, number)
            count = dismiss_rejects(workspace, home, number, by=who, reason=reason)
        else:
            found, kind = _kind(names, code)
            count = dismiss_rejects(workspace, found, kind, by=who, reason=reason)
    told = f"{words.number(count)} dismissed"
    out.emit({"dismissed": count}, lambda console: console.print(told))
    return 0


def _groups(out: Output, names: list[str]) -> int:
    found, kind = _kind(names, "")
    with out.workspace("rejects") as workspace:
        groups = reject_groups(workspace, found, [found.dataset(name) for name in kind.datasets])

    def render(console: Console) -> None:
        table = Table(box=None, pad_edge=False)
        for heading in ("dataset", "code", "reason", "open", "this week", "week before"):
            table.add_column(heading, overflow="fold")
        for one in groups:
            figures = (one.count, one.this_week, one.last_week)
            table.add_row(one.dataset, escape(one.code), escape(one.shape), *map(str, figures))
        console.print(table if groups else "[green]no reject[/]")

    out.emit({"system": found.name, "groups": groups}, render)
    return 0


def _hint(verb: str) -> str:
    return f"stocktake rejects {verb} {'12 --text ROW' if verb == 'edit' else 'racing'}"


def _number(text: str, verb: str) -> int:
    if not text.isdecimal():
        raise UsageError(f"{text!r} is no number.", hint=f"stocktake {verb} 12")
    return int(text)


def _edit(out: Output, number: str, *, row: str, reason: str, by: str, dry_run: bool) -> int:
    reject_id = _number(number, "rejects edit")
    if not row:
        raise UsageError("the row is not given.", hint="Add --text ROW or --file PATH.")
    with out.workspace("rejects") as workspace:
        home = home_of_reject(workspace, reject_id)
        if dry_run:
            told = rehearse_edit(workspace, home, reject_id, text=row)
            out.emit(rehearsal_json(told), lambda screen: _rehearsal(screen, told))
            return 2 if told.problem or told.rejects else 0
        done = retry_edited(workspace, home, reject_id, text=row, by=login_name(by), reason=reason)
        return print_report(out, workspace, home, done, datasets=None)


def _list_rejects(
    out: Output, target: str, names: list[str], *, limit: int, as_csv: bool, code: str
) -> int:
    found = find_system(target)
    chosen = find_datasets(found, names) if names else ()
    kind = RejectKind(tuple(one.name for one in chosen), code or None)
    with out.workspace("rejects") as workspace:
        listed = list_rejects(workspace, found, kind, limit=limit)
    if as_csv:
        sys.stdout.write(csv_text(REJECT_COLUMNS, reject_cells(listed)))
        return 0

    def render(console: Console) -> None:
        if not listed:
            console.print("[green]no reject[/]")
            return
        table = Table(box=None, pad_edge=False)
        for heading in ("reject", "dataset", "capture", "position", "code", "reason"):
            table.add_column(heading, overflow="fold")
        for one in listed:
            capture = str(one.capture_id or "")
            told = (one.dataset, capture, one.position, one.code, one.reason)
            table.add_row(str(one.reject_id), *map(escape, told))
        console.print(table)

    out.emit({"system": found.name, "rejects": listed}, render)
    return 0


def _rehearsal(console: Console, told: Rehearsal, title: str = "") -> None:
    """Draw what loading something would change."""
    if title:
        console.print(title)
    if told.problem:
        console.print(f"[red]cannot be read: {escape(told.problem)}[/]")
    for name, counts in told.rows.items():
        console.print(
            f"{name}: {words.number(counts.inserted)} new, {words.number(counts.updated)} changed, "
            f"{words.number(counts.rejected)} refused"
        )
    for change in told.changes[:MOST_SHOWN]:
        key = ", ".join(f"{name}={value}" for name, value in change.key.items())
        console.print(f"[bold]{change.dataset} {escape(key)}[/]")
        for name in change.columns:
            before = f"{change.before.get(name)!s} → " if not change.is_new else ""
            console.print(f"  {name}: {escape(before + str(change.after.get(name)))}")
    for reject in told.rejects[:MOST_SHOWN]:
        console.print(f"[yellow]refused: {escape(reject.position)}: {escape(reject.reason)}[/]")


def duplicates(
    context: typer.Context,
    target: Annotated[str, typer.Argument(help="A system, or: decide, reopen (a number).")],
    names: Annotated[
        list[str] | None, typer.Argument(help="Datasets; after decide a number and a decision.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1)] = 50,
    decided: Annotated[bool, typer.Option("--decided", help="Those that were decided.")] = False,
    take: Annotated[
        list[str] | None,
        typer.Option(help="With merged: a column taken from the other row; repeat."),
    ] = None,
    by: By = "",
    dry_run: DryRun = False,
) -> int:
    """List keys that came with different values: which was kept, which was not.

    decide NUMBER kept|replaced|merged|both|distinct settles a pair for good, also when it comes
    again; reopen NUMBER takes that back.
    """
    out = output_of(context)
    given = list(names or ())
    if target not in {"decide", "reopen"}:
        return _list_duplicates(out, target, given, limit=limit, decided=decided)
    number = _number(given[0] if given else "", f"duplicates {target}")
    with out.workspace("duplicates") as workspace:
        if target == "reopen":
            done = reopen_duplicate(workspace, home_of_duplicate(workspace, number), number)
            return _settled(out, number, done=done, decision="open")
        word = given[1] if len(given) > 1 else ""
        if word not in DECISIONS:
            raise UsageError(
                f"{word!r} is no decision.", hint=f"Decisions: {', '.join(DECISIONS)}."
            )
        choice = Choice(cast("Decision", word), tuple(take or ()))
        home, who = home_of_duplicate(workspace, number), login_name(by)
        if dry_run:
            told = rehearse_duplicate(workspace, home, number, choice, by=who)
            out.emit(rehearsal_json(told), lambda screen: _rehearsal(screen, told))
            return 0
        done = settle_duplicate(workspace, home, number, choice, by=who)
        return _settled(out, number, done=done, decision=word)


def _settled(out: Output, number: int, *, done: RunReport | None, decision: str) -> int:
    document = {
        "duplicate_id": number,
        "decision": decision,
        "run_id": done.run_id if done else None,
        "rows": done.rows if done else {},
    }
    told = f"duplicate {number} is {decision}" + (f", by run {done.run_id}" if done else "")
    out.emit(document, lambda console: console.print(told))
    return 0


def _list_duplicates(
    out: Output, target: str, names: list[str], *, limit: int, decided: bool
) -> int:
    found = find_system(target)
    chosen = find_datasets(found, names)
    with out.workspace("duplicates") as workspace:
        state = None if decided else "open"
        listed = list_duplicates(workspace, found, chosen, limit=limit, state=state)

    def render(console: Console) -> None:
        if not listed:
            console.print("[green]no duplicate with different values[/]")
            return
        table = Table(box=None, pad_edge=False)
        for heading in ("duplicate", "dataset", "row", "state", "differs in"):
            table.add_column(heading, overflow="fold")
        for one in listed:
            table.add_row(
                str(one.duplicate_id), one.dataset, escape(one.row_key), one.state, one.differences
            )
        console.print(table)

    out.emit({"system": found.name, "duplicates": listed}, render)
    return 0
