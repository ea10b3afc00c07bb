"""Real season files through the door that `stocktake load` uses, counted by the id rule."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest

from stocktake.model import Range, State
from stocktake.run.counted import count_system, list_gaps
from stocktake.run.files import load_files
from stocktake.run.periods import window_of
from stocktake.run.progress import silent
from stocktake.run.registry import find_datasets
from tests.systems.nba.flow.conftest import NBA
from tests.systems.nba.real import PLAYERS_2022, TEAM_LOG, real_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from stocktake.model import Coverage
    from tests.systems.nba.flow.conftest import League

LOST = ("0022200001", "0022200615", "0022201230")


@pytest.fixture
def empty(opened: Callable[..., League]) -> League:
    """An installation that holds nothing but the shipped lists."""
    return opened(until=date(2026, 11, 21))


def load(league: League, dataset: str, path: Path, source: str) -> None:
    chosen = NBA.dataset(dataset)
    load_files(league.workspace, NBA, chosen, [path], source=source, report=silent)


def counted(league: League, dataset: str, season: str) -> Coverage:
    window = window_of(league.workspace, NBA, Range(), period=season)
    return count_system(league.workspace, NBA, find_datasets(NBA, [dataset]), window)[0]


def test_a_season_under_way_has_no_gap_and_the_rest_of_it_is_future(
    empty: League, tmp_path: Path
) -> None:
    empty.now = datetime(2026, 2, 21, 23, tzinfo=UTC)
    path = tmp_path / "log.json"
    path.write_bytes(real_file(TEAM_LOG))

    load(empty, "raw_team_log", path, "leaguegamelog_team_file")

    found = counted(empty, "raw_team_log", "2025-26")
    assert found.states == {State.COMPLETE: 844, State.FUTURE: 386}
    assert (found.expected, found.held, found.missing, found.surplus) == (844, 844, 0, 0)


def test_three_games_taken_from_a_season_are_the_three_that_are_missing(
    empty: League, tmp_path: Path
) -> None:
    lines = list(csv.reader(io.StringIO(real_file(PLAYERS_2022).decode("utf-8-sig"), newline="")))
    at = lines[0].index("GAME_ID")
    path = tmp_path / "log.csv"
    with path.open("w", newline="") as sink:
        kept = (line for line in lines if line[at].zfill(10) not in LOST)
        csv.writer(sink).writerows(kept)

    load(empty, "raw_box_score", path, "leaguegamelog_file")

    found = counted(empty, "raw_box_score", "2022-23")
    chosen = find_datasets(NBA, ["raw_box_score"])
    # a game that nobody dates is due when the regular season is over
    named = list_gaps(
        empty.workspace,
        NBA,
        chosen,
        window_of(empty.workspace, NBA, Range(), period="2022-23"),
        states=(State.MISSING,),
        limit=None,
    )
    assert (found.expected, found.held, round(100 * (found.coverage or 0), 2)) == (
        1230,
        1227,
        99.76,
    )
    assert sorted(gap.first for gap in named) == list(LOST)
