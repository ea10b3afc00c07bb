"""Sources, checks, schedules, systems: how it went, and what can be done about it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from stocktake.run.sourced import source_days, source_requests
from tests.acceptance.web.world import RACING

if TYPE_CHECKING:
    from tests.acceptance.web.world import World

SOURCE = "/s/racing/sources/theracingapi"


def test_a_source_tells_its_month_by_day_as_the_command_line_does(world: World) -> None:
    page = world.client("vera").get(SOURCE).text

    days = source_days(world.workspace, RACING, days=30)
    assert f"{sum(one.requests for one in days):,} in 30 days" in page
    assert page.count('class="good-bar"') == 30
    table = page[page.index("Table of days") :].partition("</table>")[0]
    assert table.count('<th scope="row"') == len(days)


def test_failures_of_a_source_are_told_by_class(world: World) -> None:
    days = source_days(world.workspace, RACING, days=30)
    errors = sum(one.classes.get("server_errors", 0) for one in days)

    page = world.client("vera").get(SOURCE).text

    assert errors > 0
    assert f"server errors {errors:,}" in page


def test_the_last_requests_of_a_source_lead_to_their_answers(world: World) -> None:
    client = world.client("vera")
    page = client.get(SOURCE).text

    (source,) = [one for one in RACING.sources if one.name == "theracingapi"]
    told = source_requests(world.workspace, RACING, source, limit=50)
    links = re.findall(r'href="(/s/racing/captures/\d+)"', page)
    assert 0 < len(told) <= 50
    assert [one.at for one in told] == sorted((one.at for one in told), reverse=True)
    assert len(links) == sum(one.capture_id is not None for one in told)
    assert client.get(links[0]).status_code == 200


def test_a_feed_tells_which_days_it_can_deliver(world: World) -> None:
    assert "the last 365 days" in world.client("vera").get(SOURCE).text
