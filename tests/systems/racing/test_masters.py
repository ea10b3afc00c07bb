"""What masters tell of horses and trainers beside their names."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from stocktake.derive import derive, verify
from stocktake.systems.racing import system
from tests.systems.racing.statistics_rows import entry, insert, race, run

if TYPE_CHECKING:
    from psycopg import Connection

    from stocktake.store import Database

NOW = datetime(2024, 7, 1, 6, tzinfo=UTC)


def compute(conn: Connection[Any], sql: str, run_id: int = 1) -> None:
    derivation = next(one for one in system.derivations if one.sql == sql)
    derive(conn, system, derivation, run_id=run_id, now=NOW)
    assert verify(conn, system, derivation, share=1, now=NOW).count == 0


def values(conn: Connection[Any], query: str) -> dict[str, Any]:
    return dict(conn.execute(query.encode()).fetchall())


AGES = "select id, age from racing.ra_mst_horses"
LOCATIONS = "select id, location from racing.ra_mst_trainers"


def test_a_horse_is_as_old_as_the_year_of_the_last_settled_day_says(racing: Database) -> None:
    with racing.connection() as conn:
        insert(conn, "ra_races", [race("rac_1", date(2023, 12, 31))])
        horses: list[dict[str, Any]] = [
            {"id": "hrs_1", "dob": date(2020, 5, 3)},
            {"id": "hrs_2", "dob": None},
        ]
        insert(conn, "ra_mst_horses", horses)
    with racing.connection() as conn:
        compute(conn, "horse_age")
        assert values(conn, AGES) == {"hrs_1": 3, "hrs_2": None}
    with racing.connection() as conn:
        insert(conn, "ra_races", [race("rac_2", date(2024, 1, 1))])
    with racing.connection() as conn:
        compute(conn, "horse_age", run_id=2)

        assert values(conn, AGES) == {"hrs_1": 4, "hrs_2": None}


def located(name: str, day: date, location: str | None) -> dict[str, Any]:
    """Return a card's entry that says where its trainer is at home."""
    return {**entry(run(race(name, day), "hrs_1")), "trainer_location": location}


def test_a_trainer_is_where_the_latest_card_says_whenever_it_was_loaded(racing: Database) -> None:
    with racing.connection() as conn:
        insert(conn, "ra_mst_trainers", [{"id": "trn_1"}, {"id": "trn_2"}])
        late = [
            located("rac_3", date(2024, 3, 2), None),
            located("rac_2", date(2024, 3, 1), "Newmarket"),
        ]
        insert(conn, "ra_runners", late)
    with racing.connection() as conn:
        compute(conn, "trainer_location")
    with racing.connection() as conn:
        insert(conn, "ra_runners", [located("rac_1", date(2023, 3, 1), "Lambourn")])
    with racing.connection() as conn:
        compute(conn, "trainer_location", run_id=2)

        assert values(conn, LOCATIONS) == {"trn_1": "Newmarket", "trn_2": None}
