"""Backfill: plan, then fetch, load, derive and check wave by wave, resumable at any instant."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg

from stocktake.errors import (
    CredentialsRefused,
    SourceError,
    SourceUnavailable,
    StocktakeError,
    UsageError,
)
from stocktake.model import Range
from stocktake.model.ordinals import size
from stocktake.observe.failpoints import reach
from stocktake.observe.traces import span
from stocktake.plan.saved import load_plan, save_plan
from stocktake.run import claim as claims
from stocktake.run.again import again
from stocktake.run.approved import refuse_outdated, refuse_unapproved
from stocktake.run.batch import BatchLoader
from stocktake.run.collector import seldom_collected
from stocktake.run.counted import coverage_line
from stocktake.run.derived import Deriving, derive_all
from stocktake.run.ending import Ending
from stocktake.run.fetching import open_fetching, stored_pages
from stocktake.run.kept import KeptAnswers
from stocktake.run.loading import Loading
from stocktake.run.planned import options_json, plan_for, require_space
from stocktake.run.progress import Meter, Report, silent
from stocktake.run.pump import PumpLimits, pump
from stocktake.run.shipped import load_shipped
from stocktake.run.supply import Supply, requests_for
from stocktake.run.validation import Validation
from stocktake.run.workspace import reachable_sources

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stocktake.model import Plan, PlanOptions, PlanPart, RunReport, System
    from stocktake.run.batch import Paused
    from stocktake.run.claim import Claim, SystemLock
    from stocktake.run.errands import Errand
    from stocktake.run.fetching import Fetching
    from stocktake.run.progress import Progress
    from stocktake.run.workspace import Workspace


REFUSED_STATUSES = frozenset({401, 403})
HOUR = 3600.0


def unannounced(plan: Plan, resumed_run: int | None) -> None:
    """Announce nothing."""


@dataclass(frozen=True, slots=True)
class Conduct:
    """How a run is executed; none of it changes what the run achieves.

    Args:
        limits: How much is under way at once.
        validate_every: Units after which the checks of those units run; a failure stops the run.
        count_every_seconds: How often the coverage of every dataset is told while a run lasts.
        report: Called with progress after every batch.
        announce: Called once before the start with the plan, and the run's number when an
            interrupted run is continued.
    """

    limits: PumpLimits = field(default_factory=PumpLimits)
    validate_every: int = 50
    count_every_seconds: float = HOUR
    report: Report = silent
    announce: Callable[[Plan, int | None], None] = unannounced


@dataclass(frozen=True, slots=True)
class Asking:
    """What a run is asked for.

    Args:
        kind: ``backfill``, or ``sync``: only what is due, planned anew each time.
        options: Which units, in which order.
        plan_id: A saved plan to run instead of making one.
    """

    kind: str
    options: PlanOptions
    plan_id: int | None = None

    @property
    def due_only(self) -> bool:
        """Whether what waits for its next try is left out, and what is due for a look added."""
        return self.kind == "sync"


def backfill(
    workspace: Workspace,
    system: System,
    options: PlanOptions,
    *,
    conduct: Conduct = Conduct(),
    plan_id: int | None = None,
) -> RunReport:
    """Fill what ``options`` ask for and return what was done.

    An interrupted backfill with the same options is continued: its plan, its checkpoints and the
    captures it had fetched but not loaded are used, so no request is repeated beyond the batch in
    flight.

    Args:
        workspace: Where.
        system: What.
        options: Which units, in which order.
        conduct: How.
        plan_id: A saved plan to run instead of making one.

    Raises:
        PlanRefused: Another process runs something of this system.
        CredentialsRefused: The source refused the login; it is paused, what was fetched is kept.
        SourceUnavailable, StoreError: As named; running it again continues.
    """
    asking = Asking("backfill", options, plan_id)
    return execute(workspace, system, asking, conduct=conduct)


def execute(workspace: Workspace, system: System, asking: Asking, *, conduct: Conduct) -> RunReport:
    """Run what was asked for; see ``backfill`` and ``stocktake.run.sync``."""
    load_shipped(workspace, system)
    with claims.system_lock(workspace.database, system.name) as lock:
        claim, plan = again(lambda: _claim(workspace, system, asking))
        reach("planned")
        conduct.announce(plan, claim.run_id if claim.resumed else None)
        owned = Owned(workspace, system, claim, lock)
        looks_again = plan.options.refetch or asking.due_only
        with span("run", system=system.name, run_id=claim.run_id):
            return _Execution(owned, plan, conduct=conduct, looks_again=looks_again).run()


def _claim(workspace: Workspace, system: System, asking: Asking) -> tuple[Claim, Plan]:
    """Continue the interrupted backfill that was asked for the same, or plan and start a run."""
    now, plan_id, options = workspace.clock(), asking.plan_id, asking.options
    asked: dict[str, Any] = {**options_json(options), "plan": plan_id}
    with workspace.database.connection() as conn:
        if asking.due_only:
            claims.supersede(conn, system.name, asking.kind, now=now)
            unfinished = None
        else:
            unfinished = claims.interrupted(conn, system.name, asking.kind, asked)
        claims.park_interrupted(conn, system.name, now=now)
        if unfinished is not None:
            claim = claims.take_over(conn, unfinished, now=now)
            if claim.plan_id is not None:
                return claim, load_plan(conn, claim.plan_id)
    with workspace.database.connection() as conn:
        if plan_id is None:
            made = plan_for(conn, workspace, system, options, now=now, due_only=asking.due_only)
            if not asking.due_only:
                refuse_unapproved(workspace, conn, made)
            plan_id = save_plan(conn, made)
        plan = load_plan(conn, plan_id)
        require_space(workspace, plan)
        if plan.system != system.name:
            raise UsageError(
                f"plan {plan_id} is of {plan.system}, not of {system.name}.",
                hint=f"stocktake backfill {plan.system} --plan {plan_id}",
            )
        if asking.plan_id is not None:
            refuse_outdated(system, plan)
            refuse_unapproved(workspace, conn, plan)
        claim = claims.start(
            conn, system.name, asking.kind, options=asked, plan_id=plan_id, now=now
        )
    return claim, plan


@dataclass(frozen=True, slots=True)
class Owned:
    """A run of this process: where, of what, under which claim and lock."""

    workspace: Workspace
    system: System
    claim: Claim
    lock: SystemLock


def paused_error(paused: Paused) -> SourceError:
    """Return the one error that tells of a paused source."""
    resume = f"stocktake sources resume {paused.source}, and run this command again"
    if paused.status in REFUSED_STATUSES:
        return CredentialsRefused(
            f"{paused.source}: {paused.reason}; the source is paused and what was fetched is kept.",
            hint=f"Correct the login, then: {resume}.",
        )
    return SourceUnavailable(f"{paused.reason}; what was fetched is kept.", hint=f"Then: {resume}.")


class _Execution:
    """One execution of a plan by this process."""

    def __init__(self, owned: Owned, plan: Plan, *, conduct: Conduct, looks_again: bool) -> None:
        self._workspace, self._system = owned.workspace, owned.system
        self._claim = owned.claim
        self._plan = plan
        self._conduct = conduct
        self._started = self._counted = time.monotonic()
        self._supply = Supply(
            owned.workspace, owned.system, owned.claim.run_id, plan, looks_again=looks_again
        )
        self._loading = Loading(
            BatchLoader(owned.workspace, owned.system, owned.claim),
            Validation(
                owned.workspace,
                owned.system,
                owned.claim.run_id,
                every=conduct.validate_every,
                asked=plan.options.datasets,
            ),
            meter=Meter(owned.claim.run_id, total=plan.requests, planned_seconds=plan.seconds),
            report=self._tell,
            confirm=owned.lock.confirm,
        )

    def run(self) -> RunReport:
        """Execute every wave, then finish; on any error leave the run resumable."""
        try:
            with seldom_collected():
                self._execute()
        except BaseException as error:
            self._leave(error)
            raise
        reach("before_finish")
        return self._finish("done")

    def _execute(self) -> None:
        fetches = [part for part in self._plan.parts if part.kind == "fetch"]
        if fetches:
            with reachable_sources(self._workspace, self._system) as sources:
                asyncio.run(self._fetch_waves(fetches, sources))
        reach("before_derive")
        self._loading.meter.wave = "derived tables"
        self._conduct.report(self._loading.meter.snapshot())
        work = Deriving(options=self._plan.options, tell=self._tell_derived)
        derive_all(self._workspace, self._system, self._claim, work=work)

    def _tell_derived(self, dataset: str) -> None:
        self._loading.meter.wave = f"derived {dataset}"
        self._tell(self._loading.meter.snapshot())

    def _tell(self, progress: Progress) -> None:
        self._conduct.report(progress)
        self._tell_coverage()

    def _tell_coverage(self) -> None:
        """Say from time to time how far every dataset has come, and keep it in the run's log."""
        if time.monotonic() - self._counted < self._conduct.count_every_seconds:
            return
        self._counted = time.monotonic()
        options = self._plan.options
        window = Range(options.since, options.until)
        text = coverage_line(self._workspace, self._system, window)
        self._conduct.report(self._loading.meter.snapshot(text))
        with self._workspace.database.connection() as conn:
            run_id, now = self._claim.run_id, self._workspace.clock()
            claims.write_log(conn, run_id, text, level="info", now=now)

    async def _fetch_waves(self, parts: Sequence[PlanPart], sources: Any) -> None:
        database = self._workspace.database
        clock = self._workspace.clock
        stored = stored_pages(database, self._claim)
        kept = None  # what is looked at once more, for corrections, is always asked for
        if not self._supply.looks_again:
            kept = KeptAnswers(database, self._system, now=clock())
        async with open_fetching(
            database, sources, stored=stored, clock=clock, kept=kept
        ) as fetching:
            for wave in sorted({part.wave for part in parts}):
                await self._fetch_wave(wave, fetching)
                reach("wave_done")

    async def _fetch_wave(self, wave: int, fetching: Fetching) -> None:
        numbered = [
            (number, part)
            for number, part in enumerate(self._plan.parts)
            if part.wave == wave and part.kind == "fetch"
        ]
        self._loading.meter.wave = numbered[0][1].label
        reach("wave_started")
        streams = [self._errands(number, part) for number, part in numbered]
        self._conduct.report(self._loading.meter.snapshot())
        await pump(
            streams,
            fetching.fetch,
            self._loading,
            limits=self._conduct.limits,
            stop=self._loading.stop,
        )
        if self._loading.loader.tally.paused is not None:
            raise paused_error(self._loading.loader.tally.paused)
        await asyncio.to_thread(self._loading.validation.check)

    def _errands(self, number: int, part: PlanPart) -> Iterator[Errand]:
        left = self._supply.left(number, part)
        learned = requests_for(sum(map(size, left.values())), part)
        self._loading.meter.expect(planned=part.requests, learned=learned)
        order = self._supply.order(part)
        return self._supply.errands(self._supply.assigned(number, part, order), left)

    def _finish(
        self, state: str, *, error: str | None = None, message: str = "", is_told: bool = False
    ) -> RunReport:
        return again(lambda: self._write_ending(state, error, message, is_told=is_told))

    def _write_ending(
        self, state: str, error: str | None, message: str, *, is_told: bool
    ) -> RunReport:
        tally = self._loading.loader.tally
        with self._workspace.database.connection() as conn:
            ending = Ending(
                state,
                units=tally.units,
                seconds=time.monotonic() - self._started,
                message=message,
                error=error,
                notes=tally.note_lines(),
                is_told=is_told,
            )
            return claims.finish(conn, self._claim, ending, now=self._workspace.clock())

    def _leave(self, error: BaseException) -> None:
        """Keep why the run stopped; the database may be gone, then its state says enough."""
        is_ours = not isinstance(error, KeyboardInterrupt | asyncio.CancelledError)
        text = str(error) or type(error).__name__
        with contextlib.suppress(StocktakeError, psycopg.Error):
            self._finish(
                "paused",
                error=text if is_ours else None,
                message="interrupted",
                is_told=isinstance(error, SourceError),
            )
