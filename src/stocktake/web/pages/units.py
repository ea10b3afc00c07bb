"""One unit and why it is as it is; accepting it; a day of units; gaps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import Response

from stocktake.api.problems import not_found
from stocktake.count.decide import Decision
from stocktake.errors import UsageError
from stocktake.model import Dataset, PlanOptions, Range, State, System
from stocktake.run.counted import count_system, list_gaps
from stocktake.run.decided import accept_unit, give_up_unit, withdraw_unit
from stocktake.run.explained import explain_unit
from stocktake.run.queue import backfill_work
from stocktake.web.access import Operator, Viewer
from stocktake.web.naming import dataset_named, gap_address, system_named
from stocktake.web.noted import note
from stocktake.web.pages.plans import start_work
from stocktake.web.site import Visitor, go, show, site_of
from stocktake.web.words import path_part

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

router = APIRouter()
MOST_UNITS = 200
UNPROCESSABLE = 422


@dataclass(frozen=True, slots=True)
class UnitLine:
    """A unit of a day, or neighbours of one state."""

    name: str
    units: int
    state: State
    reason: str
    address: str


@router.get("/s/{system}/d/{dataset}/u/{unit:path}")
def unit_page(
    request: Request,
    system: str,
    dataset: str,
    unit: str,
    visitor: Viewer,
) -> Response:
    """Explain one unit."""
    found = system_named(system)
    return _unit(request, visitor, found, dataset_named(found, dataset), unit=unit)


@router.post("/s/{system}/d/{dataset}/u/{unit:path}/accept")
def accept(
    request: Request,
    system: str,
    dataset: str,
    unit: str,
    visitor: Operator,
    *,
    reason: Annotated[str, Form()] = "",
    until: Annotated[str, Form()] = "",
) -> Response:
    """Waive a gap."""
    place = system_named(system), dataset, unit
    return _decide(request, visitor, place, typed=(reason, until), decide=accept_unit)


@router.post("/s/{system}/d/{dataset}/u/{unit:path}/give-up")
def give_up(
    request: Request,
    system: str,
    dataset: str,
    unit: str,
    visitor: Operator,
    *,
    reason: Annotated[str, Form()] = "",
    until: Annotated[str, Form()] = "",
) -> Response:
    """Say that no source can deliver a unit any more."""
    place = system_named(system), dataset, unit
    return _decide(request, visitor, place, typed=(reason, until), decide=give_up_unit)


def _decide(
    request: Request,
    visitor: Visitor,
    place: tuple[System, str, str],
    *,
    typed: tuple[str, str],
    decide: Callable[..., object],
) -> Response:
    """Do what a person decided about a gap, or show the form again with what is wrong."""
    site = site_of(request)
    found, own, unit = place[0], dataset_named(place[0], place[1]), place[2]
    reason, until = typed
    errors = {}
    last: date | None = None
    if not reason.strip():
        errors["reason"] = "Say why: whoever reads the gap next will want to know."
    try:
        last = date.fromisoformat(until) if until else None
    except ValueError:
        errors["until"] = "Not a day of the calendar. Write it as YYYY-MM-DD."
    if not errors:
        decision = Decision(reason=reason.strip(), by=visitor.name, until=last)
        try:
            decide(site.workspace, found, own, unit, decision=decision)
        except UsageError as error:
            errors["reason"] = error.message
    if errors:
        told = {"reason": reason, "until": until}
        return _unit(request, visitor, found, own, unit=unit, errors=errors, typed=told)
    action = "gap.accept" if decide is accept_unit else "gap.give_up"
    note(request, visitor, action, subject=f"{own.name} {unit}")
    site.standings.forget(found.name)
    return go(f"/s/{found.name}/d/{own.name}/u/{path_part(unit)}")


@router.post("/s/{system}/d/{dataset}/u/{unit:path}/fetch")
def fetch(request: Request, system: str, dataset: str, unit: str, visitor: Operator) -> Response:
    """Queue the fetching of a unit's own day, also when it is held."""
    found = system_named(system)
    own = dataset_named(found, dataset)
    day = day_of_unit(unit)
    if day is None:
        raise not_found(f"{unit} of {own.name} has no day; make a plan for it.")
    options = PlanOptions(datasets=(own.name,), since=day, until=day, refetch=True)
    return go(f"/runs/{start_work(request, visitor, found, backfill_work(options))}")


@router.post("/s/{system}/d/{dataset}/u/{unit:path}/withdraw")
def withdraw(
    request: Request,
    system: str,
    dataset: str,
    unit: str,
    visitor: Operator,
) -> Response:
    """Make an accepted gap a gap again."""
    site = site_of(request)
    found = system_named(system)
    own = dataset_named(found, dataset)
    withdraw_unit(site.workspace, found, own, unit)
    note(request, visitor, "gap.withdraw", subject=f"{own.name} {unit}")
    site.standings.forget(found.name)
    return go(f"/s/{found.name}/d/{own.name}/u/{path_part(unit)}")


def _unit(
    request: Request,
    visitor: Visitor,
    system: System,
    dataset: Dataset,
    *,
    unit: str,
    errors: Mapping[str, str] | None = None,
    typed: Mapping[str, str] | None = None,
) -> Response:
    try:
        told = explain_unit(site_of(request).workspace, system, dataset, unit)
    except UsageError as error:
        raise not_found(f"Not part of {dataset.name}: {error.message}", hint=error.hint) from None
    here = f"/s/{system.name}/d/{dataset.name}"
    day = day_of_unit(unit)
    is_fetched = bool(system.feeds_of(dataset.name))
    return show(
        request,
        "unit.html",
        visitor=visitor,
        status=UNPROCESSABLE if errors else 200,
        title=f"{told.unit}, {dataset.name}",
        system=system,
        dataset=dataset,
        told=told,
        unit_link=f"{here}/u/{path_part(unit)}",
        unit_text=unit,
        plan_link=f"/s/{system.name}/plans/new?dataset={dataset.name}"
        + (f"&since={day}&until={day}" if day else ""),
        can_fetch=bool(day) and is_fetched,
        is_fetched=is_fetched,
        errors={"reason": "", "until": "", **(errors or {})},
        typed={"reason": "", "until": "", **(typed or {})},
        problem="",
    )


def day_of_unit(unit: str) -> date | None:
    """Return the day that a unit's key names; ``None`` when it names none.

    >>> day_of_unit("2024-01-31/gb"), day_of_unit("rac_1")
    (datetime.date(2024, 1, 31), None)
    """
    for part in unit.split("/"):
        try:
            return date.fromisoformat(part)
        except ValueError:
            continue
    return None


@router.get("/s/{system}/d/{dataset}/day/{day}")
def day_page(
    request: Request,
    system: str,
    dataset: str,
    day: date,
    visitor: Viewer,
) -> Response:
    """Show the units that fall on a day."""
    site = site_of(request)
    found = system_named(system)
    own = dataset_named(found, dataset)
    window = Range(day, day)
    (coverage,) = count_system(site.workspace, found, [own], window)
    listed = list_gaps(site.workspace, found, [own], window, states=tuple(State), limit=MOST_UNITS)
    return show(
        request,
        "day.html",
        visitor=visitor,
        title=f"{day}, {own.name}",
        system=found,
        dataset=own,
        day=day,
        coverage=coverage,
        units=[
            UnitLine(
                "/".join((gap.first, *gap.series)),
                gap.units,
                gap.state,
                gap.reason,
                gap_address(found, gap),
            )
            for gap in listed
        ],
    )
