"""Fixtures every test may use: one real cluster per test session, a fresh database per test."""

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from stocktake.settings import Secret, Settings
from stocktake.store.cluster import LocalCluster
from stocktake.store.database import Database
from stocktake.testing.database import temporary_cluster, temporary_database, temporary_home


def _session_home() -> Path:
    """The folder all workers of this session share: named after the program that started them."""
    is_worker = "PYTEST_XDIST_WORKER" in os.environ
    return temporary_home(f"session-{os.getppid() if is_worker else os.getpid()}")


def pytest_configure() -> None:
    """Let programs that tests start hear Ctrl-C, also when a shell started us deaf to it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_unconfigure() -> None:
    """Remove the session's folder once every worker has ended."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        shutil.rmtree(_session_home(), ignore_errors=True)


@pytest.fixture(scope="session")
def cluster() -> Iterator[LocalCluster]:
    """One cluster for all tests, shared by the workers of pytest-xdist; the last one stops it."""
    with temporary_cluster(_session_home(), application="pytest") as running:
        yield running


@pytest.fixture
def database(cluster: LocalCluster) -> Iterator[Database]:
    """A fresh database with the engine's tables."""
    with temporary_database(cluster) as fresh:
        yield fresh


@pytest.fixture
def settings(database: Database, cluster: LocalCluster) -> Settings:
    """Settings that name the test's own database."""
    return Settings(home=cluster.home, database_url=Secret(database.url))
