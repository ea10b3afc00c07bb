"""What a worker does with the two tasks it is handed: a run's next step, and a chunk."""

from __future__ import annotations

import asyncio
import contextlib
import os
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, NoReturn

import psycopg
import structlog

from stocktake.errors import (
    ConfigurationError,
    DatabaseUnavailable,
    LeaseLost,
    PlanRefused,
    SourceError,
    StocktakeError,
    StoreError,
    UsageError,
)
from stocktake.observe.failpoints import reach
from stocktake.run import chunks
from stocktake.run.again import again
from stocktake.run.claim import CHUNKS, Claim, is_ours, write_log
from stocktake.run.conductor import Conductor
from stocktake.run.fetching import open_fetching
from stocktake.run.portion import Notebook, Portion
from stocktake.run.queue import call_conductor
from stocktake.run.registry import find_system
from stocktake.run.shipped import load_shipped
from stocktake.run.steps import has_open_chunks, stop_run, take_up
from stocktake.run.workspace import reachable_sources
from stocktake.store.owner import owner_name
from stocktake.store.trouble import TROUBLE, is_lasting

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from uuid import UUID

    from stocktake.model import System
    from stocktake.run.chunks import Share
    from stocktake.run.fetching import Fetching
    from stocktake.run.steps import Step
    from stocktake.run.workspace import Workspace

LOG = structlog.get_logger(__name__)

GRACE_SECONDS = 5.0
"""How long what is under way may take once a worker was told to stop."""
PAUSES_SECONDS = (1.0, 5.0, 20.0)
"""Before a chunk that ended badly is taken up again."""
MOST_TENANTS = 20
"""For whom a worker keeps what it looked up."""
EXHAUSTED = 3
"""Exit code of a worker that ran out of memory."""


@dataclass(frozen=True, slots=True)
class ChunkEnding:
    """What a chunk's end means.

    Args:
        state: ``done`` or ``waiting``.
        failures: 1 when the chunk itself is to blame.
        error: Why it is not done.
        stops_run: Whether no other chunk would fare better: the run is paused.
        is_told: Whether an alert of its own tells of that.
        pause_seconds: Not before so long.
    """

    state: str
    failures: int = 0
    error: str | None = None
    stops_run: bool = False
    is_told: bool = False
    pause_seconds: float = 0.0


def judged(error: BaseException, share: Share) -> ChunkEnding:
    """Return what an error means for the chunk it ended."""
    text = str(error) or type(error).__name__
    if isinstance(error, SourceError | PlanRefused | ConfigurationError):
        is_told = isinstance(error, SourceError)
        return ChunkEnding("waiting", error=text, stops_run=True, is_told=is_told)
    if isinstance(error, psycopg.Error) and is_lasting(error):
        return ChunkEnding("waiting", error=f"the database: {text}", stops_run=True)
    if isinstance(error, (StoreError, psycopg.InterfaceError, *TROUBLE)):
        return ChunkEnding("waiting", error=text, pause_seconds=PAUSES_SECONDS[1])
    pause = PAUSES_SECONDS[min(share.attempts, len(PAUSES_SECONDS) - 1)]
    named = text if isinstance(error, StocktakeError) else f"{type(error).__name__}: {text}"
    return ChunkEnding("waiting", failures=1, error=named, pause_seconds=pause)


@dataclass(slots=True)
class Hands:
    """A worker's hands, shared by what it does at once.

    Args:
        workspace: Where.
        lease_seconds: How long it may be silent.
        limits: Chunks at once of sources that say so.
        stop: Set when nothing new should begin.
    """

    workspace: Workspace
    lease_seconds: float
    limits: Mapping[str, int]
    stop: asyncio.Event
    notebook: Notebook = field(default_factory=Notebook)
    conducting: int = 0
    portions: int = 0
    _open: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)
    _fetching: dict[str, Fetching] = field(default_factory=dict)
    _opening: asyncio.Lock = field(default_factory=asyncio.Lock)
    _tenants: dict[UUID, Hands] = field(default_factory=dict)

    @property
    def is_conducting(self) -> bool:
        """Whether something is under way that cannot be stopped, for whichever tenant."""
        return any(one.conducting for one in self._everybody())

    @property
    def is_only_conducting(self) -> bool:
        """Whether all that is under way is what cannot be stopped."""
        return self.is_conducting and not any(one.portions for one in self._everybody())

    async def of(self, tenant_id: UUID | None) -> Hands:
        """Return the hands that work for a tenant; these for the installation's own runs."""
        if tenant_id is None:
            return self
        if tenant_id not in self._tenants:
            idle = [at for at, one in self._tenants.items() if not one.conducting + one.portions]
            for at in idle[: len(self._tenants) + 1 - MOST_TENANTS]:
                await self._tenants.pop(at).close()
            own = self.workspace.of(tenant_id)
            self._tenants[tenant_id] = Hands(own, self.lease_seconds, self.limits, self.stop)
        return self._tenants[tenant_id]

    async def close(self) -> None:
        """Close what was opened to sources."""
        for one in self._everybody():
            await one._open.aclose()  # noqa: SLF001 -- of its own kind

    def _everybody(self) -> tuple[Hands, ...]:
        return (self, *self._tenants.values())

    async def conduct(self, run_id: int) -> None:
        """Take a run a step on, when it is its turn."""
        await asyncio.to_thread(again, partial(self._load_shipped, run_id))
        step = await asyncio.to_thread(again, partial(self._take_up, run_id))
        if step is None:
            return
        reach("run_taken_up")
        conductor = Conductor(self.workspace, step, limits=self.limits)
        renew = partial(self._renew_run, step.claim)
        self.conducting += 1
        try:
            async with self._kept(renew, lost=_nothing):
                await asyncio.to_thread(conductor.conduct)
        except LeaseLost as error:
            LOG.info("run left", run=run_id, reason=error.message)
        except MemoryError:
            _end_worker(run=run_id)
        except Exception as error:  # noqa: BLE001 -- whatever stops a run is kept with it
            LOG.warning("run stopped", run=run_id, error=str(error))
            await asyncio.to_thread(again, partial(self._leave_run, step, error))
        finally:
            self.conducting -= 1

    async def portion(self, chunk_id: int) -> None:
        """Work through a chunk, unless somebody else has it."""
        if self.stop.is_set():
            return
        share = await asyncio.to_thread(again, partial(self._claim, chunk_id))
        if share is None:
            return
        self.portions += 1
        try:
            ending = await self._work(share)
        except LeaseLost as error:
            LOG.info("chunk left", chunk=chunk_id, run=share.claim.run_id, reason=error.message)
            return
        except MemoryError:
            await self._end_starved(share)
        except Exception as error:  # noqa: BLE001 -- whatever ends a chunk badly is judged
            ending = judged(error, share)
            LOG.warning("chunk ended badly", chunk=chunk_id, error=ending.error)
        finally:
            self.portions -= 1
        await asyncio.to_thread(again, partial(self._end, share, ending))
        reach("chunk_done")

    async def _work(self, share: Share) -> ChunkEnding:
        portion = await asyncio.to_thread(Portion, self.workspace, share, notebook=self.notebook)
        fetching = await self._reach(portion.system)
        work = asyncio.ensure_future(portion.work(fetching))
        stopping = asyncio.ensure_future(self._stop_gently(portion, work))
        lost = asyncio.Event()

        def let_go() -> None:
            lost.set()
            portion.stop()
            work.cancel()

        try:
            async with self._kept(partial(self._renew_chunk, share.claim), lost=let_go):
                is_whole = await work
        except asyncio.CancelledError:
            if lost.is_set():
                raise LeaseLost("its lease ran out, or its run was stopped.") from None
            if not self.stop.is_set():
                raise
            is_whole = False
        finally:
            stopping.cancel()
            work.cancel()
        return ChunkEnding("done" if is_whole else "waiting")

    async def _end_starved(self, share: Share) -> NoReturn:
        """Hand a chunk on that the memory did not suffice for, and end this worker.

        Its memory may be in pieces: it would blame the next unit. Who cannot even tell is found
        dead by its lease.
        """
        ending = ChunkEnding("waiting", failures=1, error=f"{owner_name()} ran out of memory")
        with contextlib.suppress(MemoryError, RuntimeError, psycopg.Error, StocktakeError):
            await asyncio.to_thread(self._end, share, ending)
        _end_worker(run=share.claim.run_id)

    async def _stop_gently(self, portion: Portion, work: asyncio.Future[bool]) -> None:
        """Let what is under way be loaded when the worker is told to stop, but not for long."""
        await self.stop.wait()
        portion.stop()
        await asyncio.wait([work], timeout=GRACE_SECONDS)
        work.cancel()

    @contextlib.asynccontextmanager
    async def _kept(
        self, renew: Callable[[], bool], *, lost: Callable[[], None]
    ) -> AsyncIterator[None]:
        """Renew a lease for the length of a block; call ``lost`` once it is somebody else's."""

        async def keep() -> None:
            while True:
                await asyncio.sleep(self.lease_seconds / 4)
                try:
                    if not await asyncio.to_thread(renew):
                        return lost()
                except (psycopg.OperationalError, DatabaseUnavailable):
                    continue  # the fence decides, not we

        keeping = asyncio.ensure_future(keep())
        try:
            yield
        finally:
            keeping.cancel()

    async def _reach(self, system: System) -> Fetching:
        """Return what fetches for a system, opened once."""
        async with self._opening:
            if system.name not in self._fetching:
                sources = reachable_sources(self.workspace, system)
                settings = await asyncio.to_thread(self._open.enter_context, sources)
                opened = open_fetching(
                    self.workspace.database, settings, stored={}, clock=self.workspace.clock
                )
                self._fetching[system.name] = await self._open.enter_async_context(opened)
            return self._fetching[system.name]

    def _claim(self, chunk_id: int) -> Share | None:
        with self.workspace.database.connection() as conn:
            return chunks.claim_chunk(conn, chunk_id, lease_seconds=self.lease_seconds)

    def _take_up(self, run_id: int) -> Step | None:
        now = self.workspace.clock()
        with self.workspace.database.connection() as conn:
            return take_up(conn, run_id, lease_seconds=self.lease_seconds, now=now)

    def _load_shipped(self, run_id: int) -> None:
        """Load what a system ships before its run takes the system."""
        with self.workspace.database.connection() as conn:
            row = conn.execute(CHUNKS.queued_run, {"run_id": run_id}).fetchone()
        if row is not None:
            load_shipped(self.workspace, find_system(row[0]))

    def _renew_chunk(self, claim: Claim) -> bool:
        with self.workspace.database.connection() as conn:
            return chunks.renew(conn, claim)

    def _renew_run(self, claim: Claim) -> bool:
        facts = {"run_id": claim.run_id, "fence": claim.fence, "lease": claim.lease_seconds}
        with self.workspace.database.connection() as conn:
            return conn.execute(CHUNKS.renew_run, facts).fetchone() is not None

    def _end(self, share: Share, ending: ChunkEnding) -> None:
        """Write a chunk's end and hand out what has room now; the last one calls the conductor."""
        now, run_id = self.workspace.clock(), share.claim.run_id
        with self.workspace.database.connection() as conn:
            if ending.stops_run and is_ours(conn, share.claim):
                told = ending.is_told
                stop_run(conn, run_id, "paused", error=ending.error, is_told=told, now=now)
                return
            conn.execute(CHUNKS.lock_dispatch)
            was_ours = chunks.end_chunk(
                conn,
                share.claim,
                ending.state,
                failures=ending.failures,
                error=ending.error,
                pause_seconds=ending.pause_seconds,
            )
            if was_ours and ending.error:
                write_log(conn, run_id, ending.error, level="warning", now=now)
            chunks.dispatch(conn, self.limits)
            if was_ours and not has_open_chunks(conn, run_id):
                call_conductor(conn, run_id, priority=share.priority)

    def _leave_run(self, step: Step, error: Exception) -> None:
        """Keep why a step went wrong: some errors end a run, some pause it, others are retried."""
        now, run_id = self.workspace.clock(), step.claim.run_id
        text = str(error) or type(error).__name__
        needs_somebody = isinstance(error, StocktakeError) and not isinstance(error, StoreError)
        needs_somebody |= isinstance(error, psycopg.Error) and is_lasting(error)
        with self.workspace.database.connection() as conn:
            if not is_ours(conn, step.claim):
                return
            if isinstance(error, UsageError | PlanRefused):
                stop_run(conn, run_id, "failed", error=text, now=now)
            elif needs_somebody:
                stop_run(conn, run_id, "paused", error=text, now=now)
            else:
                facts = {"run_id": run_id, "fence": step.claim.fence, "error": text}
                conn.execute(CHUNKS.note_error, facts)
                write_log(conn, run_id, text, level="warning", now=now)


def _end_worker(**about: int) -> NoReturn:
    """End this process at once: threads still compute, and nothing they do is to be committed."""
    LOG.critical("out of memory; this worker ends, others go on", **about)
    os._exit(EXHAUSTED)


def _nothing() -> None:
    """Do nothing: every transaction of a run's step begins by holding its fence."""
