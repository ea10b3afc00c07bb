"""Racing's sandbox, a sandbox database, and a clock that tests set."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from psycopg.sql import SQL, Identifier

from stocktake.model import PlanOptions, Range, State
from stocktake.run.backfill import Conduct, backfill
from stocktake.run.counted import count_system, list_gaps
from stocktake.run.derived import verify_system
from stocktake.run.registry import find_datasets, find_system
from stocktake.run.sync import sync
from stocktake.run.workspace import Workspace, components
from stocktake.settings import Settings
from stocktake.store.installation import init
from stocktake.systems.racing.sandbox import create
from stocktake.testing.database import temporary_database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from stocktake.model import Coverage, RunReport
    from stocktake.store.cluster import LocalCluster
    from stocktake.store.database import Database
    from stocktake.testing import SandboxServer

RACING = find_system("racing")
RATE_FACTOR = 2000.0
DAYS = ("ra_races", "ra_runners", "ra_race_results")
"""The datasets that need one request of results and one of cards a day."""


@dataclass(slots=True)
class Stable:
    """One installation on one sandbox, with a clock of its own.

    Args:
        database: A sandbox database.
        server: The racing sandbox, running.
        now: What the clock says; tests move it.
    """

    database: Database
    server: SandboxServer
    home: Any
    now: datetime = datetime(2026, 3, 10, 12, tzinfo=UTC)
    system: Any = field(default=RACING)

    @property
    def workspace(self) -> Workspace:
        """The installation as every command sees it."""
        source = {
            "base_url": self.server.base_url,
            "user": "sandbox",
            "password": "not-a-secret",
            "rate_factor": str(RATE_FACTOR),
        }
        settings = Settings(home=self.home, sources={"theracingapi": source})
        return Workspace(settings, self.database, "sandbox", lambda: self.now)

    def backfill(self, *datasets: str, **options: Any) -> RunReport:
        """Run a backfill to its end."""
        asked = PlanOptions(datasets=datasets, **options)
        return backfill(self.workspace, self.system, asked)

    def sync(self, *datasets: str, days: int = 14, conduct: Conduct | None = None) -> RunReport:
        """Run a sync to its end."""
        how = conduct or Conduct()
        return sync(self.workspace, self.system, datasets, days=days, conduct=how)

    def count(self, dataset: str, **window: date) -> Coverage:
        """Count one dataset."""
        chosen = find_datasets(self.system, [dataset])
        return count_system(self.workspace, self.system, chosen, Range(**window))[0]

    def units(self, dataset: str, *states: State) -> set[str]:
        """Return the units of a dataset in these states, as they are written."""
        chosen = find_datasets(self.system, [dataset])
        found = list_gaps(self.workspace, self.system, chosen, Range(), states=states, limit=None)
        return {
            "/".join((day.isoformat(), *gap.series))
            for gap in found
            for first, last in [(date.fromisoformat(gap.first), date.fromisoformat(gap.last))]
            for day in (first + timedelta(days=n) for n in range((last - first).days + 1))
        }

    def targets(self, since: int = 0) -> list[str]:
        """Return what the sandbox was asked from its ``since``-th exchange on."""
        return [entry.target for entry in self.server.requests[since:]]

    @property
    def asked(self) -> int:
        """How many requests the sandbox has answered."""
        return len(self.server.requests)

    def rows(self, table: str, where: str = "true", columns: str = "*") -> list[tuple[Any, ...]]:
        """Return rows of a table of the system, in order."""
        query = SQL("select {} from {} where {} order by 1, 2").format(
            SQL(columns), Identifier("racing", table), SQL(where)
        )
        with self.database.login() as session:
            return session.execute(query).fetchall()

    def execute(self, statement: str, values: Mapping[str, Any] | None = None) -> list[Any]:
        """Run a statement as the database's owner."""
        with self.database.login() as session:
            found = session.execute(statement, values)
            return found.fetchall() if found.description else []

    def differences(self) -> dict[str, int]:
        """Return what ``verify --full`` finds wrong, by what was compared."""
        verdicts = verify_system(
            self.workspace, self.system, self.system.datasets, full=True, seed=1
        )
        return {one.what: one.differences for one in verdicts if one.differences}


@pytest.fixture
def stabled(cluster: LocalCluster, tmp_path: Any) -> Iterator[Callable[[SandboxServer], Stable]]:
    """Put a running sandbox and a fresh database together."""
    with temporary_database(cluster, components=components()) as database:
        init(database, "sandbox")
        yield lambda server: Stable(database, server, tmp_path)


@pytest.fixture
def stable(stabled: Callable[[SandboxServer], Stable]) -> Iterator[Stable]:
    """Racing up to 2026-03-31, small, seen from 2026-03-10."""
    with create(1, "year", until=date(2026, 3, 31), rate_factor=RATE_FACTOR * 2) as server:
        yield stabled(server)
