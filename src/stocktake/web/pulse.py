"""What changed, looked for once a beat and told to every open page."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

from fastapi.concurrency import run_in_threadpool

from stocktake.errors import StocktakeError
from stocktake.run.watched import Change, changed_runs
from stocktake.run.workspace import Workspace
from stocktake.store.trouble import TROUBLE

AWAY, BACK = "database:away", "database:back"
BEAT_SECONDS = 1.0
OVERLAP = timedelta(seconds=5)
"""So far each look goes back: a transaction may become visible after a later one."""
LATELY_SECONDS = 10.0
"""What changed so long ago is told again to who begins to listen: their page is older than that."""


class Pulse:
    """Looks once a beat for what changed, however many listen; not at all while nobody does."""

    def __init__(self, workspace: Workspace) -> None:
        """Listen to nothing yet."""
        self._workspace = workspace
        self._listeners: set[asyncio.Queue[str]] = set()
        self._task: asyncio.Task[None] | None = None
        self._told: dict[int, datetime] = {}
        self._lately: dict[str, float] = {}
        self._is_away = False

    def lately(self) -> list[str]:
        """Return what changed in the last seconds, and whether the database is away."""
        oldest = time.monotonic() - LATELY_SECONDS
        self._lately = {topic: at for topic, at in self._lately.items() if at >= oldest}
        return [*self._lately, *((AWAY,) if self._is_away else ())]

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
            try:
                found = await run_in_threadpool(changed_runs, self._workspace, since - OVERLAP)
            except (StocktakeError, *TROUBLE):
                self._notice(is_away=True)
            else:
                self._notice(is_away=False)
                since = max([since, *(change.at for change in found)])
                self._compare(found)
            await asyncio.sleep(BEAT_SECONDS)

    def _notice(self, *, is_away: bool) -> None:
        if is_away != self._is_away:
            self._is_away = is_away
            self._tell(AWAY if is_away else BACK)

    def _compare(self, found: list[Change]) -> None:
        for change in found:
            if self._told.get(change.run_id) != change.at:
                self._told[change.run_id] = change.at
                topics = (f"run:{change.run_id}", f"system:{change.system}", "runs")
                self._lately.update(dict.fromkeys(topics, time.monotonic()))
                self._tell(*topics)

    def _tell(self, *topics: str) -> None:
        for queue in self._listeners:
            for topic in topics:
                with contextlib.suppress(asyncio.QueueFull):
                    queue.put_nowait(topic)
