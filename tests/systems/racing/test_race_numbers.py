"""Numbers of races: their rank among all races known of a meeting, whoever told of them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from stocktake.derive import derive, verify
from stocktake.systems.racing import system
from tests.systems.racing.statistics_rows import insert, race

if TYPE_CHECKING:
    from psycopg import Connection

    from stocktake.store import Database

DAY = date(2024, 1, 5)
FIRST_OFF = datetime(2024, 1, 5, 13, tzinfo=UTC)
NUMBERS = next(one for one in system.derivations if one.sql == "race_numbers")


def announced(name: str, half_hour: int, told: int, **others: Any) -> dict[str, Any]:
    """Return a race with the number that its own answer made of it."""
    off = FIRST_OFF + timedelta(minutes=30 * half_hour)
    return race(name, DAY, off_dt=off, race_number=told, **others)


def numbers(conn: Connection[Any]) -> dict[str, int]:
    return dict(
        conn.execute("select race_id, race_number from racing.ra_races order by 1").fetchall()
    )


def number(conn: Connection[Any], run_id: int = 1) -> None:
    derive(conn, system, NUMBERS, run_id=run_id, now=FIRST_OFF)


def test_a_race_abandoned_between_others_keeps_its_number(racing: Database) -> None:
    lost = announced("rac_b", 1, 2, race_status="abandoned", has_result=False)
    with racing.connection() as conn:
        insert(conn, "ra_races", [announced("rac_a", 0, 1), lost, announced("rac_c", 2, 2)])
        number(conn)

        assert numbers(conn) == {"rac_a": 1, "rac_b": 2, "rac_c": 3}


def test_a_card_that_comes_later_moves_the_numbers_after_its_race(racing: Database) -> None:
    with racing.connection() as conn:
        insert(conn, "ra_races", [announced("rac_a", 0, 1), announced("rac_c", 2, 2)])
    with racing.connection() as conn:
        number(conn)
    with racing.connection() as conn:
        insert(
            conn, "ra_races", [announced("rac_b", 1, 1, race_status="abandoned", has_result=False)]
        )
    with racing.connection() as conn:
        number(conn, run_id=2)

        assert numbers(conn) == {"rac_a": 1, "rac_b": 2, "rac_c": 3}
        assert verify(conn, system, NUMBERS, share=1, now=FIRST_OFF).count == 0


def test_another_course_of_the_day_is_another_meeting(racing: Database) -> None:
    with racing.connection() as conn:
        elsewhere = announced("rac_x", 1, 1, course_id="crs_2")
        insert(conn, "ra_races", [announced("rac_a", 0, 1), elsewhere, announced("rac_c", 2, 2)])
        number(conn)

        assert numbers(conn) == {"rac_a": 1, "rac_c": 2, "rac_x": 1}


def test_hong_kong_numbers_its_races_itself(racing: Database) -> None:
    with racing.connection() as conn:
        insert(conn, "ra_races", [announced("hk_1", 0, 7, region="HK")])
        number(conn)

        assert numbers(conn) == {"hk_1": 7}
