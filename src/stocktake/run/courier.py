"""The courier: brings what the outbox holds to its channels, at least once.

Any number may run beside each other. A message is leased to one of them while it is sent; if that
one dies, the message goes out again once the lease is over, under the same id.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import structlog

from stocktake.errors import StocktakeError, UsageError
from stocktake.observe.alerts import Due, claim, delivered, postponed, route
from stocktake.observe.channels import Channel, read_channels
from stocktake.observe.failpoints import reach
from stocktake.observe.messages import Message
from stocktake.observe.plain import without_secrets
from stocktake.run.posting import Outcome, send
from stocktake.run.watch import watch, watch_freshness
from stocktake.store.trouble import TROUBLE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from stocktake.run.workspace import Workspace

LOG = structlog.get_logger(__name__)

REST_SECONDS = 2.0
TROUBLE_SECONDS = 5.0
SENT_TOGETHER = 25
WATCHES = ((timedelta(minutes=1), watch), (timedelta(minutes=5), watch_freshness))
"""What is looked at, and how often, because nobody else would notice."""


@dataclass(slots=True)
class Courier:
    """One courier of an installation.

    Args:
        workspace: Where; its clock says what is due.
        channels: Where to; what other channels are owed is left to other couriers.
    """

    workspace: Workspace
    channels: Sequence[Channel]
    _secrets: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Learn what must not get into a message."""
        self._secrets = self.workspace.settings.secrets()

    async def turn(self) -> int:
        """Make the deliveries of new events and send what is due; return how many were tried."""
        tried = 0
        while due := await asyncio.to_thread(self._claim):
            reach("delivery_claimed")
            outcomes = await asyncio.gather(*(self._send(one) for one in due))
            reach("delivery_taken")
            await asyncio.to_thread(self._note, due, outcomes)
            tried += len(due)
        return tried

    def _claim(self) -> list[Due]:
        now = self.workspace.clock()
        with self.workspace.database.connection() as conn:
            route(conn, self.channels, now=now)
        if not self.channels:
            return []
        names = [channel.name for channel in self.channels]
        with self.workspace.database.connection() as conn:
            return claim(conn, names, now=now, limit=SENT_TOGETHER)

    async def _send(self, due: Due) -> Outcome:
        channel = self._channel(due.channel)
        message = due.message.without(self._secrets)
        outcome = await send(channel, message, now=self.workspace.clock())
        response = without_secrets(outcome.response, self._secrets)
        return dataclasses.replace(outcome, response=response)

    def _note(self, due: Sequence[Due], outcomes: Sequence[Outcome]) -> None:
        now = self.workspace.clock()
        with self.workspace.database.connection() as conn:
            for one, outcome in zip(due, outcomes, strict=True):
                if outcome.is_taken:
                    delivered(conn, one, response=outcome.response, now=now)
                    continue
                most = self._channel(one.channel).attempts
                was_given_up = postponed(conn, one, most=most, response=outcome.response, now=now)
                LOG.warning(
                    "delivery_given_up" if was_given_up else "delivery_postponed",
                    channel=one.channel,
                    kind=one.message.kind,
                    attempts=one.attempts,
                    reason=outcome.response,
                )

    def _channel(self, name: str) -> Channel:
        return next(channel for channel in self.channels if channel.name == name)


async def deliver(workspace: Workspace, *, stop: asyncio.Event) -> None:
    """Bring messages to their channels until ``stop`` is set; a part of ``stocktake up``.

    Also looks now and then at what nobody else notices: the disk, endpoints that answer again, what
    is late. A database that cannot be reached is waited for.

    Raises:
        ConfigurationError: A channel's settings make no sense.
    """
    courier = Courier(workspace, read_channels(workspace.settings))
    looked: dict[str, datetime] = {}
    is_told = False
    while not stop.is_set():
        rest_seconds = REST_SECONDS
        try:
            await courier.turn()
            await asyncio.to_thread(_look, workspace, looked)
            is_told = False
        except (*TROUBLE, StocktakeError) as error:
            if not is_told:
                LOG.warning("courier_waits", reason=str(error))
            is_told, rest_seconds = True, TROUBLE_SECONDS
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), rest_seconds)


def _look(workspace: Workspace, looked: dict[str, datetime]) -> None:
    """Take those looks that are due; ``looked`` has when each was taken last."""
    for every, look in WATCHES:
        now = workspace.clock()
        if look.__name__ not in looked or now - looked[look.__name__] >= every:
            looked[look.__name__] = now
            look(workspace)


def try_channel(workspace: Workspace, name: str) -> Outcome:
    """Send a test message to a channel at once, past the outbox, and return what it answered.

    Raises:
        UsageError: There is no such channel.
        ConfigurationError: Its settings make no sense.
    """
    channels = {channel.name: channel for channel in read_channels(workspace.settings)}
    if name not in channels:
        known = ", ".join(channels) or "none; see [alerts.NAME] in the settings reference"
        raise UsageError(f"there is no channel {name!r}.", hint=f"Channels: {known}.")
    now = workspace.clock()
    details = {"text": "If you can read this, alerts arrive here.", "database": workspace.kind}
    message = Message(uuid4(), "alert.test", "", name, details, now)
    outcome = asyncio.run(send(channels[name], message, now=now))
    response = without_secrets(outcome.response, workspace.settings.secrets())
    return dataclasses.replace(outcome, response=response)
