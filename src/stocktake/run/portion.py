"""One chunk in a worker's hands: fetched, loaded and checked off under the chunk's own fence."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from stocktake.count.record import record
from stocktake.load.merge import KeyCache
from stocktake.model import State, UnitOutcome
from stocktake.observe.failpoints import reach
from stocktake.observe.traces import span
from stocktake.plan.saved import check_off, load_plan, without_done
from stocktake.run import chunks
from stocktake.run import claim as claims
from stocktake.run.again import again
from stocktake.run.backfill import paused_error
from stocktake.run.batch import BatchLoader, units_done
from stocktake.run.fetching import stored_pages
from stocktake.run.kept import KeptAnswers
from stocktake.run.loading import Loading
from stocktake.run.progress import Meter, silent
from stocktake.run.pump import PumpLimits, one_by_one, pump
from stocktake.run.registry import find_system
from stocktake.run.supply import Supply
from stocktake.run.validation import Validation

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator, Mapping

    import psycopg

    from stocktake.model import Plan, System
    from stocktake.run.batch import Prepared
    from stocktake.run.chunks import Share
    from stocktake.run.errands import Errand
    from stocktake.run.fetching import Fetching
    from stocktake.run.workspace import Workspace

VALIDATE_EVERY = 50
MOST_NAMED = 3


@dataclass(slots=True)
class Notebook:
    """What a worker need not look up for every chunk of a run.

    Args:
        plans: Saved plans by number.
        kept: Answers of runs taken back, by run.
        keys: Caches of keys told, by run: one for each chunk at work at once.
    """

    plans: dict[int, Plan] = field(default_factory=dict)
    kept: dict[int, KeptAnswers] = field(default_factory=dict)
    keys: dict[int, list[KeyCache]] = field(default_factory=dict)

    def turn_to(self, plan_id: int, run_id: int) -> None:
        """Forget other runs: a worker seldom goes back and forth."""
        self.plans = {at: one for at, one in self.plans.items() if at == plan_id}
        self.kept = {at: one for at, one in self.kept.items() if at == run_id}
        self.keys = {at: one for at, one in self.keys.items() if at == run_id}


class Portion:
    """A chunk that was claimed, as work to do. Made in a thread: it asks the database."""

    def __init__(self, workspace: Workspace, share: Share, *, notebook: Notebook) -> None:
        """Look up what is left of it.

        Args:
            workspace: Where.
            share: The chunk, claimed.
            notebook: The worker's.
        """
        self.share = share
        self.system: System = find_system(share.system)
        self._workspace = workspace
        self._claim = share.claim
        self._notebook = notebook
        plan = self._plan()
        looks_again = plan.options.refetch or share.kind == "sync"
        self._supply = Supply(
            workspace, self.system, self._claim.run_id, plan, looks_again=looks_again
        )
        free = notebook.keys.setdefault(self._claim.run_id, [])
        self._keys = free.pop() if free else KeyCache()
        self._loading = Loading(
            BatchLoader(workspace, self.system, self._claim, known=self._keys, told=self._told),
            Validation(
                workspace,
                self.system,
                self._claim.run_id,
                every=VALIDATE_EVERY,
                asked=plan.options.datasets,
            ),
            meter=Meter(self._claim.run_id, total=0, planned_seconds=0),
            report=silent,
            confirm=_as_the_transaction_says,
        )

    def stop(self) -> None:
        """Let what is under way be loaded, and begin nothing more."""
        self._loading.stop.set()

    async def work(self, fetching: Fetching) -> bool:
        """Do what is left of the chunk, or as much as comes before ``stop``; return whether all.

        After a worker died at it, units are taken one by one, so that it is known which one was
        under way; one that ends badly five times is given up, and the rest goes on.

        Raises:
            LeaseLost: The chunk is another's by now, or its run was stopped.
            CredentialsRefused, SourceUnavailable: The source is paused.
            PlanRefused: A check fails on what was loaded.
        """
        if self.share.attempts >= chunks.FAILURES:
            await asyncio.to_thread(again, self._bury)
        stream = await asyncio.to_thread(self._errands)
        stored = await asyncio.to_thread(again, self._stored)
        kept = await asyncio.to_thread(again, self._kept)
        own = fetching.over(stored=stored, kept=kept)
        stop = self._loading.stop
        with span("chunk", system=self.system.name, run_id=self._claim.run_id):
            if self.share.attempts:
                await one_by_one(stream, own.fetch, self._loading, before=self._suspect, stop=stop)
            else:
                await pump([stream], own.fetch, self._loading, limits=PumpLimits(), stop=stop)
        if self._loading.loader.tally.paused is not None:
            raise paused_error(self._loading.loader.tally.paused)
        await asyncio.to_thread(self._loading.validation.check)
        self._notebook.keys.setdefault(self._claim.run_id, []).append(self._keys)
        return not stop.is_set

    def _plan(self) -> Plan:
        plan_id, run_id = self._claim.plan_id, self._claim.run_id
        assert plan_id is not None  # noqa: S101 -- only plans are cut
        if plan_id not in self._notebook.plans:
            self._notebook.turn_to(plan_id, run_id)
            with self._workspace.database.connection() as conn:
                self._notebook.plans[plan_id] = load_plan(conn, plan_id)
        return self._notebook.plans[plan_id]

    def _errands(self) -> Iterator[Errand]:
        share, part = self.share, self._supply.plan.parts[self.share.part]
        left: Mapping[Any, Any] = share.ordinals
        if self._claim.resumed:
            left = again(self._left)
        return self._supply.errands(self._supply.assigned(share.part, part, share.ranked), left)

    def _left(self) -> Mapping[Any, Any]:
        with self._workspace.database.connection() as conn:
            return without_done(conn, self._claim.run_id, self.share.part, self.share.ordinals)

    def _stored(self) -> Any:
        feed = self._supply.plan.parts[self.share.part].feed
        return stored_pages(self._workspace.database, self._claim, feed=feed)

    def _kept(self) -> KeptAnswers | None:
        if self._supply.looks_again:
            return None
        kept, run_id = self._notebook.kept, self._claim.run_id
        if run_id not in kept:
            now = self._workspace.clock()
            kept[run_id] = KeptAnswers(self._workspace.database, self.system, now=now)
        return kept[run_id]

    def _told(self, conn: psycopg.Connection, prepared: Prepared, units: Counter[State]) -> None:
        tally = self._loading.loader.tally
        done, unasked = units_done(prepared)
        chunks.tell(
            conn,
            self.share,
            outcomes=tally.units + units,
            notes=tally.notes,
            done=done,
            unasked=unasked,
        )

    def _suspect(self, errand: Errand) -> None:
        again(lambda: self._note_suspect(errand))
        reach("suspected")

    def _note_suspect(self, errand: Errand) -> None:
        with self._workspace.database.connection() as conn:
            claims.hold(conn, self._claim, requests=0, now=self._workspace.clock())
            chunks.suspect(conn, self.share, errand)

    def _bury(self) -> None:
        """Give up what ended badly again and again: the unit under way, else all that is left."""
        share, now = self.share, self._workspace.clock()
        if share.suspect is not None:
            keys = [tuple(key) for key in share.suspect["units"]]
            marks = [(tuple(series), ordinal) for series, ordinal in share.suspect["marks"]]
        else:
            found = list(self._errands())
            keys = [key for errand in found for key in errand.request.units]
            marks = [mark for errand in found for mark in errand.marks]
        reason = f"given up after {share.attempts} tries: {share.error}"
        outcomes = [UnitOutcome(key, State.FAILED, reason) for key in keys]
        feed = self._supply.plan.parts[share.part].feed
        run_id = self._claim.run_id
        with self._workspace.database.connection() as conn:
            claims.hold(conn, self._claim, requests=0, now=now)
            units = record(conn, self.system, feed, outcomes, values={}, run_id=run_id, now=now)
            for series, ordinal in marks:
                check_off(conn, run_id, share.part, series, [ordinal])
            share.outcomes.update(units)
            chunks.bury(conn, share, units=len(marks))
            named = ", ".join("/".join(key) for key in keys[:MOST_NAMED])
            text = f"{feed}, {len(keys):,} units ({named}): {reason}"
            claims.write_log(conn, run_id, text, level="error", now=now)
        reach("buried")


def _as_the_transaction_says() -> None:
    """Confirm nothing: every transaction of a chunk begins by holding its fence."""
