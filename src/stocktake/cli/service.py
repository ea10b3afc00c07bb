"""``worker`` and ``up``: what runs until it is told to stop."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Annotated, Any

import typer

from stocktake.api.app import make_app
from stocktake.api.server import LOOPBACK, PORT, Address, raise_file_limit
from stocktake.api.server import serve as serve_app
from stocktake.cli.output import output_of
from stocktake.cli.serve import (
    Host,
    Port,
    PublicUrl,
    TrustedProxy,
    first_login,
    render_start,
    serving_of,
)
from stocktake.cli.stopping import stopped_by_signals
from stocktake.errors import UsageError
from stocktake.run.claim import LEASE_SECONDS
from stocktake.run.courier import deliver
from stocktake.run.registry import installed_systems
from stocktake.run.scheduler import keep_schedule
from stocktake.run.worker import THREADS_EACH, Shift, work
from stocktake.run.workspace import Workspace
from stocktake.store.owner import owner_name
from stocktake.web.app import mount_pages

Part = Callable[..., Coroutine[Any, Any, object]]
"""Called with the workspace and ``stop``, an event; ends soon after that is set. ``False`` says
that a thread still computes, which only the end of the program ends."""

PAGES_CONNECTIONS = 12

Concurrency = Annotated[
    int, typer.Option(min=1, max=16, help="Chunks at once. More processes use more cores.")
]
Lease = Annotated[
    float,
    typer.Option(min=1, max=300, help="Seconds of silence after which its chunks go elsewhere."),
]


def worker(
    context: typer.Context,
    concurrency: Concurrency = 1,
    sources: Annotated[
        str, typer.Option(help="Only chunks of these sources, joined by commas; all if empty.")
    ] = "",
    lease: Lease = LEASE_SECONDS,
) -> int:
    """Take queued runs and their chunks until stopped; any number on any number of hosts.

    It needs nothing but the database. Stopped, it gives back what it has in hand within seconds;
    killed, others go on with it.
    """
    out = output_of(context)
    shift = Shift(concurrency, _sources(sources), lease)
    with out.workspace("worker", pool_size=_connections(shift)) as workspace:
        owner = owner_name()
        out.emit(
            {"worker": owner, "concurrency": concurrency, "sources": shift.sources or None},
            lambda screen: screen.print(f"{owner} at work; Ctrl-C stops"),
        )
        sys.stdout.flush()
        asyncio.run(_together(workspace, (partial(work, shift=shift),)))
    return 0


def up(
    context: typer.Context,
    host: Host = LOOPBACK,
    port: Port = PORT,
    public_url: PublicUrl = "",
    trusted_proxy: TrustedProxy = "",
    concurrency: Concurrency = 1,
    lease: Lease = LEASE_SECONDS,
) -> int:
    """Run everything in one program: pages and API, the schedules, alerts, and a worker.

    The first start makes an admin and shows its password, once.
    """
    out = output_of(context)
    shift = Shift(concurrency, lease_seconds=lease)
    address = Address(host, port, trusted_proxy)
    with out.workspace("up", pool_size=_connections(shift) + PAGES_CONNECTIONS) as workspace:
        login = first_login(workspace)
        app = make_app(workspace, serving=serving_of(address, public_url))
        mount_pages(app, workspace)

        def announce(url: str) -> None:
            document = {"url": public_url or url, "api": f"{url}/api/v1", "login": login}
            out.emit(document, lambda screen: render_start(screen, public_url or url, login))
            sys.stdout.flush()

        async def pages(_workspace: Workspace, *, stop: asyncio.Event) -> None:
            await serve_app(app, address, stop=stop, announce=announce)

        raise_file_limit()
        parts: tuple[Part, ...] = (
            pages,
            keep_schedule,
            deliver,
            partial(work, shift=shift),
        )
        asyncio.run(_together(workspace, parts))
    return 0


def _sources(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    known = [one.name for system in installed_systems().values() for one in system.sources]
    for name in names:
        if name not in known:
            raise UsageError(f"no source is called {name!r}.", hint=f"Sources: {', '.join(known)}.")
    return names


def _connections(shift: Shift) -> int:
    return THREADS_EACH * (shift.concurrency + 1)


async def _together(workspace: Workspace, parts: Sequence[Part]) -> None:
    """Run the parts side by side until a signal, or until one of them fails."""
    stop = stopped_by_signals()
    tasks = [asyncio.create_task(part(workspace, stop=stop)) for part in parts]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stop.set()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
    for end in ends:
        if isinstance(end, BaseException):
            raise end
    if any(end is False for end in ends):
        # Its transaction is undone with its connection, and somebody else takes the step again.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
