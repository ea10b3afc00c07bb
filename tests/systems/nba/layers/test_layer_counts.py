"""What the layers hold per game, and how many rows a game should have."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from stocktake.store import load_queries
from tests.systems.nba.layers.box_scores import LAYERS, games_of
from tests.systems.nba.layers.conftest import early_rows

if TYPE_CHECKING:
    from stocktake.store import Database

PLAYED = [layer for layer in LAYERS if layer != "player_shot_zone_analysis"]
COUNT = load_queries("stocktake.systems.nba", "count.sql")


@pytest.mark.parametrize("layer", PLAYED)
def test_every_game_of_a_layer_has_the_rows_it_should_have(early: Database, layer: str) -> None:
    with early.connection() as conn:
        found = conn.execute(COUNT[layer], {"keys": None}).fetchall()

    bootstrap = date(2024, 10, 24) if layer in PLAYED[4:] else date(2024, 10, 22)
    games = [game for game in games_of(early_rows()).values() if game.day >= bootstrap]
    assert [key for key, _, rows, expected in found if rows != expected] == []
    assert sorted(key for key, *_ in found) == sorted([game.game_id] for game in games)


@pytest.mark.parametrize("layer", LAYERS)
def test_a_count_of_some_games_is_of_these_games(early: Database, layer: str) -> None:
    with early.connection() as conn:
        every = conn.execute(COUNT[layer], {"keys": None}).fetchall()
        some = conn.execute(COUNT[layer], {"keys": ["0022400090", "0022400100"]}).fetchall()

    assert sorted(some) == sorted(
        row for row in every if row[0] in (["0022400090"], ["0022400100"])
    )
