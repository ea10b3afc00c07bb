"""What a run of the NBA tells on its way, and what stops it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import pytest

from stocktake import Limit, checks
from stocktake.errors import PlanRefused
from stocktake.model import PlanOptions
from stocktake.run.backfill import Conduct, backfill
from tests.systems.nba.flow.conftest import NBA, SINCE

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.systems.nba.flow.conftest import League

TODAY = date(2024, 10, 26)


def test_a_run_tells_from_time_to_time_how_far_each_layer_has_come(
    opened: Callable[..., League],
) -> None:
    league = opened(until=TODAY)
    notes: list[str] = []
    conduct = Conduct(count_every_seconds=0, report=lambda progress: notes.append(progress.note))

    done = backfill(league.workspace, NBA, PlanOptions(since=SINCE), conduct=conduct)

    told = [note for note in notes if note.startswith("coverage: ")]
    kept = league.rows(
        "select text from stocktake.run_log where run_id = %s and text like 'coverage: %%'",
        [done.run_id],
    )
    assert "raw_box_score 0.0%" in told[0]
    assert "raw_box_score 100.0%" in told[-1]
    assert {text for (text,) in kept} == set(told)


def test_games_that_fail_a_check_stop_the_run_before_anything_is_computed_of_them(
    opened: Callable[..., League],
) -> None:
    league = opened(until=TODAY)
    strict = replace(
        checks.failed_rows("nobody_scores", "raw_box_score", where="pts > 0"),
        day="game_date",
        fail=Limit(high=0),
    )
    system = replace(NBA, checks=(*NBA.checks, strict))

    with pytest.raises(PlanRefused) as stopped:
        backfill(league.workspace, system, PlanOptions(since=SINCE))

    assert "nobody_scores" in stopped.value.message
    assert league.rows("select count(*) > 0 from nba.raw_box_score") == [(True,)]
    assert league.rows("select count(*) from nba.clean_box_score") == [(0,)]
