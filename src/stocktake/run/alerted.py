"""Alerts as every door of the product shows them: open ones, their history, and muting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stocktake.observe.alerts import (
    AlertLine,
    ChannelStanding,
    EventLine,
    channel_standings,
    list_alerts,
    list_events,
    mute,
    retry_dead,
)
from stocktake.observe.channels import read_channels

if TYPE_CHECKING:
    from datetime import datetime

    from stocktake.observe.channels import Channel
    from stocktake.run.workspace import Workspace


def alert_list(workspace: Workspace, *, include_ended: bool, limit: int) -> list[AlertLine]:
    """Return open alerts, with ``include_ended`` ended ones after them, newest first."""
    with workspace.database.connection() as conn:
        return list_alerts(conn, include_ended=include_ended, limit=limit)


def alert_history(workspace: Workspace, *, alert_id: int | None, limit: int) -> list[EventLine]:
    """Return the latest events, of one alert if given, and how each channel was told of them."""
    with workspace.database.connection() as conn:
        return list_events(conn, limit=limit, alert_id=alert_id)


def channels_told(workspace: Workspace) -> list[tuple[Channel, ChannelStanding]]:
    """Return the channels that the settings declare, and what came of messages to each.

    Raises:
        ConfigurationError: A channel's settings make no sense.
    """
    channels = read_channels(workspace.settings)
    with workspace.database.connection() as conn:
        found = channel_standings(conn)
    return [(one, found.get(one.name, ChannelStanding(one.name))) for one in channels]


def mute_alert(
    workspace: Workspace, alert_id: int, *, until: datetime | None, by: str, reason: str
) -> None:
    """Tell nobody of an alert until then; ``None`` ends the silence.

    Raises:
        UsageError: There is no such alert.
    """
    with workspace.database.connection() as conn:
        mute(conn, alert_id, until=until, by=by, reason=reason, now=workspace.clock())


def retry_given_up(workspace: Workspace) -> int:
    """Have messages that were given up tried again; return how many."""
    with workspace.database.connection() as conn:
        return retry_dead(conn, now=workspace.clock())
