"""The page of schedules where something is wrong: none on, an expression that is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stocktake.access.roles import Role
from stocktake.run.scheduled import list_schedules, switch_schedule

if TYPE_CHECKING:
    from tests.integration.web.conftest import Pages


def test_where_none_is_on_it_tells_what_the_systems_suggest(pages: Pages) -> None:
    before = pages.get("vera", "/schedules").text
    for one in list_schedules(pages.workspace):
        switch_schedule(pages.workspace, one.name, is_enabled=False, by="olaf")

    shown = pages.get("vera", "/schedules").text

    assert "None is on" not in before
    assert "None is on" in shown
    assert '<li><a href="/schedules/racing.horses">racing.horses</a>: sync' in shown


def test_a_wrong_expression_tells_the_character(pages: Pages) -> None:
    answer = pages.get("vera", "/schedules?cron=30+2,24+*+*+*&zone=UTC")

    assert answer.status_code == 422
    assert "Character 6: &#39;24&#39; is no hour (0 to 23)." in answer.text


def test_the_api_marks_fires_before_which_clocks_change(pages: Pages) -> None:
    asked = {"cron": "0 9 * * *", "zone": "Europe/London", "from": "2026-03-28T12:00:00Z", "n": "2"}

    told = pages.with_key(Role.VIEWER).get("/api/v1/schedules/next", params=asked).json()

    assert told["jumps"] == [True, False]
