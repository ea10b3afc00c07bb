"""What changed, looked for once a beat and told to every open page."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

from fastapi.concurrency import run_in_threadpool

from stocktake.errors import StocktakeError
from stocktake.run.watched import changed_runs
from stocktake.run.workspace import Workspace

BEAT_SECONDS = 1.0
OVERLAP = timedelta(seconds=5)
"""So far each look goes back: a transaction may become visible after a later one."""


class Pulse:
    """Looks once a beat for what changed, however many listen; not at all while nobody does."""

    def __init__(self, workspace: Workspace) -> None:
        """Listen to nothing yet."""
        self._workspace = workspace
        self._listeners: set[asyncio.Queue[str]] = set()
        self._task: asyncio.Task[None] | None = None
        self._told: dict[int, datetime] = {}

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[asyncio.Queue[str]]:
        """Yield a queue of topics as they change."""
        queue: asyncio.Queue[str] = asyncio.Queue(maxsize=1_000)
        self._listeners.add(queue)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look())
        try:
            yield queue
        finally:
            self._listeners.discard(queue)

    async def _look(self) -> None:
        since = self._workspace.clock()
        while self._listeners:
            with contextlib.suppress(StocktakeError):  # the database is away: look again
                for change in await run_in_threadpool(
                    changed_runs, self._workspace, since - OVERLAP
                ):
                    if self._told.get(change.run_id) != change.at:
                        self._told[change.run_id] = change.at
                        self._tell(f"run:{change.run_id}", f"system:{change.system}", "runs")
                    since = max(since, change.at)
            await asyncio.sleep(BEAT_SECONDS)

    def _tell(self, *topics: str) -> None:
        for queue in self._listeners:
            for topic in topics:
                with contextlib.suppress(asyncio.QueueFull):
                    queue.put_nowait(topic)
