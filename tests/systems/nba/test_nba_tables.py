"""The fetched tables: what triggers keep, on a real database."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stocktake.store import Database

GAME = "0022400001"


def test_a_moved_game_remembers_its_former_dates(nba: Database) -> None:
    with nba.connection() as conn:
        conn.execute(
            "insert into nba.schedule (game_id, season, season_type)"
            " values (%s, '2024-25', 'regular')",
            (GAME,),
        )
        for day in ("2024-11-01", "2024-11-05", "2024-12-01", "2024-12-01"):
            conn.execute("update nba.schedule set game_date = %s", (day,))
        (row,) = conn.execute("select previous_dates from nba.schedule").fetchall()

    assert row == ([date(2024, 11, 1), date(2024, 11, 5)],)
