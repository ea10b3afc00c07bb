"""What people decide: accepted gaps, duplicates; and rejects that wait to be looked at."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import Field

from stocktake.access.audit import storable, write_audit
from stocktake.api.answers import Cursor, Limit, answer, page, read_cursor
from stocktake.api.asked import MOST_TEXT, Day, Name, Number, TheDatasets, TheSystem
from stocktake.api.forms import Duplicates, Rejects
from stocktake.api.idempotency import OnceRoute
from stocktake.api.identity import Identity, Installation, Operator, Viewer
from stocktake.api.problems import named_in_path
from stocktake.api.recent import served
from stocktake.api.shapes import Asked
from stocktake.api.shared import shared
from stocktake.count.decide import Decision
from stocktake.model import Range
from stocktake.run.decided import (
    accept_range,
    accept_unit,
    decide_duplicate,
    list_duplicates,
    list_rejects,
    withdraw_range,
    withdraw_unit,
)
from stocktake.run.registry import find_datasets
from stocktake.run.workspace import Workspace

router = APIRouter(tags=["decide"], route_class=OnceRoute)
UnitText = Annotated[str, Field(min_length=1, max_length=MOST_TEXT, examples=["2019-03-05/ire"])]


class WithdrawAsked(Asked):
    """Which unit."""

    dataset: Name
    unit: UnitText


class AcceptAsked(WithdrawAsked):
    """Which gap is waived, why, and until when."""

    reason: Annotated[str, Field(min_length=1, max_length=MOST_TEXT)]
    until: Day | None = None


class RangeAsked(Asked):
    """Which days of a dataset; an open end is the promise's own."""

    dataset: Name
    since: Day | None = None
    until: Day | None = None


class AcceptRangeAsked(RangeAsked):
    """Which gaps are waived, why, and up to which day that holds."""

    reason: Annotated[str, Field(min_length=1, max_length=MOST_TEXT)]
    holds_until: Day | None = None


class DecideAsked(Asked):
    """Which of two rows with one key holds."""

    decision: Literal["kept", "replaced", "both"]


@router.post("/systems/{system}/accept", summary="Waive a gap")
def accept(
    request: Request,
    who: Operator,
    workspace: Installation,
    system: TheSystem,
    asked: AcceptAsked,
) -> Response:
    """Waive a gap in your name: it stops counting until a day, with the reason kept."""
    (dataset,) = find_datasets(system, [asked.dataset])
    decision = Decision(storable(asked.reason), who.name, asked.until)
    told = accept_unit(workspace, system, dataset, asked.unit, decision=decision)
    _noted(request, workspace, who, "gap.accept", subject=f"{dataset.name} {asked.unit}")
    return answer(told)


@router.post("/systems/{system}/withdraw", summary="Take a waiver back")
def withdraw(
    request: Request,
    who: Operator,
    workspace: Installation,
    system: TheSystem,
    asked: WithdrawAsked,
) -> Response:
    """Take an acceptance back: the unit is a gap again."""
    (dataset,) = find_datasets(system, [asked.dataset])
    told = withdraw_unit(workspace, system, dataset, asked.unit)
    _noted(request, workspace, who, "gap.withdraw", subject=f"{dataset.name} {asked.unit}")
    return answer(told)


@router.post("/systems/{system}/accept/range", summary="Waive the gaps of some days")
def accept_days(
    request: Request,
    who: Operator,
    workspace: Installation,
    system: TheSystem,
    asked: AcceptRangeAsked,
) -> Response:
    """Waive every gap of some days in your name: they stop counting, with the reason kept."""
    (dataset,) = find_datasets(system, [asked.dataset])
    decision = Decision(storable(asked.reason), who.name, asked.holds_until)
    window = Range(asked.since, asked.until)
    units = accept_range(workspace, system, dataset, window, decision=decision)
    subject = f"{dataset.name} {asked.since or ''} to {asked.until or ''}: {units} units"
    _noted(request, workspace, who, "gap.accept", subject=subject)
    return answer({"dataset": dataset.name, "units": units})


@router.post("/systems/{system}/withdraw/range", summary="Take the waivers of some days back")
def withdraw_days(
    request: Request,
    who: Operator,
    workspace: Installation,
    system: TheSystem,
    asked: RangeAsked,
) -> Response:
    """Take every acceptance of some days back: the units are gaps again."""
    (dataset,) = find_datasets(system, [asked.dataset])
    units = withdraw_range(workspace, system, dataset, Range(asked.since, asked.until))
    subject = f"{dataset.name} {asked.since or ''} to {asked.until or ''}: {units} units"
    _noted(request, workspace, who, "gap.withdraw", subject=subject)
    return answer({"dataset": dataset.name, "units": units})


@router.get("/systems/{system}/rejects", response_model=Rejects, summary="Rejected rows")
async def rejects(
    request: Request,
    _: Viewer,
    workspace: Installation,
    system: TheSystem,
    datasets: TheDatasets,
    limit: Limit = 50,
    cursor: Cursor = "",
) -> Response:
    """List rows that failed validation, the newest first, with capture, position and reason."""
    before = read_cursor(cursor, int)

    def listed() -> dict[str, Any]:
        found = list_rejects(workspace, system, datasets, limit=limit + 1, before=before)
        return {"system": system.name, **page(found, limit, lambda one: one.reject_id)}

    return await served(request, listed)


@router.get("/systems/{system}/duplicates", response_model=Duplicates, summary="Duplicates")
async def duplicates(
    request: Request,
    _: Viewer,
    workspace: Installation,
    system: TheSystem,
    datasets: TheDatasets,
    limit: Limit = 50,
    cursor: Cursor = "",
) -> Response:
    """List undecided keys that came with different values: which row was kept, which was not."""
    before = read_cursor(cursor, int)

    def listed() -> dict[str, Any]:
        found = list_duplicates(workspace, system, datasets, limit=limit + 1, before=before)
        return {"system": system.name, **page(found, limit, lambda one: one.duplicate_id)}

    return await served(request, listed)


@router.post("/duplicates/{duplicate_id}/decide", status_code=204, summary="Decide a duplicate")
def decide(
    request: Request,
    who: Operator,
    workspace: Installation,
    duplicate_id: Number,
    asked: DecideAsked,
) -> Response:
    """Write down which row holds; no row changes."""
    with named_in_path():
        decide_duplicate(workspace, duplicate_id, decision=asked.decision, by=who.name)
    _noted(request, workspace, who, "duplicate.decide", subject=f"duplicate {duplicate_id}")
    return Response(status_code=204)


def _noted(
    request: Request, workspace: Workspace, who: Identity, action: str, *, subject: str
) -> None:
    with workspace.database.connection() as conn:
        write_audit(conn, who.actor, action, subject=subject, now=workspace.clock())
    shared(request).recent.clear()
