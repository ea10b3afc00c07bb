"""``worker`` and ``up``: what runs until it is told to stop."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import Annotated, Any

import typer

from stocktake.cli.output import output_of
from stocktake.errors import UsageError
from stocktake.run.claim import LEASE_SECONDS
from stocktake.run.registry import installed_systems
from stocktake.run.scheduler import keep_schedule
from stocktake.run.worker import THREADS_EACH, Shift, work
from stocktake.run.workspace import Workspace

Part = Callable[..., Coroutine[Any, Any, object]]
"""Called with the workspace and ``stop``, an event; ends soon after that is set. ``False`` says
that a thread still computes, which only the end of the program ends."""

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
    shift = Shift(concurrency, _sources(sources), lease)
    return _serve(context, {"worker": partial(work, shift=shift)}, shift=shift)


def up(
    context: typer.Context,
    concurrency: Concurrency = 1,
    lease: Lease = LEASE_SECONDS,
) -> int:
    """Run everything in one program: a worker, the scheduler, what else keeps it all going."""
    shift = Shift(concurrency, lease_seconds=lease)
    parts: dict[str, Part] = {
        "worker": partial(work, shift=shift),
        "scheduler": keep_schedule,
    }
    return _serve(context, parts, shift=shift)


def _sources(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    known = [one.name for system in installed_systems().values() for one in system.sources]
    for name in names:
        if name not in known:
            raise UsageError(f"no source is called {name!r}.", hint=f"Sources: {', '.join(known)}.")
    return names


def _serve(context: typer.Context, parts: Mapping[str, Part], *, shift: Shift) -> int:
    out = output_of(context)
    names = " and ".join(parts)
    connections = THREADS_EACH * (shift.concurrency + 1) + len(parts) - 1
    with out.workspace(names.split()[0], pool_size=connections) as workspace:
        started = {"parts": list(parts), "concurrency": shift.concurrency, "process": os.getpid()}
        out.emit(started, lambda screen: screen.print(f"{names} at work; Ctrl-C stops"))
        sys.stdout.flush()
        asyncio.run(_together(workspace, parts))
    return 0


async def _together(workspace: Workspace, parts: Mapping[str, Part]) -> None:
    """Run the parts side by side until a signal, or until one of them fails."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    tasks = [
        asyncio.create_task(part(workspace, stop=stop), name=name) for name, part in parts.items()
    ]
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
