"""An installation with a clock that tests move, and channels to receivers on the loopback."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from stocktake.observe.channels import Channel, read_channels
from stocktake.observe.events import emit
from stocktake.run.courier import Courier
from stocktake.run.workspace import Workspace
from stocktake.settings import Settings
from tests.integration.observe.receivers import Hook, hook

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from stocktake.settings import SettingValue
    from stocktake.store.database import Database

SECRET = "canary-secret-of-the-webhook-of-ops"
START = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass(slots=True)
class Office:
    """One installation whose outbox a courier empties when told to.

    Args:
        database: Its database.
        home: Its folder.
        alerts: Tables ``[alerts.NAME]``.
        now: What the clock says.
    """

    database: Database
    home: Path
    alerts: dict[str, dict[str, SettingValue]] = field(default_factory=dict)
    now: datetime = START

    @property
    def workspace(self) -> Workspace:
        """The installation as every command sees it."""
        settings = Settings(home=self.home, alerts=self.alerts)
        return Workspace(settings, self.database, "sandbox", lambda: self.now)

    @property
    def channels(self) -> list[Channel]:
        """The channels of the settings."""
        return read_channels(self.workspace.settings)

    def post(self, receiver: Hook, **own: SettingValue) -> None:
        """Declare the channel ``ops``: a webhook to a receiver."""
        usual: dict[str, SettingValue] = {
            "type": "webhook",
            "url": receiver.url,
            "secret": SECRET,
            "allow_private": True,
        }
        self.alerts["ops"] = {**usual, **own}

    def tell(self, kind: str = "check.failed", /, *, key: str = "check:a", **details: Any) -> None:
        """Emit an event; kinds that end with ``passed`` end the alert, ``run.*`` are notes."""
        with self.database.connection() as conn:
            emit(
                conn,
                kind,
                system="racing",
                subject=key,
                details=details,
                now=self.now,
                dedupe="" if kind.startswith(("run.", "lineage.")) else key,
                resolves=kind.endswith("passed"),
            )

    def turn(self, *, minutes: float = 0) -> int:
        """Let time pass, then a courier take its turn; return how many messages it tried."""
        self.now += timedelta(minutes=minutes)
        return asyncio.run(Courier(self.workspace, self.channels).turn())

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Return what a statement finds."""
        with self.database.connection() as conn:
            return conn.execute(statement.encode()).fetchall()

    @property
    def deliveries(self) -> list[tuple[Any, ...]]:
        """State and tries of every delivery, in order."""
        return self.rows("select state, attempts from delivery order by delivery_id")


@pytest.fixture
def office(database: Database, tmp_path: Path) -> Office:
    """An installation without channels."""
    return Office(database, tmp_path)


@pytest.fixture
def ops(office: Office) -> Iterator[Hook]:
    """A receiver that the office's channel ``ops`` posts to."""
    with hook() as receiver:
        office.post(receiver)
        yield receiver
