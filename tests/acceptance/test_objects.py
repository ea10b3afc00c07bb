"""Captures in an object store, driven from the command line: fleets, kills, outages, logins."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

import pytest

from stocktake.store.bodies import use_objects
from tests.acceptance.fleet import Fleet
from tests.acceptance.installation import Installation, State, backfill, finish, wait_until
from tests.s3 import S3, s3_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date
    from pathlib import Path

    Undisturbed = Callable[[tuple[str, ...]], tuple[State, int]]

IN_FLIGHT = 60
"""As in test_workers.py."""
AWAY_SECONDS = 4.0


@pytest.fixture
def s3() -> Iterator[S3]:
    with s3_server() as served:
        yield served


@pytest.fixture
def fleet(installation: Installation, s3: S3, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fleet]:
    """Workers of an installation whose captures go to S3."""
    for name, text in s3.login.items():
        monkeypatch.setenv(name, text)
    use_objects(installation.database, s3.url)
    made = Fleet(installation)
    yield made
    made.kill()


def standing(installation: Installation) -> tuple[int, int]:
    """Return how many bodies are in the database and in the store, each with its object."""
    found = installation.run("db", "captures", "verify", "--read", "--json")
    assert found.code == 0, found.said
    shown = installation.run("db", "captures", "show", "--json").document
    assert found.document["objects"] == shown["in_store"]["bodies"]
    return shown["in_database"]["bodies"], shown["in_store"]["bodies"]


@pytest.mark.parametrize(
    "point",
    [
        "objects_put",
        *(pytest.param(point, marks=pytest.mark.soak) for point in ("fetched", "captured")),
    ],
)
@pytest.mark.fault("C01")
def test_a_worker_killed_amid_its_objects_leaves_no_row_without_one(
    point: str, fleet: Fleet, undisturbed: Undisturbed, settled: date
) -> None:
    command = backfill(settled, settled)
    expected, requests = undisturbed(command)
    run_id = fleet.queue(*command)
    killed = finish(fleet.worker(fail_at=f"{point}:2"))
    assert killed.code == -signal.SIGKILL, f"{point} was never reached: {killed.said}"

    fleet.worker()
    fleet.worker()
    fleet.follow(run_id)

    assert fleet.installation.state().differences(expected) == []
    assert len(fleet.installation.targets()) - requests <= IN_FLIGHT
    in_database, in_store = standing(fleet.installation)
    assert (in_database, in_store > 0) == (0, True)


@pytest.mark.soak
def test_two_workers_outlive_a_store_that_goes_away(
    fleet: Fleet, s3: S3, undisturbed: Undisturbed, settled: date
) -> None:
    command = backfill(settled, settled)
    expected, _ = undisturbed(command)
    fleet.worker()
    fleet.worker()
    run_id = fleet.queue(*command)
    wait_until(lambda: len(fleet.installation.targets()) > 60)
    s3.leave()
    threading.Timer(AWAY_SECONDS, s3.come_back).start()
    fleet.follow(run_id)

    assert fleet.installation.state().differences(expected) == []
    assert standing(fleet.installation)[0] == 0
    assert fleet.stop() == [0, 0]


@pytest.mark.soak
def test_a_store_away_for_longer_pauses_a_run_in_the_foreground_which_goes_on_later(
    fleet: Fleet, s3: S3, undisturbed: Undisturbed, settled: date
) -> None:
    command = backfill(settled, settled)
    expected, requests = undisturbed(command)
    started = fleet.installation.start(*command)
    wait_until(lambda: len(fleet.installation.targets()) > 60)
    s3.leave()
    stopped = finish(started)
    s3.come_back()
    resumed = fleet.installation.run(*command)

    assert stopped.code == 3, stopped.said
    assert "cannot be reached" in stopped.document["error"]["message"], stopped.said
    assert resumed.code in {0, 1, 2}, resumed.said
    assert fleet.installation.state().differences(expected) == []
    assert len(fleet.installation.targets()) - requests <= IN_FLIGHT


@pytest.mark.soak
def test_a_worker_without_a_login_pauses_the_run_and_writes_nothing(
    fleet: Fleet, s3: S3, undisturbed: Undisturbed, settled: date
) -> None:
    command = backfill(settled, settled)
    expected, _ = undisturbed(command)
    s3.change_login()
    run_id = fleet.queue(*command)
    fleet.worker()
    wait_until(lambda: fleet.state(run_id) == "paused")
    refused = fleet.show(run_id)
    empty = fleet.installation.rows("captured_bodies")
    fleet.kill()

    fleet.installation.environment.update(s3.login)
    fleet.worker()
    resumed = fleet.installation.run("run", "resume", str(run_id))
    assert resumed.code == 0, resumed.said
    fleet.follow(run_id)

    assert "refuses this host" in refused["error"], refused
    assert empty == [(0, 0)]
    assert fleet.installation.state().differences(expected) == []


@pytest.mark.soak
def test_what_is_fetched_twice_is_stored_once_and_replayed_from_the_store(
    installation: Installation, undisturbed: Undisturbed, settled: date, tmp_path: Path
) -> None:
    command = backfill(settled, settled)
    expected, _ = undisturbed(command)
    use_objects(installation.database, (tmp_path / "captures").as_uri())
    installation.run(*command)
    once = standing(installation)
    rows = installation.state()
    again = installation.run(*command, "--refetch")
    replayed = installation.run("replay", "racing", "ra_races", "--json")

    assert again.code in {0, 1, 2}, again.said
    assert replayed.code == 0, replayed.said
    assert standing(installation) == once
    assert rows.differences(expected) == []
    # A unit that was asked for again has a line of its own from then on.
    changed = [one for one in installation.state().differences(rows) if "units: " not in one]
    assert changed == []


def test_an_installation_keeps_captures_where_it_was_told_and_says_so(
    installation: Installation, settled: date, tmp_path: Path
) -> None:
    place = (tmp_path / "captures").as_uri()
    run = installation.run
    made = run("init", "--sandbox", "--captures-url", place, "--json")
    run(*backfill(settled, settled, "ra_races"))
    there = run("db", "captures", "show", "--json").document
    read = run("capture", "show", "1", "--json")
    kept = run("db", "backup", str(tmp_path / "one.backup"))
    run("db", "captures", "use", "database")
    back = run("db", "captures", "move", "--json")
    shown = run("capture", "show", "1", "--json")
    spare = run("db", "captures", "verify", "--prune", "--json").document

    assert made.code == 0, made.said
    assert (there["new_to"], there["in_database"]["bodies"]) == (place, 0)
    assert "are not in this file" in kept.out
    assert back.document["bodies"] == there["in_store"]["bodies"] > 0
    assert (read.code, read.document) == (0, shown.document), read.said
    assert spare["removed"] == there["in_store"]["bodies"]


def test_a_host_told_another_place_refuses_to_work(
    installation: Installation, settled: date, tmp_path: Path
) -> None:
    installation.environment["STOCKTAKE_CAPTURES_URL"] = (tmp_path / "captures").as_uri()

    refused = installation.run(*backfill(settled, settled, "ra_races"))

    assert refused.code == 3, refused.said
    assert "keeps captures in the database" in refused.document["error"]["message"]
    assert installation.targets() == []
