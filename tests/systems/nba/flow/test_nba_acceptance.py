"""Three seasons from nothing to a model: planned, sampled, filled, spoiled, repaired and signed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

import pytest

from stocktake.errors import PlanRefused
from stocktake.model import Range, Severity
from stocktake.run.checked import check_system
from stocktake.run.derived import verify_system
from stocktake.run.measured import measure_gate
from stocktake.run.signed import sign_off
from stocktake.run.trained import train
from tests.systems.nba.flow.conftest import LAYERS, NBA, opening
from tests.systems.nba.flow.test_nba_repairs import delete
from tests.systems.nba.layers.conftest import copied

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from stocktake.model import Plan, RunReport
    from stocktake.store.cluster import LocalCluster
    from tests.systems.nba.flow.conftest import League

pytestmark = pytest.mark.soak

SINCE, TODAY = date(2022, 10, 1), date(2025, 7, 1)
SAMPLED = date(2025, 4, 13)
"""Last day of a regular season."""
HOLE = (date(2024, 11, 26), date(2025, 2, 13))
"""Eighty days of a season."""
EVER = Range(SINCE, TODAY)


@dataclass(slots=True)
class Story:
    """What was seen on the way.

    Args:
        league: Three seasons, complete.
        planned: The plan made of nothing.
        sampled: Requests a week cost.
        filled: What the run did that filled everything.
        again: What the same run did a second time.
        asked: Requests by address until all was filled.
        asked_again: Requests after that.
    """

    league: League
    planned: Plan
    sampled: RunReport
    filled: RunReport
    again: RunReport
    asked: Counter[str]
    asked_again: list[str]


@pytest.fixture(scope="module")
def story(cluster: LocalCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """Fill three seasons from nothing, a week of them first, and fill them once more."""
    with opening(cluster, tmp_path_factory.mktemp("league")) as open_league:
        league = open_league(until=TODAY, seasons=3)
        planned = league.plan(since=SINCE)
        sampled = league.backfill(since=SINCE, until=SAMPLED, sample=7)
        filled = league.backfill(since=SINCE)
        asked = len(league.server.requests)
        again = league.backfill(since=SINCE)
        told = [entry.target for entry in league.server.requests]
        league.database.close()
        yield Story(
            league,
            planned,
            sampled,
            filled,
            again,
            Counter(target.split("?")[0] for target in told[:asked]),
            told[asked:],
        )


@pytest.fixture
def spoiled(cluster: LocalCluster, story: Story) -> Iterator[League]:
    """A copy of the three seasons, to be spoiled."""
    with copied(cluster, story.league.database) as database:
        yield replace(story.league, database=database)


def test_a_plan_of_three_seasons_takes_eighteen_logs_instead_of_every_box_score(
    story: Story,
) -> None:
    planned = {part.feed: part.requests for part in story.planned.parts}

    assert planned["player_log"] + planned["team_log"] == 18
    assert story.planned.requests < 100
    assert story.asked["/stats/leaguegamelog"] == 18, "the sample's among them"
    assert story.asked["/stats/boxscoretraditionalv3"] == 3, "the cup finals"


def test_a_sample_is_complete_before_the_rest_is_asked_for(story: Story) -> None:
    assert 0 < story.sampled.requests < 20
    assert story.sampled.rows["ml_feature_store"].inserted > 0


def test_every_layer_is_complete_and_nothing_is_surplus(story: Story) -> None:
    league = story.league

    assert league.short(SINCE) == {}
    assert {name: league.count(name, SINCE).surplus for name in LAYERS} == dict.fromkeys(LAYERS, 0)


def test_a_second_run_asks_for_nothing_and_changes_nothing(story: Story) -> None:
    assert story.asked_again == []
    assert story.again.requests == 0
    assert [name for name, rows in story.again.rows.items() if rows.inserted + rows.updated] == []


def test_the_finished_history_is_verified_and_signed(story: Story) -> None:
    workspace = story.league.workspace
    verdicts = verify_system(workspace, NBA, NBA.datasets, full=False, seed=1)
    signed = sign_off(workspace, NBA, EVER, by="a test", waivers={})

    assert [one for one in verdicts if one.differences] == []
    assert [(item.name, item.detail) for item in signed.refused] == []
    assert signed.signoff_id is not None


def test_eighty_days_of_features_lost_are_named_and_come_back_as_they_were(
    spoiled: League,
) -> None:
    whole = spoiled.checksums()
    lost = {
        game
        for (game,) in spoiled.rows(
            "select distinct game_id from nba.player_daily_cache where game_date between %s and %s",
            HOLE,
        )
    }
    delete(spoiled, "player_daily_cache", where="game_date <@ daterange(%s, %s, '[]')", value=HOLE)

    drift = spoiled.recount(*LAYERS)
    checks = check_system(spoiled.workspace, NBA, NBA.datasets, EVER)
    with pytest.raises(PlanRefused) as refused:
        trained(spoiled, spoiled.home, is_forced=False)
    gate = measure_gate(spoiled.workspace, NBA, "ml", EVER)
    spoiled.backfill(since=SINCE, priorities=(0,))

    assert set(drift) == {("player_daily_cache", game) for game in lost}
    assert len(lost) > 500
    failing = {one.check for one in checks if one.severity is Severity.FAIL}
    assert failing >= {"player_daily_cache_coverage", "days_without_layer"}
    named = {
        key["game_id"]
        for one in checks
        if one.check == "games_missing" and "player_daily_cache" in one.group
        for key in one.failing_keys or ()
    }
    assert named
    assert named <= lost
    assert gate.verdict == "not_ready"
    assert "--force" in str(refused.value.hint)
    assert spoiled.checksums() == whole
    assert spoiled.short(SINCE) == {}


def test_a_model_of_three_seasons_beats_the_average_of_ten_games(
    story: Story, tmp_path: Path
) -> None:
    with_all = trained(story.league, tmp_path, is_forced=False)
    games = "select count(distinct game_id) from nba.model_output"

    assert (with_all[0], with_all[1]) == (0, "ready"), with_all
    assert with_all[2] >= 0.005
    assert story.league.count("predictions", SINCE).held == story.league.rows(games)[0][0]


def trained(league: League, out: Path, *, is_forced: bool) -> tuple[int, str, float]:
    """Train on everything; return exit code, the gate's verdict and the gain over the baseline."""
    model, verdict, _ = train(
        league.workspace, NBA, EVER, target="points", seed=42, out=out, is_forced=is_forced
    )
    print(model.verdict)  # noqa: T201 -- the figure
    return model.exit_code, verdict.verdict, model.metrics["improvement"]
