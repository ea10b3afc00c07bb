"""What is known of robots.txt: on the page of a source, over HTTP, and in the time of plans."""

from __future__ import annotations

from datetime import date
from html import unescape
from typing import TYPE_CHECKING

import pytest

from stocktake.model import PlanOptions
from stocktake.run.planned import plan_for
from tests.integration.web.conftest import RACING

if TYPE_CHECKING:
    from tests.integration.web.conftest import Pages

KNOWN = """
insert into robots (source, origin, state, fetched_at, expires_at, problem, disallowed,
                    delay_seconds)
values ('theracingapi', 'https://api.example', %s, '2024-05-02 12:00Z', '2024-05-03 12:00Z', %s,
        %s, %s)
"""


@pytest.mark.fault("H21")
@pytest.mark.parametrize(
    ("known", "said"),
    [
        (("found", "", 3, 10.0), "obeyed as Stocktake: 3 paths disallowed; 10 s between requests"),
        (
            ("absent", "HTTP 404", 0, 0.0),
            "obeyed as Stocktake: there is none, everything may be asked (HTTP 404)",
        ),
        (
            ("unreachable", "HTTP 503", 0, 0.0),
            "obeyed as Stocktake: cannot be read, so nothing may be asked (HTTP 503)",
        ),
    ],
)
def test_page_and_api_tell_what_is_known_of_robots_txt(
    pages: Pages, known: tuple[str, str, int, float], said: str
) -> None:
    pages.change(sources={"theracingapi": {"robots_agent": "Stocktake"}})
    with pages.workspace.database.connection() as conn:
        conn.execute(KNOWN, known)

    page = unescape(pages.get("vera", "/s/racing/sources/theracingapi").text)
    (line,) = pages.get("vera", "/api/v1/systems/racing/sources").json()["robots"]

    assert said in page
    assert "2024-05-02" in page
    assert (line["state"], line["problem"], line["disallowed"], line["delay_seconds"]) == known


@pytest.mark.fault("H21")
@pytest.mark.parametrize(("delay", "seconds_each"), [(10.0, 10.0), (0.1, 0.525)])
def test_a_plan_is_timed_by_the_delay_that_robots_txt_asks_for(
    pages: Pages, delay: float, seconds_each: float
) -> None:
    pages.change(sources={"theracingapi": {"robots_agent": "Stocktake"}})
    options = PlanOptions(("ra_runners",), since=date(2024, 5, 1), until=date(2024, 5, 4))
    with pages.workspace.database.connection() as conn:
        conn.execute(KNOWN, ("found", "", 0, delay))

        made = plan_for(conn, pages.workspace, RACING, options, now=pages.workspace.clock())

    (cards,) = [one for one in made.costs if one.endpoint == "/v1/racecards/pro"]
    assert cards.seconds / cards.requests == pytest.approx(seconds_each)
