"""Runs over bytes that are already here: stored captures, and files a user gave."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from stocktake.errors import StocktakeError
from stocktake.fetch.answer import Answer
from stocktake.model import Endpoint, Feed, Request
from stocktake.run import claim as claims
from stocktake.run.batch import BatchLoader
from stocktake.run.derived import derive_all
from stocktake.run.ending import Ending
from stocktake.run.errands import Errand, Fetched
from stocktake.run.progress import Meter
from stocktake.run.pump import PumpLimits

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from stocktake.model import Capture, FileFormat, RunReport, Source, System
    from stocktake.run.batch import Told
    from stocktake.run.progress import Report
    from stocktake.run.workspace import Workspace

NO_PART = -1
"""Part number of errands that no plan asked for; nothing is checked off."""


def reload(
    workspace: Workspace,
    system: System,
    kind: str,
    arrivals: Iterable[Fetched],
    *,
    options: Mapping[str, Any],
    total: int,
    report: Report,
    told: Told | None = None,
) -> RunReport:
    """Load answers that need no fetching, derive what they touch, and return the run's report.

    Args:
        workspace: Where.
        system: Of which.
        kind: ``replay`` or ``load``, shown in run lists.
        arrivals: Answers, made as they are needed; memory stays at one batch.
        options: Kept with the run.
        total: How many arrivals there will be.
        report: Called with progress after every batch.
        told: Called in the transaction of each batch.
    """
    started = time.monotonic()
    with claims.system_lock(workspace.database, system.name):
        with workspace.database.connection() as conn:
            claims.park_interrupted(conn, system.name, now=workspace.clock())
            claim = claims.start(
                conn, system.name, kind, options=options, plan_id=None, now=workspace.clock()
            )
        loader = BatchLoader(workspace, system, claim, told=told)
        meter = Meter(claim.run_id, total=total, planned_seconds=0)
        meter.wave = kind
        state, error = "failed", "interrupted"
        try:
            load_arrivals(loader, arrivals, meter=meter, report=report)
            loader.tally.units.update(derive_all(workspace, system, claim))
            state, error = "done", ""
        except StocktakeError as refused:
            error = refused.message
            raise
        finally:
            with workspace.database.connection() as conn:
                ending = Ending(
                    state,
                    units=loader.tally.units,
                    seconds=time.monotonic() - started,
                    error=error or None,
                    notes=loader.tally.note_lines(),
                )
                done = claims.finish(conn, claim, ending, now=workspace.clock())
        return done


def load_arrivals(
    loader: BatchLoader, arrivals: Iterable[Fetched], *, meter: Meter, report: Report
) -> None:
    """Load answers that need no fetching, a batch at a time, and report after each."""
    for batch in _batches(arrivals, PumpLimits()):
        before = loader.tally.rows
        loader.commit(loader.prepare(batch))
        meter.add(
            requests=len(batch),
            rows=loader.tally.rows - before,
            failed=0,
            at_seconds=time.monotonic(),
        )
        report(meter.snapshot())


def arrival(source: Source, feed: Feed, request: Request, pages: Sequence[Capture]) -> Fetched:
    """Return pages as if they had just arrived."""
    errand = Errand(NO_PART, source, feed, request, ())
    return Fetched(errand, Answer(request, tuple(pages)))


def feed_of_format(form: FileFormat) -> Feed:
    """Return a file format as a feed: files go the same way as answers."""
    return Feed(
        name=form.name,
        endpoint=Endpoint(form.name, per_second=1),
        fills=form.fills,
        requests=lambda _: (),
        parse=form.parse,
        also=form.also,
    )


def _batches(arrivals: Iterable[Fetched], limits: PumpLimits) -> Iterator[list[Fetched]]:
    batch: list[Fetched] = []
    size = 0
    for one in arrivals:
        batch.append(one)
        size += sum(len(capture.body) for capture in one.answer.captures)
        if len(batch) >= limits.batch_requests or size >= limits.batch_bytes:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
