"""The contract: keys of --json, exit codes, what stdout holds; on three days of the sandbox."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from stocktake.report.cells import restored
from tests.acceptance.cli.command import installation, stocktake

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from stocktake.store.cluster import LocalCluster

SINCE, UNTIL = "2025-06-01", "2025-06-03"
RANGE = ("--since", SINCE, "--until", UNTIL)
DAYS = ("ra_mst_regions", "ra_mst_courses", "ra_races", "ra_runners", "ra_race_results")
RUN_KEYS = {"run_id", "state", "requests", "rows", "units", "seconds", "notes"}
ROW_KEYS = {"read", "inserted", "updated", "unchanged", "rejected", "duplicates"}


@pytest.fixture(scope="module")
def filled(
    cluster: LocalCluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Any]]:
    """What a backfill of three days said, and where."""
    with installation(cluster, tmp_path_factory.mktemp("home"), kind="sandbox") as address:
        said = stocktake("backfill", "racing", *DAYS, *RANGE, "--json")
        yield {"address": address, "said": said}


def test_a_run_reports_what_the_contract_names(filled: dict[str, Any]) -> None:
    done = filled["said"].json

    assert set(done) == RUN_KEYS
    assert (done["state"], set(done["rows"]["ra_races"])) == ("done", ROW_KEYS)


def test_a_filled_range_ends_with_exit_0(filled: dict[str, Any]) -> None:
    assert (filled["said"].code, set(filled["said"].json["units"])) == (0, {"complete"})


def test_only_the_days_of_a_sample_decide_its_exit_code(filled: dict[str, Any]) -> None:
    del filled
    sample = ("--sample", "2", "--until", UNTIL, "--json")

    assert stocktake("backfill", "racing", *DAYS, *sample).code == 0


def test_only_the_days_of_a_saved_plan_decide_its_exit_code(filled: dict[str, Any]) -> None:
    del filled
    saved = stocktake("plan", "racing", *DAYS, *RANGE, "--save", "--json").json

    assert stocktake("backfill", "racing", "--plan", saved["plan_id"], "--json").code == 0


def test_a_second_run_asks_for_nothing_and_changes_nothing(filled: dict[str, Any]) -> None:
    del filled
    again = stocktake("backfill", "racing", *DAYS, *RANGE, "--json").json

    changed = sum(one["inserted"] + one["updated"] for one in again["rows"].values())
    assert (again["requests"], changed) == (0, 0)


def test_a_count_has_the_keys_of_the_contract(filled: dict[str, Any]) -> None:
    del filled
    said = stocktake("count", "racing", "ra_races", *RANGE, "--json")

    (counted,) = said.json["datasets"]
    assert (said.code, said.json["system"], said.err) == (0, "racing", "")
    assert {key: counted[key] for key in counted if key != "rows"} == {
        "dataset": "ra_races",
        "expected": 6,
        "held": 6,
        "coverage": 1.0,
        "missing": 0,
        "needed_for_target": 0,
        "target": 1.0,
        "surplus": 0,
        "states": {"complete": 6},
    }
    assert counted["rows"] > 0


def test_a_count_below_its_target_ends_with_exit_2(filled: dict[str, Any]) -> None:
    del filled
    said = stocktake("count", "racing", "ra_races", "--since", "2025-05-31", "--json")

    assert said.code == 2


def test_a_count_without_an_end_tells_nothing_of_the_future(filled: dict[str, Any]) -> None:
    del filled
    said = stocktake("count", "racing", "--json")

    assert not any("future" in one["states"] for one in said.json["datasets"])


def test_a_count_past_today_tells_the_future(filled: dict[str, Any]) -> None:
    del filled
    said = stocktake("count", "racing", "ra_races", "--until", "2100-01-01", "--json")

    assert said.json["datasets"][0]["states"]["future"] > 0


def test_an_old_name_finds_its_dataset(filled: dict[str, Any]) -> None:
    del filled
    said = stocktake("count", "racing", "ra_mst_races", *RANGE, "--json")

    assert said.json["datasets"][0]["dataset"] == "ra_races"


def test_members_are_added_up_in_the_table_and_listed_in_json(filled: dict[str, Any]) -> None:
    del filled
    table = stocktake("gaps", "racing", "ra_horse_pedigree", "--state", "thin,missing")
    listed = stocktake("gaps", "racing", "ra_horse_pedigree", "--state", "thin,missing", "--json")

    units = listed.json["units"]
    shown = [line for line in table.out.splitlines() if line.startswith("ra_horse_pedigree")]
    assert units > 100
    assert sum(int(line.split()[2].replace(",", "")) for line in shown) == units
    assert len(shown) <= 3
    assert sum(gap["units"] for gap in listed.json["gaps"]) == units


def test_a_limit_lists_single_ranges_and_says_so(filled: dict[str, Any]) -> None:
    del filled
    said = stocktake("gaps", "racing", "ra_races", "--limit", "2", "--json")

    assert (len(said.json["gaps"]), said.json["is_truncated"]) == (2, True)


@pytest.mark.parametrize("width", [80, 100, 140, 200])
@pytest.mark.parametrize("command", ["count", "gaps", "plan", "status"])
def test_a_table_fits_the_terminal(
    filled: dict[str, Any], monkeypatch: pytest.MonkeyPatch, command: str, width: int
) -> None:
    del filled
    monkeypatch.setenv("COLUMNS", str(width))
    said = stocktake(command, "racing", "--quiet")

    tables = [line for line in said.out.splitlines() if not line.startswith("out of reach")]
    assert max(map(len, tables)) <= width


def test_why_leads_from_a_unit_to_its_bytes(filled: dict[str, Any]) -> None:
    del filled
    told = stocktake("why", "racing", "ra_races", f"{SINCE}/gb", "--json").json
    capture = next(one for one in told["captures"] if one["feed"] == "results")

    shown = stocktake("capture", "show", str(capture["capture_id"]), "--json").json
    assert (shown["feed"], shown["status"], shown["is_loaded"]) == ("results", 200, True)
    assert f"{SINCE}/gb" in shown["units"]


def test_a_row_is_traced_to_its_captures(filled: dict[str, Any]) -> None:
    (race,) = _rows(filled, "select race_id from racing.ra_races order by 1 limit 1")[0]
    told = stocktake("trace", "racing", "ra_races", f"race_id={race}", "--json").json

    assert [origin["facet"] for origin in told["origins"]] == ["card", "result"]
    assert all(origin["capture_id"] for origin in told["origins"])


def test_a_waived_gap_is_no_gap_until_it_is_withdrawn(filled: dict[str, Any]) -> None:
    del filled
    unit = ("racing", "ra_races", "2025-05-30/gb")
    waived = stocktake("accept", *unit, "--reason", "no need", "--by", "ann", "--json").json
    taken_back = stocktake("accept", *unit, "--withdraw", "--json").json

    assert (waived["state"], taken_back["state"]) == ("accepted", "missing")


def test_status_tells_the_newest_settled_day(filled: dict[str, Any]) -> None:
    del filled
    told = stocktake("status", "racing", "--json").json

    newest = {one["dataset"]: one["newest_settled"] for one in told["systems"]["racing"]}
    # another test may have filled days of the week after
    assert told["kind"] == "sandbox"
    assert newest["ra_race_results"] in {UNTIL, "2025-06-12"}
    assert newest["ra_mst_courses"] is None


def test_a_source_is_tried_without_storing_anything(filled: dict[str, Any]) -> None:
    before = _rows(filled, "select count(*) from stocktake.capture")
    said = stocktake("sources", "verify", "theracingapi", "--json")

    samples = {one["feed"]: one for one in said.json["samples"]}
    assert (said.code, said.json["is_sound"]) == (0, True)
    assert {row["table"] for row in samples["results"]["rows"]} >= {"RaceResult", "StarterRow"}
    assert _rows(filled, "select count(*) from stocktake.capture") == before


def test_a_paused_source_is_not_asked(filled: dict[str, Any]) -> None:
    del filled
    stocktake("sources", "pause", "theracingapi", "--reason", "new contract")
    said = stocktake("sources", "verify", "theracingapi", "--json")
    stocktake("sources", "resume", "theracingapi")

    assert (said.code, said.json["is_sound"]) == (3, False)


def test_a_run_that_has_ended_is_not_resumed(filled: dict[str, Any]) -> None:
    run_id = filled["said"].json["run_id"]
    said = stocktake("run", "resume", str(run_id), "--json")

    assert said.code == 2
    assert said.json["error"]["message"] == (
        f"run {run_id} is done; only an unfinished run can be resumed."
    )


def test_a_paused_run_goes_on_where_it_stopped(filled: dict[str, Any]) -> None:
    window = ("--since", "2025-06-10", "--until", "2025-06-12")
    killed = subprocess.run(
        [sys.executable, "-c", "from stocktake.cli.main import main; main()", "backfill", "racing",
         *DAYS, *window, "--json"],
        env={**os.environ, "STOCKTAKE_FAIL_AT": "after_commit"},
        capture_output=True, check=False, timeout=120,
    )  # fmt: skip
    assert killed.returncode < 0
    run_id = stocktake("runs", "--json").json["runs"][0]["run_id"]

    paused = stocktake("run", "pause", str(run_id), "--json").json
    resumed = stocktake("run", "resume", str(run_id), "--json")
    assert (paused["state"], paused["message"]) == ("paused", "paused by hand")
    assert (resumed.code, resumed.json["run_id"], resumed.json["state"]) == (0, run_id, "done")
    counted = stocktake("count", "racing", "ra_race_results", *window, "--json").json
    assert counted["datasets"][0]["coverage"] == 1.0
    del filled


def test_an_export_holds_every_row(filled: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "races.csv"
    said = stocktake("export", "racing", "ra_races", "--out", path, "--json").json

    read = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))
    rows = _rows(filled, "select race_id, race_name, comments from racing.ra_races order by 1")
    assert said["rows"] == len(rows)
    assert said["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    told = [(one["race_id"], one["race_name"], one["comments"]) for one in read]
    assert [tuple(restored(text) for text in one) for one in told] == [
        tuple(text or "" for text in row) for row in rows
    ]


@pytest.mark.fault("S04")
def test_a_formula_in_a_row_is_exported_as_text(filled: dict[str, Any], tmp_path: Path) -> None:
    with psycopg.connect(filled["address"]) as connection:
        connection.execute("insert into racing.ra_mst_regions (code, name) values ('zz', '=1+1')")
    path = tmp_path / "regions.csv"
    stocktake("export", "racing", "ra_mst_regions", "--out", path)
    with psycopg.connect(filled["address"]) as connection:
        connection.execute("delete from racing.ra_mst_regions where code = 'zz'")

    assert "\nzz,'=1+1," in path.read_text(encoding="utf-8")


def test_json_lines_keep_texts_and_numbers(filled: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "runners.jsonl"
    stocktake("export", "racing", "ra_runners", "--format", "jsonl", "--out", path)

    first = json.loads(path.read_text(encoding="utf-8").splitlines()[0])
    (expected,) = _rows(
        filled,
        "select race_id, horse_id, weight_lbs, starting_price_decimal::float"
        " from racing.ra_runners order by race_id, horse_id limit 1",
    )
    named = ("race_id", "horse_id", "weight_lbs", "starting_price_decimal")
    assert tuple(first[name] for name in named) == expected


@pytest.mark.fault("C08")
def test_an_export_killed_before_its_end_leaves_the_old_file(
    filled: dict[str, Any], tmp_path: Path
) -> None:
    del filled
    path = tmp_path / "races.csv"
    path.write_text("the old file", encoding="utf-8")
    killed = subprocess.run(
        [sys.executable, "-c", "from stocktake.cli.main import main; main()", "export", "racing",
         "ra_races", "--out", str(path)],
        env={**os.environ, "STOCKTAKE_FAIL_AT": "before_rename"},
        capture_output=True, check=False, timeout=120,
    )  # fmt: skip
    assert (killed.returncode < 0, path.read_text(encoding="utf-8")) == (True, "the old file")

    stocktake("export", "racing", "ra_races", "--out", path)
    assert path.read_text(encoding="utf-8").startswith("race_id,")
    assert list(tmp_path.iterdir()) == [path]


def test_a_replay_makes_no_request_and_changes_nothing(filled: dict[str, Any]) -> None:
    del filled
    said = stocktake("replay", "racing", "ra_races", *RANGE, "--json")

    changed = sum(one["inserted"] + one["updated"] for one in said.json["rows"].values())
    assert (said.code, said.json["requests"], changed) == (0, 0, 0)


def test_derived_tables_ledger_and_rows_agree(filled: dict[str, Any]) -> None:
    del filled
    said = stocktake("verify", "racing", "--full", "--json")

    assert (said.code, said.json["is_clean"]) == (0, True)


def _rows(filled: dict[str, Any], query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(filled["address"]) as connection:
        return connection.execute(query.encode()).fetchall()


def test_a_question_gives_the_answer_and_where_it_is_kept(filled: dict[str, Any]) -> None:
    del filled

    told = stocktake("ask", "racing", "/v1/jockeys/search", "name=kel", "--json").json

    assert set(told) == {"source", "endpoint", "captures", "answer"}
    assert all("kel" in one["name"].lower() for one in told["answer"]["search_results"])


def test_a_question_that_is_no_pair_is_refused(filled: dict[str, Any]) -> None:
    del filled

    said = stocktake("ask", "racing", "/v1/jockeys/search", "kel")

    assert (said.code, said.err.splitlines()[0]) == (2, "error: 'kel' is not NAME=VALUE.")
