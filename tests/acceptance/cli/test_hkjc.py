"""Real files of Hong Kong results through the command line, to the figures they must give."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.acceptance.cli.command import Said, installation, stocktake

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stocktake.store.cluster import LocalCluster

SHARED = Path(os.environ.get("STOCKTAKE_SHARED", Path(__file__).parents[4] / "shared"))
FILES = SHARED / "data" / "racing"
YEARS = (2023, 2024)
TABLES = ("ra_races", "ra_runners", "ra_race_results", "ra_mst_horses", "ra_mst_jockeys")
pytestmark = pytest.mark.skipif(
    not FILES.is_dir(), reason=f"no real files at {FILES}; set STOCKTAKE_SHARED"
)


def load(year: int) -> Said:
    file = FILES / f"hkjc_results_{year}.csv.gz"
    return stocktake("load", "racing", "ra_race_results", file, "--source", "hkjc", "--json")


def load_days(name: str, source: str) -> Said:
    return stocktake("load", "racing", "hk_race_days", FILES / name, "--source", source, "--json")


def units(*arguments: str, state: str, dataset: str = "ra_races") -> dict[str, str]:
    """The Hong Kong units of a state, day by day with their reason."""
    said = stocktake("gaps", "racing", dataset, *arguments, "--state", state, "--json")
    found = {}
    for gap in said.json["gaps"]:
        if gap["series"] == ["hk"]:
            assert gap["units"] == 1, "race days of Hong Kong are never neighbours here"
            found[gap["first"]] = gap["reason"]
    return found


def ask(address: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(address) as connection:
        return connection.execute(query.encode()).fetchall()


def content(address: str) -> dict[str, list[tuple[Any, ...]]]:
    """What people see of the tables: no engine columns, no times of loading or computing."""
    found = {}
    for table in TABLES:
        names = ask(
            address,
            "select column_name from information_schema.columns where table_schema = 'racing'"
            f" and table_name = '{table}' and column_name !~ '^_|_at$' order by 1",
        )
        columns = ", ".join(name for (name,) in names)
        found[table] = ask(address, f"select {columns} from racing.{table} order by {columns}")
    return found


@pytest.fixture(scope="module")
def loaded(
    cluster: LocalCluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Any]]:
    """The index, then 2023, what is known by then, then 2024; and each file once more."""
    with installation(cluster, tmp_path_factory.mktemp("home"), kind="real") as address:
        load_days("hkjc_artefact_bytes_by_raceday_2023-2024.csv", "hkjc_index")
        first = load(2023)
        statistics = {
            table: ask(address, f"select * from racing.{table}")
            for table in ("ra_entity_combinations",)
        }
        held_2023 = units(state="complete,thin")
        yield {
            "address": address,
            "2023": first,
            "2024": load(2024),
            "again": [load(year) for year in YEARS],
            "statistics": statistics,
            "held_2023": held_2023,
        }


@pytest.mark.parametrize(
    ("year", "runners", "races", "starters"),
    [
        (2023, {"read": 10_404, "inserted": 10_174, "duplicates": 230, "rejected": 0}, 834, 9_983),
        (2024, {"read": 10_828, "inserted": 10_333, "duplicates": 495, "rejected": 0}, 841, 10_165),
    ],
)
def test_a_year_gives_its_rows(
    loaded: dict[str, Any], year: int, *, runners: dict[str, int], races: int, starters: int
) -> None:
    said = loaded[str(year)]

    rows = said.json["rows"]
    assert said.code == 0
    assert {name: rows["ra_runners"][name] for name in runners} == runners
    assert (rows["ra_races"]["inserted"], rows["ra_race_results"]["inserted"]) == (races, starters)


def test_both_years_hold_every_race_day_but_one_race(loaded: dict[str, Any]) -> None:
    complete = units("--until", "2024-12-31", state="complete")
    thin = units("--until", "2024-12-31", state="thin")

    assert len(loaded["held_2023"]) == 88
    assert (len(complete) + len(thin), thin) == (177, {"2023-02-22": "race 8 missing"})


def test_no_listed_race_day_is_missing(loaded: dict[str, Any]) -> None:
    del loaded
    assert units("--until", "2024-12-31", state="missing,failed,blocked,unrecoverable") == {}


def test_the_cancelled_day_is_explained(loaded: dict[str, Any]) -> None:
    del loaded
    told = stocktake("why", "racing", "ra_races", "2023-10-08/hk", "--json").json

    assert (told["state"], told["reason"]) == ("not_expected", "cancelled")


def test_a_day_of_six_races_is_complete(loaded: dict[str, Any]) -> None:
    del loaded
    told = stocktake("why", "racing", "ra_races", "2024-11-13/hk", "--json").json

    assert (told["state"], told["feeds"][0]["rows"]) == ("complete", 6)


def test_a_unit_names_the_files_that_held_it(loaded: dict[str, Any]) -> None:
    del loaded
    told = stocktake("why", "racing", "ra_races", "2024-11-13/hk", "--json").json

    captures = told["captures"]
    assert [one["feed"] for one in captures] == ["hkjc", "hkjc"], "the year was loaded twice"
    shown = stocktake("capture", "show", str(captures[0]["capture_id"]), "--json").json
    assert shown["path"] == "hkjc_results_2024.csv.gz"


@pytest.mark.parametrize("kind", ["rejects", "duplicates"])
def test_nothing_waits_for_a_decision(loaded: dict[str, Any], kind: str) -> None:
    del loaded
    assert stocktake(kind, "racing", "--json").json == {"system": "racing", kind: []}


def test_loading_again_changes_nothing(loaded: dict[str, Any]) -> None:
    changed = {
        table: (counts["inserted"], counts["updated"])
        for said in loaded["again"]
        for table, counts in said.json["rows"].items()
        if counts["inserted"] or counts["updated"]
    }

    assert changed == {}


def test_ledger_and_rows_agree(loaded: dict[str, Any]) -> None:
    del loaded
    said = stocktake(
        "count", "racing", "ra_races", "ra_runners", "ra_race_results", "--recount", "--json"
    )

    assert said.json["drift"] == []


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        ("select count(*) from racing.ra_races where course_id = 'hk_ST'", 492 + 509),
        ("select count(*) from racing.ra_races where course_id = 'hk_HV'", 342 + 332),
        ("select count(*) from racing.ra_mst_horses", 1_973),
        ("select count(*) from racing.ra_runners where is_scratched", 191 + 168),
        ("select count(*) from racing.ra_race_results where position = 1", 836 + 841),
        (
            (
                "select count(*) from racing.ra_race_results where position is null"
                " and race_date < '2024-01-01'"
            ),
            16,
        ),
        (
            (
                "select count(*) from racing.ra_runners r join racing.ra_races using (race_id)"
                " where race_class is null and date < '2024-01-01'"
            ),
            370,
        ),
        (
            (
                "select count(*) from racing.ra_runners r join racing.ra_races using (race_id)"
                " where race_class is null and date >= '2024-01-01'"
            ),
            466,
        ),
        (
            (
                "select count(*) from racing.ra_runners where number is null"
                " and left(race_id, 7) = 'hk_2023'"
            ),
            92,
        ),
        (
            (
                "select count(*) from racing.ra_runners where number is null"
                " and left(race_id, 7) = 'hk_2024'"
            ),
            85,
        ),
        (
            (
                "select max(n) from (select count(*) as n from racing.ra_runners"
                " where left(race_id, 7) = 'hk_2023' group by race_id) per_race"
            ),
            16,
        ),
        (
            (
                "select count(distinct horse_id) from racing.ra_race_results where"
                " race_date < '2024-01-01'"
            ),
            1_404,
        ),
    ],
)
def test_the_tables_hold_what_the_files_hold(
    loaded: dict[str, Any], query: str, answer: int
) -> None:
    assert ask(loaded["address"], query) == [(answer,)]


def test_a_pair_has_the_figures_of_its_year(loaded: dict[str, Any]) -> None:
    pairs = loaded["statistics"]["ra_entity_combinations"]

    assert len(pairs) == 396


def test_the_order_of_loading_leaves_no_trace(
    loaded: dict[str, Any], cluster: LocalCluster, tmp_path: Path
) -> None:
    forwards = content(loaded["address"])
    with installation(cluster, tmp_path, kind="real") as address:
        load(2024)
        load(2023)
        backwards = content(address)

    assert backwards == forwards


@pytest.fixture
def empty(cluster: LocalCluster, tmp_path: Path) -> Iterator[Path]:
    """A database without rows, and a folder for files."""
    with installation(cluster, tmp_path, kind="real"):
        yield tmp_path


def lines_of(year: int, count: int) -> list[bytes]:
    with gzip.open(FILES / f"hkjc_results_{year}.csv.gz") as file:
        return [next(file) for _ in range(count)]


def load_file(path: Path) -> Said:
    return stocktake("load", "racing", "ra_race_results", path, "--source", "hkjc", "--json")


def test_fixtures_after_the_day_of_the_count_are_future(empty: Path) -> None:
    del empty
    load_days("hkjc_fixtures_2025_2026.csv", "hkjc_fixtures")
    at = ("--since", "2025-01-01", "--until", "2026-07-15")

    as_of = stocktake("count", "racing", "ra_races", *at, "--as-of", "2026-05-10", "--json").json
    missing = units(*at, state="missing")
    (counted,) = as_of["datasets"]
    assert len(missing) == 143
    later = [day for day in missing if day > "2026-05-10"]
    cards_ahead = 2 * 7  # Great Britain and Ireland have racecards a week ahead
    assert counted["states"]["future"] == len(later) + cards_ahead


def test_a_file_with_only_a_header_leaves_the_day_failed(empty: Path) -> None:
    load_days("hkjc_artefact_bytes_by_raceday_2023-2024.csv", "hkjc_index")
    path = empty / "results_2024-03-06.csv"
    path.write_bytes(lines_of(2024, 1)[0])

    said = load_file(path)
    told = stocktake("why", "racing", "ra_races", "2024-03-06/hk", "--json").json
    assert (said.code, said.json["units"]) == (2, {"failed": 1})
    assert (told["state"], told["reason"]) == ("failed", "empty file")


def test_a_byte_order_mark_is_no_column(empty: Path) -> None:
    plain, marked = empty / "plain.csv", empty / "marked.csv"
    lines = b"".join(lines_of(2023, 30))
    plain.write_bytes(lines)
    marked.write_bytes(b"\xef\xbb\xbf" + lines)

    first, second = load_file(plain).json["rows"], load_file(marked).json["rows"]
    assert first["ra_runners"]["inserted"] == 29
    assert (second["ra_runners"]["inserted"], second["ra_runners"]["updated"]) == (0, 0)


def test_a_file_without_its_columns_is_refused_with_exit_2(empty: Path) -> None:
    path = empty / "other.csv"
    path.write_text("date,venue\n2024-03-06,ST\n", encoding="utf-8")

    said = load_file(path)
    (note,) = said.json["notes"]
    assert (said.code, said.json["units"]["failed"], said.json["rows"]) == (2, 1, {})
    assert note.startswith("other.csv: not a results file: its columns are ['date', 'venue'].")


def test_half_a_packed_file_is_refused_and_the_run_says_why(empty: Path) -> None:
    path = empty / "half.csv.gz"
    whole = (FILES / "hkjc_results_2023.csv.gz").read_bytes()
    path.write_bytes(whole[: len(whole) // 2])

    said = load_file(path)
    (run,) = stocktake("runs", "--json").json["runs"]
    assert (said.code, said.json["error"]["message"]) == (
        2,
        f"{path}: ends in the middle of its packed content.",
    )
    assert (run["state"], run["error"], run["rows"]) == (
        "failed",
        f"{path}: ends in the middle of its packed content.",
        {},
    )
