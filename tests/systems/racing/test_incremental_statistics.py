"""Recomputing only what changes touch gives what recomputing everything gives."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from psycopg.sql import SQL, Identifier, Literal
from psycopg.types.json import Jsonb

from stocktake.derive import changes, derive, in_order, newly_stale_units, verify
from stocktake.systems.racing import system
from tests.systems.racing.statistics_rows import entry, insert, race, run

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import Connection

    from stocktake.model import Derivation
    from stocktake.store import Database

NOW = datetime(2024, 7, 1, 6, tzinfo=UTC)
STATISTICS = system.derivations[0]
FIRST_DAY = date(2024, 1, 1)
PEOPLE = {"jockey": 4, "trainer": 3, "owner": 4, "sire": 3, "dam": 5, "damsire": 3}
PREFIXES = {"jockey": "jky", "trainer": "trn", "owner": "own", "sire": "sir", "dam": "dam"}


def stale_units(conn: Connection[Any]) -> tuple[tuple[str, ...], ...] | None:
    """Return the units of the statistics that became stale since this was last asked."""
    ((_, units),) = newly_stale_units(conn, system, [STATISTICS])
    return units


def change(conn: Connection[Any], table: str, key: dict[str, Any], **values: Any) -> None:
    """Change a row as a load does: what it was is kept."""
    keep(conn, table, key, "update")
    conn.execute(
        SQL("update {} set {}, _loaded_at = transaction_timestamp() where {}").format(
            Identifier("racing", table),
            SQL(", ").join(
                SQL("{} = {}").format(Identifier(name), Literal(value))
                for name, value in values.items()
            ),
            _is(key),
        )
    )


def remove(conn: Connection[Any], table: str, key: dict[str, Any]) -> None:
    """Remove a row as undo does."""
    keep(conn, table, key, "delete")
    conn.execute(SQL("delete from {} where {}").format(Identifier("racing", table), _is(key)))


def keep(conn: Connection[Any], table: str, key: dict[str, Any], operation: str) -> None:
    conn.execute(
        SQL(
            "insert into stocktake.row_version"
            " (run_id, system, dataset, row_key, operation, before)"
            " select 1, 'racing', {}, {}, {}, to_jsonb(t) from {} t where {}"
        ).format(table, Jsonb(key), operation, Identifier("racing", table), _is(key))
    )


def _is(key: dict[str, Any]) -> Any:
    return SQL(" and ").join(
        SQL("{} = {}").format(Identifier(name), Literal(value)) for name, value in key.items()
    )


class Meetings:
    """Random race days, and random corrections of them."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.results: list[dict[str, Any]] = []
        self.races: list[dict[str, Any]] = []

    def add_race(self, conn: Connection[Any]) -> None:
        day = FIRST_DAY + timedelta(days=self.random.randrange(120))
        row = race(
            f"rac_{len(self.races)}",
            day,
            course_id=f"crs_{self.random.randrange(3)}",
            distance_y=self.random.choice([1100, 1180, 1760, 1765, None]),
            going=self.random.choice(["Good", "Soft", "Firm", "Heavy", "Odd"]),
            type=self.random.choice(["Flat", "Chase"]),
            region=self.random.choice(["GB", "IRE"]),
        )
        horses = self.random.sample(range(12), 5)
        results = [self.result(row, f"hrs_{horse}") for horse in horses]
        self.races.append(row)
        self.results += results
        insert(conn, "ra_races", [row])
        insert(conn, "ra_race_results", results)
        insert(conn, "ra_runners", [{**entry(one), "horse_name": "Name"} for one in results])

    def result(self, row: dict[str, Any], horse_id: str) -> dict[str, Any]:
        people: dict[str, Any] = {
            f"{kind}_id": f"{PREFIXES.get(kind, 'dsi')}_{self.random.randrange(most)}"
            for kind, most in PEOPLE.items()
        }
        price = self.random.choice([None, 2.25, 3.5, 11])
        return run(
            row,
            horse_id,
            **people,
            position=self.random.choice([1, 1, 2, 3, 4, None]),
            sp_decimal=price,
            dead_heat_n=self.random.choice([1, 1, 2]),
            time_seconds=self.random.choice([None, 70.5, 71.25]),
            prize_won=self.random.choice([None, 1000]),
        )

    def correct_result(self, conn: Connection[Any]) -> None:
        if self.results:
            row = self.random.choice(self.results)
            row["jockey_id"] = f"jky_{self.random.randrange(4)}"
            key = {name: row[name] for name in ("race_id", "horse_id")}
            change(conn, "ra_race_results", key, position=2, jockey_id=row["jockey_id"])

    def remove_result(self, conn: Connection[Any]) -> None:
        if self.results:
            row = self.results.pop(self.random.randrange(len(self.results)))
            key = {name: row[name] for name in ("race_id", "horse_id")}
            remove(conn, "ra_race_results", key)
            if self.random.random() < 0.5:
                remove(conn, "ra_runners", key)

    def change_race(self, conn: Connection[Any]) -> None:
        if self.races:
            key = {"race_id": self.random.choice(self.races)["race_id"]}
            values: dict[str, Any] = self.random.choice(
                [
                    {"race_status": "void"},
                    {"race_status": "run"},
                    {"distance_y": 1170},
                    {"course_id": "crs_2"},
                    {"going": "Soft"},
                ]
            )
            change(conn, "ra_races", key, **values)

    def act(self) -> Callable[[Connection[Any]], None]:
        return self.random.choices(
            [self.add_race, self.correct_result, self.remove_result, self.change_race],
            weights=[5, 3, 1, 2],
        )[0]


def give_masters(conn: Connection[Any]) -> None:
    """Make a row for everybody who may ever occur."""
    for kind, most in PEOPLE.items():
        ids = [{"id": f"{PREFIXES.get(kind, 'dsi')}_{n}"} for n in range(most)]
        insert(conn, f"ra_mst_{kind}s", ids)
    insert(conn, "ra_mst_horses", [{"id": f"hrs_{n}"} for n in range(12)])


def derive_all(database: Database, *, full: bool = False) -> dict[str, int]:
    """Recompute everything that changed; return the rows changed per derivation."""
    changed = {}
    for derivation in in_order(system.derivations):
        with database.connection() as conn:
            done = derive(conn, system, derivation, full=full, run_id=1, now=NOW)
        rows = done.counts.inserted + done.counts.updated + done.deleted
        changed[f"{done.dataset}/{derivation.sql}"] = rows
    return changed


@pytest.mark.parametrize(("seed", "most"), [(0, 5000), (1, 5000), (2, 5000), (3, 0)])
def test_any_order_of_edits_gives_what_a_full_recomputation_gives(
    racing: Database, seed: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "MOST_KEPT_HERE", most)  # more keys are stored
    meetings = Meetings(seed)
    with racing.connection() as conn:
        give_masters(conn)
    for _ in range(3):
        for _ in range(meetings.random.randrange(1, 8)):
            with racing.connection() as conn:
                meetings.act()(conn)
        derive_all(racing)

    assert sum(derive_all(racing, full=True).values()) == 0


def test_one_changed_result_recomputes_its_horses_later_entries_only(racing: Database) -> None:
    races = [race(f"rac_{n}", FIRST_DAY + timedelta(days=n)) for n in range(4)]
    results = [run(one, f"hrs_{horse}", position=2) for one in races for horse in range(3)]
    with racing.connection() as conn:
        insert(conn, "ra_races", races)
        insert(conn, "ra_race_results", results)
        insert(conn, "ra_runners", [entry(one) for one in results])
    with racing.connection() as conn:
        derive(conn, system, STATISTICS, run_id=1, now=NOW)
    with racing.connection() as conn:
        change(conn, "ra_race_results", {"race_id": "rac_1", "horse_id": "hrs_2"}, position=1)

    with racing.connection() as conn:
        done = derive(conn, system, STATISTICS, run_id=2, now=NOW)

    assert (done.touched_keys, done.counts.read, done.counts.updated) == (3, 3, 2)


def test_a_row_changed_twice_touches_what_it_was_in_between_and_at_first(racing: Database) -> None:
    """Versions hold only the columns that changed, as loading writes them."""
    races = [race(f"rac_{n}", FIRST_DAY + timedelta(days=n)) for n in range(6)]
    results = [
        run(one, "hrs_1", position=1, jockey_id="jky_a", trainer_id="trn_1") for one in races
    ]
    key = {"race_id": "rac_0", "horse_id": "hrs_1"}
    pairs = next(one for one in system.derivations if one.sql == "entity_combinations")
    with racing.connection() as conn:
        insert(conn, "ra_races", races)
        insert(conn, "ra_race_results", results)
    with racing.connection() as conn:
        derive(conn, system, pairs, run_id=1, now=NOW)
    for column, value in (("jockey_id", "jky_b"), ("trainer_id", "trn_2")):
        with racing.connection() as conn:
            conn.execute(
                SQL(
                    "insert into stocktake.row_version"
                    " (run_id, system, dataset, row_key, operation, before)"
                    " select 1, 'racing', 'ra_race_results', {}, 'update',"
                    " jsonb_build_object({}::text, {}) from {} t where {}"
                ).format(
                    Jsonb(key),
                    column,
                    Identifier(column),
                    Identifier("racing", "ra_race_results"),
                    _is(key),
                )
            )
            conn.execute(
                SQL("update {} set {} = {}, _loaded_at = transaction_timestamp() where {}").format(
                    Identifier("racing", "ra_race_results"), Identifier(column), value, _is(key)
                )
            )

    with racing.connection() as conn:
        derive(conn, system, pairs, run_id=2, now=NOW)
        differences = verify(conn, system, pairs, share=1.0, now=NOW)

    assert differences.count == 0


def test_years_loaded_backwards_give_the_same_statistics(racing: Database) -> None:
    late = [race(f"rac_late_{n}", date(2024, 5, n + 1)) for n in range(3)]
    early = [race(f"rac_early_{n}", date(2023, 5, n + 1)) for n in range(3)]
    for races in (late, early):
        results = [run(one, "hrs_1", position=1) for one in races]
        with racing.connection() as conn:
            insert(conn, "ra_races", races)
            insert(conn, "ra_race_results", results)
            insert(conn, "ra_runners", [entry(one) for one in results])
        with racing.connection() as conn:
            derive(conn, system, STATISTICS, run_id=1, now=NOW)

    with racing.connection() as conn:
        found = conn.execute(
            "select course_wins from racing.ra_runner_statistics order by runner_id"
        ).fetchall()
    assert found == [(0,), (1,), (2,), (3,), (4,), (5,)]


def load_two_days(conn: Connection[Any]) -> None:
    races = [race(f"rac_{n}", FIRST_DAY + timedelta(days=n)) for n in range(2)]
    results = [run(one, "hrs_1", position=1) for one in races]
    insert(conn, "ra_races", races)
    insert(conn, "ra_race_results", results)
    insert(conn, "ra_runners", [entry(one) for one in results])


def test_nothing_is_stale_after_a_recomputation(racing: Database) -> None:
    with racing.connection() as conn:
        load_two_days(conn)
    with racing.connection() as conn:
        derive(conn, system, STATISTICS, run_id=1, now=NOW)

    with racing.connection() as conn:
        assert stale_units(conn) == ()


def test_days_whose_horses_ran_before_a_changed_day_are_stale(racing: Database) -> None:
    with racing.connection() as conn:
        load_two_days(conn)
    with racing.connection() as conn:
        derive(conn, system, STATISTICS, run_id=1, now=NOW)
    with racing.connection() as conn:
        change(conn, "ra_race_results", {"race_id": "rac_0", "horse_id": "hrs_1"}, position=3)

    with racing.connection() as conn:
        stale = stale_units(conn)

    assert stale == (("2024-01-01", "gb"), ("2024-01-02", "gb"))


def test_a_change_is_noted_as_stale_once(racing: Database) -> None:
    with racing.connection() as conn:
        load_two_days(conn)
    with racing.connection() as conn:
        derive(conn, system, STATISTICS, run_id=1, now=NOW)
    with racing.connection() as conn:
        change(conn, "ra_race_results", {"race_id": "rac_0", "horse_id": "hrs_1"}, position=3)

    found = []
    for _ in range(2):
        with racing.connection() as conn:
            found.append(stale_units(conn))

    assert [len(units or ()) for units in found] == [2, 0]


def test_what_was_noted_as_stale_is_recomputed_nevertheless(racing: Database) -> None:
    with racing.connection() as conn:
        load_two_days(conn)
    with racing.connection() as conn:
        derive(conn, system, STATISTICS, run_id=1, now=NOW)
    with racing.connection() as conn:
        change(conn, "ra_race_results", {"race_id": "rac_0", "horse_id": "hrs_1"}, position=3)
    with racing.connection() as conn:
        stale_units(conn)

    with racing.connection() as conn:
        done = derive(conn, system, STATISTICS, run_id=2, now=NOW)

    assert done.counts.updated == 1


def test_a_load_that_was_still_running_is_noted_the_next_time(racing: Database) -> None:
    with racing.connection() as conn:
        load_two_days(conn)
    with racing.connection() as conn:
        derive(conn, system, STATISTICS, run_id=1, now=NOW)
    with racing.connection() as slow:
        # its transaction begins before the look, and ends after it
        change(slow, "ra_race_results", {"race_id": "rac_0", "horse_id": "hrs_1"}, position=3)
        with racing.connection() as conn:
            early = stale_units(conn)

    with racing.connection() as conn:
        late = stale_units(conn)

    assert (early, len(late or ())) == ((), 2)


def test_all_is_stale_before_the_first_recomputation(racing: Database) -> None:
    with racing.connection() as conn:
        assert stale_units(conn) is None


def test_other_parameters_recompute_everything(racing: Database) -> None:
    with racing.connection() as conn:
        load_two_days(conn)
    with racing.connection() as conn:
        derive(conn, system, STATISTICS, run_id=1, now=NOW)

    with racing.connection() as conn:
        done = derive(conn, system, STATISTICS.using(min_runs=1), run_id=2, now=NOW)

    assert (done.is_full, done.counts.updated) == (True, 2)


def test_an_unknown_parameter_is_refused() -> None:
    with pytest.raises(KeyError, match="least"):
        STATISTICS.using(least=1)


def test_rows_of_a_load_that_was_still_running_are_found_later(racing: Database) -> None:
    with racing.connection() as slow:
        load_two_days(slow)  # its transaction began before the recomputation, and ends after it
        with racing.connection() as conn:
            derive(conn, system, STATISTICS, run_id=1, now=NOW)

    with racing.connection() as conn:
        done = derive(conn, system, STATISTICS, run_id=2, now=NOW)

    assert done.counts.inserted == 2


@pytest.mark.fault("Q01")
@pytest.mark.parametrize(
    ("corruption", "absent", "surplus", "differing"),
    [
        ("delete from racing.ra_runner_statistics where runner_id like 'rac_1%'", 1, 0, 0),
        ("update racing.ra_runner_statistics set course_runs = 9", 0, 0, 2),
        (
            (
                "insert into racing.ra_runner_statistics (runner_id, horse_id)"
                " values ('rac_7:hrs_7', 'hrs_7')"
            ),
            *(0, 1, 0),
        ),
    ],
)
def test_verify_finds_a_tampered_row(
    racing: Database, corruption: str, absent: int, surplus: int, differing: int
) -> None:
    with racing.connection() as conn:
        load_two_days(conn)
    with racing.connection() as conn:
        derive(conn, system, STATISTICS, run_id=1, now=NOW)
        conn.execute(corruption.encode())

    with racing.connection() as conn:
        found = verify(conn, system, STATISTICS, now=NOW)

    assert (found.absent, found.surplus, found.differing) == (absent, surplus, differing)


def test_verify_names_the_keys_that_differ(racing: Database) -> None:
    with racing.connection() as conn:
        load_two_days(conn)
    with racing.connection() as conn:
        derive(conn, system, STATISTICS, run_id=1, now=NOW)
        conn.execute(
            "update racing.ra_runner_statistics set aw_runs = 3 where runner_id like '%0:%'"
        )

    with racing.connection() as conn:
        found = verify(conn, system, STATISTICS, share=1, now=NOW)

    assert found.examples == [({"runner_id": "rac_0:hrs_1"}, "differs")]


def test_a_derivation_comes_after_those_it_reads() -> None:
    reading: Derivation = next(one for one in system.derivations if one.sql == "names")
    writing = next(one for one in system.derivations if one.sql == "entity_alias")

    assert in_order((reading, writing)) == (writing, reading)


def test_no_view_is_left_behind_to_block_migrations(racing: Database) -> None:
    with racing.connection() as conn:
        load_two_days(conn)
    with racing.connection() as conn:
        derive(conn, system, STATISTICS, run_id=1, now=NOW)
    with racing.connection() as conn:
        change(conn, "ra_race_results", {"race_id": "rac_0", "horse_id": "hrs_1"}, position=3)
    with racing.connection() as conn:
        derive(conn, system, STATISTICS, run_id=2, now=NOW)

        left = conn.execute(
            "select count(*) from pg_class where relnamespace = pg_my_temp_schema()"
            " and relkind = 'v'"
        ).fetchone()

    assert left == (0,)


def test_verify_recomputes_with_the_parameters_used_last(racing: Database) -> None:
    pairs = next(one for one in system.derivations if one.sql == "entity_combinations")
    with racing.connection() as conn:
        load_two_days(conn)
    with racing.connection() as conn:
        derive(conn, system, pairs.using(min_runs=1), run_id=1, now=NOW)

    with racing.connection() as conn:
        found = verify(conn, system, pairs, share=1, now=NOW)

    assert (found.keys, found.count) == (1, 0)
