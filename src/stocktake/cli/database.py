"""``db``: migrations, backups, and a way in."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stocktake.cli import words
from stocktake.cli.bodies import as_document, captures, elsewhere
from stocktake.cli.output import output_of
from stocktake.errors import UsageError
from stocktake.run.workspace import components
from stocktake.store.backup import backup as write_backup
from stocktake.store.backup import restore as read_backup
from stocktake.store.binaries import find_binaries
from stocktake.store.database import open_database
from stocktake.store.migrate import (
    migrate as run_migrations,
)
from stocktake.store.migrate import (
    rollback as run_rollback,
)
from stocktake.store.migrate import (
    verify as verify_migrations,
)
from stocktake.store.upgrade import upgrade as run_upgrade

if TYPE_CHECKING:
    from rich.console import Console

    from stocktake.store.bodies import Standing

BODY_STORE = "stocktake.body_store"
"""Not in a backup of an older release."""

db = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Migrate, roll back, verify, back up, restore, open; where captures are kept.",
)
db.add_typer(captures, name="captures")


@db.command()
def migrate(context: typer.Context) -> int:
    """Apply pending migrations of the engine and of every system."""
    out = output_of(context)
    with open_database(out.settings(), application="stocktake db", migrate=False) as database:
        applied = run_migrations(database, components())
    names = [f"{one.component} {one.migration}" for one in applied]

    def render(console: Console) -> None:
        for name in names:
            console.print(f"applied {name}")
        if not names:
            console.print("The schema is up to date.")

    out.emit({"applied": names}, render)
    return 0


@db.command()
def rollback(
    context: typer.Context,
    component: Annotated[str, typer.Argument(help="engine, or a system's name.")],
    to: Annotated[int, typer.Option(help="Number of the last migration to keep; 0 for none.")],
) -> int:
    """Take migrations of one component back, newest first. Drops what they made."""
    out = output_of(context)
    known = {one.name: one for one in components()}
    if component not in known:
        raise UsageError(f"no component {component!r}.", hint=f"Components: {', '.join(known)}.")
    with open_database(out.settings(), application="stocktake db", migrate=False) as database:
        undone = run_rollback(database, known[component], to=to)
    names = [f"{one.component} {one.migration}" for one in undone]
    out.emit(
        {"rolled_back": names},
        lambda console: console.print(
            "\n".join(f"took back {name}" for name in names) or "nothing to do"
        ),
    )
    return 0


@db.command()
def verify(context: typer.Context) -> int:
    """Compare files, ledger and catalog; exit 2 when they differ."""
    out = output_of(context)
    with open_database(out.settings(), application="stocktake db", migrate=False) as database:
        drifts = verify_migrations(database, components())

    def render(console: Console) -> None:
        for drift in drifts:
            console.print(str(drift), style="red", soft_wrap=True)
        if not drifts:
            console.print("[green]Files, ledger and catalog agree.[/]")

    out.emit({"drifts": drifts}, render)
    return 2 if drifts else 0


@db.command()
def backup(
    context: typer.Context, path: Annotated[Path, typer.Argument(help="File to write.")]
) -> int:
    """Write the whole database to a file, as of one moment, with a checksum per table."""
    out = output_of(context)
    settings = out.settings()
    with open_database(settings, application="stocktake db backup") as database:
        made = write_backup(database, path, pg_bin=settings.pg_bin)
        apart = elsewhere(database)
    rows = sum(table.row_count for table in made.tables.values())
    document = {
        "path": str(made.path),
        "bytes": made.byte_count,
        "rows": rows,
        "tables": made.tables,
        "captures": as_document(apart) if apart else None,
    }

    def render(console: Console) -> None:
        text = (
            f"{words.size(made.byte_count)}, {words.number(rows)} rows in {len(made.tables)} tables"
        )
        console.print(f"{made.path}: {text}", soft_wrap=True)
        _render_apart(console, apart, "are not in this file: back that up as well")

    out.emit(document, render)
    return 0


def _render_apart(console: Console, apart: Standing | None, what: str) -> None:
    """Tell of bodies that a backup only names."""
    if apart is not None and apart.place is not None:
        console.print(
            f"[yellow]{words.number(apart.in_objects)} captured bodies "
            f"({words.size(apart.object_bytes)}) are in {apart.place.url}, and {what}.[/]",
            soft_wrap=True,
        )


@db.command()
def restore(
    context: typer.Context, path: Annotated[Path, typer.Argument(help="A file of db backup.")]
) -> int:
    """Restore a backup into a fresh database and compare every checksum."""
    out = output_of(context)
    settings = out.settings()
    with open_database(settings, application="stocktake db restore", migrate=False) as database:
        made = read_backup(path, database, pg_bin=settings.pg_bin)
        apart = elsewhere(database) if BODY_STORE in made.tables else None
    rows = sum(table.row_count for table in made.tables.values())
    document = {
        "path": str(path),
        "rows": rows,
        "tables": len(made.tables),
        "captures": as_document(apart) if apart else None,
    }

    def render(console: Console) -> None:
        text = f"restored {words.number(rows)} rows in {len(made.tables)} tables; checksums agree"
        console.print(text)
        _render_apart(console, apart, "must still be there: stocktake db captures verify")

    out.emit(document, render)
    return 0


@db.command()
def url(context: typer.Context) -> int:
    """Print the address for other programs; the local cluster must be in use meanwhile."""
    out = output_of(context)
    with open_database(out.settings(), application="stocktake db", migrate=False) as database:
        address = database.url
    out.emit({"url": address}, lambda console: console.print(address, soft_wrap=True, markup=False))
    return 0


@db.command()
def psql(context: typer.Context) -> int:
    """Open psql on the database."""
    out = output_of(context)
    settings = out.settings()
    with open_database(settings, application="stocktake db psql") as database:
        program = find_binaries(settings.pg_bin).program("psql")
        arguments = [str(program), database.url]
        return os.spawnv(os.P_WAIT, program, arguments)  # noqa: S606 -- psql, without a shell


@db.command()
def upgrade(context: typer.Context) -> int:
    """Move the local cluster to the newest PostgreSQL at hand, by dump and restore."""
    out = output_of(context)
    settings = out.settings()
    if settings.database_url:
        raise UsageError("only the local cluster is upgraded here; this is your own server.")
    done = run_upgrade(settings.home, pg_bin=settings.pg_bin)
    document = {
        "before": done.before,
        "after": done.after,
        "kept": str(done.kept) if done.kept else None,
    }
    text = (
        f"PostgreSQL {done.before} → {done.after}; the old folder is {done.kept}"
        if done.kept
        else f"PostgreSQL {done.after} is already the newest here."
    )
    out.emit(document, lambda console: console.print(text, soft_wrap=True))
    return 0
