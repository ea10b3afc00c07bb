"""The sandbox sends what the real service sends: same keys, same kinds of values, same errors."""

import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stocktake.systems.racing.sandbox import LIMITS, create
from stocktake.testing import SandboxServer
from tests.systems.racing.sandbox_client import FAST, UNTIL, ask, cards, results

SHARED = Path(os.environ.get("STOCKTAKE_SHARED", Path(__file__).parents[4] / "shared"))
SAMPLES = SHARED / "data/racing/reference/theracingapi_real_samples.json"
DAY = "2025-10-07"


@pytest.fixture(scope="module")
def server() -> Iterator[SandboxServer]:
    with create(until=UNTIL, rate_factor=FAST) as running:
        yield running


@pytest.fixture(scope="module")
def samples() -> dict[str, Any]:
    if not SAMPLES.is_file():
        pytest.skip(f"real samples not found at {SAMPLES}; set STOCKTAKE_SHARED")
    found: dict[str, Any] = json.loads(SAMPLES.read_text(encoding="utf-8"))
    return found


def sample(samples: dict[str, Any], start: str) -> Any:
    return next(value for name, value in samples.items() if name.startswith(start))


def kinds(fields: dict[str, Any]) -> dict[str, type]:
    """Name the type of each value, in the order sent."""
    return {name: type(value) for name, value in fields.items()}


def test_a_result_has_the_real_fields(server: SandboxServer, samples: dict[str, Any]) -> None:
    real = sample(samples, "GET /v1/results?")["results"][0]

    assert kinds(results(server, DAY)["results"][0]) == kinds(real)


def test_every_result_runner_has_the_real_fields(
    server: SandboxServer, samples: dict[str, Any]
) -> None:
    real = kinds(sample(samples, "GET /v1/results?")["results"][0]["runners"][0])
    races = results(server, DAY)["results"]

    assert all(kinds(runner) == real for race in races for runner in race["runners"])


def test_a_racecard_has_the_real_fields(server: SandboxServer, samples: dict[str, Any]) -> None:
    real = sample(samples, 'GET /v1/racecards/pro {"date": "2025-10-13"')["racecards"][0]

    assert kinds(cards(server, DAY)["racecards"][0]) == kinds(real)


def test_every_card_runner_has_the_real_fields(
    server: SandboxServer, samples: dict[str, Any]
) -> None:
    real = sample(samples, 'GET /v1/racecards/pro {"date": "2025-10-13"')["racecards"][0]
    expected = kinds(real["runners"][0])
    races = cards(server, DAY)["racecards"]

    assert all(kinds(runner) == expected for race in races for runner in race["runners"])


def test_odds_have_the_real_fields(server: SandboxServer, samples: dict[str, Any]) -> None:
    real = sample(samples, 'GET /v1/racecards/pro {"date": "2025-10-13"')["racecards"][0]
    runners = [runner for race in cards(server, DAY)["racecards"] for runner in race["runners"]]
    offered = [price for runner in runners for price in runner["odds"]]

    assert {json.dumps(list(price)) for price in offered} == {
        json.dumps(list(real["runners"][0]["odds"][0]))
    }


@pytest.mark.parametrize("kind", ["pro", "standard"])
def test_a_horse_has_the_real_fields(
    server: SandboxServer, samples: dict[str, Any], kind: str
) -> None:
    horse_id = results(server, DAY)["results"][0]["runners"][0]["horse_id"]
    real = sample(samples, f"GET /v1/horses/hrs_6181308/{kind}")

    assert kinds(ask(server, f"/v1/horses/{horse_id}/{kind}").json) == kinds(real)


def test_one_race_is_the_same_alone_as_in_its_day(server: SandboxServer) -> None:
    race = results(server, DAY)["results"][3]

    assert ask(server, f"/v1/results/{race['race_id']}").json == race


def test_one_card_is_the_same_alone_as_in_its_day(server: SandboxServer) -> None:
    race = cards(server, DAY)["racecards"][3]

    assert ask(server, f"/v1/racecards/{race['race_id']}/pro").json == race


def test_a_summary_has_the_real_fields(server: SandboxServer, samples: dict[str, Any]) -> None:
    real = sample(samples, "GET /v1/racecards/summaries")
    sent = ask(server, f"/v1/racecards/summaries?date={DAY}").json

    assert kinds(sent["racecard_summaries"][0]) == kinds(real["racecard_summaries"][0])


def test_summaries_count_the_races_of_the_day(server: SandboxServer) -> None:
    sent = ask(server, f"/v1/racecards/summaries?date={DAY}").json

    assert len(sent["racecard_summaries"]) == results(server, DAY)["total"]


@pytest.mark.parametrize(("query", "total"), [("", 979), ("gb", 69), ("ire", 32)])
def test_courses_are_as_many_as_really(server: SandboxServer, query: str, total: int) -> None:
    target = "/v1/courses" + (f"?region_codes={query}" if query else "")

    assert ask(server, target).json["total"] == total


def test_course_ids_and_names_are_distinct(server: SandboxServer) -> None:
    listed = ask(server, "/v1/courses?region_codes=gb&region_codes=ire").json["courses"]

    assert len({course["id"] for course in listed}) == 101
    assert len({course["course"] for course in listed}) == 101


def test_regions_are_a_bare_array(server: SandboxServer) -> None:
    assert {"region": "Ireland", "region_code": "ire"} in ask(server, "/v1/courses/regions").json


def test_the_envelope_repeats_the_query(server: SandboxServer) -> None:
    sent = results(server, DAY, paging="limit=5&skip=2")

    assert (sent["limit"], sent["skip"]) == (5, 2)
    assert sent["query"] == [
        ["limit", "5"],
        ["skip", "2"],
        ["start_date", DAY],
        ["end_date", DAY],
        ["region", "gb"],
        ["region", "ire"],
    ]


def test_pages_make_up_the_whole(server: SandboxServer) -> None:
    whole = results(server, DAY)
    pages = [
        results(server, DAY, paging=f"limit=25&skip={skip}")["results"] for skip in (0, 25, 50)
    ]

    assert [race for page in pages for race in page] == whole["results"]


@pytest.mark.parametrize(
    "target",
    [
        "/v1/results?limit=101",
        "/v1/results?limit=0",
        "/v1/results?limit=many",
        "/v1/results?skip=20001",
        "/v1/results?start_date=2024-01-01&end_date=2025-06-01",
        "/v1/racecards/pro?limit=501",
        "/v1/racecards/pro?skip=501",
        "/v1/racecards/pro?date=tomorrow",
        "/v1/horses/search",
    ],
)
def test_a_wrong_request_is_422(server: SandboxServer, target: str) -> None:
    assert ask(server, target).status == 422


def test_a_missing_name_is_refused_in_the_real_words(
    server: SandboxServer, samples: dict[str, Any]
) -> None:
    assert ask(server, "/v1/horses/search").json == samples["errors"]["422"]


@pytest.mark.parametrize(
    "target",
    ["/v1/results/pro", "/v1/results/rac_1", "/v1/horses/hrs_1/pro", "/v1/jockeys", "/v2/x"],
)
def test_what_does_not_exist_is_404(server: SandboxServer, target: str) -> None:
    answer = ask(server, target)

    assert (answer.status, answer.json) == (404, {"detail": "Not Found"})


def test_a_wrong_password_is_401(server: SandboxServer) -> None:
    answer = ask(server, "/v1/courses", login="sandbox:wrong")

    assert (answer.status, list(answer.json)) == (401, ["detail"])


def test_the_login_can_be_chosen() -> None:
    with create(until=UNTIL, user="anna", password="secret") as server:
        assert ask(server, "/v1/courses", login="anna:secret").status == 200


def test_a_search_finds_by_part_of_the_name(server: SandboxServer) -> None:
    found = ask(server, "/v1/horses/search?name=golden").json["search_results"]

    assert found
    assert all("Golden" in horse["name"] for horse in found)


def test_a_horses_results_are_the_races_it_ran_in(server: SandboxServer) -> None:
    race = results(server, DAY)["results"][0]
    horse_id = race["runners"][0]["horse_id"]
    period = "start_date=2025-08-01&end_date=2025-12-31"
    ran = ask(server, f"/v1/horses/{horse_id}/results?{period}").json["results"]

    assert race["race_id"] in {each["race_id"] for each in ran}
    assert all(horse_id in {run["horse_id"] for run in each["runners"]} for each in ran)


def test_results_today_are_those_of_the_last_day(server: SandboxServer) -> None:
    today = ask(server, "/v1/results/today?region=gb&region=ire&limit=100").json

    assert today["results"] == results(server, UNTIL.isoformat())["results"]


def test_a_course_overrides_a_region(server: SandboxServer) -> None:
    course = results(server, DAY)["results"][0]["course_id"]
    target = f"/v1/results?start_date={DAY}&end_date={DAY}&region=fr&course={course}"

    assert {race["course_id"] for race in ask(server, target).json["results"]} == {course}


def test_the_limits_are_those_of_the_real_service() -> None:
    with create(until=UNTIL) as server:
        target = "/v1/racecards/summaries?date=2015-01-01"
        statuses = [ask(server, target).status for _ in range(6)]

    assert statuses == [200] * int(LIMITS["/v1/racecards/summaries"]) + [429]


def test_the_server_counts_requests_per_second() -> None:
    with create(until=UNTIL) as server:
        for _ in range(3):
            ask(server, "/v1/courses/regions")

        assert server.per_second("/v1/courses/regions") == 3


def test_the_specification_knows_every_endpoint(samples: dict[str, Any]) -> None:
    assert samples
    packed = SAMPLES.with_name("theracingapi_openapi_1.4.3.yml.gz").read_bytes()
    text = gzip.decompress(packed).decode()

    assert [path for path in LIMITS if f"\n  {path}:\n" not in text] == []
