"""``init``, ``doctor`` and ``down``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from stocktake.access.audit import Actor
from stocktake.access.users import make_first_admin
from stocktake.cli.accounts import render_login
from stocktake.cli.output import output_of
from stocktake.run.clock import system_clock
from stocktake.run.healthy import health
from stocktake.run.registry import installed_systems
from stocktake.run.workspace import components, open_workspace
from stocktake.store.bodies import agree
from stocktake.store.cluster import LocalCluster
from stocktake.store.database import open_database
from stocktake.store.doctor import Finding, examine
from stocktake.store.installation import init as init_kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from stocktake.settings import Settings

AT_WORK = frozenset({"worker", "scheduler", "source", "alerts"})
"""What ``doctor`` asks of health; the rest it examines by itself."""
STATUS_CODES = {"pass": 0, "warn": 1, "fail": 2}
STATUS_STYLES = {"pass": "green", "warn": "yellow", "fail": "red"}


def init(
    context: typer.Context,
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="For sandbox rows: no account, no network.")
    ] = False,
    captures_url: Annotated[
        str,
        typer.Option(help="Object store for captured bodies (STOCKTAKE_CAPTURES_URL)."),
    ] = "",
) -> int:
    """Create or migrate the database, for real rows unless --sandbox. Safe to repeat."""
    out = output_of(context)
    settings = out.settings()
    with open_database(settings, application="stocktake init", components=components()) as database:
        made = init_kind(database, "sandbox" if sandbox else "real")
        agree(database, captures_url or settings.captures_url, is_new=True)
        with database.connection() as conn:
            login = make_first_admin(conn, by=Actor("init", "cli"), now=system_clock())
    place = "the database given" if settings.database_url else str(settings.home)
    document = {
        "kind": made.kind,
        "installation_id": str(made.installation_id),
        "created_at": made.created_at,
        "home": None if settings.database_url else str(settings.home),
        "systems": list(installed_systems()),
        "login": login,
    }

    def render(screen: Console) -> None:
        text = f"Ready: a database for [bold]{made.kind}[/] rows in {place}."
        screen.print(text, soft_wrap=True)
        render_login(screen, login)

    out.emit(document, render)
    first = next(iter(installed_systems()), "SYSTEM")
    out.hint(f"stocktake plan {first} --since 2024-01-01  ·  stocktake backfill {first} --sample 7")
    return 0


def doctor(context: typer.Context) -> int:
    """Check everything the installation needs, and say what to do about what is wrong."""
    out = output_of(context)
    settings = out.settings()
    findings = list(examine(settings, now=system_clock(), components=components()))
    findings += _at_work(settings, findings)

    def render(console: Console) -> None:
        for finding in findings:
            style = STATUS_STYLES[finding.status]
            console.print(
                f"[{style}]{finding.status:<5}[/] {finding.name:<12} {finding.message}",
                soft_wrap=True,
            )
            if finding.hint:
                console.print(f"      [dim]next:[/] {finding.hint}", soft_wrap=True)

    out.emit({"findings": findings}, render)
    return max((STATUS_CODES[finding.status] for finding in findings), default=0)


def _at_work(settings: Settings, found: Sequence[Finding]) -> list[Finding]:
    """Return how the installation does its work, if its database is there at all."""
    names = {finding.name for finding in found}
    if "server" not in names or any(finding.status == "fail" for finding in found):
        return []
    with open_workspace(settings, application="stocktake doctor") as workspace:
        vitals = health(workspace).vitals
    return [
        Finding(vital.name, vital.status, vital.output or "as it should be")
        for vital in vitals
        if vital.name.partition(":")[0] in AT_WORK
    ]


def down(context: typer.Context) -> int:
    """Stop the local cluster; says which other programs were using it."""
    out = output_of(context)
    settings = out.settings()
    cluster = LocalCluster(settings.home, pg_bin=settings.pg_bin, application="stocktake down")
    was_running = settings.database_url is None and cluster.is_running
    users = cluster.stop() if was_running else ()
    names = [f"{user.application} ({user.pid})" for user in users]

    def render(console: Console) -> None:
        console.print("The local cluster is stopped." if was_running else "It was not running.")
        for name in names:
            console.print(f"[yellow]It was used by {name}, which gets errors now.[/]")

    out.emit({"was_running": was_running, "used_by": names}, render)
    return 0
