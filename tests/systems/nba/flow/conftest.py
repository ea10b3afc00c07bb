"""The NBA from its sandbox to features: installations on one seed, and a clock tests set."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from psycopg.sql import SQL, Identifier

from stocktake.model import PlanOptions, Range
from stocktake.run.backfill import backfill
from stocktake.run.counted import count_system, list_gaps, recount_system
from stocktake.run.derived import derive_system, verify_system
from stocktake.run.explained import explain_unit
from stocktake.run.planned import make_and_save
from stocktake.run.registry import find_datasets, find_system
from stocktake.run.shipped import load_shipped
from stocktake.run.workspace import Workspace, components
from stocktake.settings import Settings
from stocktake.store.installation import init
from stocktake.systems.nba.sandbox import create
from stocktake.testing.database import temporary_database
from tests.systems.nba.layers.conftest import copied

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from stocktake.model import Coverage, Explanation, Plan, RunReport, State
    from stocktake.store.cluster import LocalCluster
    from stocktake.store.database import Database
    from stocktake.testing import Fault, SandboxServer

NBA = find_system("nba")
RATE_FACTOR = 4000.0
TODAY = date(2024, 11, 12)
"""Three weeks into a season, one of them after the bootstrap days."""
SINCE = date(2024, 10, 1)
LAYERS = (
    *("raw_box_score", "raw_team_log", "clean_box_score", "player_game_summary"),
    *("team_offense_game_summary", "team_defense_game_summary", "team_defense_zone_analysis"),
    *("player_daily_cache", "player_composite_factors", "ml_feature_store"),
)


def noon(day: date) -> datetime:
    """Return noon of a day in New York, more or less."""
    return datetime(day.year, day.month, day.day, 17, tzinfo=UTC)


NOW = noon(TODAY)


@dataclass(slots=True)
class League:
    """One installation on one sandbox.

    Args:
        database: A sandbox database.
        server: The NBA's sandbox, running.
        home: Folder without settings.
        now: What the clock says; tests move it.
    """

    database: Database
    server: SandboxServer
    home: Path
    now: datetime = NOW

    @property
    def workspace(self) -> Workspace:
        """The installation as every command sees it."""
        own = {"base_url": self.server.base_url, "rate_factor": str(RATE_FACTOR)}
        settings = Settings(home=self.home, sources={"stats": own, "cdn": own})
        return Workspace(settings, self.database, "sandbox", lambda: self.now)

    def plan(self, *datasets: str, since: date = SINCE, **options: Any) -> Plan:
        """Return what a backfill would do."""
        asked = PlanOptions(datasets=datasets, since=since, **options)
        return make_and_save(self.workspace, NBA, asked, save=False)

    def backfill(self, *datasets: str, since: date = SINCE, **options: Any) -> RunReport:
        """Run a backfill to its end, a minute later than what came before."""
        self.now += timedelta(minutes=1)
        return backfill(self.workspace, NBA, PlanOptions(datasets=datasets, since=since, **options))

    def derive(self) -> None:
        """Compute what changes since the last time touch."""
        derive_system(self.workspace, NBA, (), full=False, parameters={})

    def count(self, dataset: str, since: date = SINCE) -> Coverage:
        """Count one dataset up to today."""
        chosen = find_datasets(NBA, [dataset])
        return count_system(self.workspace, NBA, chosen, Range(since, self.now.date()))[0]

    def short(self, since: date = SINCE) -> dict[str, float | None]:
        """Return the layers that are not complete, with their coverage."""
        counted = {name: self.count(name, since).coverage for name in LAYERS}
        return {name: share for name, share in counted.items() if share != 1}

    def units(self, dataset: str, *states: State) -> list[str]:
        """Return the games of a dataset in these states; without any: gaps, thin and stale."""
        found = list_gaps(
            self.workspace,
            NBA,
            find_datasets(NBA, [dataset]),
            Range(SINCE, self.now.date()),
            states=states,
            limit=None,
        )
        names = [
            name
            for (name,) in self.rows(
                "select m.key from stocktake.member m join stocktake.series s using (series_id) "
                "where s.system = 'nba' and s.dataset = 'schedule' and s.key = array['game_id'] "
                "order by ordinal"
            )
        ]
        return [
            name
            for gap in found
            for name in names[names.index(gap.first) : names.index(gap.last) + 1]
        ]

    def why(self, dataset: str, game_id: str) -> Explanation:
        """Explain a game of a dataset."""
        return explain_unit(self.workspace, NBA, NBA.dataset(dataset), game_id)

    def recount(self, *datasets: str) -> list[tuple[str, str]]:
        """Count rows anew; return dataset and game wherever the ledger was wrong."""
        found = recount_system(self.workspace, NBA, find_datasets(NBA, datasets), Range())
        return sorted((drift.dataset, "/".join(drift.key)) for drift in found)

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a statement as the database's owner."""
        with self.database.login() as session:
            found = session.execute(statement, values)
            return found.fetchall() if found.description else []

    def checksums(self) -> dict[str, str]:
        """Return a checksum of every layer's rows, without the engine's columns."""
        query = SQL(
            "select md5(string_agg(line, ',' order by line)) from (select (select "
            "jsonb_object_agg(key, value) from jsonb_each(to_jsonb(t)) "
            "where key !~ '^_|^(created|updated)_at$')::text as line from {} t) as lines"
        )
        with self.database.login() as session:
            return {
                name: session.execute(query.format(Identifier("nba", name))).fetchall()[0][0]
                for name in LAYERS
            }

    def differences(self) -> dict[str, int]:
        """Return what computing every layer anew finds different."""
        verdicts = verify_system(self.workspace, NBA, NBA.datasets, full=True, seed=1)
        return {one.what: one.differences for one in verdicts if one.differences}


@contextmanager
def founded(cluster: LocalCluster, server: SandboxServer, home: Path) -> Iterator[League]:
    """Make an installation on a running sandbox, with the shipped lists loaded."""
    with temporary_database(cluster, components=components()) as database:
        init(database, "sandbox")
        league = League(database, server, home)
        load_shipped(league.workspace, NBA)
        yield league


@pytest.fixture
def opened(cluster: LocalCluster, tmp_path: Path) -> Iterator[Callable[..., League]]:
    """Open an empty installation on a sandbox with these faults, seen on a day."""
    with opening(cluster, tmp_path) as open_league:
        yield open_league


@contextmanager
def opening(cluster: LocalCluster, home: Path) -> Iterator[Callable[..., League]]:
    with ExitStack() as stack:

        def open_league(*faults: Fault, until: date = TODAY, seasons: int = 1) -> League:
            server = create(
                1,
                "full",
                until=until,
                seasons=seasons,
                faults=faults,
                rate_factor=RATE_FACTOR * 2,
            )
            stack.enter_context(server)
            league = stack.enter_context(founded(cluster, server, home))
            league.now = noon(until)
            return league

        yield open_league


@pytest.fixture(scope="module")
def filled(cluster: LocalCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[League]:
    """Three weeks of a season, complete; for tests that only look, and to be copied."""
    with opening(cluster, tmp_path_factory.mktemp("league")) as open_league:
        league = open_league()
        league.backfill()
        league.database.close()
        yield league


@pytest.fixture
def league(cluster: LocalCluster, filled: League) -> Iterator[League]:
    """A copy of the filled installation, to be spoiled."""
    with copied(cluster, filled.database) as database:
        yield replace(filled, database=database)
        filled.server.rules.clear()
