"""Rows put in again: replays, files loaded twice, and rows that were lost and come back."""

from __future__ import annotations

import csv
from datetime import date
from typing import TYPE_CHECKING

from stocktake.count.coverage import count
from stocktake.model import Range, State
from stocktake.run.counted import recount_system
from stocktake.run.explained import explain_unit
from stocktake.run.files import load_files
from stocktake.run.progress import silent
from stocktake.run.registry import find_datasets
from stocktake.run.replay import replay
from stocktake.systems.racing.hkjc import COLUMNS
from tests.integration.run.conftest import DAYS

if TYPE_CHECKING:
    from pathlib import Path

    from stocktake.model import RunReport
    from tests.integration.run.conftest import Stable

SINCE, UNTIL = date(2026, 3, 8), date(2026, 3, 9)


def changed(report: RunReport) -> dict[str, tuple[int, int]]:
    """Return rows inserted and updated of every table that a run touched."""
    return {
        name: (counts.inserted, counts.updated)
        for name, counts in report.rows.items()
        if counts.inserted or counts.updated
    }


def test_a_replay_of_one_feed_changes_nothing_and_asks_nobody(stable: Stable) -> None:
    stable.backfill(*DAYS, since=SINCE, until=UNTIL)
    asked = stable.asked

    again = replay(
        stable.workspace,
        stable.system,
        find_datasets(stable.system, ["ra_race_results"]),
        Range(SINCE, UNTIL),
        report=silent,
    )

    assert again.rows["ra_race_results"].read > 100
    assert changed(again) == {}
    assert stable.asked == asked


def test_a_replay_brings_back_rows_that_were_lost(stable: Stable) -> None:
    stable.backfill(*DAYS, since=SINCE, until=UNTIL)
    lost = stable.execute(
        "delete from racing.ra_race_results where race_date = '2026-03-09' returning race_id"
    )

    again = replay(
        stable.workspace,
        stable.system,
        find_datasets(stable.system, ["ra_race_results"]),
        Range(),
        report=silent,
    )

    assert again.rows["ra_race_results"].inserted == len(lost)
    assert stable.differences() == {}


def test_rows_lost_by_hand_are_found_by_a_recount_and_only_they_are_fetched(stable: Stable) -> None:
    stable.backfill(*DAYS, since=SINCE, until=UNTIL)
    complete = stable.rows("ra_runners", columns="race_id, horse_id, _row_hash")
    stable.execute("delete from racing.ra_runners where race_date = '2026-03-09' and region = 'GB'")
    chosen = find_datasets(stable.system, DAYS)

    drift = recount_system(stable.workspace, stable.system, chosen, Range())
    gaps = stable.units("ra_runners", State.MISSING, State.FAILED)
    asked = stable.asked
    stable.backfill(*DAYS, since=SINCE, until=UNTIL)

    assert {(one.dataset, one.key) for one in drift} == {("ra_runners", ("2026-03-09", "gb"))}
    assert "2026-03-09/gb" in gaps
    assert "2026-03-08/gb" not in gaps
    assert sorted(stable.targets(asked)) == [
        "/v1/racecards/pro?date=2026-03-09&region_codes=gb&limit=500",
        "/v1/results?start_date=2026-03-09&end_date=2026-03-09&region=gb&limit=100",
    ]
    assert stable.rows("ra_runners", columns="race_id, horse_id, _row_hash") == complete


def test_one_race_lost_by_hand_makes_its_day_thin(stable: Stable) -> None:
    stable.backfill(*DAYS, since=SINCE, until=UNTIL)
    race_id = stable.rows("ra_races", "date = '2026-03-09' and region = 'GB'", "race_id, 1")[0][0]
    stable.execute(
        "delete from racing.ra_runners where race_id = %(race_id)s", {"race_id": race_id}
    )

    drift = recount_system(
        stable.workspace, stable.system, find_datasets(stable.system, DAYS), Range()
    )

    assert {(one.dataset, one.key) for one in drift} == {("ra_runners", ("2026-03-09", "gb"))}
    assert "2026-03-09/gb" in stable.units("ra_runners", State.THIN)


def write_results(path: Path) -> Path:
    """Write a file of one race with three horses."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="")
        writer.writeheader()
        for place in (1, 2, 3):
            writer.writerow(
                {
                    "date": "2023-01-01",
                    "venue": "沙田",
                    "race_no": "1",
                    "race_meeting_no": "300",
                    "distance_m": "1200",
                    "going": "好地",
                    "course": '草地 - "A" 賽道',
                    "race_finish_time": "(24.10) (1:09.50)",
                    "place": str(place),
                    "horse_no": str(place),
                    "horse_name": f"馬{place} (J00{place})",
                    "jockey": "騎師",
                    "trainer": "練馬師",
                    "actual_wt_lbs": "120",
                    "draw": str(place),
                    "finish_time": "1:09.50",
                    "win_odds": "4.5",
                }
            )
    return path


def test_a_file_loaded_twice_and_replayed_changes_nothing(stable: Stable, tmp_path: Path) -> None:
    (dataset,) = find_datasets(stable.system, ["ra_race_results"])
    paths = [write_results(tmp_path / "results_2023-01-01.csv")]

    def load() -> RunReport:
        return load_files(
            stable.workspace, stable.system, dataset, paths, source="hkjc", report=silent
        )

    first, second = load(), load()
    third = replay(stable.workspace, stable.system, [dataset], Range(), report=silent)

    assert first.rows["ra_race_results"].inserted == 3
    assert (changed(second), changed(third)) == ({}, {})
    assert third.rows["ra_race_results"].read == 3


def test_a_hole_made_yesterday_is_no_hole_the_day_before(stable: Stable) -> None:
    stable.backfill(*DAYS, since=SINCE, until=UNTIL)
    whole = stable.now
    stable.now = whole.replace(day=11)
    stable.execute("delete from racing.ra_runners where race_date = '2026-03-09' and region = 'GB'")
    chosen = find_datasets(stable.system, ["ra_runners"])
    recount_system(stable.workspace, stable.system, chosen, Range())
    stable.now = whole.replace(day=12)

    with stable.database.connection() as conn:
        then, now = (
            count(
                conn,
                stable.system,
                chosen,
                window=Range(SINCE, UNTIL),
                now=stable.now,
                lifted=stable.workspace.lifted(stable.system),
                as_of=instant,
            )[0]
            for instant in (whole.replace(hour=13), None)
        )

    assert (then.held, now.held) == (4, 3)


def test_why_says_when_a_hole_was_noticed(stable: Stable) -> None:
    stable.backfill(*DAYS, since=SINCE, until=UNTIL)
    stable.now = stable.now.replace(day=11)
    stable.execute("delete from racing.ra_runners where race_date = '2026-03-09' and region = 'GB'")
    chosen = find_datasets(stable.system, ["ra_runners"])
    recount_system(stable.workspace, stable.system, chosen, Range())
    noticed_at = stable.now
    stable.now = stable.now.replace(day=12)

    told = explain_unit(stable.workspace, stable.system, chosen[0], "2026-03-09/gb")

    assert told.noticed_at == noticed_at
