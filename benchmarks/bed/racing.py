"""The racing system's own backfill against a lean server, through the door every command uses."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

from stocktake.model import PlanOptions, RunReport, System
from stocktake.observe.logs import configure_logs
from stocktake.run.backfill import backfill
from stocktake.run.clock import system_clock
from stocktake.run.registry import find_system
from stocktake.run.workspace import Workspace, components
from stocktake.settings import Secret, Settings, SettingValue
from stocktake.store.database import Database, open_database
from stocktake.store.installation import init

__all__ = ["backfill_cards", "cards_only", "open_prepared", "prepare", "settings_for"]

UNLIMITED = 1e6
"""Factor of the allowed rates at which the gate never waits."""
CARD_TABLES = ("ra_races", "ra_runners")


def settings_for(
    database_url: str, base_url: str, *, source: str = "theracingapi", password: str = "bench"
) -> Settings:
    """Return settings of an installation whose source is on loopback, without limits."""
    own: dict[str, SettingValue] = {
        "base_url": base_url,
        "user": "sandbox",
        "password": Secret(password),
        "rate_factor": UNLIMITED,
    }
    return Settings(
        home=Path("/nonexistent"),
        database_url=Secret(database_url),
        sources={source: own},
    )


def prepare(database_url: str) -> None:
    """Create all tables in an empty database, for sandbox rows."""
    settings = settings_for(database_url, "")
    with open_database(settings, application="benchmark", components=components()) as database:
        init(database, "sandbox")


@contextmanager
def open_prepared(settings: Settings) -> Iterator[Workspace]:
    """Open a database made by `prepare`."""
    database = Database(
        settings.database_url.reveal() if settings.database_url else "", application="benchmark"
    )
    try:
        yield Workspace(settings, database, "sandbox", system_clock)
    finally:
        database.close()


def cards_only(system: System) -> System:
    """Return a system whose only feed is the day's racecards, with nothing to derive."""
    (source,) = (one for one in system.sources if any(f.name == "racecards" for f in one.feeds))
    feeds = tuple(feed for feed in source.feeds if feed.name == "racecards")
    return replace(system, sources=(replace(source, feeds=feeds),), derivations=())


def backfill_cards(
    database_url: str, base_url: str, *, first: str, days: int, refetch: str = "no"
) -> RunReport:
    """Backfill some days of racecards.

    Args:
        refetch: ``yes`` to fetch what is held.
    """
    configure_logs(level="warning", style="console")
    settings = settings_for(database_url, base_url)
    since = date.fromisoformat(first)
    options = PlanOptions(
        datasets=CARD_TABLES,
        since=since,
        until=since + timedelta(days=days - 1),
        refetch=refetch == "yes",
    )
    with open_prepared(settings) as workspace:
        return backfill(workspace, cards_only(find_system("racing")), options)
