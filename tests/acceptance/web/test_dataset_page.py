"""A dataset's page: colours, filters, as-of, choosing days, accepting and rechecking them, CSV."""

from __future__ import annotations

import csv
import re
from datetime import timedelta
from typing import TYPE_CHECKING

import httpx2
import pytest

from stocktake.model import GAP_STATES, Range
from stocktake.run.clock import end_of
from stocktake.run.counted import count_system, list_gaps
from tests.acceptance.web.world import NASTY, RACING

if TYPE_CHECKING:
    from tests.acceptance.web.world import World

RACES = "/s/racing/d/ra_races"


def chips(page: str) -> dict[str, int]:
    """Return the units per state that the legend tells."""
    found = re.findall(r'data-state="(\w+)".*?<strong>([\d,]+)</strong>', page)
    return {state: int(units.replace(",", "")) for state, units in found}


def test_the_legend_counts_each_state_as_the_command_line_does(world: World) -> None:
    page = world.client("vera").get(f"{RACES}?since={world.since}&until={world.until}").text

    (told,) = count_system(
        world.workspace, RACING, [RACING.dataset("ra_races")], Range(world.since, world.until)
    )
    assert {state: units for state, units in chips(page).items() if units} == {
        state.value: units for state, units in told.states.items() if units
    }


def test_colours_tell_states_or_shares_and_the_address_says_which(world: World) -> None:
    client = world.client("vera")
    states, shares = client.get(RACES).text, client.get(f"{RACES}?colour=coverage").text

    assert 'data-colour="state"' in states
    assert 'data-colour="coverage"' in shares
    assert "under 25 %" in shares
    assert "under 25 %" not in states


def test_a_page_as_of_an_earlier_day_tells_what_was_known_then(world: World) -> None:
    client = world.client("vera")
    day = world.workspace.clock().date() - timedelta(days=1)

    page = client.get(f"{RACES}?as_of={day}&since={world.since}&until={world.until}").text

    dataset = RACING.dataset("ra_races")
    window = Range(world.since, world.until)
    (told,) = count_system(world.workspace, RACING, [dataset], window, as_of=end_of(day))
    assert told.held == 0
    assert chips(page)["missing"] == told.missing
    assert "As it was known" in page
    assert f"--as-of {day}" in page


def test_the_cells_as_of_an_earlier_day_are_those_of_then(world: World) -> None:
    client = world.client("vera")
    day = world.workspace.clock().date() - timedelta(days=1)
    window = f"since={world.since}&until={world.until}"

    now = client.get(f"{RACES}/tile.bin?{window}").content
    then = client.get(f"{RACES}/tile.bin?{window}&as_of={day}").content

    assert bytes([128]) in now  # complete
    assert set(then) == {132}  # missing


def test_an_instant_that_is_none_is_told(world: World) -> None:
    assert "neither a day nor an instant" in world.client("vera").get(f"{RACES}?as_of=soon").text


def test_months_below_the_picture_tell_the_share_held(world: World) -> None:
    answer = world.client("vera").get(f"{RACES}/tile.bin?agg=month")

    told = httpx2.Response(200, text=answer.headers["x-tile"]).json()
    assert told["axis"] == "month"
    assert len(answer.content) == told["width"] > 100
    assert answer.content[0] == 0


def test_rows_are_searched_by_a_part_of_their_name(world: World) -> None:
    page = world.client("vera").get(f"{RACES}?rows=IR").text

    assert """data-rows='["ire"]'""" in page


def test_gaps_are_sent_as_a_file_that_no_spreadsheet_runs(world: World) -> None:
    client = world.client("vera")
    answer = client.get(f"/s/racing/gaps.csv?dataset=ra_races&until={world.until}&state=missing")

    lines = list(csv.DictReader(answer.text.splitlines()))
    listed = list_gaps(
        world.workspace,
        RACING,
        [RACING.dataset("ra_races")],
        Range(None, world.until),
        states=tuple(state for state in GAP_STATES if state == "missing"),
        limit=None,
    )
    assert "attachment" in answer.headers["content-disposition"]
    assert [int(line["units"]) for line in lines] == [gap.units for gap in listed]
    assert lines[0]["state"] == "missing"


@pytest.mark.parametrize("wrong", ["since=2026-02-30", "state=purple", "as_of=soon"])
def test_a_file_of_gaps_is_refused_when_its_filter_is_wrong(world: World, wrong: str) -> None:
    assert world.client("vera").get(f"/s/racing/gaps.csv?{wrong}").status_code == 422


def test_gaps_of_chosen_days_are_accepted_together_and_taken_back(world: World) -> None:
    client = world.client("olaf")
    window = "since=2019-05-01&until=2019-05-07"
    fields = {"since": "2019-05-01", "until": "2019-05-07"}

    before = client.get(f"{RACES}/range?{window}").text
    refused = world.post("olaf", f"{RACES}/range/accept", reason=" ", **fields)
    world.post("olaf", f"{RACES}/range/accept", reason=NASTY, holds_until="2099-01-01", **fields)
    accepted = client.get(f"{RACES}?{window}").text
    listed = client.get("/s/racing/gaps?dataset=ra_races&state=accepted").text
    world.post("olaf", f"{RACES}/range/withdraw", **fields)
    after = client.get(f"{RACES}?{window}").text

    assert "Accept 14 units" in before
    assert refused.status_code == 422
    assert "Say why" in refused.text
    assert (chips(accepted)["accepted"], chips(accepted)["missing"]) == (14, 0)
    assert "<img src=x" not in listed
    assert (chips(after)["accepted"], chips(after)["missing"]) == (0, 14)


def test_a_viewer_cannot_accept_chosen_days(world: World) -> None:
    answer = world.post("vera", f"{RACES}/range/accept", reason="x", since="2019-05-01")

    assert answer.status_code == 403


def test_acceptances_of_days_are_told_by_the_api_too(world: World) -> None:
    client = world.client("olaf")
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/runs").text)
    assert token
    headers = {"x-csrf-token": token[1]}
    days = {"dataset": "ra_races", "since": "2018-05-01", "until": "2018-05-03"}

    told = client.post(
        "/api/v1/systems/racing/accept/range", json={**days, "reason": "a test"}, headers=headers
    )
    back = client.post("/api/v1/systems/racing/withdraw/range", json=days, headers=headers)

    assert told.json() == {"dataset": "ra_races", "units": 6}
    assert back.json() == {"dataset": "ra_races", "units": 6}


def test_rows_counted_anew_agree_with_the_ledger(world: World) -> None:
    answer = world.post(
        "olaf", "/s/racing/recount", dataset="ra_races", since=str(world.since), until=""
    )

    assert answer.status_code == 200
    assert "Ledger and rows agree" in answer.text
