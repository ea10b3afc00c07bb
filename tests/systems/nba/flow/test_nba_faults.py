"""Each fault of the NBA's sandbox gives the state it should, never "no data", and heals."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from stocktake.errors import SourceError
from stocktake.model import Range, Severity, State
from stocktake.run.backfill import Conduct
from stocktake.run.checked import check_system
from stocktake.run.sourced import resume
from stocktake.run.sync import sync
from stocktake.testing import Fault
from tests.systems.nba.flow.conftest import NBA

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from stocktake.model import FeedState
    from tests.systems.nba.flow.conftest import League

GAME, DAY = "0022400012", "2024-10-23"
TODAY = date(2024, 10, 26)
"""A few days into a season: enough for a fault, and quick."""
LOGS, BOX_SCORES = "/stats/leaguegamelog", "/stats/boxscoretraditionalv3"
FETCHED = ("schedule", "raw_box_score", "raw_team_log")


@dataclass(frozen=True, slots=True)
class Case:
    """Faults, and what becomes of one game.

    Args:
        faults: In force during the first run.
        players: State of the game's players, and a part of its reason.
        teams: State of the game's teams, and a part of its reason.
        surplus: Games held that nothing promises.
        fed_by: The feed that holds the players.
    """

    faults: tuple[Fault, ...]
    players: tuple[str, str] = ("complete", "")
    teams: tuple[str, str] = ("complete", "")
    surplus: int = 0
    fed_by: str = "player_log"


NOT_THERE = ("failed", "not in the answer")
CASES = {
    "not in the log": Case(
        (Fault("missing_from_log", match=GAME),), teams=NOT_THERE, fed_by="box_score"
    ),
    "in neither log nor box score": Case(
        (Fault("missing_from_log", match=GAME), Fault("empty_answer", BOX_SCORES, GAME)),
        ("failed", "empty answer"),
        NOT_THERE,
    ),
    "another game in its place": Case(
        (Fault("swap_games", match=GAME), Fault("empty_answer", BOX_SCORES, GAME)),
        ("failed", ""),
        NOT_THERE,
        surplus=1,
    ),
    "200 with nothing": Case(
        (Fault("empty_answer", LOGS), Fault("empty_answer", BOX_SCORES)),
        ("failed", "empty answer"),
        ("failed", "empty answer"),
    ),
    "a day without rows": Case(
        (Fault("empty_answer", LOGS, DAY), Fault("empty_answer", BOX_SCORES, DAY)),
        ("failed", "empty answer"),
        NOT_THERE,
    ),
    "a block of days not in the log": Case(
        (Fault("missing_days", LOGS, DAY, value="2"),), teams=NOT_THERE, fed_by="box_score"
    ),
    "not over": Case(
        (Fault("in_progress", match=GAME),), ("thin", "in progress"), ("thin", "in progress")
    ),
    "half-time box score": Case((Fault("half_time_box", match=GAME),), ("thin", "of 240 minutes")),
    "half-time score": Case((Fault("half_time_score", match=GAME),)),
    "lost zeros": Case((Fault("lost_zeros"),)),
    "ids as numbers": Case((Fault("lost_zeros", value="number"),)),
    "rows twice": Case((Fault("duplicate_rows", match=GAME),)),
    "rows twice, different": Case((Fault("duplicate_rows", match=GAME, value="different"),)),
    "pre-season mixed in": Case((Fault("preseason_mixed"),), surplus=72),
    "a second number": Case((Fault("renumbered", match=GAME),), surplus=1),
    "another league": Case((Fault("wrong_league"),)),
    "moved, under its old date": Case((Fault("moved_under_old_date"),)),
    "asked too often": Case((Fault("429", LOGS, times=2, value="0.01"),)),
    "server out of order": Case((Fault("503", LOGS, times=1),)),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_fault_gives_its_state_and_heals(case: Case, opened: Callable[..., League]) -> None:
    league = opened(*case.faults, until=TODAY)

    league.backfill(*FETCHED)
    players, teams = league.why("raw_box_score", GAME), league.why("raw_team_log", GAME)
    surplus = league.count("raw_box_score").surplus
    league.server.rules.clear()
    league.backfill(*FETCHED)

    assert (players.state.value, teams.state.value) == (case.players[0], case.teams[0])
    assert case.players[1] in _reasons(players.feeds)
    assert case.teams[1] in _reasons(teams.feeds)
    assert case.fed_by in {feed.feed for feed in players.feeds}
    assert surplus == case.surplus
    assert _is_whole(league)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        pytest.param("403", "403", id="refused"),
        # Three timeouts of thirty seconds.
        pytest.param("timeout", "probably blocked", id="hangs", marks=pytest.mark.soak),
    ],
)
def test_a_source_that_does_not_answer_is_paused_and_no_game_is_taken_for_absent(
    kind: str, said: str, opened: Callable[..., League]
) -> None:
    league = opened(Fault(kind, LOGS), Fault(kind, BOX_SCORES), until=TODAY)

    with pytest.raises(SourceError) as stopped:
        league.backfill(*FETCHED)
    states = league.count("raw_box_score").states
    league.server.rules.clear()
    resume(league.workspace, "stats")
    league.backfill(*FETCHED)

    assert said in str(stopped.value)
    assert set(states) & {State.EMPTY, State.UNRECOVERABLE, State.COMPLETE} == set()
    assert _is_whole(league)


def test_a_half_time_score_in_the_schedule_fails_a_check_by_name_until_it_is_corrected(
    opened: Callable[..., League],
) -> None:
    league = opened(Fault("half_time_score", match=GAME), until=TODAY)
    league.backfill()

    wrong = _wrong_scores(league)
    league.server.rules.clear()
    league.now += timedelta(days=1)
    sync(league.workspace, NBA, ("schedule",), days=14, conduct=Conduct())
    right = _wrong_scores(league)

    assert wrong == [("schedule", Severity.FAIL, {GAME})]
    assert right == []


def _wrong_scores(league: League) -> list[tuple[str, Severity, set[str]]]:
    """Return where points of players are not the score told, and of which games."""
    return [
        (one.group, one.severity, {key["game_id"] for key in one.failing_keys or ()})
        for one in check_system(league.workspace, NBA, [NBA.dataset("clean_box_score")], Range())
        if one.check == "points_of_teams" and one.severity is not Severity.PASS
    ]


def _is_whole(league: League) -> bool:
    """Say whether players and teams of every game are complete."""
    counted = [league.count(name) for name in FETCHED[1:]]
    return all(one.held and one.states[State.COMPLETE] == one.expected for one in counted)


def _reasons(feeds: Iterable[FeedState]) -> str:
    return str([feed.reason for feed in feeds])
