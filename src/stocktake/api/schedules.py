"""Schedules: list, next, history, enable, disable, run now."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response
from pydantic import AwareDatetime, Field

from stocktake.access.audit import storable
from stocktake.api.answers import answer
from stocktake.api.asked import MOST_NAME, Name, Names, TheSystem
from stocktake.api.forms import Fires, ScheduleDocument, Schedules, Upcoming
from stocktake.api.idempotency import OnceRoute
from stocktake.api.identity import Identity, Installation, Operator, Viewer
from stocktake.api.noted import note
from stocktake.api.problems import Problem, depending_on_state, named_in_path
from stocktake.api.recent import served
from stocktake.api.shapes import Asked, Operation
from stocktake.api.work import STARTED, accepted
from stocktake.model import Schedule
from stocktake.model.schedule import CatchUp, Overlap
from stocktake.run.documents import fire_json, schedule_json
from stocktake.run.fires import jumps_before, next_fires
from stocktake.run.operations import find_operation
from stocktake.run.scheduled import (
    add_schedule,
    change_schedule,
    find_kept,
    list_schedules,
    queue_now,
    remove_schedule,
    schedule_history,
    switch_schedule,
)
from stocktake.run.workspace import Workspace

router = APIRouter(tags=["schedules"], route_class=OnceRoute)
ScheduleName = Annotated[str, Path(max_length=MOST_NAME, examples=["racing.horses"])]
Most = Annotated[int, Query(ge=1, le=1_000, description="How many.")]
From = Annotated[AwareDatetime | None, Query(alias="from", description="Now, when left out.")]


class ClockAsked(Asked):
    """When a schedule is to fire; no expression: as its system declares."""

    cron: Annotated[str, Field(max_length=200, examples=["30 2 * * *"])] = ""
    zone: Annotated[str, Field(max_length=MOST_NAME, examples=["Europe/London"])] = "UTC"


@router.get("/schedules", response_model=Schedules, summary="Schedules")
async def schedules(
    request: Request, _: Viewer, workspace: Installation, system: Name | None = None
) -> Response:
    """List schedules, the next to fire first; those that do not fire say why."""

    def told() -> dict[str, Any]:
        found = list_schedules(workspace, system)
        return {"schedules": [schedule_json(one) for one in found]}

    return await served(request, told)


@router.get("/schedules/next", response_model=Upcoming, summary="When an expression fires")
def upcoming(
    _: Viewer,
    workspace: Installation,
    cron: Annotated[str, Query(max_length=200, examples=["30 2 * * *"])],
    zone: Annotated[str, Query(max_length=MOST_NAME, examples=["Europe/London"])] = "UTC",
    since: From = None,
    n: Most = 5,
) -> Response:
    """Tell the next fire times of an expression just typed."""
    return answer(_upcoming(workspace, cron, zone, since=since, most=n))


@router.get("/schedules/{name}/next", response_model=Upcoming, summary="When a schedule fires")
def upcoming_of(
    _: Viewer,
    workspace: Installation,
    name: ScheduleName,
    since: From = None,
    n: Most = 5,
) -> Response:
    """Tell the next fire times of a schedule."""
    with named_in_path():
        found = find_kept(workspace, name).schedule
    return answer(_upcoming(workspace, found.cron, found.zone, since=since, most=n))


@router.get("/schedules/{name}/history", response_model=Fires, summary="What became of fires")
async def history(
    request: Request,
    _: Viewer,
    workspace: Installation,
    name: ScheduleName,
    limit: Most = 60,
) -> Response:
    """List what became of the times a schedule was due, the newest first."""

    def told() -> dict[str, Any]:
        with named_in_path():
            found = schedule_history(workspace, name, limit=limit)
        return {"fires": [fire_json(one) for one in found]}

    return await served(request, told)


class ScheduleAsked(Asked):
    """A schedule of one's own."""

    name: Name
    verb: Annotated[str, Field(max_length=40, examples=["sync"])]
    cron: Annotated[str, Field(max_length=200, examples=["30 2 * * *"])]
    zone: Annotated[str, Field(max_length=MOST_NAME)] = ""
    datasets: Names = []
    catch_up: CatchUp = "coalesce"
    overlap: Overlap = "skip"
    jitter_seconds: Annotated[int, Field(ge=0, le=86_400)] = 0


@router.post(
    "/systems/{system}/schedules",
    status_code=201,
    response_model=ScheduleDocument,
    summary="Add a schedule",
)
def add(
    request: Request,
    who: Operator,
    workspace: Installation,
    system: TheSystem,
    asked: ScheduleAsked,
) -> Response:
    """Add a schedule of one's own to those that the system declares."""
    try:
        wanted = Schedule(
            storable(asked.name),
            asked.cron,
            asked.zone or system.zone,
            asked.verb,
            datasets=tuple(asked.datasets),
            catch_up=asked.catch_up,
            overlap=asked.overlap,
            jitter_seconds=asked.jitter_seconds,
        )
    except ValueError as error:
        raise Problem(422, "invalid", f"{error}.") from None
    kept = add_schedule(workspace, system, wanted, by=who.name)
    note(request, who, "schedule.add", subject=kept.name)
    return answer(schedule_json(kept), status=201)


@router.delete("/schedules/{name}", status_code=204, summary="Remove a schedule")
def remove(
    request: Request, who: Operator, workspace: Installation, name: ScheduleName
) -> Response:
    """Remove a schedule that somebody added, with its history; declared ones can be disabled."""
    with named_in_path():
        found = find_kept(workspace, name)
    with depending_on_state():
        remove_schedule(workspace, found.name)
    note(request, who, "schedule.remove", subject=found.name)
    return Response(status_code=204)


@router.post("/schedules/{name}/enable", response_model=ScheduleDocument, summary="Enable")
def enable(
    request: Request, who: Operator, workspace: Installation, name: ScheduleName
) -> Response:
    """Let a schedule fire; what was due while it was off is not made up for."""
    return _switched(request, who, workspace, name, is_enabled=True)


@router.post("/schedules/{name}/disable", response_model=ScheduleDocument, summary="Disable")
def disable(
    request: Request, who: Operator, workspace: Installation, name: ScheduleName
) -> Response:
    """Let a schedule fire no more, whatever its system declares."""
    return _switched(request, who, workspace, name, is_enabled=False)


@router.post("/schedules/{name}/change", response_model=ScheduleDocument, summary="Change a clock")
def change(
    request: Request,
    who: Operator,
    workspace: Installation,
    name: ScheduleName,
    asked: ClockAsked,
) -> Response:
    """Give a schedule another clock, whatever its system declares."""
    with named_in_path():
        find_kept(workspace, name)
    found = change_schedule(workspace, name, cron=asked.cron, zone=asked.zone, by=who.name)
    note(request, who, "schedule.change", subject=found.name)
    return answer(schedule_json(found))


@router.post(
    "/schedules/{name}/run",
    status_code=202,
    response_model=Operation,
    responses=STARTED,
    summary="Run a schedule now",
)
def run_now(
    request: Request, who: Operator, workspace: Installation, name: ScheduleName
) -> Response:
    """Queue a run of a schedule at once, whatever its clock says."""
    with named_in_path():
        find_kept(workspace, name)
    _, run_id = queue_now(workspace, name, by=who.name)
    note(request, who, "schedule.run", subject=name)
    return accepted(find_operation(workspace, run_id))


def _upcoming(
    workspace: Workspace, cron: str, zone: str, *, since: datetime | None, most: int
) -> dict[str, Any]:
    start = since or workspace.clock()
    fires = next_fires(cron, zone, after=start, most=most)
    jumps = jumps_before(fires, after=start)
    return {"cron": cron, "zone": zone, "from": start, "fires": fires, "jumps": jumps}


def _switched(
    request: Request, who: Identity, workspace: Workspace, name: str, *, is_enabled: bool
) -> Response:
    with named_in_path():
        found = switch_schedule(workspace, name, is_enabled=is_enabled, by=who.name)
    action = "schedule.enable" if is_enabled else "schedule.disable"
    note(request, who, action, subject=found.name)
    return answer(schedule_json(found))
