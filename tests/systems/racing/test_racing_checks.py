"""Racing's checks: each seeded fault is found by the right one, and clean days raise no alarm."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from psycopg.sql import SQL, Identifier

from stocktake.check.measure import run_checks
from stocktake.derive import derive, in_order
from stocktake.model import Coverage, Range, Severity
from stocktake.store import ENGINE, Component
from stocktake.systems.racing import system
from stocktake.testing.database import temporary_database
from tests.systems.racing.statistics_rows import entry, insert, load_year, race, run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg import Connection

    from stocktake.store import LocalCluster

NOW = datetime(2024, 2, 1, 6, tzinfo=UTC)
RACING = Component.of_package("racing", system.package)
DAYS, RACES_A_DAY, FIELD = 30, 6, 9
COMPLETE = {
    name: [("2024", Coverage(name, 60, 60))]
    for name in ("ra_races", "ra_runners", "ra_race_results")
}
QUIET = {Severity.PASS, Severity.NOT_APPLICABLE}


def clean_days() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return races and results of thirty days in which nothing is wrong."""
    races, results = [], []
    for day in range(DAYS):
        for number in range(RACES_A_DAY):
            row = race(
                f"rac_{day:02}{number}",
                date(2024, 1, 2) + timedelta(days=day),
                region="GB" if number < RACES_A_DAY / 2 else "IRE",
                field_size=FIELD,
            )
            races.append(row)
            results += [starter(row, day, number, place) for place in range(1, FIELD + 1)]
    return races, results


def starter(row: dict[str, Any], day: int, number: int, place: int) -> dict[str, Any]:
    horse = (day * 7 + number * FIELD + place * 13) % 97 + 100 * number
    return run(
        row,
        f"hrs_{horse}",
        jockey_id=f"jky_{(place + day) % 20}",
        trainer_id=f"trn_{horse % 15}",
        owner_id=f"own_{horse % 30}",
        sire_id=f"sir_{horse % 12}",
        dam_id=f"dam_{horse % 50}",
        damsire_id=f"dsi_{horse % 9}",
        position=place,
        sp_decimal=7.5,
        time_seconds=100 + place,
        weight_lbs=130,
        age=4,
        draw=place,
        number=str(place),
        official_rating=70,
        rpr=70,
        tsr=60,
        prize_won=100,
        outcome="finished",
    )


@pytest.fixture(scope="module")
def clean(cluster: LocalCluster) -> Iterator[Connection[Any]]:
    """Thirty clean days with their masters, derived; tests roll back what they spoil."""
    with temporary_database(cluster, components=(ENGINE, RACING)) as fresh:
        races, results = clean_days()
        with fresh.connection() as conn:
            fill(conn, races, results)
        with fresh.connection() as conn:
            for derivation in in_order(system.derivations):
                derive(conn, system, derivation, run_id=1, now=NOW)
        with fresh.connection() as conn:
            yield conn


def fill(conn: Connection[Any], races: list[dict[str, Any]], results: list[dict[str, Any]]) -> None:
    insert(conn, "ra_mst_courses", [{"id": "crs_1"}])
    insert(conn, "ra_races", races)
    insert(conn, "ra_race_results", results)
    cards = {"ofr": 70, "form": "12", "silk_url": "x", "_card_hash": 1, "_result_hash": 1}
    insert(conn, "ra_runners", [{**entry(one), **cards} for one in results])
    for kind in ("horse", "jockey", "trainer", "owner", "sire", "dam", "damsire"):
        ids = sorted({one[f"{kind}_id"] for one in results})
        insert(conn, f"ra_mst_{kind}s", [{"id": one} for one in ids])
    horses = sorted({one["horse_id"] for one in results})
    insert(conn, "ra_horse_pedigree", [{"horse_id": one, "_pro_hash": 1} for one in horses])


def alarms(conn: Connection[Any]) -> set[str]:
    """Return the checks that neither pass nor have nothing to measure."""
    results = run_checks(conn, system, system.checks, now=NOW, coverages=COMPLETE)
    return {one.check for one in results if one.severity not in QUIET}


@pytest.mark.fault("Q01")
def test_thirty_clean_days_raise_no_alarm(clean: Connection[Any]) -> None:
    assert alarms(clean) == set()


SEEDED = [
    ("delete", "delete from racing.ra_runners where race_date > '2024-01-10'", "runners_per_race"),
    (
        "delete one race's results",
        "delete from racing.ra_race_results where race_id = 'rac_010'",
        "races_decided",
    ),
    (
        "duplicate winner",
        "update racing.ra_race_results set position = 1 where race_id = 'rac_010' and position = 2",
        "races_decided",
    ),
    (
        "null",
        "update racing.ra_race_results set jockey_id = null where race_date = '2024-01-05'",
        "ra_race_results_jockey_id_missing",
    ),
    (
        "shift: the trainer's id in the jockey's column",
        "update racing.ra_race_results set jockey_id = trainer_id where race_id = 'rac_010'",
        "ra_race_results_jockey_id_invalid",
    ),
    (
        "scale: times in milliseconds",
        "update racing.ra_race_results set time_seconds = 10000 where race_id = 'rac_010'",
        "ra_race_results_time_seconds_invalid",
    ),
    (
        "scale: all prices doubled",
        "update racing.ra_race_results set sp_decimal = sp_decimal * 2",
        "ae_of_all_starters",
    ),
    (
        "duplicate day",
        (
            "insert into racing.ra_race_results (race_id, horse_id, race_date, region, is_starter)"
            " select 'copy_' || race_id, horse_id, race_date + 40, region, true"
            " from racing.ra_race_results where race_date = '2024-01-05'"
        ),
        "fields_run_once",
    ),
    (
        "orphan",
        "delete from racing.ra_mst_trainers where id = 'trn_3'",
        "ra_race_results_trainer_id_known",
    ),
    (
        "stale: statistics without the newest race",
        "delete from racing.ra_runner_statistics where runner_id like 'rac_290%'",
        "runner_statistics_per_runner",
    ),
    (
        "stale: a pair's runs",
        (
            "update racing.ra_entity_combinations set total_runs = total_runs + 1"
            " where entity1_id = 'jky_1'"
        ),
        "pair_runs_add_up",
    ),
    (
        "unknown outcome",
        "update racing.ra_race_results set outcome = 'other' where race_id = 'rac_010'",
        "unknown_outcome",
    ),
    (
        "unknown going",
        "update racing.ra_races set going = 'Lunar' where race_id = 'rac_010'",
        "unknown_going",
    ),
    (
        "unknown course",
        "update racing.ra_races set course_id = 'crs_9' where race_id = 'rac_010'",
        "ra_races_course_id_known",
    ),
    (
        "number twice in a race",
        "update racing.ra_race_results set number = '1' where race_id = 'rac_010'",
        "fields_plausible",
    ),
    (
        "field size",
        "update racing.ra_races set field_size = 12 where date < '2024-01-08'",
        "field_size_agrees",
    ),
    (
        "shift: each rider one line down, so that all are jockeys",
        (
            "update racing.ra_runners set _overruled = jsonb_build_object('card',"
            " jsonb_build_object('jockey_id', 'jky_' || (substr(jockey_id, 5)::int + 1) % 20))"
            " where race_id = 'rac_010'"
        ),
        "riders_agree",
    ),
]


@pytest.mark.fault("Q01")
@pytest.mark.parametrize(
    ("corruption", "check"), [pytest.param(*one[1:], id=one[0]) for one in SEEDED]
)
def test_a_seeded_fault_is_found_by_the_right_check(
    clean: Connection[Any], corruption: str, check: str
) -> None:
    with clean.transaction(force_rollback=True):
        clean.execute(corruption.encode())

        assert check in alarms(clean)


@pytest.mark.fault("Q01")
def test_a_race_with_one_rider_replaced_raises_no_alarm(clean: Connection[Any]) -> None:
    with clean.transaction(force_rollback=True):
        clean.execute(
            """update racing.ra_runners set _overruled = '{"card": {"jockey_id": "jky_99"}}'"""
            " where race_id = 'rac_010' and jockey_id = 'jky_3'"
        )

        assert alarms(clean) == set()


WHOLE_YEARS = {"races_per_year", "races_in_2020"}


@pytest.mark.parametrize(
    ("since", "until", "judged"),
    [
        (date(2024, 1, 2), date(2024, 1, 30), set()),
        (date(2023, 6, 1), date(2024, 1, 30), set()),
        (date(2023, 1, 1), date(2024, 1, 30), {"races_per_year"}),
        (date(2020, 1, 1), date(2020, 12, 30), set()),
        (date(2020, 1, 1), date(2020, 12, 31), {"races_in_2020"}),
        (None, None, WHOLE_YEARS),
    ],
)
def test_a_range_without_a_whole_year_is_not_judged_by_years(
    clean: Connection[Any], since: date | None, until: date | None, judged: set[str]
) -> None:
    chosen = [check for check in system.checks if check.name in WHOLE_YEARS]
    with clean.transaction(force_rollback=True):
        for year in (2020, 2023):
            insert(clean, "ra_races", [race(f"rac_{year}", date(year, 6, 1))])
        results = run_checks(clean, system, chosen, window=Range(since, until), now=NOW)

    applied = {one.check for one in results if one.severity is not Severity.NOT_APPLICABLE}
    assert applied == judged


@pytest.mark.fault("Q02")
def test_a_missing_table_makes_its_checks_errors(clean: Connection[Any]) -> None:
    dataset = next(check for check in system.checks if check.name == "races_decided")
    with clean.transaction(force_rollback=True):
        clean.execute("reset role")
        clean.execute("drop table racing.ra_race_results cascade")

        (result,) = run_checks(clean, system, [dataset], now=NOW)

    assert result.severity is Severity.ERROR


def test_a_real_year_of_hong_kong_raises_no_alarm_of_another_region(
    cluster: LocalCluster,
) -> None:
    with temporary_database(cluster, components=(ENGINE, RACING)) as fresh:
        with fresh.connection() as conn:
            load_year(conn, 2023)
        with fresh.connection() as conn:
            results = run_checks(conn, system, system.checks, now=NOW, coverages=COMPLETE)

    assert {one.check: one.value for one in results if one.severity not in QUIET} == {}


def test_check_names_are_unique() -> None:
    names = [check.name for check in system.checks]

    assert len(names) == len(set(names))


def test_tables_named_by_checks_exist(clean: Connection[Any]) -> None:
    for name in {check.dataset for check in system.checks}:
        clean.execute(SQL("select from {} limit 0").format(Identifier("racing", name)))
