"""Rows for tests of statistics and checks: a real year through the real path, or a few by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from psycopg.sql import SQL, Identifier

from stocktake import Request
from stocktake.fetch.captures import store_captures
from stocktake.load.merge import KeyCache, Load, merge
from stocktake.model import Capture
from stocktake.systems.racing import system
from tests.systems.racing.real import LATER, hkjc_year

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from psycopg import Connection

ENTITIES = ("jockey_id", "trainer_id", "owner_id", "sire_id", "dam_id", "damsire_id")


def load_year(conn: Connection[Any], year: int) -> None:
    """Load a real year of Hong Kong results as a file is loaded."""
    request = Request("hkjc", f"hkjc_results_{year}.csv")
    body = request.path.encode()
    capture = Capture(request, 200, body, body[:32].ljust(32), LATER, 0.1)
    stored = store_captures(
        conn, [capture], system="racing", source="hkjc", endpoint="file", run_id=1
    )
    # The parser's accounts are its own tests' business; here only its rows matter.
    loads = [Load(request, stored, replace(hkjc_year(year), read={}))]
    merge(conn, system, loads, run_id=1, now=LATER, known=KeyCache())


def insert(conn: Connection[Any], table: str, rows: Sequence[dict[str, Any]]) -> None:
    """Put rows into a racing table, as a load would."""
    if not rows:
        return
    columns = list(rows[0])
    statement = SQL("copy {} ({}) from stdin").format(
        Identifier("racing", table), SQL(", ").join(map(Identifier, columns))
    )
    with conn.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row([row[column] for column in columns])


def race(race_id: str, day: date, **others: Any) -> dict[str, Any]:
    """Return a run race, a mile on good turf unless told otherwise."""
    return {
        "race_id": race_id,
        "date": day,
        "region": "GB",
        "course_id": "crs_1",
        "type": "Flat",
        "race_class": "Class 4",
        "surface": "Turf",
        "going": "Good",
        "distance_y": 1760,
        "race_status": "run",
        "has_result": True,
        **others,
    }


def run(race_row: dict[str, Any], horse_id: str, **others: Any) -> dict[str, Any]:
    """Return a starter's result."""
    return {
        "race_id": race_row["race_id"],
        "race_date": race_row["date"],
        "region": race_row["region"],
        "horse_id": horse_id,
        **dict.fromkeys(ENTITIES),
        "jockey_id": "jky_1",
        "trainer_id": "trn_1",
        "position": None,
        "sp_decimal": None,
        "dead_heat_n": 1,
        "prize_won": None,
        "time_seconds": None,
        "is_starter": True,
        **others,
    }


def entry(result: dict[str, Any]) -> dict[str, Any]:
    """Return the runner that a result belongs to."""
    shared = ("race_id", "race_date", "region", "horse_id", *ENTITIES)
    return {
        "runner_id": f"{result['race_id']}:{result['horse_id']}",
        **{column: result[column] for column in shared},
    }
