"""Who is told what, and when: deliveries made from events, claimed, ended or tried again.

An event becomes one delivery per channel that wants it. Of an alert a channel is told at most once
in its cool-down: what opens anew sooner waits for the rest of it, and is skipped when it ends
before. An end is told where the opening was, or may have been. An alert that is still seen when its
cool-down is over is told again, as a reminder.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from stocktake.errors import UsageError
from stocktake.observe.events import QUERIES
from stocktake.observe.messages import Message

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    import psycopg

    from stocktake.observe.channels import Channel

ROUTED_TOGETHER = 200
LEASE = timedelta(seconds=60)
"""Longer than any sending; after a courier died, its messages are sent again once it is over."""
FIRST_DELAY_SECONDS = 10
LONGEST_DELAY_SECONDS = 3600
DELAY_FACTOR = 3


@dataclass(frozen=True, slots=True)
class Due:
    """A message that this courier, and no other, is to send now.

    Args:
        delivery_id: Its delivery.
        channel: Where to.
        attempts: Which try this is, from 1.
        message: What is told.
    """

    delivery_id: int
    channel: str
    attempts: int
    message: Message


@dataclass(frozen=True, slots=True)
class AlertLine:
    """An alert as it stands.

    Args:
        alert_id: Its number.
        dedupe: Its key.
        kind: What opened it.
        system: Of which system, empty for the installation.
        subject: What it is about.
        details: Figures and reasons, as seen last.
        opened_at: Since when.
        last_seen_at: When it was seen last.
        seen: How often since it opened.
        resolved_at: When it ended, ``None`` while it is open.
        muted_until: Until when nobody is told.
        muted_by: Who said so.
        mute_reason: Why.
        sent: Messages sent of it, ever.
        pending: Messages that wait.
        dead: Messages given up.
    """

    alert_id: int
    dedupe: str
    kind: str
    system: str
    subject: str
    details: dict[str, Any]
    opened_at: datetime
    last_seen_at: datetime
    seen: int
    resolved_at: datetime | None
    muted_until: datetime | None
    muted_by: str
    mute_reason: str
    sent: int
    pending: int
    dead: int


@dataclass(frozen=True, slots=True)
class ChannelStanding:
    """What came of the messages to one channel.

    Args:
        channel: Its name.
        sent: Messages it took.
        pending: Messages that wait.
        dead: Messages given up.
        last_sent_at: When it took the last, ``None`` for never.
        last_response: What it said to the newest try.
    """

    channel: str
    sent: int = 0
    pending: int = 0
    dead: int = 0
    last_sent_at: datetime | None = None
    last_response: str = ""


@dataclass(frozen=True, slots=True)
class EventLine:
    """An event, and how each channel was told of it."""

    event_id: int
    kind: str
    system: str
    subject: str
    details: dict[str, Any]
    resolves: bool
    alert_id: int | None
    at: datetime
    deliveries: list[dict[str, Any]]


def route(conn: psycopg.Connection[Any], channels: Sequence[Channel], *, now: datetime) -> int:
    """Make the deliveries of all new events and of reminders; return how many events there were.

    One courier at a time does it; the others have nothing to do meanwhile.
    """
    if conn.execute(QUERIES.route_alone).fetchone() != (True,):
        return 0
    routed = 0
    while True:
        events = conn.execute(QUERIES.events_to_route, {"limit": ROUTED_TOGETHER}).fetchall()
        for event in events:
            for channel in channels:
                _route_one(conn, channel, event, now)
        ids = [event[0] for event in events]
        conn.execute(QUERIES.mark_routed, {"event_ids": ids, "now": now})
        routed += len(events)
        if len(events) < ROUTED_TOGETHER:
            break
    for channel in channels:
        reminding = {"channel": channel.name, "cooldown": channel.cooldown, "now": now}
        conn.execute(QUERIES.make_reminders, reminding)
    return routed


def _route_one(
    conn: psycopg.Connection[Any], channel: Channel, event: tuple[Any, ...], now: datetime
) -> None:
    event_id, kind, system, resolves, alert_id, muted_until = event
    about = {"event_id": event_id, "alert_id": alert_id, "channel": channel.name, "now": now}
    due = now
    if alert_id is not None and resolves:
        conn.execute(QUERIES.skip_untried, about)
        if conn.execute(QUERIES.was_told, about).fetchone() != (True,):
            return
    elif not channel.wants(kind, system, is_alert=alert_id is not None):
        return
    elif alert_id is not None:
        (last,) = conn.execute(QUERIES.last_told, about).fetchone() or (None,)
        due = max(now, muted_until or now, last + channel.cooldown if last else now)
    conn.execute(QUERIES.make_delivery, {**about, "is_reminder": False, "due": due})


def claim(
    conn: psycopg.Connection[Any], channels: Iterable[str], *, now: datetime, limit: int
) -> list[Due]:
    """Return messages that are due, leased to the caller for a minute once this is committed."""
    asked = {"channels": list(channels), "now": now, "lease": LEASE, "limit": limit}
    return [
        Due(delivery_id, channel, attempts, Message(*told))
        for delivery_id, channel, attempts, *told in conn.execute(QUERIES.claim_deliveries, asked)
    ]


def delivered(conn: psycopg.Connection[Any], due: Due, *, response: str, now: datetime) -> None:
    """Note that the channel took a message."""
    told = {"delivery_id": due.delivery_id, "attempts": due.attempts}
    conn.execute(QUERIES.end_delivery, {**told, "response": response, "now": now})


def postponed(
    conn: psycopg.Connection[Any], due: Due, *, most: int, response: str, now: datetime
) -> bool:
    """Have a message tried again later; return whether it was given up after ``most`` tries."""
    row = conn.execute(
        QUERIES.postpone_delivery,
        {
            "delivery_id": due.delivery_id,
            "attempts": due.attempts,
            "most": most,
            "response": response,
            "now": now,
            "delay": delay_after(due.attempts),
        },
    ).fetchone()
    return row == ("dead",)


def delay_after(attempts: int) -> timedelta:
    """Return how long to wait after the so-manieth try, 1 for the first.

    >>> [delay_after(tried).seconds for tried in (1, 2, 3, 9)]
    [10, 30, 90, 3600]
    """
    seconds = FIRST_DELAY_SECONDS * DELAY_FACTOR ** min(attempts - 1, 10)
    return timedelta(seconds=min(LONGEST_DELAY_SECONDS, seconds))


def list_alerts(
    conn: psycopg.Connection[Any], *, include_ended: bool, limit: int
) -> list[AlertLine]:
    """Return open alerts, with ``include_ended`` ended ones after them, newest first."""
    asked = {"all": include_ended, "limit": limit}
    return [AlertLine(*row) for row in conn.execute(QUERIES.open_alerts, asked)]


def list_events(
    conn: psycopg.Connection[Any], *, limit: int, alert_id: int | None = None
) -> list[EventLine]:
    """Return the latest events, of one alert if given, newest first."""
    asked = {"limit": limit, "alert_id": alert_id}
    return [EventLine(*row) for row in conn.execute(QUERIES.events, asked)]


def channel_standings(conn: psycopg.Connection[Any]) -> dict[str, ChannelStanding]:
    """Return what came of messages by channel; channels never told of anything are left out."""
    found = [ChannelStanding(*row) for row in conn.execute(QUERIES.channel_standings)]
    return {one.channel: one for one in found}


def events_about(
    conn: psycopg.Connection[Any], subjects: Sequence[str], *, limit: int
) -> list[EventLine]:
    """Return the latest events of sources and circuits about some subjects, newest first."""
    asked = {"subjects": list(subjects), "limit": limit}
    return [EventLine(*row) for row in conn.execute(QUERIES.events_about, asked)]


def mute(
    conn: psycopg.Connection[Any],
    alert_id: int,
    *,
    until: datetime | None,
    by: str,
    reason: str,
    now: datetime,
) -> None:
    """Tell nobody of an alert until then; ``None`` ends the silence. Its end is told all the same.

    Raises:
        UsageError: There is no such alert.
    """
    asked = {"alert_id": alert_id, "until": until, "by": by, "reason": reason}
    if conn.execute(QUERIES.mute_alert, asked).fetchone() is None:
        raise UsageError(f"there is no alert {alert_id}.", hint="stocktake alerts lists them.")
    due = {"alert_id": alert_id, "due": until or now, "is_put_off": until is not None}
    conn.execute(QUERIES.put_off_untried, due)


def retry_dead(conn: psycopg.Connection[Any], *, now: datetime) -> int:
    """Have messages that were given up tried again; return how many."""
    row = conn.execute(QUERIES.retry_dead, {"now": now}).fetchone()
    return int(row[0]) if row else 0


def undelivered(conn: psycopg.Connection[Any], *, before: datetime) -> tuple[int, int]:
    """Return how many messages were given up, and how many were due before an instant."""
    row = conn.execute(QUERIES.undelivered, {"before": before}).fetchone()
    return (row[0], row[1]) if row else (0, 0)
