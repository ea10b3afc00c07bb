"""A run of workers, backed up amid its chunks, goes on in another server: equal in the end."""

from __future__ import annotations

import contextlib
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from stocktake.errors import ClusterError
from stocktake.run.workspace import components
from stocktake.store.binaries import find_binaries
from stocktake.store.installation import init
from stocktake.testing.database import temporary_cluster, temporary_database
from tests.acceptance.fleet import Fleet
from tests.acceptance.installation import Installation, State, backfill, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date
    from pathlib import Path

    from stocktake.store.cluster import LocalCluster
    from stocktake.testing import SandboxServer

    Undisturbed = Callable[[tuple[str, ...]], tuple[State, int]]


@pytest.fixture(
    params=["of the same version", pytest.param("of an older version", marks=pytest.mark.soak)]
)
def elsewhere(
    request: pytest.FixtureRequest, sandbox: SandboxServer, tmp_path: Path
) -> Iterator[Installation]:
    """An installation on another server, of this version or of an older one the machine has."""
    folder = find_binaries().folder if "same" in request.param else _older_binaries()
    with (
        temporary_cluster(pg_bin=folder, application="pytest elsewhere") as cluster,
        temporary_database(cluster, components=components()) as database,
    ):
        init(database, "sandbox")
        yield Installation(database, sandbox, tmp_path)


def _older_binaries() -> Path:
    for major in range(find_binaries().major - 1, 14, -1):
        with contextlib.suppress(ClusterError):
            return find_binaries(major=major).folder
    pytest.skip("only one version of PostgreSQL is installed")


@pytest.mark.fault("C10")
def test_a_run_backed_up_amid_its_chunks_goes_on_in_another_server(
    elsewhere: Installation,
    cluster: LocalCluster,
    undisturbed: Undisturbed,
    settled: date,
    tmp_path: Path,
) -> None:
    command = backfill(settled, settled)
    expected, requests = undisturbed(command)
    saved = str(tmp_path / "amid.backup")
    first = Fleet(elsewhere)
    first.slow(20)
    try:
        first.worker()
        first.worker()
        run_id = first.queue(*command)
        wait_until(lambda: len(elsewhere.targets()) > 60 and len(first.owners()) == 2)
        made = elsewhere.run("db", "backup", saved, "--json")
    finally:
        first.kill()
    with temporary_database(cluster, components=()) as database:
        here = Installation(database, elsewhere.server, tmp_path)
        restored = here.run("db", "restore", saved, "--json")
        fleet = Fleet(here)
        waiting, running = fleet.chunks("waiting", "queued"), fleet.chunks("running")
        stored = Counter(answered(here))
        since = len(here.targets())
        try:
            fleet.worker()
            fleet.worker()
            done = fleet.follow(run_id)
        finally:
            ends = fleet.stop()
        state = here.state()
        asked = Counter(answered(here)) - stored

    assert (made.code, restored.code) == (0, 0), made.said + restored.said
    assert waiting > 0, "nothing was left to do"
    assert running == 2, "nobody was amid a chunk"
    assert state.differences(expected) == []
    assert [request for request, times in (stored + asked).items() if times > 1] == []
    assert len(here.targets(since)) == requests - stored.total()
    assert done["requests"] == requests
    assert ends == [0, 0]


def answered(installation: Installation) -> list[tuple[str, ...]]:
    """Return the requests whose answers are stored."""
    return [(path, *params) for path, params in installation.rows("first_pages")]
