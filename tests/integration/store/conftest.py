"""Homes of their own for tests that start and stop clusters."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stocktake.store.cluster import LocalCluster
from stocktake.testing.database import temporary_home

Client = subprocess.Popen[str]

CLIENT = """
import sys
from pathlib import Path
from stocktake.store.cluster import LocalCluster

cluster = LocalCluster(Path(sys.argv[1]), application=sys.argv[2])
cluster.acquire()
print("ready", flush=True)
sys.stdin.readline()
cluster.release()
print("released", flush=True)
"""


@pytest.fixture(scope="session")
def initialised() -> Iterator[Path]:
    """A home whose cluster was created and stopped; to be copied, not used."""
    folder = temporary_home()
    with LocalCluster(folder):
        pass
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def empty_home() -> Iterator[Path]:
    """A folder for one cluster that does not exist yet; stopped and removed afterwards."""
    folder = temporary_home()
    yield folder
    LocalCluster(folder).stop()
    shutil.rmtree(folder)


@pytest.fixture
def home(initialised: Path, empty_home: Path) -> Path:
    """A home with a cluster that is not running; stopped and removed afterwards."""
    copied = shutil.copytree(initialised / "postgres", empty_home / "postgres", symlinks=True)
    for folder in (copied, *copied.rglob("*")):
        original = (initialised / "postgres" / folder.relative_to(copied)).lstat()
        os.chown(folder, original.st_uid, original.st_gid, follow_symlinks=False)
    return empty_home


@pytest.fixture
def start_client(empty_home: Path) -> Iterator[Callable[[str], Client]]:
    """Start other programs that use the cluster until a line is written to them."""
    clients: list[Client] = []

    def start(application: str) -> Client:
        client = subprocess.Popen(
            [sys.executable, "-c", CLIENT, str(empty_home), application],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        clients.append(client)
        return client

    yield start
    for client in clients:
        client.kill()
        client.communicate()
