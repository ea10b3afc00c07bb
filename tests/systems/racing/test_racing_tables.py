"""The tables, and answers merged into them and counted, on a real database."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from psycopg.sql import SQL, Identifier

from stocktake import Cross, Dataset, Days, Listed, Request, State, System, Values
from stocktake.count.coverage import count
from stocktake.count.record import record
from stocktake.count.statements import system_statements
from stocktake.fetch.captures import store_captures
from stocktake.load.merge import KeyCache, Load, merge
from stocktake.model import Capture, Range
from stocktake.store.binaries import find_binaries
from stocktake.store.migrate import ENGINE, Component, migrate, rollback
from stocktake.store.queries import load_queries
from stocktake.systems.racing import system
from stocktake.systems.racing.hkjc import parse_hkjc
from stocktake.systems.racing.hkjc_days import parse_fixtures, parse_index
from stocktake.systems.racing.racecards import parse_racecards
from stocktake.systems.racing.results import parse_results
from stocktake.testing.database import temporary_database, unprepared
from tests.systems.racing.real import (
    CARDS,
    LATER,
    RESULTS,
    cards_page,
    encoded,
    hkjc_year,
    real_file,
    results_page,
    sample,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

    from stocktake import Parsed
    from stocktake.store.cluster import LocalCluster
    from stocktake.store.database import Database

RACING = Component.of_package("racing", "stocktake.systems.racing")
Connection = Any


@pytest.fixture
def racing(cluster: LocalCluster) -> Iterator[Database]:
    """A database with the engine and racing."""
    with temporary_database(cluster, components=(ENGINE, RACING)) as fresh:
        yield fresh


@pytest.fixture
def conn(racing: Database) -> Iterator[psycopg.Connection[Any]]:
    """A connection as the application has it."""
    with racing.connection() as connection:
        yield connection


def load(
    conn: Connection, parsed: Parsed, request: Request, *, at: datetime = LATER
) -> dict[str, Any]:
    """Capture, merge and record one answer; return the row counts."""
    body = f"{request.path} {at}".encode()
    capture = Capture(request, 200, body, body[:32].ljust(32), at, 0.1)
    run_id = 1
    stored = store_captures(
        conn, [capture], system="racing", source="theracingapi", endpoint="x", run_id=run_id
    )
    loads = [Load(request, stored, parsed)]
    merged = merge(conn, system, loads, run_id=run_id, now=at, known=KeyCache())
    record(conn, system, request.feed, parsed.outcomes, values=merged.values, run_id=run_id, now=at)
    return merged.rows


def load_results(conn: Connection, page: Any = None) -> dict[str, Any]:
    return load(conn, parse_results([encoded(page or results_page())], RESULTS, LATER), RESULTS)


def load_cards(conn: Connection, page: Any = None) -> dict[str, Any]:
    return load(conn, parse_racecards([encoded(page or cards_page())], CARDS, LATER), CARDS)


def load_year(conn: Connection, year: int) -> dict[str, Any]:
    return load(conn, hkjc_year(year), Request("hkjc", f"hkjc_results_{year}.csv"))


def schema_of(database: Database) -> list[str]:
    dump = subprocess.run(
        [find_binaries().program("pg_dump"), "--schema-only", f"--dbname={database.url}"],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    return [line for line in dump.splitlines() if not line.startswith(("\\restrict", "\\unrestr"))]


def table(conn: Connection, name: str, columns: str, key: str) -> list[tuple[Any, ...]]:
    """Return columns of a table in the order of its key."""
    statement = SQL("select {columns} from racing.{name} order by {key}").format(
        columns=SQL(", ").join(map(Identifier, columns.split())),
        name=Identifier(name),
        key=SQL(", ").join(map(Identifier, key.split())),
    )
    return list(conn.execute(statement).fetchall())


def contents(conn: Connection, name: str) -> list[tuple[Any, ...]]:
    """Return what facets told of a table's rows, without who wrote them and when."""
    dataset = system.dataset(name)
    told = dict.fromkeys(column for facet in dataset.facets for column in facet.columns)
    return table(conn, name, " ".join(told), " ".join(dataset.key))


PRO = frozenset({"plan=pro", "plan=standard|pro"})
"""What an account has that says nothing of its plan."""


def counted(conn: Connection, name: str, *, until: date = date(2025, 10, 20)) -> Any:
    window = Range(date(2025, 10, 7), until)
    now = datetime(2025, 10, 21, tzinfo=UTC)
    (found,) = count(conn, system, [system.dataset(name)], window=window, now=now, lifted=PRO)
    return found


def test_up_down_up_gives_an_identical_schema(cluster: LocalCluster) -> None:
    with temporary_database(cluster) as fresh:
        migrate(fresh, (ENGINE, RACING))
        first = schema_of(fresh)
        rollback(fresh, RACING, to=0)
        migrate(fresh, (ENGINE, RACING))

        assert schema_of(fresh) == first


def test_every_counting_statement_fits_the_tables(conn: Connection) -> None:
    assert unprepared(conn, load_queries(system.package, "count.sql")) == {}


def test_every_facet_column_is_in_its_table(conn: Connection) -> None:
    found = conn.execute(
        "select table_name, column_name from information_schema.columns"
        " where table_schema = 'racing'"
    ).fetchall()
    told = {
        (dataset.name, column)
        for dataset in system.datasets
        for facet in dataset.facets
        for column in facet.columns
    }

    assert told
    assert told - set(found) == set()


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("ra_races", 48 + 3 + 2),  # named, ours named in the requirement, ours of Hong Kong
        ("ra_runners", 57 + 3),
        ("ra_race_results", 38 + 5 + 2 + 2),  # course and distance are its race's
        ("ra_horse_pedigree", 11),
        ("ra_entity_combinations", 16),
        ("ra_performance_by_distance", 20),
        ("ra_performance_by_venue", 15),
        ("ra_runner_statistics", 60),
    ],
)
def test_tables_have_the_columns_people_know(conn: Connection, name: str, columns: int) -> None:
    found = conn.execute(
        "select count(*) from information_schema.columns where table_schema = 'racing' "
        "and table_name = %s and column_name not like '\\_%%'",
        (name,),
    ).fetchone()

    assert found == (columns,)


@pytest.mark.parametrize(
    "name", [alias for dataset in system.datasets for alias in dataset.aliases]
)
def test_old_names_are_views(conn: Connection, name: str) -> None:
    assert conn.execute(SQL("select * from racing.{}").format(Identifier(name))).fetchall() == []


def test_a_real_day_is_merged_and_counted(conn: Connection) -> None:
    rows = load_results(conn)

    inserted = {name: rows[name].inserted for name in ("ra_races", "ra_runners", "ra_race_results")}
    assert inserted == {"ra_races": 5, "ra_runners": 36, "ra_race_results": 36}


def test_the_same_answer_again_changes_nothing(conn: Connection) -> None:
    load_results(conn)
    load_cards(conn)

    again = [*load_results(conn).values(), *load_cards(conn).values()]
    assert {(one.inserted, one.updated) for one in again} == {(0, 0)}


def test_card_and_result_of_one_race_give_the_same_row_in_either_order(
    cluster: LocalCluster,
) -> None:
    card = same_race_card()
    found = []
    for order in ((load_results, load_cards), (load_cards, load_results)):
        with (
            temporary_database(cluster, components=(ENGINE, RACING)) as fresh,
            fresh.connection() as conn,
        ):
            for step in order:
                step(conn, card if step is load_cards else None)
            found.append([contents(conn, name) for name in ("ra_races", "ra_runners")])

    assert found[0] == found[1]


def same_race_card() -> Any:
    """Return a real card turned into that of the first race of the real results."""
    result = results_page()["results"][0]
    page = cards_page()
    race = page["racecards"][0]
    race |= {name: result[name] for name in ("race_id", "off_dt", "course", "course_id")}
    for runner, told in zip(race["runners"], result["runners"], strict=False):
        runner["horse_id"], runner["horse"] = told["horse_id"], told["horse"].partition(" (")[0]
    for one in page["racecards"]:
        one["date"] = result["date"]
        one["off_dt"] = result["off_dt"]
    return page


def load_same_race(conn: Connection) -> None:
    request = Request("racecards", "/v1/racecards/pro", (), RESULTS.units)
    parsed = parse_racecards([encoded(same_race_card())], request, LATER)
    load(conn, parsed, request)


def test_a_later_card_leaves_result_columns_and_the_longer_name_alone(conn: Connection) -> None:
    load_results(conn)
    load_same_race(conn)

    (row, *_) = conn.execute(
        "select position, starting_price, horse_name, tip, spotlight is not null "
        "from racing.ra_runners join racing.ra_races using (race_id) "
        "where horse_id = 'hrs_30455194'"
    ).fetchall()
    assert row == (1, "9/4", "Create (IRE)", "Ride Like A Girl", True)


def test_a_days_units_are_complete_for_results_and_wait_for_cards(conn: Connection) -> None:
    load_results(conn)

    found = counted(conn, "ra_race_results", until=date(2025, 10, 7))
    assert (found.expected, found.states) == (2, {State.COMPLETE: 1, State.EMPTY: 1})


def test_a_race_without_its_runners_makes_the_day_thin(conn: Connection) -> None:
    page = results_page()
    page["results"][0]["runners"] = []
    load_results(conn, page)

    found = counted(conn, "ra_race_results", until=date(2025, 10, 7))
    assert found.states[State.THIN] == 1


def test_a_day_whose_races_are_all_void_has_no_results_and_is_no_gap(conn: Connection) -> None:
    page = results_page()
    for race in page["results"]:
        for runner in race["runners"]:
            runner["position"] = "VOI"
    load_results(conn, page)

    found = counted(conn, "ra_race_results", until=date(2025, 10, 7))
    assert (found.held, found.states) == (2, {State.EMPTY: 2})


def test_finishers_dropped_from_a_race_are_missed_by_its_field_size(conn: Connection) -> None:
    load_same_race(conn)
    page = results_page()
    page["results"][0]["non_runners"] = "Some Horse (unsuitable ground)"
    del page["results"][0]["runners"][-1]
    load_results(conn, page)

    (line,) = conn.execute(
        system_statements(system)["ra_race_results"],
        {"days": ["2025-10-07"], "since": None, "until": None},
    ).fetchall()
    # 8 declared, 1 named as non-runner: 7 of the first race are expected, 5 are there; a race that
    # a card announced with 4 runners has no result yet
    assert line == (["2025-10-07", "gb"], "results", 35, 41)


def test_when_the_result_changed_is_stamped(conn: Connection) -> None:
    load_results(conn)

    stamped = conn.execute(
        "select count(*) from racing.ra_runners where result_updated_at is not null"
    ).fetchone()
    assert stamped == (36,)


def test_a_card_alone_stamps_no_result(conn: Connection) -> None:
    load_cards(conn)

    stamped = conn.execute(
        "select count(*) from racing.ra_runners where result_updated_at is not null"
    ).fetchone()
    assert stamped == (0,)


def test_horses_of_an_answer_promise_a_pedigree_each(conn: Connection) -> None:
    load_results(conn)

    assert counted(conn, "ra_horse_pedigree").expected == 36


def test_a_real_year_of_hong_kong_is_read_merged_and_accounted_for(conn: Connection) -> None:
    rows = load_year(conn, 2023)

    told = rows["ra_runners"]
    assert (told.read, told.inserted, told.duplicates) == (10_404, 10_174, 230)
    assert (rows["ra_races"].inserted, rows["ra_race_results"].inserted) == (834, 9_983)


def test_hong_kong_years_in_either_order_give_identical_tables_and_change_nothing_again(
    cluster: LocalCluster,
) -> None:
    found = []
    for order in ((2023, 2024), (2024, 2023)):
        with (
            temporary_database(cluster, components=(ENGINE, RACING)) as fresh,
            fresh.connection() as conn,
        ):
            for year in order:
                load_year(conn, year)
            again = load_year(conn, order[0])
            assert {(one.inserted, one.updated) for one in again.values()} == {(0, 0)}
            names = ("ra_races", "ra_runners", "ra_race_results", "ra_mst_horses", "ra_mst_jockeys")
            found.append([contents(conn, name) for name in names])

    assert [len(rows) for rows in found[0]][:4] == [1_675, 20_507, 20_148, 1_973]
    assert found[0] == found[1]


def test_without_a_list_hong_kong_is_only_held(conn: Connection) -> None:
    load_year(conn, 2023)
    window = Range(date(2023, 1, 1), date(2023, 12, 31))

    lines = conn.execute(
        system_statements(system)["ra_races"],
        {"days": None, "since": window.since, "until": window.until},
    ).fetchall()
    thin = [(key[0], rows, expected) for key, _, rows, expected in lines if rows < expected]
    assert (len(lines), thin) == (88, [("2023-02-22", 8, 9)])


def load_index(conn: Connection) -> None:
    request = Request("hkjc_index", "index.csv")
    body = real_file("hkjc_artefact_bytes_by_raceday_2023-2024.csv")
    load(conn, parse_index([body], request, LATER), request)


def test_by_the_index_177_days_are_expected_and_held_and_one_is_thin(conn: Connection) -> None:
    load_year(conn, 2023)
    load_year(conn, 2024)
    load_index(conn)
    window = Range(date(2023, 1, 1), date(2024, 12, 31))
    before, after = (
        count(conn, chosen, [dataset], window=window, now=LATER, lifted=PRO)[0]
        for chosen, dataset in only_hong_kong()
    )

    assert (before.expected, before.held) == (None, 177)
    assert (after.expected, after.held, after.states[State.THIN]) == (177, 177, 1)


def only_hong_kong() -> list[tuple[System, Dataset]]:
    """Return the races of Hong Kong alone: counted by no list, and by the lists loaded."""
    races = system.dataset("ra_races")
    partitions = Cross((Days(date(2015, 1, 1), "Europe/London"), Values(("hk",))))
    unlisted = replace(races, partitions=partitions, expect=Listed((), ""))
    listed = replace(races, partitions=partitions)
    return [(replace(system, datasets=(one,)), one) for one in (unlisted, listed)]


def test_fixtures_after_the_count_are_future(conn: Connection) -> None:
    request = Request("hkjc_fixtures", "fixtures.csv")
    body = real_file("hkjc_fixtures_2025_2026.csv")
    load(conn, parse_fixtures([body], request, LATER), request)
    (_, (chosen, races)) = only_hong_kong()
    at = datetime(2026, 5, 10, 12, tzinfo=UTC)

    (found,) = count(conn, chosen, [races], window=Range(), now=at, lifted=PRO)
    listed = table(conn, "hk_race_days", "day", "day")
    ahead = sum(day > date(2026, 5, 10) for (day,) in listed)
    assert (found.expected, found.states[State.FUTURE]) == (143 - ahead, ahead)


def test_a_list_for_hong_kong_leaves_the_british_future_at_a_week(conn: Connection) -> None:
    load_index(conn)

    (found,) = count(
        conn, system, [system.dataset("ra_races")], window=Range(), now=LATER, lifted=PRO
    )
    assert found.states[State.FUTURE] == 2 * 7


def test_the_index_gives_the_schedule_of_hong_kong(conn: Connection) -> None:
    load_index(conn)

    rows = conn.execute(system_statements(system)["hk_schedule"]).fetchall()
    assert (len(rows), [day for _, day, is_cancelled in rows if is_cancelled]) == (
        178,
        [date(2023, 10, 8)],
    )


def test_of_two_lines_of_one_horse_the_first_counts_and_both_are_kept(conn: Connection) -> None:
    name = "hkjc_results_2023.csv"
    text = real_file(f"{name}.gz").decode("utf-8-sig")
    header, first, *rest = text.splitlines()
    other = first.replace(",1224,", ",1225,")
    body = "\n".join([header, first, other, *rest[:60]]).encode()
    request = Request("hkjc", name)
    load(conn, parse_hkjc([body], request, LATER), request)

    kept = conn.execute(
        "select body_weight_lbs from racing.ra_race_results "
        "where race_id = 'hk_2023-01-01_ST_01' and horse_id = 'hk_D051'"
    ).fetchone()
    pairs = conn.execute("select count(*) from stocktake.duplicate").fetchone()
    assert (kept, pairs) == ((1224,), (2,))


def test_a_real_horse_completes_its_pedigree(conn: Connection) -> None:
    from_result = results_page()
    horse = from_result["results"][0]["runners"][0]
    load_results(conn, from_result)
    pro = {
        **sample("GET /v1/horses/hrs_6181308/pro"),
        "id": horse["horse_id"],
        "name": horse["horse"],
    }
    feed = system.feed("horse_pro")[1]
    request = Request("horse_pro", "/x", (), ((horse["horse_id"],),))
    load(conn, feed.parse([encoded(pro)], request, LATER), request, at=LATER + timedelta(hours=1))

    row = conn.execute(
        "select dob, breeder, sex_code from racing.ra_mst_horses where id = %s",
        (horse["horse_id"],),
    ).fetchone()
    assert row == (date(2011, 6, 19), "Liam Delahunty & Dick O'Hara", "G")


def place_of_run(conn: Connection, horse_id: str) -> tuple[Any, ...]:
    statement = "select course_id, distance_y from racing.ra_race_results where horse_id = %s"
    (found,) = conn.execute(statement, (horse_id,)).fetchall()
    return tuple(found)


@pytest.fixture
def fire_eyes(conn: Connection) -> Connection:
    """A loaded day; one of its starters is hrs_24833459, over 1,773 yards."""
    load_results(conn)
    return conn


def test_runs_follow_the_corrected_distance_of_their_race(fire_eyes: Connection) -> None:
    fire_eyes.execute("update racing.ra_races set distance_y = 1780 where race_id = 'rac_11745682'")

    assert place_of_run(fire_eyes, "hrs_24833459")[1] == 1780


def test_a_run_that_tells_no_distance_has_that_of_its_race(fire_eyes: Connection) -> None:
    fire_eyes.execute("update racing.ra_race_results set course_id = null, distance_y = null")

    assert place_of_run(fire_eyes, "hrs_24833459")[1] == 1773
    assert place_of_run(fire_eyes, "hrs_24833459")[0] is not None


def test_a_run_loaded_before_its_race_learns_where_it_was(conn: Connection) -> None:
    conn.execute(
        "insert into racing.ra_race_results (race_id, race_date, region, horse_id, is_starter)"
        " values ('rac_1', '2024-05-01', 'GB', 'hrs_1', true)"
    )

    conn.execute(
        "insert into racing.ra_races (race_id, date, region, course_id, distance_y)"
        " values ('rac_1', '2024-05-01', 'GB', 'crs_1', 1100)"
    )

    assert place_of_run(conn, "hrs_1") == ("crs_1", 1100)
