"""The NBA's own pages over three real weeks: layers, what a hole touches, what made a number."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from stocktake.run.paged import matched, panels_of
from stocktake.run.registry import find_system
from stocktake.run.workspace import Workspace
from stocktake.settings import Settings
from stocktake.web.pages.own import matrix_of

if TYPE_CHECKING:
    from pathlib import Path

    from stocktake.store import Database

SYSTEM = find_system("nba")
HOLE = date(2024, 11, 1)


def panels(database: Database, home: Path, path: str, **typed: str) -> list[Any]:
    """Return the panels of a page as visitors see them."""
    workspace = Workspace(Settings(home=home), database, "real")
    for page in SYSTEM.pages:
        given = matched(page, path)
        if given is not None:
            choices = {one.name: one.default for one in page.choices}
            return panels_of(workspace, SYSTEM, page, {**choices, **given, **typed})
    raise AssertionError(path)


@pytest.fixture
def holed(early: Database) -> Database:
    """Three weeks of which layer 3 and above lost a day."""
    with early.connection() as conn:
        games = f"select game_id from nba.schedule where game_date = '{HOLE}'"
        for table in ("player_game_summary", "team_offense_game_summary", "player_daily_cache"):
            conn.execute(f"delete from nba.{table} where game_id in ({games})".encode())
    return early


def test_each_layer_tells_due_held_and_missing(holed: Database, tmp_path: Path) -> None:
    layers, months, holes, *_ = panels(holed, tmp_path, "seasons", season="2024-25")

    lost = {row["layer"]: row["missing"] for row in layers.rows}
    (day,) = [row for row in holes.rows if row["day"] == HOLE]
    assert lost["L1 raw_box_score"] == 0
    assert lost["L3 player_game_summary"] == day["with_a_hole"] > 0
    assert day["deepest_layer_missing"] == 3
    assert (
        matrix_of(months)
        .rows["L3 player_game_summary"]["2024-11"]
        .startswith(f"{day['with_a_hole']}/")
    )


def test_a_month_is_shown_day_by_day(holed: Database, tmp_path: Path) -> None:
    (days,) = panels(holed, tmp_path, "days", month="2024-11")

    cells = matrix_of(days).rows
    missing, due = cells["L3 player_game_summary"]["01"].split("/")
    assert missing == due != "0"
    assert cells["L1 raw_box_score"]["01"] == f"0/{due}"


def test_the_latest_hole_is_shown_without_asking(holed: Database, tmp_path: Path) -> None:
    games, reach, touched = panels(holed, tmp_path, "cascade")

    assert {row["day"] for row in games.rows} == {HOLE}
    assert {row["layer_1"] for row in games.rows} == {"held"}
    assert {row["layer_3"] for row in games.rows} == {"missing"}
    assert reach.rows[0]["read_this_day"] > 0
    assert all(row["day"] > HOLE for row in touched.rows)
    assert (
        sum(row["rows_of_these_teams"] for row in touched.rows) == reach.rows[0]["rows_of_layer_4"]
    )


def test_a_row_shows_the_games_that_made_it(early: Database, tmp_path: Path) -> None:
    with early.connection() as conn:
        found = conn.execute(
            "select player_id, game_id, points_avg_last_5, contributing_game_dates"
            " from nba.player_daily_cache where games_played_season >= 7 limit 1"
        ).fetchone()
    assert found is not None
    player_id, game_id, average, dates = found

    row, window, features = panels(early, tmp_path, f"players/{player_id}/{game_id}")

    last = [one for one in window.rows if one["back"] <= 5]
    assert round(sum(one["points"] for one in last) / len(last), 2) == float(average)
    assert [one["day"] for one in window.rows[:10]][::-1] == dates
    assert row.rows[0]["game_id"] == game_id
    assert [one["feature"] for one in features.rows][:2] == [
        *("points_avg_last_5", "points_avg_last_10")
    ]


def test_players_are_found_by_a_part_of_their_name(early: Database, tmp_path: Path) -> None:
    (everybody,) = panels(early, tmp_path, "players")
    name = everybody.rows[0]["player"]

    (some,) = panels(early, tmp_path, "players", name=name[2:8].upper())
    player, rows = panels(early, tmp_path, f"players/{everybody.rows[0]['player_id']}")

    assert name in {row["player"] for row in some.rows}
    assert player.rows[0]["name"] == name
    assert rows.rows == sorted(rows.rows, key=lambda row: row["day"], reverse=True)
