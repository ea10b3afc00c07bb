"""Each fault of the NBA's sandbox gives the state it should, never "no data", and heals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from stocktake.model import State
from stocktake.testing import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from stocktake.model import FeedState
    from tests.systems.nba.flow.conftest import League

GAME = "0022400101"
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


CASES = [
    pytest.param(Case((Fault("missing_from_log", match=GAME),),
                      teams=("failed", "not in the answer"), fed_by="box_score"),
                 id="not in the log", marks=pytest.mark.soak),
    pytest.param(Case((Fault("missing_from_log", match=GAME),
                       Fault("empty_answer", BOX_SCORES, GAME)),
                      ("failed", "empty answer"), ("failed", "not in the answer")),
                 id="in neither log nor box score"),
    pytest.param(Case((Fault("swap_games", match=GAME), Fault("empty_answer", BOX_SCORES, GAME)),
                      ("failed", ""), ("failed", "not in the answer"), surplus=1),
                 id="another game in its place"),
    pytest.param(Case((Fault("empty_answer", LOGS), Fault("empty_answer", BOX_SCORES)),
                      ("failed", "empty answer"), ("failed", "empty answer")),
                 id="200 with nothing", marks=pytest.mark.soak),
    pytest.param(Case((Fault("in_progress", match=GAME),), ("thin", "in progress"),
                      ("thin", "in progress")), id="not over", marks=pytest.mark.soak),
    pytest.param(Case((Fault("half_time_box", match=GAME),), ("thin", "of 240 minutes")),
                 id="half-time box score", marks=pytest.mark.soak),
    pytest.param(Case((Fault("half_time_score", match=GAME),)), id="half-time score",
                 marks=pytest.mark.soak),
    pytest.param(Case((Fault("lost_zeros"),)), id="lost zeros", marks=pytest.mark.soak),
    pytest.param(Case((Fault("lost_zeros", value="number"),)), id="ids as numbers",
                 marks=pytest.mark.soak),
    pytest.param(Case((Fault("duplicate_rows", match=GAME),)), id="rows twice",
                 marks=pytest.mark.soak),
    pytest.param(Case((Fault("duplicate_rows", match=GAME, value="different"),)),
                 id="rows twice, different", marks=pytest.mark.soak),
    pytest.param(Case((Fault("preseason_mixed"),), surplus=72), id="pre-season mixed in",
                 marks=pytest.mark.soak),
    pytest.param(Case((Fault("renumbered", match=GAME),), surplus=1), id="a second number",
                 marks=pytest.mark.soak),
    pytest.param(Case((Fault("wrong_league"),)), id="another league", marks=pytest.mark.soak),
    pytest.param(Case((Fault("moved_under_old_date"),)), id="moved, under its old date",
                 marks=pytest.mark.soak),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_fault_gives_its_state_and_heals(case: Case, opened: Callable[..., League]) -> None:
    league = opened(*case.faults)

    league.backfill(*FETCHED)
    players, teams = league.why("raw_box_score", GAME), league.why("raw_team_log", GAME)
    surplus = league.count("raw_box_score").surplus
    league.server.rules.clear()
    league.backfill(*FETCHED)
    healed = [league.count(name).states for name in FETCHED[1:]]

    assert (players.state.value, teams.state.value) == (case.players[0], case.teams[0])
    assert case.players[1] in _reasons(players.feeds)
    assert case.teams[1] in _reasons(teams.feeds)
    assert case.fed_by in {feed.feed for feed in players.feeds}
    assert surplus == case.surplus
    assert [states[State.COMPLETE] for states in healed] == [150, 150]
    assert not [states for states in healed if State.FAILED in states or State.THIN in states]


def _reasons(feeds: Iterable[FeedState]) -> str:
    return str([feed.reason for feed in feeds])
