"""Acceptance (a): a sample and a year, filled once, then never touched again; memory stays flat."""

from __future__ import annotations

import re
import threading
import time
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.acceptance.installation import Done, Installation, backfill, finish

if TYPE_CHECKING:
    import subprocess

DAYS_ONLY = ("ra_mst_regions", "ra_mst_courses", "ra_races", "ra_runners", "ra_race_results")
MEGABYTES_MOST = 150


def touched(done: Done) -> dict[str, Any]:
    """Return the tables in which a run inserted or updated rows."""
    return {
        table: counts
        for table, counts in done.document["rows"].items()
        if counts["inserted"] or counts["updated"]
    }


def test_a_day_is_filled_once_and_the_second_run_asks_and_touches_nothing(
    installation: Installation, settled: date
) -> None:
    command = backfill(settled, settled)
    window = ("--since", settled.isoformat(), "--until", settled.isoformat(), "--json")
    before = installation.run("count", "racing", *window)
    installation.run(*command)
    after = installation.run("count", "racing", *window)
    requests = len(installation.targets())
    second = installation.run(*command)

    assert before.code == 2, before.said
    assert after.code == 0, after.said
    assert second.code == 0, second.said
    assert second.document["requests"] == 0
    assert len(installation.targets()) == requests
    assert touched(second) == {}


@pytest.mark.fault("Q03")
def test_coverage_of_an_empty_expectation_is_not_a_percentage(installation: Installation) -> None:
    done = installation.run(
        "count", "racing", "ra_races", "--since", "2035-01-01", "--until", "2035-01-02", "--json"
    )

    assert [one["coverage"] for one in done.document["datasets"]] == [None], done.said


@pytest.mark.soak
def test_a_sample_of_seven_days_is_planned_filled_and_whole_and_its_second_run_touches_nothing(
    installation: Installation, today: date
) -> None:
    sample = ("--sample", "7", "--json")
    planned = installation.run("plan", "racing", *sample)
    first = installation.run("backfill", "racing", *sample)
    requests = len(installation.targets())
    window = ("--since", str(today - timedelta(days=6)), "--until", str(today), "--json")
    counted = installation.run("count", "racing", *DAYS_ONLY, *window)
    second = installation.run("backfill", "racing", *sample)
    coverage = {one["dataset"]: one["coverage"] for one in counted.document["datasets"]}
    print(f"sample: {requests} requests, coverage {coverage}")  # noqa: T201 -- the figures
    again = installation.targets(requests)

    assert planned.code == 0, planned.said
    assert first.code in {0, 1}, first.said
    assert coverage == dict.fromkeys(DAYS_ONLY, 1.0), counted.said
    # Today's races may not be over: until they are, that day alone is looked at again.
    assert [target for target in again if str(today) not in target] == []
    assert second.code in {0, 1}, second.said
    assert touched(second) == {}


@pytest.mark.soak
def test_a_year_is_filled_once_and_its_second_run_touches_no_row(
    installation: Installation,
) -> None:
    command = backfill(date(2024, 1, 1), date(2024, 12, 31), *DAYS_ONLY)
    window = (*DAYS_ONLY, "--since", "2024-01-01", "--until", "2024-12-31", "--json")
    before = installation.run("count", "racing", *window)
    began = time.monotonic()
    first, megabytes = measured(installation.start(*command))
    seconds = time.monotonic() - began
    after = installation.run("count", "racing", *window)
    requests = len(installation.targets())
    second = installation.run(*command)
    print(  # noqa: T201 -- the figures
        f"2024: {first.document['requests']} requests, {seconds:.0f} s, "
        f"{megabytes:.0f} MB at most, second run {second.document['seconds']} s"
    )

    assert before.code == 2, before.said
    assert first.code == 0, first.said
    assert after.code == 0, after.said
    assert second.document["requests"] == 0
    assert len(installation.targets()) == requests
    assert touched(second) == {}
    assert megabytes <= MEGABYTES_MOST


@pytest.mark.soak
def test_memory_does_not_grow_with_the_length_of_the_history(
    installation: Installation, settled: date
) -> None:
    peaks = {}
    for days in (30, 300):
        window = (settled - timedelta(days=days + 29), settled - timedelta(days=30))
        done, peaks[days] = measured(installation.start(*backfill(*window, *DAYS_ONLY)))
        assert done.code == 0, done.said
    print(f"megabytes at most, by days: {peaks}")  # noqa: T201 -- the figure

    assert max(peaks.values()) <= MEGABYTES_MOST
    assert peaks[300] < 1.3 * peaks[30]


def measured(program: subprocess.Popen[str]) -> tuple[Done, float]:
    """Wait for a program's end and return the most memory it ever held, in MB (Linux)."""
    status = Path(f"/proc/{program.pid}/status")
    if not status.exists():
        pytest.skip("peak memory is read from /proc")
    peak = 0
    ended = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not ended.wait(0.2):
            try:
                found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
            except OSError:
                return
            peak = max(peak, int(found[1]) if found else 0)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        done = finish(program, seconds=1800)
    finally:
        ended.set()
        watching.join()
    return done, peak / 1024
