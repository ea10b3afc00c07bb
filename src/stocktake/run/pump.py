"""Fetch, parse and load at the same time, in bounded memory.

Producers fetch (asynchronously, at the gate's pace) into a short queue; one task collects answers
into batches, captures and parses them in a thread; another thread loads the batch before. So the
network, the parser and the database work side by side, and a batch is the only thing that can be
lost by a kill.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from stocktake.observe.failpoints import reach
from stocktake.run.errands import Errand, Fetched

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence

    from stocktake.fetch.fetcher import Answer
    from stocktake.run.batch import Prepared


class StopSign:
    """Set from any thread when nothing more should be fetched."""

    def __init__(self) -> None:
        """Start unset."""
        self.is_set = False

    def set(self) -> None:
        """Let running requests end and start no more."""
        self.is_set = True


class Loader(Protocol):
    """What happens to a batch: two synchronous steps, each called in a thread of its own."""

    def prepare(self, batch: Sequence[Fetched]) -> Prepared:
        """Capture (commit) and parse."""
        ...

    def commit(self, prepared: Prepared) -> None:
        """Merge, record and check off in one transaction."""
        ...


@dataclass(frozen=True, slots=True)
class PumpLimits:
    """How much is under way at once.

    Args:
        fetchers: Concurrent requests per plan part.
        batch_requests: Requests per transaction at most.
        batch_bytes: Decoded bytes per transaction at most; bounds memory.
        linger_seconds: A batch does not wait longer for more answers.
    """

    fetchers: int = 8
    batch_requests: int = 10
    batch_bytes: int = 6 * 1024 * 1024
    linger_seconds: float = 0.5


async def pump(
    errands: Sequence[Iterator[Errand]],
    fetch: Callable[[Errand], Awaitable[Answer]],
    loader: Loader,
    *,
    limits: PumpLimits,
    stop: StopSign,
) -> None:
    """Run every errand through fetch and loader; one iterator per plan part, side by side.

    Ends early, without losing what was fetched, when ``stop`` is set. The first error of any task
    cancels the others and is raised alone.
    """
    # The fetchers that wait with an answer are a queue already.
    answers: asyncio.Queue[Fetched | None] = asyncio.Queue(1)
    prepared: asyncio.Queue[Prepared | None] = asyncio.Queue(1)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_produce(errands, fetch, answers, limits=limits, stop=stop))
            group.create_task(_collect(answers, loader, prepared, limits=limits))
            group.create_task(_load(prepared, loader))
    except BaseExceptionGroup as errors:
        raise _first(errors) from None


async def one_by_one(
    stream: Iterator[Errand],
    fetch: Callable[[Errand], Awaitable[Answer]],
    loader: Loader,
    *,
    before: Callable[[Errand], None],
    stop: StopSign,
) -> None:
    """Run errands one after another, each in a batch of its own: for what went wrong together.

    Args:
        stream: The errands.
        fetch: Answers one.
        loader: Loads it.
        before: Called in a thread before each.
        stop: Ends it early.
    """
    for errand in stream:
        if stop.is_set:
            return
        await asyncio.to_thread(before, errand)
        fetched = Fetched(errand, await fetch(errand))
        prepared = await asyncio.to_thread(loader.prepare, [fetched])
        await asyncio.to_thread(loader.commit, prepared)


async def _produce(
    errands: Sequence[Iterator[Errand]],
    fetch: Callable[[Errand], Awaitable[Answer]],
    answers: asyncio.Queue[Fetched | None],
    *,
    limits: PumpLimits,
    stop: StopSign,
) -> None:
    async def fetch_each(stream: Iterator[Errand]) -> None:
        for errand in stream:
            if stop.is_set:
                return
            answer = await fetch(errand)
            reach("fetched")
            await answers.put(Fetched(errand, answer))

    async with asyncio.TaskGroup() as group:
        for stream in errands:
            for _ in range(limits.fetchers):
                group.create_task(fetch_each(stream))
    await answers.put(None)


async def _collect(
    answers: asyncio.Queue[Fetched | None],
    loader: Loader,
    prepared: asyncio.Queue[Prepared | None],
    *,
    limits: PumpLimits,
) -> None:
    async for batch in _batches(answers, limits):
        await prepared.join()  # two batches in memory: the one loaded and the one after it
        await prepared.put(await asyncio.to_thread(loader.prepare, batch))
    await prepared.put(None)


async def _load(prepared: asyncio.Queue[Prepared | None], loader: Loader) -> None:
    while (batch := await prepared.get()) is not None:
        prepared.task_done()
        await asyncio.to_thread(loader.commit, batch)


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def _batches(
    answers: asyncio.Queue[Fetched | None], limits: PumpLimits
) -> AsyncIterator[list[Fetched]]:
    batch: list[Fetched] = []
    size = 0
    while True:
        try:
            async with asyncio.timeout(limits.linger_seconds if batch else None):
                fetched = await answers.get()
        except TimeoutError:
            yield batch
            batch, size = [], 0
            continue
        if fetched is not None:
            batch.append(fetched)
            size += sum(len(capture.body) for capture in fetched.answer.captures)
        full = len(batch) >= limits.batch_requests or size >= limits.batch_bytes
        if batch and (full or fetched is None):
            yield batch
            batch, size = [], 0
        if fetched is None:
            return
