"""Schedules: what recurs, when it fires next, how it went; on, off, now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from stocktake.api.problems import depending_on_state
from stocktake.errors import UsageError
from stocktake.run.fires import jumps_before, next_fires
from stocktake.run.scheduled import (
    Kept,
    change_schedule,
    find_kept,
    list_schedules,
    queue_now,
    schedule_history,
    switch_schedule,
)
from stocktake.web.access import Operator, Viewer
from stocktake.web.naming import missing
from stocktake.web.noted import note
from stocktake.web.site import Visitor, go, show, site_of
from stocktake.web.words import own_path

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

router = APIRouter()
FIRES = 5
TYPED_FIRES = 10
STRIP = 60
UNPROCESSABLE = 422


@router.get("/schedules")
def schedules_page(
    request: Request, visitor: Viewer, *, cron: str = "", zone: str = "UTC"
) -> Response:
    """List schedules, the next to fire first; tell the fires of an expression being typed."""
    workspace = site_of(request).workspace
    kept = list_schedules(workspace)
    now = workspace.clock()
    typed, problem = _typed(cron, zone, now=now)
    return show(
        request,
        "schedules.html",
        visitor=visitor,
        status=422 if problem else 200,
        title="Schedules",
        kept=kept,
        idle=[] if any(not one.obstacle for one in kept) else kept,
        fires={one.name: marked(one, now=now, most=FIRES) for one in kept},
        cron=cron,
        cron_zone=zone,
        typed=typed,
        problem=problem,
        cli_same="stocktake schedule list",
    )


def _typed(cron: str, zone: str, *, now: datetime) -> tuple[list[tuple[datetime, bool]], str]:
    """Return the next fires of an expression as typed, and what is wrong with it."""
    if not cron:
        return [], ""
    try:
        return with_jumps(next_fires(cron, zone, after=now, most=TYPED_FIRES), after=now), ""
    except UsageError as error:
        return [], f"{error.message} {error.hint or ''}".strip()


def with_jumps(fires: Sequence[datetime], *, after: datetime) -> list[tuple[datetime, bool]]:
    """Return fires, each with whether its zone's clock changes since the one before it."""
    return list(zip(fires, jumps_before(fires, after=after), strict=True))


def marked(kept: Kept, *, now: datetime, most: int) -> list[tuple[datetime, bool]]:
    """Return the next fires of a schedule, in its zone."""
    fires = next_fires(kept.schedule.cron, kept.schedule.zone, after=now, most=most)
    return with_jumps(fires, after=now)


@router.get("/schedules/{name}")
def schedule_page(
    request: Request, name: str, visitor: Viewer, *, cron: str = "", zone: str = ""
) -> Response:
    """Show one schedule: next fires (also of a clock being typed), how its last ones went."""
    return _schedule(request, visitor, _kept(request, name), cron=cron, zone=zone)


@router.post("/schedules/{name}/change")
def change(
    request: Request,
    name: str,
    visitor: Operator,
    *,
    cron: Annotated[str, Form(max_length=200)] = "",
    zone: Annotated[str, Form(max_length=100)] = "UTC",
) -> Response:
    """Give a schedule another clock; an empty one is that of its system."""
    kept = _kept(request, name)
    try:
        change_schedule(
            site_of(request).workspace, kept.name, cron=cron.strip(), zone=zone, by=visitor.name
        )
    except UsageError as error:
        problem = f"{error.message} {error.hint or ''}".strip()
        return _schedule(request, visitor, kept, cron=cron, zone=zone, problem=problem)
    note(request, visitor, "schedule.change", subject=kept.name)
    return go(f"/schedules/{kept.name}")


def _schedule(
    request: Request, visitor: Visitor, kept: Kept, *, cron: str, zone: str, problem: str = ""
) -> Response:
    workspace = site_of(request).workspace
    now = workspace.clock()
    cron_typed, zone_typed = cron or kept.schedule.cron, zone or kept.schedule.zone
    typed, wrong = _typed(cron_typed, zone_typed, now=now)
    problem = problem or wrong
    return show(
        request,
        "schedule.html",
        visitor=visitor,
        status=UNPROCESSABLE if problem else 200,
        title=kept.name,
        kept=kept,
        fires=marked(kept, now=now, most=TYPED_FIRES),
        typed=typed,
        is_other=(cron_typed, zone_typed) != (kept.schedule.cron, kept.schedule.zone),
        cron=cron_typed,
        cron_zone=zone_typed,
        problem=problem,
        history=schedule_history(workspace, kept.name, limit=STRIP),
        cli_same=f"stocktake schedule history {kept.name}",
        api_same=f"/api/v1/schedules/{kept.name}/history",
    )


@router.post("/schedules/{name}/switch")
def switch(
    request: Request,
    name: str,
    visitor: Operator,
    *,
    to: Annotated[str, Form()] = "off",
    back: Annotated[str, Form(max_length=300)] = "",
) -> Response:
    """Switch a schedule on or off."""
    kept = _kept(request, name)
    is_enabled = to == "on"
    with depending_on_state():
        switch_schedule(
            site_of(request).workspace, kept.name, is_enabled=is_enabled, by=visitor.name
        )
    verb = "enable" if is_enabled else "disable"
    note(request, visitor, f"schedule.{verb}", subject=kept.name)
    return go(own_path(back, f"/schedules/{kept.name}"))


@router.post("/schedules/{name}/run")
def run_now(request: Request, name: str, visitor: Operator) -> Response:
    """Queue what a schedule does, now."""
    kept = _kept(request, name)
    with depending_on_state():
        _, run_id = queue_now(site_of(request).workspace, kept.name, by=visitor.name)
    note(request, visitor, "schedule.run", subject=kept.name)
    return go(f"/runs/{run_id}")


def _kept(request: Request, name: str) -> Kept:
    try:
        return find_kept(site_of(request).workspace, name)
    except UsageError as error:
        raise missing(error) from None
