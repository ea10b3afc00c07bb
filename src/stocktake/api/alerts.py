"""Alerts: what is wrong now, what happened, who was told; muting, and trying a channel."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from stocktake.access.audit import storable
from stocktake.api.answers import answer
from stocktake.api.asked import MOST_NAME, Number
from stocktake.api.idempotency import OnceRoute
from stocktake.api.identity import Installation, Keeper, Operator, Viewer, Watcher
from stocktake.api.noted import note
from stocktake.api.problems import named_in_path
from stocktake.api.recent import served
from stocktake.api.shapes import Asked
from stocktake.run.alerted import (
    alert_history,
    alert_list,
    channel_json,
    channels_told,
    mute_alert,
    retry_given_up,
)
from stocktake.run.courier import try_channel

router = APIRouter(tags=["alerts"], route_class=OnceRoute)
LONGEST_HOURS = 24 * 366
Most = Annotated[int, Query(ge=1, le=1_000, description="How many.")]
ChannelName = Annotated[str, Path(max_length=MOST_NAME, examples=["desk"])]


class MuteAsked(Asked):
    """For how long an alert is told to nobody, and why."""

    hours: Annotated[float, Field(ge=0, le=LONGEST_HOURS, examples=[8])] = 8.0
    reason: Annotated[str, Field(max_length=300)] = ""


class AlertDocument(BaseModel):
    """Something that is wrong, or was."""

    alert_id: int
    kind: str
    system: str
    subject: str
    details: dict[str, Any]
    opened_at: datetime
    last_seen_at: datetime
    seen: int
    resolved_at: datetime | None
    muted_until: datetime | None


class Alerts(BaseModel):
    """Open alerts; ended ones after them when asked for."""

    alerts: list[AlertDocument]


class EventDocument(BaseModel):
    """Something that happened, and who was told."""

    event_id: int
    kind: str
    system: str
    subject: str
    at: datetime
    deliveries: list[dict[str, Any]]


class Events(BaseModel):
    """Events, the newest first."""

    events: list[EventDocument]


class ChannelDocument(BaseModel):
    """A channel that the settings declare; secrets and addresses stay hidden."""

    name: str
    type: str
    kinds: list[str]
    systems: list[str]
    cooldown_minutes: float
    attempts: int
    sent: int
    pending: int
    dead: int
    last_sent_at: datetime | None


class Channels(BaseModel):
    """Every channel."""

    channels: list[ChannelDocument]


class Muted(BaseModel):
    """Until when an alert is told to nobody."""

    alert_id: int
    muted_until: datetime | None


class Tried(BaseModel):
    """What a channel said to a test message."""

    channel: str
    is_taken: bool
    response: str


class Retried(BaseModel):
    """How many messages that were given up are tried again."""

    retried: int


@router.get("/alerts", response_model=Alerts, summary="What is wrong now")
async def alerts(
    request: Request,
    _: Viewer,
    workspace: Installation,
    include_ended: Annotated[bool, Query(alias="all", description="Ended ones too.")] = False,  # noqa: FBT002 -- a query's parameter
    limit: Most = 50,
) -> Response:
    """List open alerts, the newest first."""
    return await served(
        request,
        lambda: {"alerts": alert_list(workspace, include_ended=include_ended, limit=limit)},
    )


@router.get("/alerts/history", response_model=Events, summary="What happened")
async def history(
    request: Request,
    _: Viewer,
    workspace: Installation,
    alert: Annotated[int | None, Query(ge=1, le=2**63 - 1, description="Only of this one.")] = None,
    limit: Most = 50,
) -> Response:
    """List events, newest first, and how each channel was told."""
    return await served(
        request, lambda: {"events": alert_history(workspace, alert_id=alert, limit=limit)}
    )


@router.post("/alerts/{alert_id}/mute", response_model=Muted, summary="Mute an alert")
def mute(
    request: Request, who: Operator, workspace: Installation, alert_id: Number, asked: MuteAsked
) -> Response:
    """Tell nobody of an alert for a while; that it is well again is told all the same."""
    until = workspace.clock() + timedelta(hours=asked.hours) if asked.hours else None
    with named_in_path():
        mute_alert(workspace, alert_id, until=until, by=who.name, reason=storable(asked.reason))
    note(request, who, "alert.mute", subject=str(alert_id))
    return answer({"alert_id": alert_id, "muted_until": until})


@router.post("/alerts/retry", response_model=Retried, summary="Try messages again")
def retry(request: Request, who: Keeper, workspace: Installation) -> Response:
    """Try messages again that were given up."""
    count = retry_given_up(workspace)
    note(request, who, "alert.retry", subject="")
    return answer({"retried": count})


@router.get("/channels", response_model=Channels, summary="Who is told")
def channels(_: Watcher, workspace: Installation) -> Response:
    """List the channels that the settings declare."""
    return answer({"channels": [channel_json(*one) for one in channels_told(workspace)]})


@router.post("/channels/{name}/test", response_model=Tried, summary="Try a channel")
def try_it(request: Request, who: Keeper, workspace: Installation, name: ChannelName) -> Response:
    """Send a test message to a channel at once, and show what it said."""
    with named_in_path():
        outcome = try_channel(workspace, name)
    note(request, who, "channel.test", subject=name)
    return answer({"channel": name, "is_taken": outcome.is_taken, "response": outcome.response})
