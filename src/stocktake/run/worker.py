"""The worker: takes runs and chunks from the queue until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
import structlog
from procrastinate import App
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Status

from stocktake.errors import StocktakeError, StoreError
from stocktake.run.again import again
from stocktake.run.chunks import PORTION, limits_of, source_queue
from stocktake.run.claim import CHUNKS, LEASE_SECONDS
from stocktake.run.collector import seldom_collected
from stocktake.run.connector import PatientConnector
from stocktake.run.hands import Hands
from stocktake.run.pruned import prune
from stocktake.run.queue import CONDUCT, RUNS_QUEUE
from stocktake.run.registry import installed_systems
from stocktake.run.tending import tell_coverage, tend
from stocktake.store.owner import owner_name

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from stocktake.run.workspace import Workspace

LOG = structlog.get_logger(__name__)

TEND_SECONDS = 3.0
PRUNE_SECONDS = 3600.0
"""How often old rows are looked for."""
LOOK_SECONDS = 60.0
"""How often it is looked whether a run is due to tell its coverage."""
POLL_SECONDS = 5.0
STALLED_SECONDS = 30.0
"""After how long Procrastinate takes a worker for dead; its tasks are thrown away then, as chunks
and runs have leases of their own."""
RESTART_SECONDS = 2.0
THREADS_EACH = 4
"""Of each chunk at work: one that parses, one that loads, one that looks up, one for its lease."""


@dataclass(frozen=True, slots=True)
class Shift:
    """How a worker works.

    Args:
        concurrency: Chunks and steps at once.
        sources: Only chunks of these sources; none means all. Runs' own steps it takes anyway.
        lease_seconds: How long it may be silent before its chunks go elsewhere.
    """

    concurrency: int = 1
    sources: tuple[str, ...] = ()
    lease_seconds: float = LEASE_SECONDS

    @property
    def queues(self) -> list[str] | None:
        """Names of Procrastinate's queues; ``None`` for all."""
        return [RUNS_QUEUE, *map(source_queue, self.sources)] if self.sources else None


async def work(workspace: Workspace, *, stop: asyncio.Event, shift: Shift = Shift()) -> bool:
    """Execute what is queued until ``stop`` is set; what is under way is given back then.

    The database may go away and come back: the worker waits for it.

    Args:
        workspace: Where.
        stop: Set to end.
        shift: How.

    Returns:
        Whether nothing is left running; else a thread still computes, which only the end of this
        process ends, and nothing of which is committed then.
    """
    threads = ThreadPoolExecutor(THREADS_EACH * (shift.concurrency + 1), "stocktake")
    asyncio.get_running_loop().set_default_executor(threads)
    limits = limits_of(workspace, list(installed_systems().values()))
    hands = Hands(workspace, shift.lease_seconds, limits, stop)
    connector = PatientConnector(workspace.database)
    app = App(connector=connector)
    app.task(name=CONDUCT)(_task(hands, Hands.conduct, "run_id"))
    app.task(name=PORTION)(_task(hands, Hands.portion, "chunk_id"))
    with seldom_collected():
        await _work_on(workspace, app, stop=stop, shift=shift, hands=hands)
    return not hands.is_conducting


async def _work_on(
    workspace: Workspace, app: App, *, stop: asyncio.Event, shift: Shift, hands: Hands
) -> None:
    async with app.open_async():
        aside = [
            asyncio.create_task(_tend_always(workspace, app, shift, hands)),
            asyncio.create_task(_keep_house(workspace)),
        ]
        try:
            while not stop.is_set():
                await _serve(app, stop=stop, shift=shift, hands=hands)
        finally:
            for one in aside:
                one.cancel()
            await asyncio.gather(*aside, return_exceptions=True)
            await hands.close()
            with contextlib.suppress(psycopg.Error, StoreError):
                await asyncio.to_thread(_take_leave, workspace)


def _task(
    hands: Hands, do: Callable[[Hands, int], Awaitable[None]], name: str
) -> Callable[..., Awaitable[None]]:
    """Return a task of Procrastinate: it gets its argument by name, and whose it is."""

    async def task(*, tenant: str | None = None, **arguments: int) -> None:
        own = await hands.of(UUID(tenant) if tenant else None)
        await do(own, arguments[name])

    return task


async def _serve(app: App, *, stop: asyncio.Event, shift: Shift, hands: Hands) -> None:
    """Let Procrastinate hand us tasks, until ``stop`` or until it loses the database."""
    queues: Any = shift.queues  # None means all, which its type does not say
    serving = asyncio.create_task(
        app.run_worker_async(
            queues=queues,
            concurrency=shift.concurrency,
            name=owner_name(),
            fetch_job_polling_interval=POLL_SECONDS,
            delete_jobs="always",
            install_signal_handlers=False,
            update_heartbeat_interval=STALLED_SECONDS / 6,
            stalled_worker_timeout=STALLED_SECONDS,
        )
    )
    stopped = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([serving, stopped], return_when=asyncio.FIRST_COMPLETED)
        if serving.done() and not stop.is_set():
            LOG.warning("queue lost", error=str(serving.exception() or "it ended"))
            await asyncio.wait([stopped], timeout=RESTART_SECONDS)
    finally:
        stopped.cancel()
        serving.cancel()
        # What a thread computes cannot be stopped; the others have given back what they had.
        while not serving.done() and not (stop.is_set() and hands.is_only_conducting):
            await asyncio.wait([serving], timeout=0.2)


async def _tend_always(workspace: Workspace, app: App, shift: Shift, hands: Hands) -> None:
    """Look after the fleet every few seconds.

    When the database was away, workers that live come first with their signs of life.
    """
    pause = TEND_SECONDS
    while True:
        try:
            await asyncio.to_thread(_greet, workspace, shift)
            if pause <= TEND_SECONDS:
                await asyncio.to_thread(tend, workspace, limits=hands.limits)
            stalled = await app.job_manager.get_stalled_jobs(
                seconds_since_heartbeat=STALLED_SECONDS
            )
            for one in stalled:
                assert one.id is not None  # noqa: S101 -- it comes from the table
                await app.job_manager.finish_job_by_id_async(
                    one.id, status=Status.FAILED, delete_job=True
                )
            pause = TEND_SECONDS
        except (psycopg.Error, StoreError, ConnectorException) as error:
            LOG.info("cannot tend", error=str(error))
            pause = max(TEND_SECONDS, shift.lease_seconds / 2)
        await asyncio.sleep(pause)


async def _keep_house(workspace: Workspace) -> None:
    """Do now and then what may take a while, apart from the signs of life."""
    prune_at = time.monotonic()
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        try:
            await asyncio.to_thread(tell_coverage, workspace)
            if time.monotonic() >= prune_at:
                await asyncio.to_thread(prune, workspace)
                prune_at = time.monotonic() + PRUNE_SECONDS
        except (psycopg.Error, StocktakeError) as error:
            LOG.info("cannot keep house", error=str(error))


def _greet(workspace: Workspace, shift: Shift) -> None:
    with workspace.database.connection() as conn:
        conn.execute(
            CHUNKS.greet,
            {
                "owner": owner_name(),
                "concurrency": shift.concurrency,
                "sources": list(shift.sources) or None,
                "version": version("stocktake"),
            },
        )


def _take_leave(workspace: Workspace) -> None:
    def leave() -> None:
        with workspace.database.connection() as conn:
            conn.execute(CHUNKS.take_leave, {"owner": owner_name()})

    again(leave)
