"""Runs by workers: shared, killed, frozen, stopped; the tables are what one program would make."""

from __future__ import annotations

import random
import signal
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from stocktake.run.chunks import FAILURES
from stocktake.run.hands import EXHAUSTED
from stocktake.run.workspace import components
from stocktake.store.installation import init
from stocktake.testing.database import temporary_database
from tests.acceptance.fleet import Fleet
from tests.acceptance.installation import (
    RATE_FACTOR,
    Installation,
    State,
    backfill,
    finish,
    session_seed,
    wait_until,
)
from tests.acceptance.revised import swollen_sandbox
from tests.acceptance.test_interruptions import (
    cluster_of_its_own,
    full_disk,
    stop_immediately,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date
    from pathlib import Path

    from stocktake.store.cluster import LocalCluster
    from stocktake.testing import SandboxServer

    Undisturbed = Callable[[tuple[str, ...]], tuple[State, int]]

IN_FLIGHT = 60
"""Requests that the death of a worker may cost: two batches of 10, and what its fetchers have."""

POINTS = (
    *("run_taken_up", "planned", "chunks_cut", "chunk_claimed", "fetched", "captured", "parsed"),
    *("before_merge", "merged", "checkpointed", "before_commit", "after_commit", "batch_done"),
    *("chunk_done", "before_derive", "derive_merged", "before_finish", "finished"),
)
CHOSEN = frozenset(random.Random(session_seed()).sample(POINTS, 2))


@pytest.fixture
def fleet(installation: Installation) -> Iterator[Fleet]:
    """Workers of one installation; what is left of them is killed."""
    made = Fleet(installation)
    yield made
    made.kill()


def under_way(fleet: Fleet, command: tuple[str, ...]) -> int:
    """Queue a run that takes a while, and return its number once a worker is amid it."""
    fleet.slow(10)
    fleet.worker()
    run_id = fleet.queue(*command)
    wait_until(lambda: len(fleet.installation.targets()) > 30)
    return run_id


def test_two_workers_share_a_run_and_make_the_tables_one_program_makes(
    fleet: Fleet, undisturbed: Undisturbed, settled: date
) -> None:
    command = backfill(settled, settled)
    expected, requests = undisturbed(command)
    fleet.worker()
    fleet.worker()

    run_id = fleet.queue(*command)
    wait_until(lambda: len(fleet.owners()) == 2)
    done = fleet.follow(run_id)

    assert fleet.installation.state().differences(expected) == []
    assert (len(fleet.installation.targets()), done["requests"]) == (requests, requests)
    assert done["message"].startswith("everything asked for is held")
    assert fleet.stop() == [0, 0]


@pytest.mark.fault("C01")
@pytest.mark.parametrize(
    "point",
    [pytest.param(point, marks=() if point in CHOSEN else pytest.mark.soak) for point in POINTS],
)
def test_a_run_whose_worker_is_killed_at_a_point_goes_on_elsewhere(
    point: str, fleet: Fleet, undisturbed: Undisturbed, settled: date
) -> None:
    command = backfill(settled, settled)
    expected, requests = undisturbed(command)
    run_id = fleet.queue(*command)
    killed = finish(fleet.worker(fail_at=point))
    assert killed.code == -signal.SIGKILL, f"{point} was never reached: {killed.said}"

    fleet.worker()
    fleet.follow(run_id)

    assert fleet.installation.state().differences(expected) == []
    assert len(fleet.installation.targets()) - requests <= IN_FLIGHT


@pytest.mark.fault("C02")
def test_a_frozen_worker_that_wakes_up_writes_nothing(
    fleet: Fleet, undisturbed: Undisturbed, settled: date
) -> None:
    command = backfill(settled, settled)
    expected, _ = undisturbed(command)
    frozen = fleet.worker()
    run_id = fleet.queue(*command)
    wait_until(lambda: len(fleet.installation.targets()) > 60)
    frozen.send_signal(signal.SIGSTOP)
    fleet.worker()
    fleet.follow(run_id)
    receipts = fleet.installation.rows("receipts")

    frozen.send_signal(signal.SIGCONT)
    codes = fleet.stop()

    assert codes == [0, 0]
    assert fleet.installation.rows("receipts") == receipts
    assert fleet.installation.state().differences(expected) == []


@pytest.mark.fault("C03")
def test_workers_outlive_a_restart_of_the_server(
    sandbox: SandboxServer, tmp_path: Path, undisturbed: Undisturbed, settled: date
) -> None:
    command = backfill(settled, settled)
    expected, requests = undisturbed(command)
    with cluster_of_its_own(sandbox, tmp_path) as (cluster, installation):
        fleet = Fleet(installation)
        try:
            fleet.worker()
            fleet.worker()
            run_id = fleet.queue(*command)
            wait_until(lambda: len(installation.targets()) > 60)
            stop_immediately(cluster, signal.SIGQUIT)
            cluster.revive()
            fleet.follow(run_id)

            assert installation.state().differences(expected) == []
            assert len(installation.targets()) - requests <= 2 * IN_FLIGHT
            assert fleet.stop() == [0, 0]
        finally:
            fleet.kill()


def test_a_stopped_worker_gives_its_chunk_back_within_seconds(fleet: Fleet, settled: date) -> None:
    fleet.slow(2)
    fleet.worker()
    run_id = fleet.queue(*backfill(settled, settled))
    wait_until(lambda: fleet.chunks("running") == 1)

    codes = fleet.stop()

    assert codes == [0]
    assert fleet.chunks("running") == 0
    assert fleet.chunks("waiting", "queued") > 0
    assert fleet.state(run_id) == "running"
    assert fleet.show(run_id)["progress"]["workers"] == []


def test_a_paused_run_stops_and_goes_on_where_it_was(
    fleet: Fleet, undisturbed: Undisturbed, settled: date
) -> None:
    command = backfill(settled, settled)
    expected, requests = undisturbed(command)
    run_id = under_way(fleet, command)

    paused = fleet.installation.run("run", "pause", str(run_id), "--json")
    receipts = fleet.installation.rows("receipts")
    fleet.kill()
    left = fleet.installation.rows("receipts")
    fleet.slow(400)
    resumed = fleet.installation.run("run", "resume", str(run_id), "--json")
    fleet.worker()
    fleet.follow(run_id)

    assert paused.document["state"] == "paused", paused.said
    assert left == receipts, "something was written after the pause"
    assert resumed.document["state"] == "queued", resumed.said
    assert fleet.installation.state().differences(expected) == []
    assert len(fleet.installation.targets()) - requests <= IN_FLIGHT


def test_a_paused_run_of_workers_can_be_taken_over_in_the_foreground(
    fleet: Fleet, undisturbed: Undisturbed, settled: date
) -> None:
    command = backfill(settled, settled)
    expected, _ = undisturbed(command)
    run_id = under_way(fleet, command)
    fleet.installation.run("run", "pause", str(run_id), "--json")
    fleet.slow(400)

    done = fleet.installation.run(*command)

    assert done.document["run_id"] == run_id, done.said
    assert fleet.installation.state().differences(expected) == []


def test_a_cancelled_run_writes_nothing_more(fleet: Fleet, settled: date) -> None:
    run_id = under_way(fleet, backfill(settled, settled))

    cancelled = fleet.installation.run("run", "cancel", str(run_id), "--json")
    receipts = fleet.installation.rows("receipts")
    fleet.stop()

    assert cancelled.document["state"] == "cancelled", cancelled.said
    assert fleet.installation.rows("receipts") == receipts
    assert fleet.chunks("waiting", "queued", "running") == 0


def test_a_foreground_command_is_told_which_run_the_workers_execute(
    fleet: Fleet, settled: date
) -> None:
    fleet.slow(2)
    fleet.worker()
    run_id = fleet.queue(*backfill(settled, settled))
    wait_until(lambda: fleet.chunks("running") == 1)

    refused = fleet.installation.run(*backfill(settled, settled))

    error = refused.document["error"]
    assert refused.code == 2
    assert f"workers execute run {run_id} (backfill)" in error["message"]
    assert f"stocktake run pause {run_id}" in error["hint"]


def test_a_long_run_gives_way_to_one_of_greater_priority_and_goes_on(
    fleet: Fleet, undisturbed: Undisturbed, settled: date
) -> None:
    command = backfill(settled, settled)
    expected, requests = undisturbed(command)
    fleet.slow(10)
    fleet.worker()
    long = fleet.queue(*command)
    wait_until(lambda: fleet.chunks("done") > 0)

    short = fleet.queue("derive", "racing", "--json", "--rank", "10")
    fleet.follow(short)
    between = fleet.state(long)
    fleet.follow(long)

    assert between in {"queued", "running"}
    log = [line["text"] for line in fleet.show(long)["log"]]
    assert f"gives way to run {short}" in log
    assert fleet.installation.state().differences(expected) == []
    assert len(fleet.installation.targets()) - requests <= IN_FLIGHT


@pytest.mark.fault("C06")
def test_a_unit_that_kills_its_workers_is_given_up_and_the_run_goes_on(
    fleet: Fleet, settled: date
) -> None:
    run_id = fleet.queue(*backfill(settled - timedelta(days=4), settled, "ra_races"))
    for point in ("captured", *["suspected"] * 4):
        killed = finish(fleet.worker(fail_at=point))
        assert killed.code == -signal.SIGKILL, f"{point} was never reached: {killed.said}"

    fleet.worker()
    done = fleet.follow(run_id)

    regions = 2  # one request tells of both
    assert done["units"]["failed"] == regions, done
    assert done["units"]["complete"] > regions, done
    assert any("given up after 5 tries" in line["text"] for line in done["log"]), done["log"]
    reasons = [str(line) for line in fleet.installation.state().units]
    assert any("given up after 5 tries" in reason for reason in reasons), reasons


@pytest.mark.fault("C05")
def test_a_full_disk_pauses_the_run_of_workers_and_room_lets_it_go_on(
    fleet: Fleet, cluster: LocalCluster, undisturbed: Undisturbed, settled: date
) -> None:
    command = backfill(settled, settled)
    expected, _ = undisturbed(command)
    fleet.worker()
    fleet.worker()
    with full_disk(fleet.installation, cluster) as filler:
        run_id = fleet.queue(*command)
        wait_until(lambda: fleet.state(run_id) == "paused")
        full = fleet.show(run_id)
        filler.unlink()
        fleet.installation.run("run", "resume", str(run_id), "--json")
        fleet.follow(run_id)
        state = fleet.installation.state()

    assert "No space left on device" in full["error"], full
    assert state.differences(expected) == []
    assert fleet.stop() == [0, 0]


MEMORY = 310 * 2**20
"""Address space of a worker: it takes 260 MB for what sources usually answer."""
RUNNERS = 40_000
"""In one race: 60 MB of answer, which is within the limit of bodies."""


@pytest.mark.soak
@pytest.mark.fault("C06")
def test_a_unit_too_large_for_the_memory_ends_its_workers_and_no_other_unit_fails(
    cluster: LocalCluster, today: date, settled: date, tmp_path: Path
) -> None:
    server = swollen_sandbox(today, day=settled, runners=RUNNERS, rate_factor=2 * RATE_FACTOR)
    with server, temporary_database(cluster, components=components()) as database:
        init(database, "sandbox")
        fleet = Fleet(Installation(database, server, tmp_path))
        fleet.installation.environment["MALLOC_ARENA_MAX"] = "2"
        run_id = fleet.queue(*backfill(settled - timedelta(days=4), settled, "ra_races"))
        codes = []
        try:
            while fleet.state(run_id) in {"queued", "running"}:
                one = fleet.worker(within=("prlimit", f"--as={MEMORY}"))
                wait_until(
                    lambda one=one: one.poll() is not None or fleet.state(run_id) == "done",  # type: ignore[misc]
                    seconds=120,
                )
                codes.append(one.poll())
        finally:
            fleet.kill()
        done = fleet.show(run_id)

    regions = 2  # one request tells of both
    assert codes == [EXHAUSTED] * FAILURES + [None], done
    assert done["units"]["failed"] == regions, done
    assert done["units"]["complete"] > regions, done
    assert any("ran out of memory" in line["text"] for line in done["log"]), done["log"]


def test_verbs_that_bring_no_rows_run_as_one_task(fleet: Fleet, settled: date) -> None:
    fleet.installation.run(*backfill(settled, settled, "ra_races"))
    fleet.worker()

    checked = fleet.follow(fleet.queue("check", "racing", "ra_races", "--json"))
    verified = fleet.follow(fleet.queue("verify", "racing", "--json"))

    assert checked["result"]["counts"]["pass"] > 0
    assert verified["result"]["is_clean"] is True


def test_verify_compares_the_datasets_named_here_and_by_workers(fleet: Fleet) -> None:
    command = ("verify", "racing", "ra_races", "ra_entity_combinations", "--json")
    fleet.worker()

    here = fleet.installation.run(*command).document["verified"]
    there = fleet.follow(fleet.queue(*command))["result"]["verified"]

    assert {one["what"].split()[-1] for one in here} == {
        *("ra_races", "ra_entity_combinations", "(race_numbers)", "(entity_combinations)"),
    }
    assert [one["what"] for one in there] == [one["what"] for one in here]
