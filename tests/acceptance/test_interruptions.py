"""Whatever ends a run before its end: it says so, nothing is half-done, the next one goes on."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg.sql import Identifier, Literal

from stocktake.run.workspace import components
from stocktake.store.installation import init
from stocktake.testing.database import temporary_cluster, temporary_database, temporary_home
from tests.acceptance.installation import QUERIES, Installation, State, backfill, finish, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date
    from pathlib import Path

    from stocktake.store.cluster import LocalCluster
    from stocktake.testing import SandboxServer

    Undisturbed = Callable[[tuple[str, ...]], tuple[State, int]]

ENDED = {0, 1, 2}
SPEED = "STOCKTAKE_SOURCE_THERACINGAPI_RATE_FACTOR"


def begun(installation: Installation, command: tuple[str, ...]) -> subprocess.Popen[str]:
    """Start a backfill and return once its second wave is under way."""
    asked = len(installation.targets())
    started = installation.start(*command)
    wait_until(lambda: len(installation.targets()) > asked + 40)
    return started


@contextmanager
def frozen(program: subprocess.Popen[str]) -> Iterator[None]:
    """Let another program act while this one is under way, however fast the machine is."""
    program.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        program.send_signal(signal.SIGCONT)


def test_the_same_command_twice_at_once_says_who_holds_the_lock(
    installation: Installation, undisturbed: Undisturbed, settled: date
) -> None:
    command = backfill(settled, settled)
    expected, requests = undisturbed(command)
    first = begun(installation, command)
    with frozen(first):
        second = installation.run(*command)
    done = finish(first)

    assert second.code == 2, second.said
    assert re.search(rf"run 1 \(backfill\) is held by \S+:{first.pid} since", second.out)
    assert done.code in ENDED, done.said
    assert len(installation.targets()) == requests
    assert installation.state().differences(expected) == []


@pytest.fixture
def started_deaf() -> Iterator[None]:
    """Programs started meanwhile ignore Ctrl-C, as a shell makes those in the background do."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.mark.usefixtures("started_deaf")
def test_a_run_in_the_background_of_a_shell_can_be_ended_as_a_service_is(
    installation: Installation, settled: date
) -> None:
    installation.environment[SPEED] = "10"
    started = begun(installation, backfill(settled, settled))
    started.send_signal(signal.SIGINT)
    time.sleep(0.2)
    assert started.poll() is None
    started.send_signal(signal.SIGTERM)

    assert finish(started).code == 130
    assert [run[2] for run in installation.rows("runs")] == ["paused"]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_an_interrupted_run_saves_its_state_and_the_same_command_goes_on(
    how: signal.Signals, installation: Installation, undisturbed: Undisturbed, settled: date
) -> None:
    command = backfill(settled, settled)
    expected, requests = undisturbed(command)
    installation.environment[SPEED] = "10"  # some seconds, in which the signal arrives
    started = begun(installation, command)
    started.send_signal(how)
    interrupted = finish(started)
    del installation.environment[SPEED]

    assert interrupted.code == 130, interrupted.said
    assert "interrupted" in interrupted.document["error"]["message"]
    assert [run[2] for run in installation.rows("runs")] == ["paused"]
    resumed = installation.run(*command)
    assert resumed.code in ENDED, resumed.said
    assert [run[2] for run in installation.rows("runs")] == ["done"]
    assert installation.state().differences(expected) == []
    assert len(installation.targets()) - requests <= 60


def test_a_paused_run_ends_as_interrupted_and_is_resumed(
    installation: Installation, undisturbed: Undisturbed, settled: date
) -> None:
    command = backfill(settled, settled)
    expected, _ = undisturbed(command)
    installation.environment[SPEED] = "10"  # some seconds, in which another program can act
    started = begun(installation, command)
    paused = installation.run("run", "pause", "1", "--json")
    stopped = finish(started)
    del installation.environment[SPEED]
    left = installation.rows("runs")[0][2]
    resumed = installation.run("run", "resume", "1", "--json")

    assert paused.code == 0, paused.said
    assert (stopped.code, left) == (130, "paused"), stopped.said
    assert stopped.document["error"]["hint"] == "stocktake run resume 1"
    assert resumed.code in ENDED, resumed.said
    assert installation.state().differences(expected) == []


@pytest.mark.soak
def test_a_cancelled_run_stops_at_its_next_batch(
    installation: Installation, undisturbed: Undisturbed, settled: date
) -> None:
    command = backfill(settled, settled)
    expected, _ = undisturbed(command)
    started = begun(installation, command)
    with frozen(started):
        cancelled = installation.run("run", "cancel", "1", "--json")
    stopped = finish(started)

    assert cancelled.code == 0, cancelled.said
    assert stopped.code == 3, stopped.said
    assert "cancelled" in stopped.document["error"]["message"]
    assert installation.rows("runs")[0][2] == "cancelled"
    again = installation.run(*command)
    assert again.document["run_id"] == 2
    assert installation.state().differences(expected) == []


@pytest.mark.fault("C03")
def test_a_backfill_whose_connections_are_all_terminated_goes_on_by_itself(
    installation: Installation, undisturbed: Undisturbed, settled: date
) -> None:
    command = backfill(settled, settled)
    expected, requests = undisturbed(command)
    started = begun(installation, command)
    for count in (60, 120, 180):
        wait_until(lambda at=count: len(installation.targets()) >= at)  # type: ignore[misc]
        installation.rows("terminate_all")
    done = finish(started)

    assert done.code in ENDED, done.said
    assert installation.state().differences(expected) == []
    assert len(installation.targets()) == requests


@contextmanager
def cluster_of_its_own(
    sandbox: SandboxServer, home: Path
) -> Iterator[tuple[LocalCluster, Installation]]:
    folder = temporary_home()
    # Tests' clusters forget what was committed a moment ago; this one is stopped to be believed.
    (folder / "postgres").mkdir(parents=True, exist_ok=True)
    conf = folder / "postgres" / "local.conf"
    conf.write_text("fsync = off\nfull_page_writes = off\n")
    conf.chmod(0o644)
    try:
        with (
            temporary_cluster(folder, application="pytest") as cluster,
            temporary_database(cluster, components=components()) as database,
        ):
            init(database, "sandbox")
            yield cluster, Installation(database, sandbox, home)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def stop_immediately(cluster: LocalCluster, how: signal.Signals) -> None:
    """End the server as ``pg_ctl stop -m immediate`` (SIGQUIT) or an unlucky machine does."""
    postmaster = int((cluster.pgdata / "postmaster.pid").read_text().splitlines()[0])
    os.kill(postmaster, how)
    wait_until(lambda: not _lives(postmaster))


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.fault("C03")
@pytest.mark.parametrize(
    "how",
    [
        pytest.param(signal.SIGQUIT, id="immediate stop"),
        pytest.param(signal.SIGKILL, id="kill -9", marks=pytest.mark.soak),
    ],
)
def test_a_backfill_outlives_a_restart_of_the_server(
    how: signal.Signals,
    sandbox: SandboxServer,
    tmp_path: Path,
    undisturbed: Undisturbed,
    settled: date,
) -> None:
    command = backfill(settled, settled)
    expected, requests = undisturbed(command)
    with cluster_of_its_own(sandbox, tmp_path) as (cluster, installation):
        started = begun(installation, command)
        stop_immediately(cluster, how)
        cluster.revive()
        done = finish(started)

        assert done.code in ENDED, done.said
        assert installation.state().differences(expected) == []
        assert len(installation.targets()) - requests <= 60


@pytest.mark.fault("C03")
@pytest.mark.soak
def test_a_database_that_stays_away_ends_the_run_with_its_reason_and_a_rerun_goes_on(
    sandbox: SandboxServer, tmp_path: Path, undisturbed: Undisturbed, settled: date
) -> None:
    command = backfill(settled, settled)
    expected, _ = undisturbed(command)
    with cluster_of_its_own(sandbox, tmp_path) as (cluster, installation):
        started = begun(installation, command)
        stop_immediately(cluster, signal.SIGQUIT)
        ended = finish(started)
        cluster.revive()
        resumed = installation.run(*command)

        assert ended.code == 3, ended.said
        assert ended.document["error"]["kind"] == "DatabaseUnavailable"
        assert resumed.code in ENDED, resumed.said
        assert installation.state().differences(expected) == []


@pytest.mark.soak
@pytest.mark.fault("C04")
def test_a_batch_that_waits_too_long_for_a_lock_is_tried_again(
    installation: Installation, undisturbed: Undisturbed, settled: date
) -> None:
    command = backfill(settled, settled)
    expected, requests = undisturbed(command)
    name = Identifier(str(psycopg.conninfo.conninfo_to_dict(installation.database.url)["dbname"]))
    with installation.database.login() as session:
        session.execute(QUERIES.impatient.format(database=name))
    with installation.database.login() as blocker, blocker.transaction():
        blocker.execute(QUERIES.block_horses)
        started = installation.start(*command)
        wait_until(lambda: bool(installation.rows("waiting")))
        wait_until(lambda: not installation.rows("waiting"))
    done = finish(started)

    assert done.code in ENDED, done.said
    assert installation.state().differences(expected) == []
    assert len(installation.targets()) == requests


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[None]:
    folder.mkdir()
    size = f"size={megabytes}m"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", size, "none", str(folder)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        folder.rmdir()
        pytest.skip("a full disk needs the right to mount a small one")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@contextmanager
def full_disk(installation: Installation, cluster: LocalCluster) -> Iterator[Path]:
    """Put what a batch writes on a small disk with next to no room; yields the file in the way."""
    disk = temporary_home().with_suffix(".disk")
    with small_disk(disk, 40):
        shutil.chown(disk, cluster.pgdata.owner())
        space = Identifier(disk.name.replace(".", "_").replace("-", "_"))
        with installation.database.login() as session:
            session.execute(QUERIES.make_space.format(space=space, folder=Literal(str(disk))))
            session.execute(QUERIES.move_bodies.format(space=space))
            session.execute(QUERIES.move_runners.format(space=space))
        filler = disk / "filler"
        filler.write_bytes(bytes(_free(disk) - 65_536))
        try:
            yield filler
        finally:
            with installation.database.login() as session:
                session.execute(QUERIES.move_bodies.format(space=Identifier("pg_default")))
                session.execute(QUERIES.move_runners.format(space=Identifier("pg_default")))
                session.execute(QUERIES.drop_space.format(space=space))


@pytest.mark.fault("C05")
def test_a_full_disk_ends_the_run_with_its_reason_and_room_lets_it_go_on(
    installation: Installation,
    cluster: LocalCluster,
    undisturbed: Undisturbed,
    settled: date,
) -> None:
    command = backfill(settled, settled)
    expected, _ = undisturbed(command)
    with full_disk(installation, cluster) as filler:
        full = installation.run(*command)
        filler.unlink()
        resumed = installation.run(*command)
        state = installation.state()

    assert full.code == 3, full.said
    assert "disk is full" in full.document["error"]["message"]
    assert resumed.code in ENDED, resumed.said
    assert state.differences(expected) == []


def _free(folder: Path) -> int:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def test_an_unreachable_database_is_named_and_exits_3(installation: Installation) -> None:
    installation.environment["STOCKTAKE_DATABASE_URL"] = "postgresql://nobody@127.0.0.1:9/none"
    done = installation.run("count", "racing", "--json")

    assert done.code == 3, done.said
    assert done.document["error"]["kind"] == "DatabaseUnavailable"
    assert "127.0.0.1" in done.document["error"]["message"]
