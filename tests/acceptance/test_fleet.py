"""Fleets for minutes: killed, restarted, spread over hosts; equal by checksum, within the rate."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import psycopg
import pytest

from stocktake.errors import StocktakeError
from tests.acceptance.fleet import SOURCE, Fleet
from tests.acceptance.installation import (
    PROGRAM,
    State,
    backfill,
    finish,
    session_seed,
    wait_until,
)
from tests.acceptance.test_interruptions import cluster_of_its_own, stop_immediately

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import date
    from pathlib import Path

    from stocktake.store.cluster import LocalCluster
    from stocktake.testing import SandboxServer
    from tests.acceptance.installation import Installation

    Undisturbed = Callable[[tuple[str, ...]], tuple[State, int]]

pytestmark = pytest.mark.soak

SEED = session_seed()
WORKERS = 3
DAYS = int(os.environ.get("STOCKTAKE_TEST_DAYS", "55"))
UNITS = 10_000 * DAYS // 55
"""Fewer for a first look."""
FACTOR = 5
HORSES = "/v1/horses/{horse_id}/pro"
ALLOWED = 5 * FACTOR
"""Requests a second for horses: slow enough for a hundred disturbances."""
PACE = 1 / 1.05
"""Share of the allowed rate that the gate lets pass, so that no second is ever too full."""
RECOVERY_SECONDS = 3.0
"""What a disturbance takes of the time that the rate is judged by."""


class Disturbance:
    """Kills workers and restarts the server at random moments, and keeps when it did."""

    def __init__(self, fleet: Fleet, cluster: LocalCluster) -> None:
        self.kills: list[float] = []
        self.restarts: list[tuple[float, float]] = []
        self._fleet = fleet
        self._cluster = cluster
        self._over = threading.Event()
        self._moments = random.Random(SEED)
        self._threads = [threading.Thread(target=do) for do in (self._kill, self._restart)]

    def __enter__(self) -> Disturbance:
        for one in self._threads:
            one.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for one in self._threads:
            one.join()

    def _kill(self) -> None:
        while not self._over.wait(self._moments.uniform(3, 7)):
            # As a service would: what ended by itself is started again too.
            for one in [one for one in self._fleet.workers if one.poll() is not None]:
                self._replace(one)
            busy = self._at_work()
            if len(busy) > 1:  # a fleet of which nobody is left shows nothing
                victim = self._moments.choice(busy)
                victim.kill()
                self.kills.append(time.monotonic())
                self._replace(victim)

    def _at_work(self) -> list[subprocess.Popen[str]]:
        """Return workers that got somewhere: on a slow machine others are still starting.

        Whoever is always killed before its first commit is taken for a victim of its unit.
        """
        with suppress(psycopg.Error, StocktakeError):
            owners = [owner for (owner,) in self._fleet.installation.rows("owners_at_work")]
            return [
                one
                for one in self._fleet.workers
                if any(owner.endswith(f":{one.pid}") for owner in owners)
            ]
        return []

    def _replace(self, gone: subprocess.Popen[str]) -> None:
        gone.communicate()
        self._fleet.workers.remove(gone)
        self._fleet.worker()

    def _restart(self) -> None:
        while not self._over.wait(self._moments.uniform(5, 40)):
            began = time.monotonic()
            stop_immediately(self._cluster, self._moments.choice([signal.SIGQUIT, signal.SIGINT]))
            self._over.wait(self._moments.uniform(0, 2))
            self._cluster.revive()
            self.restarts.append((began, time.monotonic()))

    def calm(self, since: float, until: float) -> list[tuple[float, float]]:
        """Return the stretches of time with a server that had long been there."""
        ends = [(began, ended + RECOVERY_SECONDS) for began, ended in self.restarts]
        found, at = [], since
        for began, ended in sorted(ends):
            if began > at:
                found.append((at, min(began, until)))
            at = max(at, ended)
        return [*found, (at, until)] if at < until else found


def patiently_ended(fleet: Fleet, run_id: int, *, seconds: float) -> bool:
    """Wait for a run's end with a database that comes and goes."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with suppress(psycopg.Error, StocktakeError):
            if fleet.state(run_id) not in {"queued", "running"}:
                return True
        time.sleep(0.5)
    return False


@pytest.mark.fault("C01")
@pytest.mark.fault("C03")
def test_ten_thousand_units_with_workers_killed_and_the_server_restarted_equal_an_undisturbed_run(
    sandbox: SandboxServer, tmp_path: Path, undisturbed: Undisturbed, settled: date
) -> None:
    command = backfill(settled - timedelta(days=DAYS - 1), settled)
    expected, requests = undisturbed(command)
    with cluster_of_its_own(sandbox, tmp_path) as (cluster, installation):
        fleet = Fleet(installation, chunk_requests=0, lease_seconds=0)
        fleet.slow(FACTOR)
        try:
            for _ in range(WORKERS):
                fleet.worker()
            run_id = fleet.queue(*command)
            with Disturbance(fleet, cluster) as disturbed:
                assert patiently_ended(fleet, run_id, seconds=3000)
            done = fleet.show(run_id)
            state = installation.state()
        finally:
            fleet.kill()
    units = sum(done["units"].values())
    times = sorted(one.at_seconds for one in sandbox.requests if one.endpoint == HORSES)
    calm = disturbed.calm(times[0], times[-WORKERS * 20])
    used = sum(1 for at in times for began, ended in calm if began <= at < ended)
    allowed = ALLOWED * sum(ended - began for began, ended in calm)
    told = (
        f"{units} units, {len(disturbed.kills)} kills, {len(disturbed.restarts)} restarts, "
        f"seed {SEED}: {100 * used / allowed:.1f} % of the rate over "
        f"{allowed / ALLOWED:.0f} calm seconds, at most {sandbox.per_second(HORSES)} in one "
        f"second, {len(sandbox.requests) - requests} requests repeated"
    )
    print(told)  # noqa: T201 -- the figures
    assert done["state"] == "done", done
    assert state.differences(expected) == []
    assert units >= UNITS, told
    assert sandbox.per_second(HORSES) <= ALLOWED, told
    assert used / allowed >= 0.95 * PACE, told


def test_a_thousand_chunks_drain_with_three_workers_and_none_is_done_twice(
    installation: Installation, undisturbed: Undisturbed, settled: date
) -> None:
    command = backfill(settled - timedelta(days=3), settled)
    expected, requests = undisturbed(command)
    fleet = Fleet(installation, chunk_requests=1)
    try:
        for _ in range(WORKERS):
            fleet.worker()
        began = time.monotonic()
        run_id = fleet.queue(*command)
        most = 0
        while fleet.state(run_id) in {"queued", "running"}:
            most = max(most, fleet.chunks("waiting", "queued", "running", "done"))
            time.sleep(0.2)
        took = time.monotonic() - began
    finally:
        fleet.kill()
    twice = [at for at, times in Counter(installation.targets()).items() if times > 1]
    print(f"{most} chunks in {took:.0f} s, {len(twice)} done twice")  # noqa: T201 -- the figures
    assert most >= 1000
    assert twice == []
    assert len(installation.targets()) == requests
    assert installation.state().differences(expected) == []


def test_a_killed_workers_chunk_is_in_other_hands_within_a_minute(
    installation: Installation, settled: date
) -> None:
    fleet = Fleet(installation, lease_seconds=0)
    fleet.slow(2)
    try:
        first = fleet.worker()
        fleet.queue(*backfill(settled, settled))
        wait_until(lambda: fleet.chunks("running") == 1)
        (chunk,) = installation.rows("chunks_in_hand")
        first.kill()
        began = time.monotonic()
        fleet.worker()
        wait_until(
            lambda: any(
                at == chunk[0] and owner != chunk[1]
                for at, owner in installation.rows("chunks_in_hand")
            ),
            seconds=120,
        )
        took = time.monotonic() - began
    finally:
        fleet.kill()
    print(f"{took:.1f} s until it went on")  # noqa: T201 -- the figure
    assert took <= 60


@contextmanager
def network(number: int) -> Iterator[str]:
    """A network of its own, as another host has it; yields its name."""
    name, ours, theirs = f"stocktake{number}", f"stk{number}a", f"stk{number}b"
    steps = (
        ("ip", "netns", "add", name),
        ("ip", "link", "add", ours, "type", "veth", "peer", "name", theirs),
        ("ip", "link", "set", theirs, "netns", name),
        ("ip", "addr", "add", f"10.231.{number}.1/24", "dev", ours),
        ("ip", "link", "set", ours, "up"),
        ("ip", "-n", name, "addr", "add", f"10.231.{number}.2/24", "dev", theirs),
        ("ip", "-n", name, "link", "set", theirs, "up"),
        ("ip", "-n", name, "link", "set", "lo", "up"),
    )
    try:
        for step in steps:
            made = subprocess.run(step, capture_output=True, text=True, check=False)
            if made.returncode:
                pytest.skip(f"two hosts need networks of their own: {made.stderr.strip()}")
        yield name
    finally:
        subprocess.run(("ip", "netns", "del", name), capture_output=True, check=False)
        subprocess.run(("ip", "link", "del", ours), capture_output=True, check=False)


@contextmanager
def open_sandbox(today: date) -> Iterator[int]:
    """The sandbox at every address of this machine; yields its port."""
    code = (
        "import sys\nfrom datetime import date\n"
        "from stocktake.systems.racing.sandbox.server import create\n"
        f"server = create(1, 'year', until=date.fromisoformat('{today}'), rate_factor={FACTOR})\n"
        "server.serve_forever('0.0.0.0', int(sys.argv[1]))\n"
    )
    port = 20_000 + os.getpid() % 20_000
    served = subprocess.Popen([sys.executable, "-c", code, str(port)])
    try:
        wait_until(lambda: stats(port) is not None)
        yield port
    finally:
        served.kill()
        served.wait()


def stats(port: int) -> dict[str, Any] | None:
    """Return what the sandbox counted, ``None`` while it does not answer."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/_sandbox/stats", timeout=5) as answer:
            found: dict[str, Any] = json.load(answer)
            return found
    except OSError:
        return None


def worker_on(host: str, fleet: Fleet, number: int, port: int) -> subprocess.Popen[str]:
    """Start a worker on another host: with a network and a name of its own."""
    variables = fleet.installation.variables()
    variables[f"{SOURCE}BASE_URL"] = f"http://10.231.{number}.1:{port}"
    named = f'hostname {host} && exec "$@"'
    command: Sequence[str] = (
        *("ip", "netns", "exec", host, "unshare", "--uts", "sh", "-c", named, "sh"),
        *(*PROGRAM, "worker"),
    )
    return subprocess.Popen(
        command,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_hosts_share_one_database_and_one_limit(
    installation: Installation, undisturbed: Undisturbed, today: date, settled: date
) -> None:
    command = backfill(settled, settled)
    expected, _ = undisturbed(command)
    fleet = Fleet(installation, lease_seconds=0)
    fleet.slow(FACTOR)
    with network(1) as one, network(2) as two, open_sandbox(today) as port:
        try:
            for number, host in enumerate((one, two), start=1):
                fleet.workers.append(worker_on(host, fleet, number, port))
            run_id = fleet.queue(*command)
            hosts: set[str] = set()
            while fleet.state(run_id) in {"queued", "running"}:
                hosts |= {owner.partition(":")[0] for owner in fleet.owners()}
                time.sleep(0.1)
            done = fleet.show(run_id)
            counted = stats(port)
        finally:
            for worker in fleet.workers:
                worker.send_signal(signal.SIGTERM)
            ends = [finish(worker) for worker in fleet.workers]
            fleet.workers.clear()
    assert done["state"] == "done", (done, ends)
    assert hosts == {one, two}
    assert installation.state().differences(expected) == []
    assert counted is not None
    most = counted["endpoints"][HORSES]["max_per_second"]
    print(f"{hosts}: at most {most} of {ALLOWED} in one second")  # noqa: T201 -- the figure
    assert most <= ALLOWED
