"""What people decide about gaps: accepted, and taken back."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import Field

from stocktake.access.audit import storable
from stocktake.api.answers import answer
from stocktake.api.asked import MOST_TEXT, Day, Name, TheSystem
from stocktake.api.idempotency import OnceRoute
from stocktake.api.identity import Installation, Operator
from stocktake.api.noted import note
from stocktake.api.shapes import Asked
from stocktake.count.decide import Decision
from stocktake.model import Range
from stocktake.run.decided import (
    accept_range,
    accept_unit,
    give_up_unit,
    withdraw_range,
    withdraw_unit,
)
from stocktake.run.registry import find_datasets

router = APIRouter(tags=["decide"], route_class=OnceRoute)
UnitText = Annotated[str, Field(min_length=1, max_length=MOST_TEXT, examples=["2019-03-05/ire"])]


class WithdrawAsked(Asked):
    """Which unit."""

    dataset: Name
    unit: UnitText


class AcceptAsked(WithdrawAsked):
    """Which gap is waived or given up, why, and until when."""

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
    note(request, who, "gap.accept", subject=f"{dataset.name} {asked.unit}")
    return answer(told)


@router.post("/systems/{system}/give-up", summary="Mark a unit as unrecoverable")
def give_up(
    request: Request,
    who: Operator,
    workspace: Installation,
    system: TheSystem,
    asked: AcceptAsked,
) -> Response:
    """Say in your name that no source can deliver a unit any more: no plan asks for it."""
    (dataset,) = find_datasets(system, [asked.dataset])
    decision = Decision(storable(asked.reason), who.name, asked.until)
    told = give_up_unit(workspace, system, dataset, asked.unit, decision=decision)
    note(request, who, "gap.give_up", subject=f"{dataset.name} {asked.unit}")
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
    note(request, who, "gap.withdraw", subject=f"{dataset.name} {asked.unit}")
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
    note(request, who, "gap.accept", subject=subject)
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
    note(request, who, "gap.withdraw", subject=subject)
    return answer({"dataset": dataset.name, "units": units})
