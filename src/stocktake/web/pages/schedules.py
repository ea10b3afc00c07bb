"""Schedules: what recurs, when it fires next, how it went; on, off, now."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from stocktake.api.problems import depending_on_state
from stocktake.errors import UsageError
from stocktake.run.fires import next_fires
from stocktake.run.scheduled import (
    Kept,
    find_kept,
    list_schedules,
    queue_now,
    schedule_history,
    switch_schedule,
)
from stocktake.web.access import Operator, Viewer
from stocktake.web.naming import missing
from stocktake.web.noted import note
from stocktake.web.site import go, show, site_of

router = APIRouter()
FIRES = 5
TYPED_FIRES = 10
STRIP = 60


@router.get("/schedules")
def schedules_page(
    request: Request, visitor: Viewer, *, cron: str = "", zone: str = "UTC"
) -> Response:
    """List schedules, the next to fire first; tell the fires of an expression being typed."""
    workspace = site_of(request).workspace
    kept = list_schedules(workspace)
    now = workspace.clock()
    typed, problem = [], ""
    if cron:
        try:
            typed = next_fires(cron, zone, after=now, most=TYPED_FIRES)
        except UsageError as error:
            problem = f"{error.message} {error.hint or ''}".strip()
    return show(
        request,
        "schedules.html",
        visitor=visitor,
        status=422 if problem else 200,
        title="Schedules",
        kept=kept,
        fires={
            one.name: next_fires(one.schedule.cron, one.schedule.zone, after=now, most=FIRES)
            for one in kept
        },
        cron=cron,
        cron_zone=zone,
        typed=typed,
        problem=problem,
        cli_same="stocktake schedule list",
    )


@router.get("/schedules/{name}")
def schedule_page(request: Request, name: str, visitor: Viewer) -> Response:
    """Show one schedule: next fires, and how its last ones went."""
    workspace = site_of(request).workspace
    kept = _kept(request, name)
    now = workspace.clock()
    zone = ZoneInfo(kept.schedule.zone)
    fires = next_fires(kept.schedule.cron, kept.schedule.zone, after=now, most=TYPED_FIRES)
    offsets = {one: one.astimezone(zone).utcoffset() for one in fires}
    return show(
        request,
        "schedule.html",
        visitor=visitor,
        title=kept.name,
        kept=kept,
        fires=[
            (one, place > 0 and offsets[one] != offsets[fires[place - 1]])
            for place, one in enumerate(fires)
        ],
        history=schedule_history(workspace, kept.name, limit=STRIP),
        cli_same=f"stocktake schedule history {kept.name}",
    )


@router.post("/schedules/{name}/switch")
def switch(
    request: Request, name: str, visitor: Operator, to: Annotated[str, Form()] = "off"
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
    return go(f"/schedules/{kept.name}")


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
