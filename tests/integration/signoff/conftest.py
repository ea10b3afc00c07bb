"""A league in a real database, and a clock that tests set."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from stocktake.model import Range
from stocktake.run.counted import recount_system
from stocktake.run.files import load_files
from stocktake.run.measured import measure
from stocktake.run.signed import sign_off
from stocktake.run.workspace import Workspace
from stocktake.settings import Settings
from stocktake.store import ENGINE, Component
from stocktake.store.installation import init
from stocktake.testing.database import temporary_database
from tests.integration.signoff.system import LEAGUE, SINCE, STATIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from stocktake.model import Criterion, Item, SignOff, System
    from stocktake.store.cluster import LocalCluster
    from stocktake.store.database import Database

COMPONENT = Component.of_package("league", "tests.integration.signoff.league")
ALL = Range()


@dataclass(slots=True)
class Office:
    """One installation with the league, told of rain and games by files."""

    database: Database
    folder: Path
    now: datetime = datetime(2026, 1, 10, 12, tzinfo=UTC)
    system: System = field(default=LEAGUE)

    @property
    def workspace(self) -> Workspace:
        """The installation as every command sees it."""
        return Workspace(Settings(home=self.folder), self.database, "real", lambda: self.now)

    def load(self, dataset: str, lines: Iterable[tuple[object, ...]]) -> None:
        """Load rows of a dataset as a file."""
        suffix = {"fixture": "fixtures", "score": "scores", "rain": "rain"}[dataset]
        path = self.folder / f"rows.{suffix}"
        path.write_text("".join(",".join(map(str, line)) + "\n" for line in lines))
        load_files(
            self.workspace,
            self.system,
            self.system.dataset(dataset),
            [path],
            source="",
            report=lambda _: None,
        )

    def rain(self, first: date, last: date, *stations: str) -> None:
        """Load a reading for every day of a range."""
        days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        self.load("rain", [(one, day, 1) for day in days for one in stations or STATIONS])

    def games(self, *days: str, points: int = 100, scored: int | None = None) -> None:
        """Load one game a day, the first ``scored`` of them with a score; all when not said."""
        listed = [(f"g{day}", day) for day in days]
        self.load("fixture", listed)
        if told := listed[:scored]:
            self.load("score", [(game_id, points) for game_id, _ in told])

    def fill(self) -> None:
        """Load everything that is promised up to the present day."""
        self.rain(SINCE, self.now.date())
        self.games("2025-12-26", "2026-01-02", "2026-01-09")

    def lose(self, table: str, where: str) -> None:
        """Delete rows behind the ledger's back, and let a recount find out."""
        self.execute(f"delete from league.{table} where {where}")
        recount_system(self.workspace, self.system, self.system.datasets, ALL)

    def item(self, criterion: Criterion, window: Range = ALL) -> Item:
        """Measure one criterion."""
        return measure(self.workspace, self.system, [criterion], window)[0]

    def sign(
        self,
        window: Range = ALL,
        *,
        record: bool = True,
        waivers: Mapping[str, str] | None = None,
    ) -> SignOff:
        """Sign the league off."""
        return sign_off(
            self.workspace, self.system, window, by="ann", waivers=waivers or {}, record=record
        )

    def execute(self, statement: str) -> list[Any]:
        """Run a statement as the database's owner."""
        with self.database.login() as session:
            found = session.execute(statement)
            return found.fetchall() if found.description else []


@pytest.fixture
def office(cluster: LocalCluster, tmp_path: Path) -> Iterator[Office]:
    """An empty league, seen from 2026-01-10."""
    with temporary_database(cluster, components=(ENGINE, COMPONENT)) as database:
        init(database, "real")
        yield Office(database, tmp_path)


@pytest.fixture
def filled(office: Office) -> Office:
    """A league that lacks nothing."""
    office.fill()
    return office
