"""The overview: trends as known, what needs somebody, what fires next, room; counts that fail."""

from __future__ import annotations

import re
import time
from datetime import datetime
from typing import TYPE_CHECKING

import psycopg
from structlog.testing import capture_logs

from stocktake.model import Range
from stocktake.run import lately
from stocktake.run.counted import count_system
from stocktake.run.lately import Standings
from stocktake.run.scheduled import upcoming
from stocktake.run.trend import counted_on, trend_days
from tests.acceptance.web.world import RACING

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest
    from psycopg.rows import TupleRow

    from tests.acceptance.web.world import World


def part(element: str) -> dict[str, str]:
    """Return the headers of a request for one part of a page."""
    return {"hx-request": "true", "hx-request-type": "partial", "hx-target": f"div#{element}"}


def owner(world: World) -> psycopg.Connection[TupleRow]:
    """Connect as the database's owner, who may change tables."""
    address = world.workspace.settings.database_url
    assert address
    return psycopg.connect(address.reveal())


def test_the_overview_names_the_next_fires_in_order(world: World) -> None:
    page = world.client("vera").get("/?wait=1").text

    section = page[page.index("Next fires") :]
    told = re.findall(r'<time datetime="([^"]+)"', section)[:5]
    fires = [at.timestamp() for _, at in upcoming(world.workspace, most=5)]
    assert [datetime.fromisoformat(one).timestamp() for one in told] == [int(at) for at in fires]
    assert fires == sorted(fires)


def test_the_trend_ends_with_the_figures_of_the_present_count(world: World) -> None:
    page = world.client("vera").get("/s/racing/trend").text

    counted = count_system(world.workspace, RACING, RACING.datasets, Range())
    held = sum(one.held for one in counted)
    newest = page[page.index("<tbody>") :].split("</tr>")[0]
    assert f"{held:,}" in newest


def test_a_trend_is_sent_as_a_part_of_its_card(world: World) -> None:
    answer = world.client("vera").get("/s/racing/trend", headers=part("trend--racing"))

    assert "<html" not in answer.text
    assert "<polyline" in answer.text
    assert "Coverage of racing over 90 days" in answer.text


def test_nothing_was_held_before_the_first_load(world: World) -> None:
    days = trend_days(world.workspace, RACING)
    before = world.workspace.clock().date().replace(year=2020)

    point = counted_on(world.workspace, RACING, before)

    assert days == [] or days == sorted(days)
    assert point.held == 0
    assert point.expected > 0


def test_room_taken_is_told_by_schema(world: World) -> None:
    answer = world.client("vera").get("/storage", headers=part("storage"))

    assert "<html" not in answer.text
    assert re.search(r"racing</th><td class=\"num\">[\d.]+ [kM]B", answer.text)


def test_attention_leads_to_one_action_each_gravest_first(world: World) -> None:
    page = world.client("vera").get("/?wait=1").text

    listed = page[page.index("Needs attention") :].partition("</ul>")[0]
    kinds = re.findall(r'<span class="pill (?:bad|warn)">(\w+)</span>', listed)
    order = ["check", "source", "quota", "run", "gap"]
    assert kinds == sorted(kinds, key=order.index)
    assert listed.count('class="button"') == len(kinds)


def test_a_count_that_fails_leaves_the_last_figures_with_their_time(world: World) -> None:
    client = world.client("olaf")
    unit = f"/s/racing/d/ra_races/u/{world.since.replace(year=2018)}/gb"
    before = client.get("/?wait=1").text
    held = re.search(r"([\d,]+) of [\d,]+ units held", before[before.index("card-racing") :])
    assert held
    world.post("olaf", f"{unit}/accept", reason="so that it is counted anew")
    try:
        with owner(world) as conn:
            conn.execute("alter table stocktake.derive_state rename to derive_state_away")
        failed = client.get("/?wait=1")
    finally:
        with owner(world) as conn:
            conn.execute("alter table stocktake.derive_state_away rename to derive_state")
        world.post("olaf", f"{unit}/withdraw")

    assert failed.status_code == 200
    assert "Counting racing failed" in failed.text
    assert "The figures are of <time" in failed.text
    assert held[0] in failed.text
    assert "Counting racing failed" not in client.get("/?wait=1").text


def test_a_count_made_aside_that_fails_is_told_in_the_log_and_made_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    standings = Standings(world.workspace)
    before = standings.of(RACING)
    monkeypatch.setattr(lately, "LONGEST_SECONDS", 0.0)
    monkeypatch.setattr(lately, "FRESH_SECONDS", 0.0)
    with owner(world) as conn:
        conn.execute("alter table stocktake.derive_state rename to derive_state_away")
    try:
        with capture_logs() as told:
            during = standings.of(RACING)
            wait_for(lambda: any(one["event"] == "count failed" for one in told))
    finally:
        with owner(world) as conn:
            conn.execute("alter table stocktake.derive_state_away rename to derive_state")

    assert during == before
    standings.of(RACING)
    wait_for(lambda: standings.of(RACING).at > before.at)


def wait_for(is_so: Callable[[], bool], *, seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until, "it did not come"
        time.sleep(0.05)
