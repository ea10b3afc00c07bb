"""``rejects`` and ``duplicates``: listed, tried again, edited, decided."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast, get_args

import typer
from rich.markup import escape
from rich.table import Table

from stocktake.cli import words
from stocktake.cli.arguments import login_name, read_instant
from stocktake.cli.output import output_of
from stocktake.cli.progress import shown_progress
from stocktake.cli.reports import print_report
from stocktake.errors import UsageError
from stocktake.load.duplicates import Choice, Decision, PairKind
from stocktake.load.rejects import RejectKind
from stocktake.report.cells import csv_text
from stocktake.run.decided import dismiss_rejects, list_duplicates, list_rejects, reject_groups
from stocktake.run.documents import (
    REJECT_COLUMNS,
    pair_json,
    rehearsal_json,
    reject_cells,
    retrial_json,
    settled_json,
    trial_json,
)
from stocktake.run.paired import (
    pair_groups,
    pair_sittings,
    rehearse_together,
    reopen_together,
    settle_together,
)
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
    target: Annotated[
        str, typer.Argument(help="A system, or: groups (a system), decide, reopen (either).")
    ],
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Datasets; after decide a number or a system, and a decision."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1)] = 50,
    decided: Annotated[bool, typer.Option("--decided", help="Those that were decided.")] = False,
    take: Annotated[
        list[str] | None,
        typer.Option(help="With merged: a column taken from the other row; repeat."),
    ] = None,
    differing: Annotated[
        list[str] | None,
        typer.Option(help="Only pairs that differ in this column and no other; repeat for more."),
    ] = None,
    alike: Annotated[
        float, typer.Option(min=0, max=1, help="Only pairs with this share of columns equal.")
    ] = 0.0,
    at: Annotated[str, typer.Option(help="With reopen SYSTEM: when they were decided.")] = "",
    by: By = "",
    dry_run: DryRun = False,
) -> int:
    """List keys that came with different values: which was kept, which was not.

    groups counts open pairs by what they differ in. decide NUMBER DECISION (kept, replaced,
    merged, both, distinct) settles a pair for good, also when it comes again; decide SYSTEM
    DECISION all of a kind. reopen NUMBER, or reopen SYSTEM --at WHEN, takes that back.
    """
    out = output_of(context)
    given = list(names or ())
    if target == "decide":
        word = given[1] if len(given) > 1 else ""
        if word not in DECISIONS:
            raise UsageError(
                f"{word!r} is no decision.", hint=f"Decisions: {', '.join(DECISIONS)}."
            )
        choice = Choice(cast("Decision", word), tuple(take or ()))
        if given[0].isdecimal():
            return _decide(out, int(given[0]), choice, by=by, dry_run=dry_run)
        found, kind = _pairs([given[0], *given[2:]], differing, alike)
        return _decide_together(out, found, kind, choice=choice, by=by, dry_run=dry_run)
    if target == "reopen":
        return _reopen(out, given, at=at)
    if target == "groups":
        return _pair_groups(out, *_pairs(given, differing, alike))
    found, kind = _pairs([target, *given], differing, alike)
    return _list_duplicates(out, found, kind, limit=limit, decided=decided)


def _pairs(names: list[str], differing: list[str] | None, alike: float) -> tuple[System, PairKind]:
    """Return the system that comes first, and which of its pairs are meant."""
    if not names:
        raise UsageError("which system?", hint="stocktake duplicates groups racing")
    found = find_system(names[0])
    chosen = find_datasets(found, names[1:]) if names[1:] else ()
    return found, PairKind(tuple(one.name for one in chosen), tuple(differing or ()), alike)


def _decide(out: Output, number: int, choice: Choice, *, by: str, dry_run: bool) -> int:
    with out.workspace("duplicates") as workspace:
        home, who = home_of_duplicate(workspace, number), login_name(by)
        if dry_run:
            told = rehearse_duplicate(workspace, home, number, choice, by=who)
            out.emit(rehearsal_json(told), lambda screen: _rehearsal(screen, told))
            return 0
        done = settle_duplicate(workspace, home, number, choice, by=who)
    return _settled(out, number, done=done, decision=choice.decision)


def _decide_together(
    out: Output, found: System, kind: PairKind, *, choice: Choice, by: str, dry_run: bool
) -> int:
    with out.workspace("duplicates") as workspace:
        who = login_name(by)
        if dry_run:
            trial = rehearse_together(workspace, found, kind, choice, by=who)
            told = f"{words.number(trial.pairs)} pairs, {words.number(trial.left)} left for later"
            out.emit(trial_json(trial), lambda screen: _rehearsal(screen, trial.told, told))
            return 0
        done = settle_together(workspace, found, kind, choice, by=who)
    text = f"{words.number(done.pairs)} pairs are {choice.decision}" + (
        f", by run {done.done.run_id}" if done.done else ""
    )
    document = {"decision": choice.decision, **settled_json(done)}
    out.emit(document, lambda console: console.print(text))
    out.hint(f"stocktake duplicates reopen {found.name} --at {done.at.isoformat()}")
    return 0


def _reopen(out: Output, given: list[str], *, at: str) -> int:
    if at and given and not given[0].isdecimal():
        found, when = find_system(given[0]), read_instant(at, "--at", day_is="start")
        assert when is not None  # noqa: S101 -- it is not empty
        with out.workspace("duplicates") as workspace:
            back = reopen_together(workspace, found, when)
        text = f"{words.number(back.pairs)} pairs are open"
        out.emit({"decision": "open", **settled_json(back)}, lambda screen: screen.print(text))
        return 0
    number = _number(given[0] if given else "", "duplicates reopen")
    with out.workspace("duplicates") as workspace:
        done = reopen_duplicate(workspace, home_of_duplicate(workspace, number), number)
    return _settled(out, number, done=done, decision="open")


def _pair_groups(out: Output, found: System, kind: PairKind) -> int:
    with out.workspace("duplicates") as workspace:
        groups = pair_groups(workspace, found, kind)
        decided = pair_sittings(workspace, found)

    def render(console: Console) -> None:
        table = Table(box=None, pad_edge=False)
        for heading in ("dataset", "differ in", "alike", "open"):
            table.add_column(heading, overflow="fold")
        for one in groups:
            columns = escape(", ".join(one.differing))
            table.add_row(one.dataset, columns, words.percent(one.alike), words.number(one.count))
        console.print(table if groups else "[green]no duplicate with different values[/]")
        for sitting in decided:
            told = f"{words.number(sitting.count)} {', '.join(sitting.decisions)}"
            console.print(f"decided together: {told}, {sitting.by}, {sitting.at.isoformat()}")

    out.emit({"system": found.name, "groups": groups, "sittings": decided}, render)
    return 0


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
    out: Output, found: System, kind: PairKind, *, limit: int, decided: bool
) -> int:
    with out.workspace("duplicates") as workspace:
        state = None if decided else "open"
        listed = list_duplicates(workspace, found, kind, limit=limit, state=state)

    def render(console: Console) -> None:
        if not listed:
            console.print("[green]no duplicate with different values[/]")
            return
        table = Table(box=None, pad_edge=False)
        for heading in ("duplicate", "dataset", "row", "state", "alike", "differs in"):
            table.add_column(heading, overflow="fold")
        for one in listed:
            told = (one.state, words.percent(one.alike), one.differences)
            table.add_row(str(one.duplicate_id), one.dataset, escape(one.row_key), *told)
        console.print(table)

    document = {"system": found.name, "duplicates": [pair_json(one) for one in listed]}
    out.emit(document, render)
    return 0
