"""The end of the demo: its pages, with a worker, until somebody stops it."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from stocktake.access.audit import Actor
from stocktake.access.users import make_first_admin
from stocktake.api.app import make_app
from stocktake.api.server import LOOPBACK, Address
from stocktake.api.server import serve as serve_app
from stocktake.cli.screen import console
from stocktake.cli.stopping import stopped_by_signals
from stocktake.run.worker import THREADS_EACH, Shift, work
from stocktake.run.workspace import Workspace, open_workspace
from stocktake.web.app import mount_pages
from stocktake.web.entrance import Entrance

if TYPE_CHECKING:
    from stocktake.cli.output import Output
    from stocktake.settings import Settings

USER = "demo"
CONNECTIONS = 2 * THREADS_EACH + 12
"""For the worker's threads, and for pages asked for side by side."""


def is_watched(out: Output) -> bool:
    """Return whether a person at a terminal started this, who can stop it again."""
    return not out.as_json and sys.stdin.isatty() and sys.stdout.isatty()


def show_pages(settings: Settings) -> None:
    """Serve the pages of a demo's installation until Ctrl-C.

    The link printed lets one browser in without a password, once.
    """
    with open_workspace(settings, application="stocktake demo", pool_size=CONNECTIONS) as workspace:
        asyncio.run(_shown(workspace))


async def _shown(workspace: Workspace) -> None:
    with workspace.database.connection() as conn:
        make_first_admin(conn, by=Actor("demo", "cli"), now=workspace.clock(), name=USER)
    entrance = Entrance(USER)
    app = make_app(workspace)
    mount_pages(app, workspace, entrance=entrance)
    stop = stopped_by_signals()

    def announce(url: str) -> None:
        console().print(
            f"\n[bold]See it:[/] {url}{entrance.path}\n"
            "[dim]The link lets one browser in, once. Ctrl-C stops.[/]",
            soft_wrap=True,
        )

    working = asyncio.create_task(work(workspace, stop=stop, shift=Shift()))
    try:
        await serve_app(app, Address(LOOPBACK, 0), stop=stop, announce=announce)
    finally:
        stop.set()
        await working
