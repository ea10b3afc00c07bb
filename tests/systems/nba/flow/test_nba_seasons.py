"""A season's schedule grows, shrinks and moves; three seasons come with eighteen logs."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from stocktake.model import Range, State
from stocktake.run.counted import count_system
from stocktake.systems.nba.sandbox import create
from stocktake.testing import Fault
from tests.systems.nba.flow.conftest import LAYERS, NBA, noon

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.systems.nba.flow.conftest import League

REGULAR = """
    select count(*) from nba.schedule
     where season = '2024-25' and season_type = 'regular' and _listed_hash is not null
"""


def test_games_announced_in_december_make_a_thin_season_complete(
    opened: Callable[..., League],
) -> None:
    league = opened()
    league.backfill("schedule")
    early, listed = league.count("schedule"), league.rows(REGULAR)
    with create(1, "full", until=date(2024, 12, 20), seasons=1, rate_factor=8000) as later:
        grown = replace(league, server=later, now=noon(date(2024, 12, 20)))
        grown.backfill("schedule")
        late = grown.count("schedule")

    assert (early.states[State.THIN], listed) == (1, [(1200,)])
    assert State.THIN not in late.states
    assert league.rows(REGULAR) == [(1230,)]


def test_a_schedule_that_shrinks_takes_no_game_away(league: League) -> None:
    before = league.rows(REGULAR), league.count("raw_box_score").expected
    league.server.rules.add([Fault("schedule_shrinks", match="2024-25")])

    league.backfill("schedule", refetch=True)

    assert (league.rows(REGULAR), league.count("raw_box_score").expected) == before
    assert league.short() == {}


def test_a_sample_of_nothing_held_is_complete_on_its_days(opened: Callable[..., League]) -> None:
    league = opened()
    days = Range(date(2024, 11, 8), date(2024, 11, 10))

    planned = league.plan(until=days.until, sample=3)
    league.backfill(until=days.until, sample=3)

    counted = {
        name: count_system(league.workspace, NBA, [NBA.dataset(name)], days)[0] for name in LAYERS
    }
    assert [part.label for part in planned.parts if part.kind == "fetch"][:1] == [
        "listed in season"
    ]
    assert planned.requests < 20
    assert {name for name, one in counted.items() if one.coverage != 1} == set()
    assert league.recount() == []


def test_days_between_seasons_bring_no_list_along(league: League) -> None:
    planned = league.plan(since=date(2024, 9, 1), until=date(2024, 9, 30))

    assert [part.feed for part in planned.parts if part.kind == "fetch"] == []
