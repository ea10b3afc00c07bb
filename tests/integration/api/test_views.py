"""Paths that systems declare: rows in pages with their provenance, documents, what is counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from stocktake.access.roles import Role
from stocktake.model import Range
from stocktake.run.counted import count_system
from stocktake.run.files import load_files
from stocktake.run.progress import silent
from stocktake.run.registry import find_system, installed_systems
from stocktake.run.viewed import statements_of
from stocktake.testing.database import unprepared
from tests.integration.api.conftest import serving
from tests.systems.racing.test_hkjc import full_card, written

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from starlette.testclient import TestClient

    from stocktake.store.cluster import LocalCluster
    from tests.integration.api.conftest import Served

RACING = find_system("racing")


@pytest.fixture(scope="module")
def raced(cluster: LocalCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """An installation that holds one card of races."""
    path: Path = tmp_path_factory.mktemp("card") / "results.csv"
    path.write_bytes(written(full_card()))
    with serving(cluster) as served:
        results = RACING.dataset("ra_race_results")
        load_files(served.workspace, RACING, results, [path], source="hkjc", report=silent)
        yield served


@pytest.fixture
def reader_of_races(raced: Served) -> TestClient:
    return raced.with_key(Role.VIEWER)


def listed(client: TestClient, path: str, **asked: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        told = client.get(f"/api/v1/{path}", params={**asked, "cursor": cursor}).json()
        found += told["items"]
        cursor = told["next_cursor"]
    return found


@pytest.mark.parametrize("name", sorted(installed_systems()))
def test_every_statement_of_a_view_fits_its_tables(raced: Served, name: str) -> None:
    with raced.workspace.database.connection() as conn:
        assert unprepared(conn, statements_of(find_system(name))) == {}


@pytest.mark.parametrize("name", sorted(installed_systems()))
def test_every_view_names_statements_that_are_there(name: str) -> None:
    system = find_system(name)
    wanted = {
        statement
        for view in system.views
        for statement in (view.statement, *(one for _, one in view.parts))
        if statement
    }

    assert wanted == set(statements_of(system))


def test_races_come_in_pages_that_leave_none_out(reader_of_races: TestClient) -> None:
    whole = listed(reader_of_races, "racing/races", region="hk", limit=200)
    paged = listed(reader_of_races, "racing/races", region="hk", limit=1)

    assert paged == whole
    assert {one["race_id"] for one in whole}
    assert [one["date"] for one in whole] == sorted(one["date"] for one in whole)


def test_a_race_has_its_runners_and_results_and_leads_to_its_bytes(
    reader_of_races: TestClient,
) -> None:
    race_id = listed(reader_of_races, "racing/races")[0]["race_id"]

    told = reader_of_races.get(f"/api/v1/racing/races/{race_id}").json()
    traced = reader_of_races.get(told["_links"]["provenance"]).json()

    assert len(told["runners"]) == len(told["results"]) > 1
    assert told["results"][0]["position"] == 1
    (capture_id,) = {one["capture_id"] for one in traced["origins"] if one["capture_id"]}
    body = reader_of_races.get(f"/api/v1/captures/{capture_id}/bytes").content
    assert body == written(full_card())


def test_a_horse_has_its_form(reader_of_races: TestClient) -> None:
    race_id = listed(reader_of_races, "racing/races")[0]["race_id"]
    race = reader_of_races.get(f"/api/v1/racing/races/{race_id}").json()
    horse_id = race["results"][0]["horse_id"]

    told = reader_of_races.get(f"/api/v1/racing/horses/{horse_id}").json()

    assert race_id in [one["race_id"] for one in told["form"]]


@pytest.mark.parametrize(
    "path",
    [
        "racing/races/none",
        "racing/horses/none",
        *(f"racing/{name}/none" for name in ("jockeys", "trainers", "owners")),
        *(f"racing/{name}/none" for name in ("sires", "dams", "damsires")),
        "racing/runners/none/statistics",
    ],
)
def test_what_is_not_there_is_not_found(reader_of_races: TestClient, path: str) -> None:
    assert reader_of_races.get(f"/api/v1/{path}").status_code == 404


@pytest.mark.parametrize("kind", ["combinations", "distance", "venue"])
def test_statistics_can_be_cut_down_to_many_runs(reader_of_races: TestClient, kind: str) -> None:
    every = listed(reader_of_races, f"racing/statistics/{kind}", limit=200)
    most = max(one["total_runs"] for one in every)
    many = listed(reader_of_races, f"racing/statistics/{kind}", limit=200, min_runs=most)
    none = listed(reader_of_races, f"racing/statistics/{kind}", limit=200, min_runs=most + 1)

    assert [one for one in every if one["total_runs"] >= most] == many
    assert none == []


def test_the_layers_of_a_season_add_up_to_the_count(raced: Served) -> None:
    reader = raced.with_key(Role.VIEWER)
    told = reader.get("/api/v1/nba/coverage", params={"season": "2024-25"}).json()
    nba = find_system("nba")
    counted = {
        one.dataset: one for one in count_system(raced.workspace, nba, nba.datasets, Range())
    }

    assert told["layers"]
    for layer in told["layers"]:
        held = sum(day["held"] for day in layer["days"])
        assert held <= counted[layer["dataset"]].held


def test_a_game_is_told_in_every_layer(raced: Served) -> None:
    reader = raced.with_key(Role.VIEWER)
    reader.get("/api/v1/systems/nba/count")
    with raced.workspace.database.connection() as conn:
        row = conn.execute("select game_id from nba.schedule order by game_id limit 1").fetchone()
    assert row is not None

    told = reader.get(f"/api/v1/nba/games/{row[0]}").json()

    assert len(told["datasets"]) > 5
    assert {"dataset", "state", "reason", "feeds", "advice"} == set(told["datasets"][0])


def test_the_gate_gives_its_verdict_with_reasons(raced: Served) -> None:
    told = raced.with_key(Role.VIEWER).get("/api/v1/nba/gate", params={"season": "2024-25"}).json()

    assert told["verdict"] == "not_ready"
    assert told["reasons"]


def test_a_player_without_features_has_an_empty_list(raced: Served) -> None:
    reader = raced.with_key(Role.VIEWER)

    assert reader.get("/api/v1/nba/players/1/features").json()["items"] == []
    assert reader.get("/api/v1/nba/players/ann/features").status_code == 422
    assert reader.get("/api/v1/nba/models").json() == {"items": [], "next_cursor": None}


def test_a_view_asks_who_comes_in(raced: Served) -> None:
    assert raced.caller().get("/api/v1/racing/races").status_code == 401
