"""Each content fault changes what an answer says, where it is told to, and nothing else."""

import http.client
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from statistics import mean
from typing import Any

import pytest

from stocktake.systems.racing.sandbox import CONTENT_FAULTS, create
from stocktake.testing import Fault, SandboxServer
from stocktake.testing.faults import UnknownFaultError
from tests.systems.racing.sandbox_client import FAST, UNTIL, ask, cards, results

DAY = "2024-05-01"
NEXT = "2024-05-02"
Spoil = Callable[..., SandboxServer]


@pytest.fixture(scope="module")
def running() -> Iterator[SandboxServer]:
    sandbox = create(until=UNTIL)
    sandbox.limit_factor = FAST
    with sandbox as server:
        yield server


@pytest.fixture
def sound(running: SandboxServer) -> dict[str, Any]:
    """The day as it is without faults."""
    running.rules.clear()
    whole: dict[str, Any] = results(running, DAY)
    return whole


@pytest.fixture
def spoil(running: SandboxServer, sound: dict[str, Any]) -> Iterator[Spoil]:
    assert sound["total"] > 0

    def put(kind: str, **settings: Any) -> SandboxServer:
        running.rules.add([Fault(kind, **settings)])
        return running

    yield put
    running.rules.clear()


def race_of(answer: dict[str, Any], race_id: str) -> dict[str, Any]:
    return next(race for race in answer["results"] if race["race_id"] == race_id)


@pytest.mark.fault("H18")
def test_results_can_be_empty_although_the_total_says_otherwise(
    spoil: Spoil, sound: dict[str, Any]
) -> None:
    answer = results(spoil("results_empty_with_total", match=DAY), DAY)

    assert (answer["results"], answer["total"]) == ([], sound["total"])


def test_a_fault_of_one_day_leaves_the_next_alone(spoil: Spoil) -> None:
    server = spoil("results_empty_with_total", match=DAY)

    assert results(server, NEXT)["results"]


@pytest.mark.fault("H18")
def test_page_two_can_be_missing(spoil: Spoil) -> None:
    server = spoil("page_two_missing", match=DAY)
    first, second = (
        results(server, DAY, paging=f"limit=20&skip={skip}")["results"] for skip in (0, 20)
    )

    assert (len(first), len(second)) == (20, 0)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_last_finishers_can_be_dropped(spoil: Spoil, sound: dict[str, Any], count: int) -> None:
    race = max(sound["results"], key=lambda each: len(each["runners"]))
    server = spoil("drop_finishers", match=race["race_id"], value=count)

    kept = race_of(results(server, DAY), race["race_id"])["runners"]
    assert kept == race["runners"][:-count]


def test_a_day_can_be_in_progress(spoil: Spoil, sound: dict[str, Any]) -> None:
    answer = results(spoil("day_in_progress", match=DAY, value=0.5), DAY)
    earlier = sound["results"][-len(answer["results"]) :]

    assert answer["total"] == sound["total"] // 2
    assert answer["results"] == earlier


def test_the_cards_of_a_day_in_progress_are_whole(spoil: Spoil, sound: dict[str, Any]) -> None:
    assert cards(spoil("day_in_progress", match=DAY), DAY)["total"] == sound["total"]


def test_an_abandoned_meeting_has_no_results(spoil: Spoil, sound: dict[str, Any]) -> None:
    course = sound["results"][0]["course_id"]
    answer = results(spoil("abandoned_meeting", match=f"{DAY}/{course}"), DAY)

    assert answer["results"] == [r for r in sound["results"] if r["course_id"] != course]


def test_the_cards_of_an_abandoned_meeting_say_so(spoil: Spoil, sound: dict[str, Any]) -> None:
    course = sound["results"][0]["course_id"]
    server = spoil("abandoned_meeting", match=f"{DAY}/{course}")

    said = {race["course_id"]: race["is_abandoned"] for race in cards(server, DAY)["racecards"]}
    assert [each for each, abandoned in said.items() if abandoned] == [course]


def test_a_void_race_has_no_places(spoil: Spoil, sound: dict[str, Any]) -> None:
    race_id = sound["results"][2]["race_id"]
    race = race_of(results(spoil("void_race", match=race_id), DAY), race_id)

    assert {runner["position"] for runner in race["runners"]} == {"VOI"}


@pytest.mark.fault("H17")
def test_a_race_can_be_malformed_inside_a_good_day(spoil: Spoil, sound: dict[str, Any]) -> None:
    race_id = sound["results"][2]["race_id"]
    answer = results(spoil("malformed_race", match=race_id), DAY)

    assert race_of(answer, race_id)["runners"] == "n/a"
    assert [r for r in answer["results"] if r["race_id"] != race_id] == [
        r for r in sound["results"] if r["race_id"] != race_id
    ]


def test_a_malformed_race_can_lack_its_id(spoil: Spoil, sound: dict[str, Any]) -> None:
    race_id = sound["results"][2]["race_id"]
    answer = results(spoil("malformed_race", match=race_id, value="no_id"), DAY)

    assert [race["race_id"] for race in answer["results"]].count(None) == 1


def test_jockey_columns_can_be_shifted(spoil: Spoil, sound: dict[str, Any]) -> None:
    race = sound["results"][2]
    server = spoil("shifted_jockeys", match=race["race_id"])
    shifted = race_of(results(server, DAY), race["race_id"])["runners"]
    riders = [runner["jockey_id"] for runner in race["runners"]]

    assert [runner["jockey_id"] for runner in shifted] == [*riders[-1:], *riders[:-1]]
    assert [r["horse_id"] for r in shifted] == [r["horse_id"] for r in race["runners"]]


@pytest.mark.fault("H20")
def test_a_result_can_change_between_two_fetches() -> None:
    with create(until=UNTIL, faults=[Fault("changed_result", match=DAY)]) as server:
        first, second = (results(server, DAY)["results"][0]["runners"] for _ in range(2))

    assert first[0]["horse_id"] == second[1]["horse_id"]
    assert [runner["position"] for runner in second[:2]] == ["1", "2"]


@pytest.mark.fault("H12")
def test_a_horse_can_be_unknown_on_enrichment(spoil: Spoil, sound: dict[str, Any]) -> None:
    known, unknown = (runner["horse_id"] for runner in sound["results"][0]["runners"][:2])
    server = spoil("horse_404", match=unknown)

    assert ask(server, f"/v1/horses/{unknown}/pro").status == 404
    assert ask(server, f"/v1/horses/{known}/pro").status == 200


def test_a_share_of_horses_can_be_unknown(spoil: Spoil, sound: dict[str, Any]) -> None:
    server = spoil("horse_404", rate=0.3)
    horses = [r["horse_id"] for race in sound["results"][:10] for r in race["runners"]]
    statuses = [ask(server, f"/v1/horses/{horse}/pro").status for horse in horses]

    assert 0.1 < mean(status == 404 for status in statuses) < 0.5


def test_a_race_id_can_appear_on_two_days(spoil: Spoil) -> None:
    server = spoil("duplicate_race", match=NEXT)
    before, after = (
        {race["race_id"]: race["date"] for race in results(server, day)["results"]}
        for day in (DAY, NEXT)
    )

    [twice] = before.keys() & after.keys()
    assert (before[twice], after[twice]) == (DAY, NEXT)


def test_a_cards_field_size_can_disagree(spoil: Spoil, sound: dict[str, Any]) -> None:
    race_id = sound["results"][2]["race_id"]
    server = spoil("field_size_disagreement", match=race_id)

    wrong = [
        race["race_id"]
        for race in cards(server, DAY)["racecards"]
        if int(race["field_size"]) != len(race["runners"])
    ]
    assert wrong == [race_id]


@pytest.mark.fault("H20")
def test_a_horse_can_be_withdrawn_from_card_and_result(spoil: Spoil, sound: dict[str, Any]) -> None:
    race_id = sound["results"][2]["race_id"]
    horse_id = sound["results"][2]["runners"][-1]["horse_id"]
    server = spoil("withdrawn_runner", match=horse_id)
    result = race_of(results(server, DAY), race_id)
    (card,) = [one for one in cards(server, DAY)["racecards"] if one["race_id"] == race_id]

    for shown in (result["runners"], card["runners"]):
        assert horse_id not in {runner["horse_id"] for runner in shown}
    assert len(result["runners"]) == len(sound["results"][2]["runners"]) - 1
    assert int(card["field_size"]) == len(card["runners"])


def test_a_horses_name_can_change(spoil: Spoil, sound: dict[str, Any]) -> None:
    runner = sound["results"][2]["runners"][0]
    server = spoil("name_change", match=runner["horse_id"])
    renamed = results(server, DAY)["results"][2]["runners"][0]

    assert renamed["horse"] != runner["horse"]
    assert renamed | {"horse": runner["horse"]} == runner


def test_a_changed_name_is_on_the_horses_own_page_too(spoil: Spoil, sound: dict[str, Any]) -> None:
    runner = sound["results"][2]["runners"][0]
    server = spoil("name_change", match=runner["horse_id"])
    page = ask(server, f"/v1/horses/{runner['horse_id']}/pro").json

    assert page["name"] == results(server, DAY)["results"][2]["runners"][0]["horse"]


def test_a_year_can_lack_its_runners(spoil: Spoil) -> None:
    server = spoil("runners_absent", match="2024")
    days = ["2024-03-02", "2024-05-01", "2024-07-10", "2024-10-05"]
    counts = [len(race["runners"]) for day in days for race in results(server, day)["results"]]

    assert mean(counts) == pytest.approx(2.8, abs=0.1)


def test_the_year_after_has_its_runners(spoil: Spoil) -> None:
    server = spoil("runners_absent", match="2024")
    counts = [len(race["runners"]) for race in results(server, "2025-05-01")["results"]]

    assert mean(counts) > 7


def test_every_content_fault_has_a_test_here() -> None:
    with open(__file__, encoding="utf-8") as file:  # noqa: PTH123 this very file
        text = file.read()

    assert [kind for kind in CONTENT_FAULTS if f'("{kind}"' not in text] == []


def test_a_fault_can_heal_per_race(spoil: Spoil, sound: dict[str, Any]) -> None:
    server = spoil("void_race", match=DAY, times=1)
    first, second = (results(server, DAY) for _ in range(2))

    assert first != sound
    assert second == sound


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(UnknownFaultError, match="no_such_kind"):
        create(until=UNTIL, faults=[Fault("no_such_kind")])


def test_another_program_can_spoil_a_day(running: SandboxServer, sound: dict[str, Any]) -> None:
    body = json.dumps([{"kind": "results_empty_with_total", "match": DAY, "times": 1}])
    host = running.base_url.removeprefix("http://")
    with closing(http.client.HTTPConnection(host, timeout=5)) as connection:
        connection.request("POST", "/_sandbox/faults", body=body)
        with connection.getresponse() as response:
            assert response.status == 200
    first, second = (results(running, DAY) for _ in range(2))

    assert first["results"] == []
    assert second == sound


def test_a_transport_fault_can_name_a_day(spoil: Spoil) -> None:
    server = spoil("503", endpoint="/v1/results", match=f"start_date={DAY}", times=1)
    target = f"/v1/results?start_date={DAY}&end_date={DAY}"

    assert [ask(server, target).status for _ in range(2)] == [503, 200]


@pytest.mark.parametrize(
    ("day", "has_cards"),
    [
        ("2023-01-22", False),
        ("2023-01-23", True),
        ("2026-11-28", True),
        ("2026-11-29", False),
    ],
)
def test_cards_begin_and_end(
    sound: dict[str, Any], running: SandboxServer, day: str, has_cards: bool
) -> None:
    assert sound
    assert (cards(running, day)["total"] > 0) == has_cards


def test_tomorrow_has_no_results(sound: dict[str, Any], running: SandboxServer) -> None:
    assert sound
    assert results(running, "2026-11-22")["total"] == 0


def test_non_runners_are_named_and_counted(sound: dict[str, Any], running: SandboxServer) -> None:
    carded = {race["race_id"]: race for race in cards(running, DAY)["racecards"]}
    for race in sound["results"]:
        named = race["non_runners"].count("(")
        scratched = [r for r in carded[race["race_id"]]["runners"] if r["number"] == "NR"]
        assert len(scratched) == named
        assert int(carded[race["race_id"]]["field_size"]) == len(race["runners"]) + named


def test_an_all_weather_course_has_two_names(running: SandboxServer, sound: dict[str, Any]) -> None:
    assert sound
    names: dict[str, set[str]] = {}
    for day in ("2024-01-10", "2024-01-11", "2024-01-12"):
        for race in [*results(running, day)["results"], *cards(running, day)["racecards"]]:
            names.setdefault(race["course_id"], set()).add(race["course"])

    assert max(map(len, names.values())) == 2
