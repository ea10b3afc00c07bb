"""Alerts: what is wrong now, who is told of what, and trying a channel."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from stocktake.access.audit import storable
from stocktake.errors import ConfigurationError, UsageError
from stocktake.observe.events import headline
from stocktake.run.alerted import (
    alert_history,
    alert_list,
    channels_told,
    mute_alert,
    retry_given_up,
)
from stocktake.run.courier import try_channel
from stocktake.web.access import Keeper
from stocktake.web.naming import missing
from stocktake.web.noted import note
from stocktake.web.site import Visitor, go, show, site_of
from stocktake.web.words import own_path

router = APIRouter()
SHOWN = 100
SHOWN_EVENTS = 50
LONGEST_HOURS = 24 * 90


@router.get("/settings/alerts")
def alerts_page(request: Request, visitor: Keeper, every: str = "") -> Response:
    """Show open alerts (``every``: ended ones too), channels, and what was told."""
    return _alerts(request, visitor, every=bool(every))


@router.post("/settings/alerts/{alert_id}/mute")
def mute(
    request: Request,
    alert_id: int,
    visitor: Keeper,
    *,
    hours: Annotated[float, Form(ge=0, le=LONGEST_HOURS)] = 8.0,
    reason: Annotated[str, Form(max_length=300)] = "",
    back: Annotated[str, Form(max_length=300)] = "",
) -> Response:
    """Tell nobody of an alert for some hours; 0 ends the silence."""
    workspace = site_of(request).workspace
    until = workspace.clock() + timedelta(hours=hours) if hours else None
    told = storable(reason.strip())
    try:
        mute_alert(workspace, alert_id, until=until, by=visitor.name, reason=told)
    except UsageError as error:
        raise missing(error) from None
    note(request, visitor, "alert.mute" if until else "alert.unmute", subject=f"alert {alert_id}")
    return go(own_path(back, "/settings/alerts"))


@router.post("/settings/alerts/retry")
def retry(request: Request, visitor: Keeper) -> Response:
    """Try messages again that were given up."""
    count = retry_given_up(site_of(request).workspace)
    note(request, visitor, "alert.retry", subject=f"{count} messages")
    return go("/settings/alerts")


@router.post("/settings/alerts/channels/{name}/test")
def test(request: Request, name: str, visitor: Keeper) -> Response:
    """Send a test message to a channel at once, and show what it answered."""
    try:
        outcome = try_channel(site_of(request).workspace, name)
    except UsageError as error:
        raise missing(error) from None
    note(request, visitor, "alert.test", subject=f"channel {name}")
    return _alerts(request, visitor, tested=name, outcome=outcome)


def _alerts(request: Request, visitor: Visitor, *, every: bool = False, **more: Any) -> Response:
    workspace = site_of(request).workspace
    channels, problem = [], ""
    try:
        channels = channels_told(workspace)
    except ConfigurationError as error:
        problem = f"{error.message} {error.hint or ''}".strip()
    return show(
        request,
        "alerts.html",
        visitor=visitor,
        title="Alerts",
        every=every,
        alerts=alert_list(workspace, include_ended=every, limit=SHOWN),
        events=alert_history(workspace, alert_id=None, limit=SHOWN_EVENTS),
        channels=channels,
        problem=problem,
        headline=headline,
        given_up=sum(stands.dead for _, stands in channels),
        cli_same="stocktake alerts",
        **{"tested": "", "outcome": None, **more},
    )
