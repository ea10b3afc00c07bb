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


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder for one cluster, emptied and stopped afterwards."""
    folder = temporary_home()
    yield folder
    if os.geteuid() == 0 or os.access(folder, os.W_OK):
        LocalCluster(folder).stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def start_client(home: Path) -> Iterator[Callable[[str], Client]]:
    """Start other programs that use the cluster until a line is written to them."""
    clients: list[Client] = []

    def start(application: str) -> Client:
        client = subprocess.Popen(
            [sys.executable, "-c", CLIENT, str(home), application],
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
