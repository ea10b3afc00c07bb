"""Fixtures every test may use: one real cluster per test session, a fresh database per test."""

import os
import shutil
from collections.abc import Iterator

import pytest

from stocktake.settings import Secret, Settings
from stocktake.store.cluster import LocalCluster
from stocktake.store.database import Database
from stocktake.testing.database import temporary_cluster, temporary_database, temporary_home


def _session_name(config: pytest.Config) -> str:
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    return f"session-{run[:12]}" if run else f"session-{os.getpid()}"


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> Iterator[LocalCluster]:
    """One cluster for all tests, shared by the workers of pytest-xdist; the last one stops it."""
    home = temporary_home(_session_name(request.config))
    with temporary_cluster(home, application="pytest") as running:
        yield running
    if not running.clients():
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def database(cluster: LocalCluster) -> Iterator[Database]:
    """A fresh database with the engine's tables."""
    with temporary_database(cluster) as fresh:
        yield fresh


@pytest.fixture
def settings(database: Database, cluster: LocalCluster) -> Settings:
    """Settings that name the test's own database."""
    return Settings(home=cluster.home, database_url=Secret(database.url))
