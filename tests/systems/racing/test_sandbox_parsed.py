"""Our parsers on the sandbox's answers: a sound day, and the state each fault must lead to."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from stocktake import Parsed, Request, SourceChanged, State
from stocktake.systems.racing import rows, system
from stocktake.systems.racing.sandbox import create
from stocktake.testing import Fault, SandboxServer
from tests.systems.racing.real import LATER, by_region
from tests.systems.racing.sandbox_client import FAST, UNTIL, ask

if TYPE_CHECKING:
    from stocktake import UnitOutcome

DAY = "2024-05-01"
BEFORE = "2024-04-30"
Spoil = Callable[..., SandboxServer]


@pytest.fixture(scope="module")
def running() -> Iterator[SandboxServer]:
    sandbox = create(until=UNTIL)
    sandbox.limit_factor = FAST
    with sandbox as server:
        yield server


@pytest.fixture
def spoil(running: SandboxServer) -> Iterator[Spoil]:
    def put(kind: str, **settings: Any) -> SandboxServer:
        running.rules.add([Fault(kind, match=DAY, **settings)])
        return running

    running.rules.clear()
    yield put
    running.rules.clear()


def fetched(
    server: SandboxServer, feed_name: str, *, day: str = DAY, limit: int | None = None,
    at: datetime = LATER,
) -> Parsed:  # fmt: skip
    """Fetch all pages of a day as the engine would, and parse them."""
    _, feed = system.feed(feed_name)
    (request,) = feed.requests([(day, "gb"), (day, "ire")])
    if limit is not None:
        params = tuple((name, str(limit) if name == "limit" else to) for name, to in request.params)
        request = Request(request.feed, request.path, params, request.units)
    bodies: list[bytes] = []
    page: Request | None = request
    while page is not None:
        query = "&".join(f"{name}={value}" for name, value in page.params)
        bodies.append(json.dumps(ask(server, f"{page.path}?{query}").json).encode())
        assert feed.next_page is not None
        page = feed.next_page(page, bodies)
    return feed.parse(bodies, request, at)


def british(parsed: Parsed) -> UnitOutcome:
    return by_region(parsed)["gb"]


@pytest.mark.parametrize("feed", ["results", "racecards"])
def test_a_sound_day_is_complete_and_leaves_nothing_unread(
    running: SandboxServer, feed: str
) -> None:
    running.rules.clear()
    parsed = fetched(running, feed)

    unread = [note for note in parsed.notes if "bookmaker" not in note]
    assert (british(parsed).state, unread, parsed.rejects) == (State.COMPLETE, [], [])


def test_pages_are_followed_to_the_last_race(running: SandboxServer) -> None:
    running.rules.clear()
    whole, pages = fetched(running, "results"), fetched(running, "results", limit=10)

    assert pages.rows[rows.StarterRow] == whole.rows[rows.StarterRow]


def test_cards_and_results_agree_on_who_started(running: SandboxServer) -> None:
    running.rules.clear()
    cards, results = fetched(running, "racecards"), fetched(running, "results")

    declared: list[Any] = cards.rows[rows.RunnerCard]
    started = {row[:2] for row in results.rows[rows.StarterRow]}
    assert {row[:2] for row in declared if not row.is_scratched} == started


@pytest.mark.fault("H18")
def test_an_empty_list_with_a_total_is_no_empty_day(spoil: Spoil) -> None:
    server = spoil("results_empty_with_total")

    with pytest.raises(SourceChanged):
        fetched(server, "results")


@pytest.mark.fault("H18")
def test_a_missing_second_page_makes_the_day_thin(spoil: Spoil) -> None:
    outcome = british(fetched(spoil("page_two_missing"), "results", limit=10))

    assert outcome.state is State.THIN
    assert outcome.reason.endswith("races not sent")


@pytest.mark.fault("H17")
@pytest.mark.parametrize("value", ["", "no_id"])
@pytest.mark.parametrize("feed", ["results", "racecards"])
def test_malformed_races_are_rejected(spoil: Spoil, feed: str, value: str) -> None:
    parsed = fetched(spoil("malformed_race", value=value), feed)

    assert {reject.dataset for reject in parsed.rejects} == {"ra_races"}
    assert british(parsed).state is State.FAILED


def test_a_void_race_has_no_starter(spoil: Spoil) -> None:
    parsed = fetched(spoil("void_race"), "results")
    races: list[Any] = parsed.rows[rows.RaceResult]

    assert ({race.race_status for race in races}, parsed.rows[rows.StarterRow]) == ({"void"}, [])


def test_an_abandoned_meeting_is_told_by_its_cards(spoil: Spoil) -> None:
    races: list[Any] = fetched(spoil("abandoned_meeting"), "racecards").rows[rows.RaceCard]

    assert {race.race_status for race in races} == {"abandoned"}


def test_a_race_of_the_day_before_is_rejected(spoil: Spoil) -> None:
    parsed = fetched(spoil("duplicate_race"), "results")

    (reject,) = parsed.rejects
    assert f"starts on {BEFORE}" in reject.reason
    assert british(parsed).reason == "1 race rejected"


def test_a_day_in_progress_is_thin(running: SandboxServer) -> None:
    running.rules.clear()
    at = datetime(2024, 5, 1, 16, tzinfo=UTC)

    assert british(fetched(running, "results", at=at)).reason == "day in progress"


def test_a_day_in_the_future_is_not_final(running: SandboxServer) -> None:
    running.rules.clear()
    at = datetime(2026, 11, 21, 9, tzinfo=UTC)

    assert british(fetched(running, "racecards", day="2026-11-24", at=at)).state is State.THIN


@pytest.mark.parametrize("region", ["gb", "ire"])
def test_christmas_is_blank(running: SandboxServer, region: str) -> None:
    running.rules.clear()

    assert by_region(fetched(running, "results", day="2024-12-25"))[region].state is State.EMPTY
