"""Runs: the list, one run as it goes, and what can be done to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response

from stocktake.api.problems import depending_on_state
from stocktake.errors import StocktakeError, UsageError
from stocktake.model import PlanOptions, State
from stocktake.report.figures import percent
from stocktake.run.claim import LEASE_SECONDS
from stocktake.run.healthy import living_workers
from stocktake.run.operations import find_operation, list_operations
from stocktake.run.pump import PumpLimits
from stocktake.run.queue import backfill_work, undo_work
from stocktake.run.registry import find_system
from stocktake.run.resumed import cancel_run, pause_run, requeue_run
from stocktake.run.undone import UNDOABLE, require_undoable, undoing, undone_first
from stocktake.run.watched import (
    last_lines,
    part_progress,
    run_checks,
    run_endpoints,
    run_failures,
    run_units,
)
from stocktake.run.workspace import RATE_FACTOR
from stocktake.web.access import Operator, Viewer
from stocktake.web.naming import missing
from stocktake.web.noted import note
from stocktake.web.pages.plans import start_work
from stocktake.web.site import COMMON_HEADERS, Site, Visitor, go, show, site_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from stocktake.model import System
    from stocktake.run.followed import LogLine
    from stocktake.run.listed import RunLine
    from stocktake.run.operations import Operation
    from stocktake.run.watched import EndpointWork, PartProgress

router = APIRouter()
SHOWN = 50
LINES = 200
MOST_LINES = 200_000
STATES = ("queued", "running", "paused", "done", "failed", "cancelled")
LEVELS = ("info", "warning", "error")
STALLED = timedelta(minutes=2)
MISSED_BEATS = timedelta(seconds=LEASE_SECONDS / 2)
"""A worker tells several times within a lease that it lives; one silent for so long may be gone."""
BATCH_REQUESTS = PumpLimits().batch_requests
LOOK_AGAIN_SECONDS = 15
"""So often an open page of a run under way is renewed though nothing was told: silence is news."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is, in units when its plan knows them, else in requests."""

    done: int
    total: int
    unit: str
    per_second: float

    @property
    def share(self) -> float | None:
        """Done ÷ total, at most 1; ``None`` while the total is unknown."""
        return min(1.0, self.done / self.total) if self.total else None


@router.get("/runs")
def runs_page(
    request: Request,
    visitor: Viewer,
    *,
    system: str = "",
    state: str = "",
    kind: str = "",
    before: int = 0,
) -> Response:
    """List runs, the newest first."""
    site = site_of(request)
    found = list_operations(
        site.workspace,
        limit=SHOWN + 1,
        system=system or None,
        state=state or None,
        kind=kind or None,
        before=before or None,
    )
    asked = {name: text for name, text in (("system", system), ("state", state)) if text}
    older = found[SHOWN - 1].line.run_id if len(found) > SHOWN else 0
    return show(
        request,
        "runs.html",
        visitor=visitor,
        title="Runs",
        operations=found[:SHOWN],
        shares={one.line.run_id: _share(one) for one in found},
        states=STATES,
        older=f"/runs?{urlencode({**asked, 'before': older})}" if older else "",
        part_address=f"/runs?{urlencode(asked)}",
        cli_same=f"stocktake runs {system}".strip(),
        api_same=f"/api/v1/runs?{urlencode(asked)}",
    )


def _share(found: Operation) -> float | None:
    return min(1.0, found.line.requests / found.total) if found.total else None


@router.get("/runs/{run_id}")
def run_page(
    request: Request,
    run_id: int,
    visitor: Viewer,
    *,
    level: str = "",
    text: str = "",
    line: int = 0,
) -> Response:
    """Show a run: how far it is, its log, what failed, what it changed."""
    return _run(request, visitor, run_id, level=level, text=text, at_line=line)


@router.get("/runs/{run_id}/log.txt")
def log_file(request: Request, run_id: int, visitor: Viewer) -> Response:
    """Send a run's log as text."""
    del visitor
    _operation(request, run_id)
    lines = last_lines(site_of(request).workspace, run_id, limit=MOST_LINES)
    text = "".join(f"{one.at:%Y-%m-%dT%H:%M:%SZ} {one.level:7} {one.text}\n" for one in lines)
    headers = {
        **COMMON_HEADERS,
        "content-disposition": f'attachment; filename="run-{run_id}.log"',
    }
    return PlainTextResponse(text, headers=headers)


@router.post("/runs/{run_id}/retry")
def retry_failed(request: Request, run_id: int, visitor: Operator) -> Response:
    """Queue another try of what failed, within what the run was asked for."""
    line = _operation(request, run_id).line
    system = find_system(line.system)
    options = line.options
    asked = PlanOptions(
        datasets=tuple(options.get("datasets") or ()),
        since=date.fromisoformat(options["since"]) if options.get("since") else None,
        until=date.fromisoformat(options["until"]) if options.get("until") else None,
        states=(State.FAILED,),
    )
    return go(f"/runs/{start_work(request, visitor, system, backfill_work(asked))}")


def _run(
    request: Request,
    visitor: Visitor,
    run_id: int,
    *,
    level: str = "",
    text: str = "",
    at_line: int = 0,
    **more: Any,
) -> Response:
    workspace = site_of(request).workspace
    found = _operation(request, run_id)
    line = found.line
    parts = part_progress(workspace, run_id)
    progress = _progress(found, parts)
    system, now = find_system(line.system), workspace.clock()
    log = last_lines(
        workspace,
        run_id,
        limit=LINES,
        level=level if level in LEVELS else None,
        text=text[:200],
        upto=at_line + LINES // 2 if at_line else None,
    )
    told = {"level": level, "text": text, **({"line": at_line} if at_line else {})}
    address = f"/runs/{run_id}?{urlencode(told)}"
    waits = line.is_detached and line.state in {"queued", "running"}
    return show(
        request,
        "run.html",
        visitor=visitor,
        title=_title(line, progress),
        found=found,
        run=line,
        system=system,
        dot=line.state,
        parts=parts,
        progress=progress,
        failures=run_failures(workspace, run_id),
        log=log,
        at_line=at_line,
        older=_line_link(run_id, log[0].seq - LINES // 2) if log and log[0].seq > 1 else "",
        newer=_line_link(run_id, log[-1].seq + LINES // 2) if _has_more(found, log) else "",
        places=_places(system),
        endpoints=_endpoints(site_of(request), system, run_id),
        moved=run_units(workspace, run_id),
        checks=run_checks(workspace, run_id),
        levels=LEVELS,
        stall=_stall(found, now),
        checkpoint_at=_next_checkpoint(found, progress, now),
        is_unmanned=waits and not living_workers(workspace),
        look_again=LOOK_AGAIN_SECONDS if not found.is_done else 0,
        can_undo=line.kind in UNDOABLE and line.undone_by is None and found.is_done,
        retry=_retry(found),
        cli_same=f"stocktake run show {run_id}",
        api_same=f"/api/v1/operations/{run_id}",
        **{"problem": "", "tables": None, "later": (), "part_address": address, **more},
    )


@dataclass(frozen=True, slots=True)
class Stall:
    """A run under way that was not heard of.

    Attributes:
        since: Since when.
        until: When its work goes to another worker, unless it is heard of; ``None`` for a run of
            the foreground, which nobody takes over.
    """

    since: datetime
    until: datetime | None


def _stall(found: Operation, now: datetime) -> Stall | None:
    """Return since when a run under way was not heard of, and when another worker takes it up."""
    line, until = found.line, found.progress.lease_until if found.progress else None
    if line.state != "running":
        return None
    if until is not None:
        since = until - timedelta(seconds=LEASE_SECONDS)
        return Stall(since, until) if now - since > MISSED_BEATS else None
    return Stall(line.updated_at, None) if now - line.updated_at > STALLED else None


def _next_checkpoint(found: Operation, progress: Progress, now: datetime) -> datetime | None:
    """Return when the next batch will be committed at the rate so far."""
    if found.line.state != "running" or not progress.per_second or not found.line.requests:
        return None
    due = found.line.updated_at + timedelta(seconds=BATCH_REQUESTS / progress.per_second)
    return max(due, now)


def _line_link(run_id: int, seq: int) -> str:
    """Return the address of the part of a log around a line; it stands still."""
    return f"/runs/{run_id}?line={max(1, seq)}#log"


def _has_more(found: Operation, log: Sequence[LogLine]) -> bool:
    return bool(log) and log[-1].seq < found.log_seq


def _places(system: System) -> dict[str, str]:
    """Return where units of each feed are explained: the dataset it fills first."""
    fills = {feed.name: feed.fills for _, feed in system.feeds()}
    return {name: f"/s/{system.name}/d/{tables[0]}/u/" for name, tables in fills.items() if tables}


@dataclass(frozen=True, slots=True)
class EndpointLine:
    """What a run asked of an endpoint, beside what it may be asked."""

    work: EndpointWork
    allowed: float | None

    @property
    def share(self) -> float | None:
        """Rate ÷ allowed rate, at most 1; ``None`` while unknown."""
        rate = self.work.per_second
        return min(1.0, rate / self.allowed) if rate is not None and self.allowed else None


def _endpoints(site: Site, system: System, run_id: int) -> list[EndpointLine]:
    allowed = {}
    for source, feed in system.feeds():
        factor = site.workspace.settings.source(source.name).get(RATE_FACTOR)
        allowed[source.name, feed.endpoint.name] = feed.endpoint.per_second * float(
            str(factor or 1)
        )
    return [
        EndpointLine(one, allowed.get((one.source, one.endpoint)))
        for one in run_endpoints(site.workspace, run_id)
    ]


def _progress(found: Operation, parts: list[PartProgress]) -> Progress:
    line = found.line
    at_work = found.progress
    seconds = max(line.seconds, 0.001)
    if at_work is not None and at_work.units:
        total = at_work.units + at_work.units_given_up
        return Progress(at_work.units_done, total, "units", at_work.per_second)
    known = [part for part in parts if part.kind == "fetch" and not part.is_dynamic]
    if known and sum(part.units for part in known):
        done = sum(min(part.done, part.units) for part in known)
        return Progress(done, sum(part.units for part in known), "units", line.requests / seconds)
    return Progress(line.requests, found.total or 0, "requests", line.requests / seconds)


def _title(line: RunLine, progress: Progress) -> str:
    """Return what the browser's tab says, so that a run can be followed from another one."""
    share = progress.share
    told = line.state if share is None or line.state != "running" else percent(share)
    return f"{told} · {line.system} {line.kind} {line.run_id}"


def _retry(found: Operation) -> str:
    """Return where what failed can be planned again."""
    options = found.line.options
    told = [("state", "failed"), *(("dataset", name) for name in options.get("datasets") or ())]
    told += [(name, options[name]) for name in ("since", "until") if options.get(name)]
    return f"/s/{found.line.system}/plans/new?{urlencode(told)}"


def _operation(request: Request, run_id: int) -> Operation:
    try:
        return find_operation(site_of(request).workspace, run_id)
    except UsageError as error:
        raise missing(error) from None


@router.post("/runs/{run_id}/pause")
def pause(request: Request, run_id: int, visitor: Operator) -> Response:
    """Stop a run at its next batch; it can go on from there."""
    _operation(request, run_id)
    with depending_on_state():
        pause_run(site_of(request).workspace, run_id)
    return _noted(request, visitor, "run.pause", run_id=run_id)


@router.post("/runs/{run_id}/cancel")
def cancel(request: Request, run_id: int, visitor: Operator) -> Response:
    """End a run at its next batch; what is loaded stays."""
    _operation(request, run_id)
    with depending_on_state():
        cancel_run(site_of(request).workspace, run_id)
    return _noted(request, visitor, "run.cancel", run_id=run_id)


@router.post("/runs/{run_id}/resume")
def resume(request: Request, run_id: int, visitor: Operator) -> Response:
    """Let workers go on with a paused run: its plan and checkpoints are used."""
    _operation(request, run_id)
    with depending_on_state():
        requeue_run(site_of(request).workspace, run_id, by=visitor.name)
    return _noted(request, visitor, "run.resume", run_id=run_id)


@router.get("/runs/{run_id}/undo")
def undo_preview(request: Request, run_id: int, visitor: Operator) -> Response:
    """Show what undoing would remove and restore."""
    found = _operation(request, run_id)
    system = find_system(found.line.system)
    try:
        tables = undoing(site_of(request).workspace, system, run_id)
    except StocktakeError as error:
        problem = f"{error.message} {error.hint or ''}".strip()
        later = undone_first(site_of(request).workspace, system, run_id)
        return _run(request, visitor, run_id, problem=problem, later=later)
    here = f"/runs/{run_id}/undo"
    return _run(request, visitor, run_id, tables=tables, part_address=here)


@router.post("/runs/{run_id}/undo")
def take_back(request: Request, run_id: int, visitor: Operator) -> Response:
    """Queue the undo of a run, once it is certain that it can be undone."""
    system = find_system(_operation(request, run_id).line.system)
    require_undoable(site_of(request).workspace, system, run_id)
    return go(f"/runs/{start_work(request, visitor, system, undo_work(run_id))}")


def _noted(
    request: Request, visitor: Visitor, action: str, *, run_id: int, target: str = ""
) -> Response:
    note(request, visitor, action, subject=f"run {run_id}")
    return go(target or f"/runs/{run_id}")
