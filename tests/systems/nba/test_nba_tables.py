"""The fetched tables: what parsers tell merged into them, on a real database."""

from __future__ import annotations

import subprocess
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest

from stocktake import Parsed, Request
from stocktake.fetch.captures import store_captures
from stocktake.load.merge import KeyCache, Load, merge
from stocktake.model import Capture, RowCounts
from stocktake.store import ENGINE
from stocktake.store.binaries import find_binaries
from stocktake.store.migrate import migrate, rollback
from stocktake.systems.nba import rows, system
from stocktake.systems.nba.balldontlie import parse_games
from stocktake.systems.nba.box_score import parse_box_score
from stocktake.systems.nba.plays import parse_plays
from stocktake.systems.nba.schedule import parse_schedule
from stocktake.systems.nba.scoreboard import parse_scoreboard
from stocktake.systems.nba.season import parse_seasons, shipped_seasons
from stocktake.systems.nba.teams import parse_teams, shipped_teams
from stocktake.testing.database import temporary_database
from tests.systems.nba.conftest import NBA
from tests.systems.nba.real import (
    FILE,
    LATER,
    PLAYERS_2022,
    PLAYOFFS,
    encoded,
    players,
    shape,
    teams,
)
from tests.systems.nba.test_nba_logs import game, parse, player
from tests.systems.nba.test_nba_schedule import listed
from tests.systems.nba.test_nba_scoreboard import GAMES, page, score

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

    from stocktake.store import Database, LocalCluster

OCTOBER = datetime(2025, 10, 1, 12, tzinfo=UTC)


@pytest.fixture
def conn(nba: Database) -> Iterator[psycopg.Connection[Any]]:
    """A connection as the application has it."""
    with nba.connection() as connection:
        yield connection


def load(
    conn: psycopg.Connection[Any], parsed: Parsed, *, at: datetime = LATER
) -> dict[str, RowCounts]:
    """Capture and merge one answer; return the row counts."""
    body = repr((at, parsed.read)).encode()
    capture = Capture(FILE, 200, body, sha256(body).digest(), at, 0.1)
    stored = store_captures(conn, [capture], system="nba", source="stats", endpoint="x", run_id=1)
    loads = [Load(FILE, stored, parsed)]
    return merge(conn, system, loads, run_id=1, now=at, known=KeyCache()).rows


def planned(day: str, at: datetime, **changed: Any) -> Parsed:
    """Return a schedule of one game, as fetched at an instant."""
    games = [listed("0022500171", day, **changed)]
    body = {"leagueSchedule": {"leagueId": "00", "gameDates": [{"games": games}]}}
    return parse_schedule([encoded(body)], Request("cdn_schedule", "/static/x.json"), at)


def one_game(conn: psycopg.Connection[Any], columns: str) -> tuple[Any, ...]:
    (row,) = conn.execute("select to_jsonb(s) from nba.schedule s").fetchall()
    return tuple(row[0][column] for column in columns.split())


def test_a_real_season_loaded_twice_changes_nothing_the_second_time(
    conn: psycopg.Connection[Any],
) -> None:
    first = load(conn, players(PLAYERS_2022))
    second = load(conn, players(PLAYERS_2022), at=LATER + timedelta(days=1))

    assert first["raw_box_score"] == RowCounts(read=25_895, inserted=25_895)
    assert second["raw_box_score"] == RowCounts(read=25_895, unchanged=25_895)


def test_of_two_rows_of_one_key_the_later_is_held_and_both_are_kept(
    conn: psycopg.Connection[Any],
) -> None:
    counts = load(conn, parse([*game(), player(1, AST=9)]))

    held = conn.execute("select ast from nba.raw_box_score where player_id = 1").fetchall()
    reported = conn.execute("select dataset from stocktake.duplicate").fetchall()
    assert held == [(9,)]
    assert reported == [("raw_box_score",)]
    assert counts["raw_box_score"].duplicates == 1


def test_every_kind_of_row_fits_its_table(conn: psycopg.Connection[Any]) -> None:
    any_request = Request("any", "/x")
    scores = parse_games([page(score(1))], GAMES, LATER)
    alias = Parsed()
    alias.add(rows.AliasRow("0022500001", "0022501231", "moved"))
    answers = (
        parse_seasons([shipped_seasons()], any_request, LATER),
        parse_teams([shipped_teams()], any_request, LATER),
        parse_box_score([encoded(shape("boxscoretraditionalv3.json"))], any_request, LATER),
        parse_plays([encoded(shape("playbyplayv3.json.gz"))], any_request, LATER),
        teams(PLAYOFFS),
        scores,
        alias,
    )
    inserted: dict[str, int] = {}
    for parsed in answers:
        for name, counts in load(conn, parsed).items():
            inserted[name] = counts.inserted
            assert counts.rejected == 0

    assert inserted == {
        "season": 13,
        "schedule": 14_610,
        "team_reference": 30,
        "raw_box_score": 29,
        "play_by_play": 475,
        "raw_team_log": 342,
        "score_check": 1,
        "game_alias": 1,
    }


def test_a_moved_game_remembers_its_former_dates(conn: psycopg.Connection[Any]) -> None:
    for number, day in enumerate(("2025-11-05", "2025-12-01", "2025-12-24", "2025-12-01")):
        at = OCTOBER + timedelta(days=number)
        load(conn, planned(day, at), at=at)

    assert one_game(conn, "game_date previous_dates first_listed last_listed") == (
        "2025-12-01",
        ["2025-11-05", "2025-12-01", "2025-12-24"],
        "2025-10-01",
        "2025-10-04",
    )


def test_a_final_score_stays_when_the_schedule_is_fetched_again(
    conn: psycopg.Connection[Any],
) -> None:
    load(conn, planned("2025-11-05", OCTOBER), at=OCTOBER)
    at = datetime(2025, 11, 6, 12, tzinfo=UTC)
    board = parse_scoreboard([encoded(shape("scoreboardv3.json"))], Request("b", "/x"), at)
    board.rows[rows.ScheduleScore] = board.rows[rows.ScheduleScore][:1]
    board.read["schedule"] = 1
    load(conn, board, at=at)
    later = at + timedelta(hours=1)
    load(conn, planned("2025-11-05", later), at=later)

    assert one_game(conn, "status home_score away_score arena") == (
        "final",
        132,
        121,
        "State Farm Arena",
    )


def test_a_postponed_game_with_a_new_date_is_scheduled_again(
    conn: psycopg.Connection[Any],
) -> None:
    for number, changed in enumerate(({}, {"postponedStatus": "Y"}, {})):
        at = OCTOBER + timedelta(days=number)
        day = "2025-11-05" if number < 2 else "2025-12-01"
        load(conn, planned(day, at, **changed), at=at)
        status = one_game(conn, "status")
        assert status == (("scheduled", "postponed", "scheduled")[number],)


def test_a_game_promised_by_its_id_alone_has_neither_date_nor_status(
    conn: psycopg.Connection[Any],
) -> None:
    parsed = parse_seasons([shipped_seasons()], Request("seasons", "x"), LATER)
    parsed.rows[rows.ScheduleId] = parsed.rows[rows.ScheduleId][:1]
    parsed.read["schedule"] = 1
    load(conn, parsed)

    assert one_game(conn, "game_date status first_listed") == (None, None, None)


def test_the_seasons_table_holds_the_shipped_days(conn: psycopg.Connection[Any]) -> None:
    load(conn, parse_seasons([shipped_seasons()], Request("seasons", "x"), LATER))

    held = conn.execute(
        "select first_regular_date, regular_games from nba.season where season = '2024-25'"
    ).fetchall()
    assert held == [(date(2024, 10, 22), 1_230)]


def test_up_down_up_gives_an_identical_schema(cluster: LocalCluster) -> None:
    with temporary_database(cluster) as fresh:
        migrate(fresh, (ENGINE, NBA))
        first = schema_of(fresh)
        rollback(fresh, NBA, to=0)
        migrate(fresh, (ENGINE, NBA))

        assert schema_of(fresh) == first


def schema_of(database: Database) -> list[str]:
    dump = subprocess.run(
        [find_binaries().program("pg_dump"), "--schema-only", f"--dbname={database.url}"],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    return [line for line in dump.splitlines() if not line.startswith(("\\restrict", "\\unrestr"))]
