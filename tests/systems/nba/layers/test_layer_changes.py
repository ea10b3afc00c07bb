"""What changes reach: the same tables whatever came when, and no row rewritten without need."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from psycopg.sql import SQL

from tests.systems.nba.layers.box_scores import (
    COUNTS,
    LAYERS,
    change,
    derive_all,
    differences,
    everything,
    games_of,
    insert,
    one,
    remove,
    rows_changed,
    schedule_row,
)
from tests.systems.nba.layers.conftest import early_rows

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from stocktake.store import Database
    from tests.systems.nba.layers.box_scores import Row

FORM = (
    *("player_daily_cache", "team_defense_zone_analysis"),
    *("player_composite_factors", "ml_feature_store"),
)
EVERY_TABLE = (*LAYERS, "team", "player", "source_conflict")


def all_rows(database: Database) -> dict[str, list[Any]]:
    with database.connection() as conn:
        return {table: everything(conn, table) for table in EVERY_TABLE}


def days() -> list[date]:
    return sorted({row["game_date"] for row in early_rows()})


def rows_of_day(day: date) -> list[Row]:
    return [row for row in early_rows() if row["game_date"] == day]


def drop_games(database: Database, *game_ids: str) -> None:
    with database.connection() as conn:
        for game_id in game_ids:
            remove(conn, "raw_box_score", game_id=game_id)


def give(database: Database, rows: list[Row]) -> None:
    with database.connection() as conn:
        insert(conn, "raw_box_score", rows)


def quiet_day() -> date:
    """Return the middle day with fewest games, so that many rows are out of its reach."""
    middle = days()[6:-4]
    return min(middle, key=lambda day: (len(rows_of_day(day)), day))


@pytest.mark.parametrize("seed", [1, 2])
def test_days_loaded_in_any_order_give_the_same_tables(
    early: Database, unplayed: Database, seed: int
) -> None:
    shuffled = days()
    Random(seed).shuffle(shuffled)
    for batch in (shuffled[:4], shuffled[4:5], shuffled[5:11], shuffled[11:12], shuffled[12:]):
        for day in batch:
            give(unplayed, rows_of_day(day))
        derive_all(unplayed)

    assert all_rows(unplayed) == all_rows(early)


def test_a_day_lost_and_restored_leaves_no_trace(early: Database) -> None:
    before = all_rows(early)
    day = quiet_day()
    drop_games(early, *{row["game_id"] for row in rows_of_day(day)})
    derive_all(early)
    without = all_rows(early)
    give(early, rows_of_day(day))
    derive_all(early)

    assert all_rows(early) == before
    assert {table for table in FORM if without[table] != before[table]} == set(FORM)


def test_without_a_day_incremental_work_gives_what_full_work_gives(early: Database) -> None:
    drop_games(early, *{row["game_id"] for row in rows_of_day(quiet_day())})
    derive_all(early)

    assert differences(early) == {}


def test_a_lost_day_rewrites_only_rows_it_can_reach(early: Database) -> None:
    day = quiet_day()
    reachable = reach_of(day)
    drop_games(early, *{row["game_id"] for row in rows_of_day(day)})
    derive_all(early)
    give(early, rows_of_day(day))
    with early.connection() as conn:
        at: datetime = one(conn, "select clock_timestamp()")[0]
    derive_all(early)

    with early.connection() as conn:
        written = {
            (table, *row)
            for table in ("player_daily_cache", "player_composite_factors", "ml_feature_store")
            for row in conn.execute(
                SQL("select game_id, player_id from nba.{} where _loaded_at >= {}").format(
                    SQL(table), at
                )
            )
        }
        rows = one(conn, "select count(*) from nba.ml_feature_store")[0]
    out_of_reach = {row for row in written if row[1:] not in reachable}
    assert (out_of_reach, len(reachable) < rows) == (set(), True)


def reach_of(day: date) -> set[tuple[str, int]]:
    """Return the rows a change of a day's games may change.

    These are the day's own; later games of its players; everybody in later games of its teams.
    """
    players = {row["player_id"] for row in rows_of_day(day)}
    teams = {row["team_id"] for row in rows_of_day(day)}
    games = {
        game.game_id
        for game in games_of(early_rows()).values()
        if game.day == day or (game.day > day and {game.home, game.away} & teams)
    }
    return {
        (row["game_id"], row["player_id"])
        for row in early_rows()
        if row["game_id"] in games or (row["player_id"] in players and row["game_date"] > day)
    }


def test_a_late_correction_of_one_player_touches_his_later_games_only(early: Database) -> None:
    row = next(row for row in rows_of_day(quiet_day()) if row["pts"] > 10)
    key = {name: row[name] for name in ("game_id", "player_id", "source")}
    later = [
        other["game_id"]
        for other in early_rows()
        if other["player_id"] == row["player_id"] and other["game_date"] > row["game_date"]
    ]
    with early.connection() as conn:
        change(conn, "raw_box_score", key, ast=row["ast"] + 7)
    done = derive_all(early)

    with early.connection() as conn:
        changed = conn.execute(
            "select game_id, player_id from nba.player_daily_cache"
            " where assists_avg_last_10 <> round(assists_avg_last_10, 0)"
            " and player_id = %s and game_date > %s",
            (row["player_id"], row["game_date"]),
        ).fetchall()
    assert rows_changed(done["player_daily_cache"]) == len(later)
    assert {game_id for game_id, _ in changed} <= set(later)
    assert rows_changed(done["team_defense_zone_analysis"]) == 0
    assert rows_changed(done["ml_feature_store"]) == 0


def test_nothing_is_recomputed_when_nothing_changed(early: Database) -> None:
    done = derive_all(early)

    assert {table: found.touched_keys for table, found in done.items() if found.touched_keys} == {}


def test_loading_the_same_rows_anew_rewrites_nothing(early: Database) -> None:
    day = quiet_day()
    with early.connection() as conn:
        conn.execute(
            "update nba.raw_box_score set _loaded_at = transaction_timestamp()"
            " where game_date = %s",
            (day,),
        )
    done = derive_all(early)

    assert done["clean_box_score"].touched_keys == len({r["game_id"] for r in rows_of_day(day)})
    assert sum(rows_changed(found) for found in done.values()) == 0


def test_numbers_of_a_day_and_later_change_nothing_before_it_is_over(early: Database) -> None:
    """Neither the target's own statistics nor any later ones may leak into its features."""
    day = days()[12]
    before = states_until(early, day)
    worse = {name: SQL("{0} * 2 + 5").format(SQL(name)) for name in COUNTS}
    with early.connection() as conn:
        for other in days():
            if other >= day:
                change(conn, "raw_box_score", {"game_date": other}, **worse, min="11")
    done = derive_all(early)

    assert states_until(early, day) == before
    assert rows_changed(done["player_daily_cache"]) > 0


def states_until(database: Database, day: date) -> Mapping[str, list[Any]]:
    """Return what was known before each game up to a day, without the day's own outcome."""
    with database.connection() as conn:
        return {
            table: conn.execute(
                SQL(
                    "select to_jsonb(t) - '{{_run_id,_row_hash,_loaded_at,created_at,updated_at,"
                    "target_points}}'::text[]"
                    " from nba.{} t where game_date <= {} order by 1"
                ).format(SQL(table), day)
            ).fetchall()
            for table in FORM
        }


def test_bootstrap_that_ends_later_removes_rows_and_back_restores_them(early: Database) -> None:
    before = all_rows(early)
    with early.connection() as conn:
        change(conn, "season", {"season": "2024-25"}, bootstrap_days=9)
    derive_all(early)
    with early.connection() as conn:
        first = one(conn, "select min(game_date) - date '2024-10-22' from nba.ml_feature_store")
        change(conn, "season", {"season": "2024-25"}, bootstrap_days=2)
    derive_all(early)

    assert (first, all_rows(early)) == ((9,), before)


def test_a_day_with_a_lost_game_is_incomplete_for_everybody_on_it(early: Database) -> None:
    day = max(days(), key=lambda one_day: len(rows_of_day(one_day)))
    games = sorted({row["game_id"] for row in rows_of_day(day)})
    drop_games(early, *games[:2])
    derive_all(early)

    with early.connection() as conn:
        found = conn.execute(
            "select distinct expected_games, found_games, completeness_pct::float,"
            " is_production_ready, not_ready_reason"
            " from nba.ml_feature_store where game_date = %s",
            (day,),
        ).fetchall()
    share = round(100 * (len(games) - 2) / len(games), 2)
    assert found == [(len(games), len(games) - 2, share, False, "day incomplete")]


def test_a_schedule_that_comes_after_the_scores_reaches_what_it_tells(early: Database) -> None:
    lost = min({row["game_id"] for row in rows_of_day(quiet_day())})
    drop_games(early, lost)
    derive_all(early)
    expected = all_rows(early)
    with early.connection() as conn:
        listed = [schedule_row(game, season="2024-25") for game in games_of(early_rows()).values()]
        for row in listed:
            remove(conn, "schedule", game_id=row["game_id"])
    derive_all(early)
    unlisted = all_rows(early)
    with early.connection() as conn:
        insert(conn, "schedule", listed)
    derive_all(early)

    assert all_rows(early) == expected
    assert unlisted["player_daily_cache"] != expected["player_daily_cache"]


def test_a_game_that_the_schedule_dates_anew_moves_in_every_layer(early: Database) -> None:
    game = min(games_of(early_rows()).values(), key=lambda game: abs(game.day - quiet_day()))
    with early.connection() as conn:
        change(conn, "schedule", {"game_id": game.game_id}, game_date=game.day - timedelta(days=60))
    derive_all(early)

    with early.connection() as conn:
        held = one(
            conn,
            "select count(*) from nba.player_daily_cache where game_id = %(game_id)s",
            game_id=game.game_id,
        )
    assert (held, differences(early)) == ((0,), {})


def test_a_source_that_outranks_another_replaces_its_game_in_every_layer(early: Database) -> None:
    game_id = rows_of_day(quiet_day())[0]["game_id"]
    rows = [
        {**row, "source": "boxscorev3", "min": f"{row['min']}:30", "pts": row["pts"] + 1}
        for row in early_rows()
        if row["game_id"] == game_id
    ]
    give(early, rows)
    done = derive_all(early)
    replaced = all_rows(early)
    with early.connection() as conn:
        remove(conn, "raw_box_score", game_id=game_id, source="boxscorev3")
    derive_all(early)

    assert rows_changed(done["clean_box_score"]) == len(rows)
    assert len(replaced["source_conflict"]) == len(rows)
    assert (all_rows(early)["source_conflict"], differences(early)) == ([], {})
