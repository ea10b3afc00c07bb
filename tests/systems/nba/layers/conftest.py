"""Databases with real box scores, derived."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Identifier

from stocktake.store import ENGINE, Database
from stocktake.testing.database import temporary_database
from tests.systems.nba.conftest import NBA
from tests.systems.nba.layers.box_scores import (
    derive_all,
    games_of,
    give_seasons,
    insert,
    real_season,
    schedule_row,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stocktake.store import LocalCluster
    from tests.systems.nba.layers.box_scores import Row

LAST_DAY = date(2024, 11, 12)


def early_rows() -> list[Row]:
    """Return the first three weeks of a real season: 154 games, every team at least nine times."""
    return [row for row in real_season("2024-25") if row["game_date"] <= LAST_DAY]


@contextmanager
def early_season(cluster: LocalCluster, *, scores: bool) -> Iterator[Database]:
    """Give the first three weeks of a season with their schedule, and only two days of bootstrap.

    Args:
        scores: Whether the box scores are there and derived.
    """
    rows = early_rows()
    with temporary_database(cluster, components=(ENGINE, NBA)) as fresh:
        with fresh.connection() as conn:
            give_seasons(conn, bootstrap_days=2)
            games = games_of(rows).values()
            insert(conn, "schedule", [schedule_row(game, season="2024-25") for game in games])
            if scores:
                insert(conn, "raw_box_score", rows)
        derive_all(fresh)
        yield fresh


@contextmanager
def copied(cluster: LocalCluster, original: Database) -> Iterator[Database]:
    """Give a copy of a database, faster than deriving it again; nobody may use the original."""
    original.close()
    name = f"test_{uuid4().hex[:16]}"
    names = {
        "copy": Identifier(name),
        "original": Identifier(str(conninfo_to_dict(original.url)["dbname"])),
    }
    maintenance = Database(cluster.url("postgres"), application="tests", cluster=cluster)
    with maintenance.login() as login:
        login.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s",
            [names["original"].as_string().strip('"')],
        )
        login.execute(SQL("create database {copy} template {original}").format(**names))
    copy = Database(cluster.url(name), application="tests", cluster=cluster)
    try:
        yield copy
    finally:
        copy.close()
        with maintenance.login() as login:
            login.execute(SQL("drop database {copy} with (force)").format(**names))


@pytest.fixture(scope="session")
def early_original(cluster: LocalCluster) -> Iterator[Database]:
    """The first three weeks of a season, derived, to be copied."""
    with early_season(cluster, scores=True) as held:
        yield held


@pytest.fixture
def early(cluster: LocalCluster, early_original: Database) -> Iterator[Database]:
    """The first three weeks of a season, derived."""
    with copied(cluster, early_original) as copy:
        yield copy


@pytest.fixture
def unplayed(cluster: LocalCluster) -> Iterator[Database]:
    """The schedule of three weeks, without any box score."""
    with early_season(cluster, scores=False) as held:
        yield held


@pytest.fixture(scope="module")
def seasons(cluster: LocalCluster) -> Iterator[Database]:
    """Two whole real seasons, by the id rule alone; tests of a module share it and only read."""
    with temporary_database(cluster, components=(ENGINE, NBA)) as fresh:
        with fresh.connection() as conn:
            give_seasons(conn)
            for season in ("2022-23", "2024-25"):
                insert(conn, "raw_box_score", real_season(season))
        derive_all(fresh)
        yield fresh
