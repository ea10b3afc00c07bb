"""``db captures``: where captured bodies are kept, moved there, and verified."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stocktake.cli import words
from stocktake.cli.output import Output, output_of
from stocktake.cli.screen import console as screen
from stocktake.run.clock import system_clock
from stocktake.run.workspace import components
from stocktake.store.bodies import Standing, standing, use_database, use_objects
from stocktake.store.database import Database, open_database
from stocktake.store.moved import captures_of, move, verify

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager

    from rich.console import Console

    from stocktake.store.moved import Report

SECONDS_BETWEEN = 2.0
MOST_NAMED = 10
DATABASE = "database"

captures = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Where captured bodies are kept: in the database, or in an object store.",
)


@captures.command("show")
def captures_show(context: typer.Context) -> int:
    """Tell where captured bodies are, and where new ones go."""
    out = output_of(context)
    with _opened(out) as database, database.connection() as conn:
        found = standing(conn)
    document = as_document(found)

    def render(console: Console) -> None:
        console.print(f"New bodies go to {_place(document)}.", soft_wrap=True)
        for line in lines_of(found):
            console.print(line, soft_wrap=True)

    out.emit(document, render)
    return 0


@captures.command("use")
def captures_use(
    context: typer.Context,
    place: Annotated[
        str,
        typer.Argument(help="s3://BUCKET/PREFIX, gs://…, az://…, file:///FOLDER; or 'database'."),
    ],
    copied: Annotated[
        bool, typer.Option("--copied", help="The objects so far were copied to the new place.")
    ] = False,
) -> int:
    """Say where new bodies go, for every host at once. What is stored stays where it is."""
    out = output_of(context)
    with _opened(out) as database:
        if place == DATABASE:
            use_database(database)
        else:
            use_objects(database, place, copied=copied)
        with database.connection() as conn:
            found = standing(conn)
    document = as_document(found)
    out.emit(
        document,
        lambda console: console.print(
            f"New bodies go to {_place(document)} from now on, on every host.", soft_wrap=True
        ),
    )
    if found.in_objects if document["new_to"] == DATABASE else found.in_database:
        out.hint("stocktake db captures move brings the others there; they are readable meanwhile")
    return 0


@captures.command("move")
def captures_move(context: typer.Context) -> int:
    """Bring every body to where new ones go. May be stopped and begun again at any moment."""
    out = output_of(context)
    with _opened(out) as database:
        done = move(database, report=_report(out))
        named = _named(database, done.damaged)
    document = {
        "to": done.to,
        "bodies": done.bodies,
        "bytes": done.stored_bytes,
        "damaged": [sha256.hex() for sha256 in done.damaged],
        "captures": [capture_id for capture_id, _ in named],
    }

    def render(console: Console) -> None:
        console.print(
            f"{words.number(done.bodies)} bodies ({words.size(done.stored_bytes)}) were brought to "
            f"{_place({'new_to': done.to})}, each proven by its hash.",
            soft_wrap=True,
        )
        _render_lost(console, "are not what was stored, and stay where they are", named)

    out.emit(document, render)
    return 2 if done.damaged else 0


@captures.command("verify")
def captures_verify(
    context: typer.Context,
    read: Annotated[
        bool, typer.Option("--read", help="Read every object and prove its hash.")
    ] = False,
    prune: Annotated[
        bool,
        typer.Option("--prune", help="Remove objects that no row needs; older backups may."),
    ] = False,
) -> int:
    """Compare the store of objects with the database; exit 2 when a body is lost."""
    out = output_of(context)
    with _opened(out) as database:
        found = verify(database, now=system_clock(), reads=read, prunes=prune, report=_report(out))
        lost = [*found.missing, *found.damaged]
        named = _named(database, lost)
    document = {
        "objects": found.objects,
        "bytes": found.object_bytes,
        "missing": [sha256.hex() for sha256 in found.missing],
        "damaged": [sha256.hex() for sha256 in found.damaged],
        "captures": [capture_id for capture_id, _ in named],
        "spare": found.spare,
        "spare_bytes": found.spare_bytes,
        "removed": found.removed,
        "was_read": read,
    }

    def render(console: Console) -> None:
        how = "read and proven by their hash" if read else "there with the right size"
        sound = words.number(found.objects - len(lost))
        every = f"{words.number(found.objects)} bodies ({words.size(found.object_bytes)})"
        text = f"{sound} of {every} are {how}." if found.objects else "No body is an object."
        console.print(text)
        _render_lost(console, "are missing from the store, or damaged", named)
        if found.spare:
            end = "were removed" if found.removed else "are needed by no row (--prune removes them)"
            console.print(
                f"{words.number(found.spare)} objects ({words.size(found.spare_bytes)}) {end}."
            )

    out.emit(document, render)
    if lost:
        out.hint("put them back from a copy of the store, or: stocktake backfill … --refetch")
    return 2 if lost else 0


def as_document(found: Standing) -> dict[str, Any]:
    """Return where bodies are, for programs."""
    place = found.place
    return {
        "new_to": place.url if place and place.is_used else DATABASE,
        "store": place.url if place else None,
        "in_database": {"bodies": found.in_database, "bytes": found.database_bytes},
        "in_store": {"bodies": found.in_objects, "bytes": found.object_bytes, "lost": found.lost},
    }


def lines_of(found: Standing) -> list[str]:
    """Return where bodies are, for people."""
    here = f"{words.number(found.in_database)} bodies, {words.size(found.database_bytes)}"
    lines = [f"in the database: {here}"]
    if found.place is not None:
        lines.append(
            f"in {found.place.url}: {words.number(found.in_objects)} bodies, "
            f"{words.size(found.object_bytes)}"
        )
    if found.lost:
        lines.append(f"lost: {words.number(found.lost)} of them (stocktake db captures verify)")
    return lines


def _place(document: Mapping[str, Any]) -> str:
    return "the database" if document["new_to"] == DATABASE else str(document["new_to"])


def elsewhere(database: Database) -> Standing | None:
    """Return where bodies are if any is not in the database: a backup lacks those."""
    with database.connection() as conn:
        found = standing(conn)
    return found if found.in_objects else None


def _opened(out: Output) -> AbstractContextManager[Database]:
    return open_database(out.settings(), application="stocktake db", components=components())


def _named(database: Database, lost: Sequence[bytes]) -> list[tuple[int, int]]:
    return captures_of(database, lost) if lost else []


def _render_lost(console: Console, what: str, named: Sequence[tuple[int, int]]) -> None:
    if not named:
        return
    several = ", ".join(str(capture_id) for capture_id, _ in named[:MOST_NAMED])
    more = f" and {len(named) - MOST_NAMED:,} more" if len(named) > MOST_NAMED else ""
    console.print(f"[red]The bodies of captures {several}{more} {what}.[/]", soft_wrap=True)


def _report(out: Output) -> Report:
    """Return what tells how far it is, every two seconds, for people only."""
    told_at = time.monotonic()

    def report(what: str, done: int, total: int) -> None:
        nonlocal told_at
        if out.as_json or out.is_quiet or time.monotonic() - told_at < SECONDS_BETWEEN:
            return
        told_at = time.monotonic()
        screen().print(f"[dim]{what} {done:,} of {total:,}[/]")

    return report
