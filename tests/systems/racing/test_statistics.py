"""Racing's statistics against figures worked out elsewhere: racing.md sections 5 and 12."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from psycopg.sql import SQL, Identifier

from stocktake.derive import derive
from stocktake.store import ENGINE, Component
from stocktake.systems.racing import system
from stocktake.systems.racing.hkjc import hashed
from stocktake.testing.database import temporary_database
from tests.systems.racing.statistics_rows import entry, insert, load_year, race, run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg import Connection

    from stocktake.store import Database, LocalCluster

NOW = datetime(2024, 1, 1, 6, tzinfo=UTC)
RACING = Component.of_package("racing", system.package)


@pytest.fixture(scope="module")
def hong_kong(cluster: LocalCluster) -> Iterator[Connection[Any]]:
    """All of 2023, derived; nothing in this module changes it."""
    with temporary_database(cluster, components=(ENGINE, RACING)) as fresh:
        with fresh.connection() as conn:
            load_year(conn, 2023)
        with fresh.connection() as conn:
            for derivation in system.derivations:
                derive(conn, system, derivation, run_id=1, now=NOW)
        with fresh.connection() as conn:
            yield conn


def stored(conn: Connection[Any], table: str, columns: str, **key: Any) -> tuple[Any, ...] | None:
    """Return columns of the one row with this key."""
    statement = SQL("select {columns} from {table} where {condition}").format(
        columns=SQL(", ").join(Identifier(column) for column in columns.split()),
        table=Identifier("racing", table),
        condition=SQL(" and ").join(
            SQL("{} = {}").format(Identifier(column), value) for column, value in key.items()
        ),
    )
    return conn.execute(statement).fetchone()


def numbers(row: tuple[Any, ...] | None) -> list[float | None]:
    assert row is not None
    return [None if value is None else float(value) for value in row]


def jockey(name: str) -> str:
    return f"hk_j_{hashed(name)}"


def trainer(name: str) -> str:
    return f"hk_t_{hashed(name)}"


def test_all_starters_of_2023_are_counted(hong_kong: Connection[Any]) -> None:
    row = hong_kong.execute(
        "select count(*), count(*) filter (where position = 1),"
        " round(100.0 * count(*) filter (where position = 1) / count(*), 2),"
        " round(100.0 * count(*) filter (where position <= 3) / count(*), 2),"
        " round((count(*) filter (where position = 1) / sum(chance))::numeric, 4),"
        " round(sum(profit_1u)::numeric, 2) from racing.starts"
    ).fetchone()

    assert numbers(row) == [9983, 836, 8.37, 25.09, 0.8164, -2331.00]


def test_the_bookmakers_share_of_2023_is_known(hong_kong: Connection[Any]) -> None:
    row = hong_kong.execute(
        "select round(avg(book)::numeric, 4) from"
        " (select sum(chance) as book from racing.starts group by race_id) races"
    ).fetchone()

    assert row == (Decimal("1.2278"),)


def test_a_jockeys_career_is_told(hong_kong: Connection[Any]) -> None:
    row = stored(
        hong_kong,
        "ra_mst_jockeys",
        "total_rides total_wins total_seconds total_thirds win_rate place_rate",
        id=jockey("希威森"),
    )

    assert numbers(row) == [618, 51, 37, 71, 8.25, 25.73]


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [
        pytest.param("2023-12-31", [30, 4, 66, 6], id="the end of the year"),
        pytest.param("", [38, 5, 66, 6], id="the last settled day, two days before"),
    ],
)
def test_a_jockeys_last_weeks_are_told_as_of_a_day(
    hong_kong: Connection[Any], as_of: str, expected: list[float]
) -> None:
    recent = next(one for one in system.derivations if one.sql == "people_recent")
    with hong_kong.transaction(force_rollback=True):
        derive(hong_kong, system, recent.using(as_of=as_of), run_id=2, now=NOW)
        row = stored(
            hong_kong,
            "ra_mst_jockeys",
            "recent_14d_rides recent_14d_wins recent_30d_rides recent_30d_wins",
            id=jockey("希威森"),
        )

    assert numbers(row) == expected


@pytest.mark.parametrize(
    ("venue", "expected"),
    [
        ("hk_HV", [272, 21, 18, 29, 0.7789, -78.30]),
        ("hk_ST", [346, 30, 19, 42, 0.8724, 43.60]),
    ],
)
def test_a_jockeys_courses_are_told(
    hong_kong: Connection[Any], venue: str, expected: list[float]
) -> None:
    row = stored(
        hong_kong,
        "ra_performance_by_venue",
        "total_runs wins places_2nd places_3rd ae_index profit_loss_1u",
        entity_type="jockey",
        entity_id=jockey("希威森"),
        venue_id=venue,
    )

    assert numbers(row) == expected


@pytest.mark.parametrize(
    ("column", "who", "expected"),
    [
        ("jockey_id", jockey("希威森"), [618, 0.8313, -34.70, -5.61]),
        ("trainer_id", trainer("蔡約翰"), [635, 0.8172, -194.70, -30.66]),
    ],
)
def test_prices_of_a_career_add_up(
    hong_kong: Connection[Any], column: str, who: str, expected: list[float]
) -> None:
    statement = SQL(
        "select count(*),"
        " round((count(*) filter (where position = 1) / sum(chance))::numeric, 4),"
        " round(sum(profit_1u)::numeric, 2),"
        " round((100 * sum(profit_1u) / count(chance))::numeric, 2)"
        " from racing.starts where {} = {}"
    ).format(Identifier(column), who)

    assert numbers(hong_kong.execute(statement).fetchone()) == expected


def test_a_pair_is_told(hong_kong: Connection[Any]) -> None:
    row = stored(
        hong_kong,
        "ra_entity_combinations",
        "total_runs wins places_2nd places_3rd win_percent ae_index profit_loss_1u",
        entity1_id=jockey("鍾易禮"),
        entity2_id=trainer("告東尼"),
    )

    assert numbers(row) == [218, 13, 14, 16, 5.96, 0.6981, -102.70]


@pytest.mark.parametrize(("min_runs", "pairs"), [(1, 669), (5, 396), (10, 271)])
def test_pairs_with_fewer_runs_have_no_row(
    hong_kong: Connection[Any], min_runs: int, pairs: int
) -> None:
    (combinations,) = (one for one in system.derivations if one.sql == "entity_combinations")
    with hong_kong.transaction(force_rollback=True):
        derived = derive(
            hong_kong, system, combinations.using(min_runs=min_runs), run_id=2, now=NOW
        )
        row = hong_kong.execute("select count(*) from racing.ra_entity_combinations").fetchone()

    assert (row, derived.touched_keys) == ((pairs,), pairs if derived.is_full else 0)


@pytest.mark.parametrize(
    ("table", "kind", "rows"),
    [
        ("ra_performance_by_distance", "horse", 669),
        ("ra_performance_by_distance", "jockey", 207),
        ("ra_performance_by_distance", "trainer", 169),
        ("ra_performance_by_venue", "horse", 914),
        ("ra_performance_by_venue", "jockey", 70),
        ("ra_performance_by_venue", "trainer", 48),
    ],
)
def test_keys_with_five_runs_have_a_row(
    hong_kong: Connection[Any], table: str, kind: str, rows: int
) -> None:
    statement = SQL("select count(*) from {} where entity_type = {}")

    found = hong_kong.execute(statement.format(Identifier("racing", table), kind)).fetchone()

    assert found == (rows,)


def test_a_horse_at_one_distance_is_told(hong_kong: Connection[Any]) -> None:
    row = stored(
        hong_kong,
        "ra_performance_by_distance",
        "total_runs wins ae_index profit_loss_1u best_time_seconds avg_time_seconds"
        " last_time_seconds",
        entity_id="hk_G282",
        distance_yards=1312,
    )

    assert numbers(row) == [8, 1, 1.4011, -3.80, 70.36, 70.77, 70.86]


def test_a_runner_is_told_as_it_stood_before_the_race(hong_kong: Connection[Any]) -> None:
    row = hong_kong.execute(
        "select career_win_percent, career_place_percent, last_12m_runs, last_12m_wins,"
        " last_12m_2nds, last_12m_3rds, last_10_runs, last_10_wins, last_10_2nds, last_10_3rds,"
        " course_runs, course_wins, course_2nds, course_3rds, course_distance_runs"
        " from racing.ra_runner_statistics"
        " where horse_id = 'hk_G282' and runner_id like 'hk_2023-11-29%'"
    ).fetchone()

    assert numbers(row) == [12.5, 18.75, 16, 2, 0, 1, 10, 2, 0, 1, 9, 2, 0, 1, 0]


def test_the_worked_example_comes_out(racing: Database) -> None:
    races = [race(f"rac_{n}", date(2024, 5, n)) for n in range(1, 5)]
    outcomes = [("3.00", 1, 1), ("5.00", 3, 1), ("2.00", None, 1), ("8.00", 1, 2)]
    results = [
        run(day, "hrs_1", sp_decimal=Decimal(price), position=position, dead_heat_n=sharing)
        for day, (price, position, sharing) in zip(races, outcomes, strict=True)
    ]
    (combinations,) = (one for one in system.derivations if one.sql == "entity_combinations")
    with racing.connection() as conn:
        insert(conn, "ra_races", races)
        insert(conn, "ra_race_results", results)

        derive(conn, system, combinations.using(min_runs=1), run_id=1, now=NOW)

        row = stored(
            conn,
            "ra_entity_combinations",
            "total_runs wins win_percent place_percent ae_index profit_loss_1u",
            entity1_id="jky_1",
        )
    assert numbers(row) == [4, 2, 50.0, 75.0, 1.7266, 3.0]


def test_statistics_do_not_see_the_future_nor_the_same_day(racing: Database) -> None:
    days = [date(2024, 5, 1), date(2024, 5, 2), date(2024, 5, 2), date(2024, 5, 3)]
    races = [race(f"rac_{n}", day) for n, day in enumerate(days)]
    results = [run(one, "hrs_1", position=1) for one in races]
    with racing.connection() as conn:
        insert(conn, "ra_races", races)
        insert(conn, "ra_race_results", results)
        insert(conn, "ra_runners", [entry(one) for one in results])

        derive(conn, system, system.derivations[0], run_id=1, now=NOW)

        found = conn.execute(
            "select course_wins from racing.ra_runner_statistics order by runner_id"
        ).fetchall()
    assert found == [(0,), (1,), (1,), (3,)]


def test_fallers_are_runs(racing: Database) -> None:
    day = race("rac_1", date(2024, 5, 1), type="Chase")
    after = race("rac_2", date(2024, 5, 9))
    results = [run(day, f"hrs_{n}", position=n if n > 2 else None) for n in range(1, 11)]
    with racing.connection() as conn:
        insert(conn, "ra_races", [day, after])
        insert(conn, "ra_race_results", results)
        (combinations,) = (one for one in system.derivations if one.sql == "entity_combinations")

        derive(conn, system, combinations, run_id=1, now=NOW)

        row = stored(conn, "ra_entity_combinations", "total_runs", entity1_id="jky_1")
    assert row == (10,)


def test_a_void_races_runs_do_not_count(racing: Database) -> None:
    good = race("rac_1", date(2024, 5, 1))
    void = race("rac_2", date(2024, 5, 2), race_status="void")
    after = race("rac_3", date(2024, 5, 3))
    results = [run(one, "hrs_1", position=1) for one in (good, void, after)]
    with racing.connection() as conn:
        insert(conn, "ra_races", [good, void, after])
        insert(conn, "ra_race_results", results)
        insert(conn, "ra_runners", [entry(one) for one in results])

        derive(conn, system, system.derivations[0], run_id=1, now=NOW)

        row = stored(conn, "ra_runner_statistics", "distance_runs", runner_id="rac_3:hrs_1")
    assert row == (1,)


@pytest.mark.parametrize(
    ("surface", "going", "bucket"),
    [
        ("AW", "Good", "aw"),
        ("Turf", "Good To Soft", "soft"),
        ("Turf", "good to firm", "firm"),
        ("Turf", "Soft To Heavy", "heavy"),
        ("Turf", "Good To Yielding", "good"),
        ("Turf", "Standard", None),
    ],
)
def test_going_has_one_bucket(
    hong_kong: Connection[Any], surface: str, going: str, bucket: str | None
) -> None:
    row = hong_kong.execute("select racing.going_bucket(%s, %s)", (surface, going)).fetchone()

    assert row == (bucket,)
