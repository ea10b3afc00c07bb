"""Installations to drive from the command line, and what an undisturbed one holds."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING

import pytest

from stocktake.run.clock import system_clock
from stocktake.run.workspace import components
from stocktake.store.installation import init
from stocktake.systems.racing.sandbox.server import create
from stocktake.testing.database import temporary_database
from tests.acceptance.installation import (
    RATE_FACTOR,
    Installation,
    State,
    finish,
    session_seed,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date
    from pathlib import Path

    from stocktake.store.cluster import LocalCluster
    from stocktake.testing import SandboxServer


LONG_SECONDS = 1200.0
"""Patience with a backfill that others are compared with; soaks ask for weeks."""


def pytest_report_header() -> str:
    """Say how to repeat this session's random choices."""
    return f"acceptance: STOCKTAKE_TEST_SEED={session_seed()}"


@pytest.fixture(scope="session")
def today() -> date:
    """The sandbox's today; one for all tests of a session, which may run past midnight."""
    return system_clock().date()


@pytest.fixture(scope="session")
def settled(today: date) -> date:
    """A day with ordinary racing whose results no longer change."""
    return today - timedelta(days=20)


@pytest.fixture
def sandbox(today: date) -> Iterator[SandboxServer]:
    """The racing sandbox with limits nobody reaches."""
    with create(1, "year", until=today, rate_factor=RATE_FACTOR * 2) as server:
        yield server


@pytest.fixture
def installation(
    cluster: LocalCluster, sandbox: SandboxServer, tmp_path: Path
) -> Iterator[Installation]:
    """A fresh sandbox installation."""
    with temporary_database(cluster, components=components()) as database:
        init(database, "sandbox")
        fresh = Installation(database, sandbox, tmp_path)
        yield fresh


@pytest.fixture(scope="session")
def undisturbed(
    cluster: LocalCluster, today: date, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[tuple[str, ...]], tuple[State, int]]:
    """What a database holds, and how many requests were sent, after a backfill without faults."""

    @contextmanager
    def fresh() -> Iterator[Installation]:
        with (
            create(1, "year", until=today, rate_factor=RATE_FACTOR * 2) as server,
            temporary_database(cluster, components=components()) as database,
        ):
            init(database, "sandbox")
            yield Installation(database, server, tmp_path_factory.mktemp("undisturbed"))

    @cache
    def of(arguments: tuple[str, ...]) -> tuple[State, int]:
        with fresh() as installation:
            done = finish(installation.start(*arguments), seconds=LONG_SECONDS)
            assert done.code in {0, 1, 2}, done.said
            return installation.state(), len(installation.targets())

    return of
