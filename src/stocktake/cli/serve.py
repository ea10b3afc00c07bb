"""``serve``: the pages and the HTTP API."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from stocktake.access.audit import Actor
from stocktake.access.users import make_first_admin
from stocktake.api.app import Serving, make_app
from stocktake.api.server import LOOPBACK, PORT, Address, raise_file_limit
from stocktake.api.server import serve as serve_app
from stocktake.cli.accounts import render_login
from stocktake.cli.output import output_of
from stocktake.cli.stopping import stopped_by_signals
from stocktake.web.app import mount_pages

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI
    from rich.console import Console

    from stocktake.access.users import Login
    from stocktake.run.workspace import Workspace

Host = Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 is every one.")]
Port = Annotated[int, typer.Option(min=0, max=65_535, help="Port; 0 takes any free one.")]
PublicUrl = Annotated[
    str, typer.Option(help="Address that browsers use, when a proxy stands before it.")
]
TrustedProxy = Annotated[
    str, typer.Option(help="Addresses of proxies whose X-Forwarded-For is believed.")
]


def serve(
    context: typer.Context,
    host: Host = LOOPBACK,
    port: Port = PORT,
    public_url: PublicUrl = "",
    trusted_proxy: TrustedProxy = "",
) -> int:
    """Serve the pages and the HTTP API, on this machine only unless --host says otherwise.

    The first start makes an admin and shows its password, once.
    """
    out = output_of(context)
    address = Address(host, port, trusted_proxy)
    with out.workspace("serve") as workspace:
        login = first_login(workspace)
        app = make_app(workspace, serving=serving_of(address, public_url))
        mount_pages(app, workspace)

        def announce(url: str) -> None:
            document = {"url": public_url or url, "api": f"{url}/api/v1", "login": login}
            out.emit(document, lambda screen: render_start(screen, public_url or url, login))

        raise_file_limit()
        asyncio.run(_serve(app, address, announce))
    return 0


async def _serve(app: FastAPI, address: Address, announce: Callable[[str], None]) -> None:
    """Serve until the terminal or whoever started it says to stop."""
    await serve_app(app, address, stop=stopped_by_signals(), announce=announce)


def serving_of(address: Address, public_url: str) -> Serving:
    """Return how an application is served at an address: by which names it lets itself be asked."""
    return Serving(public_url=public_url, hosts=(address.host.lower(),))


def first_login(workspace: Workspace) -> Login | None:
    """Make the first admin and return its password; ``None`` when there are users already."""
    with workspace.database.connection() as conn:
        return make_first_admin(conn, by=Actor("first start", "cli"), now=workspace.clock())


def render_start(screen: Console, url: str, login: Login | None) -> None:
    """Say where it is, and who may come in."""
    screen.print(f"Stocktake is at [bold]{url}[/]", soft_wrap=True)
    render_login(screen, login)
