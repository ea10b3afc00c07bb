"""robots.txt that forbids some of a run of workers: told, not sent, and the rest is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stocktake.run.workspace import components
from stocktake.store.installation import init
from stocktake.systems.racing.sandbox.server import create
from stocktake.testing import Reply, Route, SandboxServer
from stocktake.testing.database import temporary_database
from tests.acceptance.fleet import SOURCE, Fleet
from tests.acceptance.installation import RATE_FACTOR, Installation, backfill, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date
    from pathlib import Path

    from stocktake.store.cluster import LocalCluster

CARDS = "/v1/racecards"
FORBIDS_CARDS = Reply(body=f"User-agent: *\nDisallow: {CARDS}\n".encode())


@pytest.fixture
def fleet(cluster: LocalCluster, today: date, tmp_path: Path) -> Iterator[Fleet]:
    """Workers of an installation whose source is a website that forbids its cards."""
    made = create(1, "year", until=today)
    routes = [*made.routes, Route("/robots.txt", lambda _: FORBIDS_CARDS)]
    with (
        SandboxServer([*routes], rules=made.rules) as server,
        temporary_database(cluster, components=components()) as database,
    ):
        server.limit_factor = RATE_FACTOR * 2
        init(database, "sandbox")
        installation = Installation(database, server, tmp_path)
        installation.environment[f"{SOURCE}ROBOTS_AGENT"] = "Stocktake"
        fleet = Fleet(installation)
        yield fleet
        fleet.kill()


@pytest.mark.fault("H21")
def test_a_run_of_workers_ends_without_what_robots_txt_forbids(fleet: Fleet, settled: date) -> None:
    installation = fleet.installation
    fleet.worker()
    fleet.worker()

    run_id = fleet.queue(*backfill(settled, settled))
    wait_until(lambda: len(fleet.owners()) == 2)
    done = fleet.follow(run_id)
    targets = installation.targets()

    assert targets.count("/robots.txt") == 1
    assert [one for one in targets if one.startswith(CARDS)] == []
    assert done["units"]["failed"] > 0
    assert done["units"]["complete"] > 100
    states = {state for state, _ in installation.unit_states("racecards").values()}
    assert states == {"failed"}
    assert fleet.stop() == [0, 0]


@pytest.mark.fault("H21")
def test_why_tells_what_robots_txt_forbids_and_until_when(fleet: Fleet, settled: date) -> None:
    installation = fleet.installation
    installation.run(*backfill(settled, settled, "ra_runners"))

    told = installation.run("why", "racing", "ra_runners", f"{settled}/gb", "--json").document
    (known,) = installation.run("sources", "racing", "--json").document["robots"]

    host = installation.server.base_url
    said = f"robots.txt of {host.removeprefix('http://')} disallows {CARDS}"
    assert said in told["reason"] + str(told["feeds"])
    assert told["next_try_at"] == known["expires_at"]
    assert (known["origin"], known["state"], known["disallowed"]) == (host, "found", 1)


@pytest.mark.fault("H21")
def test_verifying_a_source_tells_what_its_robots_txt_forbids(fleet: Fleet) -> None:
    said = fleet.installation.run("sources", "verify", "theracingapi", "--json")
    shown = fleet.installation.run("sources", "racing")

    problems = [one["problem"] for one in said.document["samples"] if one["problem"]]
    assert (said.code, [f"disallows {CARDS}" in one for one in problems]) == (3, [True])
    assert [one["state"] for one in said.document["robots"]] == ["found"]
    assert "obeyed as Stocktake: 1 path disallowed" in shown.out
