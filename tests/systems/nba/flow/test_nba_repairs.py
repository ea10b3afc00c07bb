"""Whatever is lost is found, explained, planned and repaired, and equals what was lost."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from psycopg.sql import SQL, Identifier

from stocktake.model import State
from stocktake.testing import Fault
from tests.systems.nba.flow.conftest import LAYERS, NBA, TODAY, noon

if TYPE_CHECKING:
    from tests.systems.nba.flow.conftest import League

GAME = "0022400120"
"""A game after the first two weeks, so that every layer has it."""


def delete(league: League, table: str, *, where: str = "game_id = %s", value: Any = GAME) -> int:
    """Delete rows by hand, behind the engine's back."""
    query = SQL("delete from {} where " + where).format(Identifier("nba", table))
    with league.database.login() as session:
        return session.execute(query, value if isinstance(value, tuple) else [value]).rowcount


def test_three_weeks_are_complete_in_every_layer(league: League) -> None:
    assert league.short() == {}
    assert league.count("ml_feature_store").expected not in {None, 0}


def test_a_second_run_asks_for_the_growing_schedule_only_and_changes_nothing(
    league: League,
) -> None:
    before = len(league.server.requests)

    again = league.backfill()

    asked = [entry.target for entry in league.server.requests[before:]]
    assert not [target for target in asked if "leaguegamelog" in target]
    assert not [name for name, rows in again.rows.items() if rows.inserted + rows.updated]


@pytest.mark.parametrize("layer", LAYERS)
def test_a_games_rows_deleted_from_a_layer_are_found_explained_and_repaired(
    league: League, layer: str
) -> None:
    whole = league.checksums()
    assert delete(league, layer)

    drift = league.recount()
    short = league.count(layer)
    told = league.why(layer, GAME)
    plan = league.plan()
    league.backfill()

    assert drift == [(layer, GAME)]
    assert short.missing == 1
    assert told.state is State.MISSING
    assert told.advice.startswith("stocktake ")
    assert [part for part in plan.parts if layer in (part.feed, *_fills(part.feed))]
    assert league.short() == {}
    assert league.checksums() == whole


def test_days_of_features_deleted_by_hand_are_named_and_come_back_as_they_were(
    league: League,
) -> None:
    whole = league.checksums()
    games = sorted(
        game
        for (game,) in league.rows(
            "select distinct game_id from nba.player_daily_cache where game_date >= '2024-11-09'"
        )
    )
    delete(league, "player_daily_cache", where="game_date >= %s", value="2024-11-09")

    drift = league.recount("player_daily_cache")
    lost = league.units("player_daily_cache", State.MISSING)
    league.backfill()

    assert [game for _, game in drift] == games
    assert sorted(lost) == games
    assert league.checksums() == whole


def test_features_are_urgent_for_two_seasons_and_last_of_all_later(league: League) -> None:
    delete(league, "player_daily_cache", where="game_date >= %s", value="2024-11-09")
    lost = len(league.recount("player_daily_cache"))

    newest = {rank: owed(league, rank) for rank in range(3)}
    league.now = noon(date(2026, 11, 12))
    older = {rank: owed(league, rank) for rank in range(3)}

    assert newest == {0: lost, 1: 0, 2: 0}
    assert older == {0: 0, 1: 0, 2: lost}


def test_a_backfill_of_the_first_priority_brings_features_back_as_they_were(
    league: League,
) -> None:
    whole = league.checksums()
    delete(league, "player_daily_cache", where="game_date >= %s", value="2024-11-09")
    league.recount("player_daily_cache")

    league.backfill(priorities=(1,))
    left = set(league.short())
    league.backfill(priorities=(0,))

    assert left == {"player_daily_cache"}
    assert league.checksums() == whole


def owed(league: League, priority: int) -> int:
    """Return how many games a plan would compute the players' form of, at one priority."""
    plan = league.plan(priorities=(priority,), until=TODAY)
    return sum(part.units for part in plan.parts if part.feed == "player_daily_cache")


DAY = "2024-11-08"


def stored(league: League) -> dict[str, dict[str, object]]:
    """Return when each row of the derived layers was written, by what it says."""
    found = {}
    with league.database.login() as session:
        for layer in LAYERS[2:]:
            query = SQL(
                "select (select md5(jsonb_object_agg(key, value)::text) "
                "from jsonb_each(to_jsonb(t)) where key !~ '^_|^(created|updated)_at$'), "
                "t._loaded_at from {} t"
            ).format(Identifier("nba", layer))
            found[layer] = dict(session.execute(query).fetchall())
    return found


def test_a_day_lost_and_restored_leaves_every_row_as_it_was_and_touches_no_other(
    league: League,
) -> None:
    whole, before = league.checksums(), stored(league)
    games = [
        game
        for (game,) in league.rows(
            "select game_id from nba.schedule where game_date = %s and status = 'final'", [DAY]
        )
    ]
    for table in LAYERS[:2]:
        delete(league, table, where="game_id = any(%s)", value=games)
    league.recount(*LAYERS[:2])

    league.derive()
    without, short = stored(league), league.short()
    unready = league.rows(
        "select count(*) from nba.ml_feature_store where not is_production_ready "
        "and game_date > %s and not_ready_reason = 'history incomplete'",
        [DAY],
    )
    league.backfill()
    after = stored(league)

    assert set(short) == set(LAYERS)
    assert unready > [(0,)]
    assert league.checksums() == whole
    for layer, rows in before.items():
        assert after[layer].keys() == rows.keys()
        lasting = rows.keys() & without[layer].keys()
        assert len(lasting) < len(rows), f"{layer}: the day made no difference"
        assert {row for row in lasting if after[layer][row] != rows[row]} == set(), layer


def test_a_late_correction_rewrites_the_game_and_what_looks_back_on_it(league: League) -> None:
    league.server.rules.add([Fault("late_correction", match=GAME)])
    whole = league.checksums()
    league.backfill(refetch=True)

    changed = league.checksums()
    assert changed["raw_box_score"] != whole["raw_box_score"]
    assert changed["player_game_summary"] != whole["player_game_summary"]
    assert changed["raw_team_log"] == whole["raw_team_log"]
    assert league.short() == {}
    assert league.differences() == {}


def _fills(feed: str) -> tuple[str, ...]:
    return next((one.fills for _, one in NBA.feeds() if one.name == feed), ())
