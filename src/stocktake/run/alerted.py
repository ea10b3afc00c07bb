"""Alerts as every door of the product shows them: open ones, their history, and muting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
from stocktake.run.alarms import check_key

if TYPE_CHECKING:
    from datetime import datetime

    from stocktake.model import System
    from stocktake.observe.channels import Channel
    from stocktake.run.workspace import Workspace

MOST_OPEN = 10_000


def alert_list(workspace: Workspace, *, include_ended: bool, limit: int) -> list[AlertLine]:
    """Return open alerts, with ``include_ended`` ended ones after them, newest first."""
    with workspace.database.connection() as conn:
        return list_alerts(conn, include_ended=include_ended, limit=limit)


def alerts_of_checks(workspace: Workspace, system: System) -> dict[str, AlertLine]:
    """Return the open alerts about checks of a system, by dataset and check joined by a colon."""
    found = alert_list(workspace, include_ended=False, limit=MOST_OPEN)
    prefix = check_key(system.name, "", "").removesuffix(":")
    return {one.dedupe.removeprefix(prefix): one for one in found if one.dedupe.startswith(prefix)}


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


def channel_json(channel: Channel, stands: ChannelStanding) -> dict[str, Any]:
    """Return what may be told of a channel: neither secrets nor addresses."""
    return {
        "name": channel.name,
        "type": channel.type,
        "kinds": list(channel.kinds),
        "systems": list(channel.systems),
        "cooldown_minutes": channel.cooldown.total_seconds() / 60,
        "attempts": channel.attempts,
        "sent": stands.sent,
        "pending": stands.pending,
        "dead": stands.dead,
        "last_sent_at": stands.last_sent_at,
    }


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
