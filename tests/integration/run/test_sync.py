"""Staying current: a clock that tests move over several days, and the requests that makes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from stocktake.model import PlanOptions, State
from stocktake.run.backfill import Conduct, backfill
from stocktake.run.listed import list_runs
from stocktake.run.pump import PumpLimits
from stocktake.run.registry import find_system
from stocktake.systems.racing.sandbox import create
from stocktake.testing import Fault
from tests.integration.run.conftest import DAYS, RATE_FACTOR

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stocktake.run.progress import Progress
    from stocktake.testing import SandboxServer
    from tests.integration.run.conftest import Stable

PLAIN = replace(find_system("racing"), derivations=())
"""Racing without statistics, where only requests are looked at."""
LISTS = ("ra_mst_regions", "ra_mst_courses")
CARDS_AHEAD = 7


class Stopped(Exception):
    """Somebody stopped a run."""


def days_asked(targets: list[str]) -> dict[str, list[str]]:
    """Return the days asked for per endpoint, in order; lists have none."""
    found: dict[str, list[str]] = {}
    for target in targets:
        parts = urlsplit(target)
        query = parse_qs(parts.query)
        day = (query.get("start_date") or query.get("date") or [""])[0]
        found.setdefault(parts.path, []).append(day)
    return {path: sorted(days) for path, days in found.items()}


def days(first: date, last: date) -> list[str]:
    """Return every day from first to last, as it is asked for."""
    return [(first + timedelta(days=n)).isoformat() for n in range((last - first).days + 1)]


def test_a_sync_fills_the_last_days_and_the_cards_ahead(stable: Stable) -> None:
    stable.sync(*DAYS, days=2)

    asked = days_asked(stable.targets())
    assert asked == {
        "/v1/results": days(date(2026, 3, 8), date(2026, 3, 10)),
        "/v1/racecards/pro": days(date(2026, 3, 8), date(2026, 3, 17)),
    }


def test_cards_ahead_are_kept_and_not_counted(stable: Stable) -> None:
    stable.sync(*DAYS, days=2)

    counted = stable.count("ra_races", since=date(2026, 3, 8))

    assert len({row[0] for row in stable.rows("ra_races", "date > '2026-03-10'", "date, 1")}) == 7
    assert counted.expected == 6


def test_a_second_sync_asks_only_for_days_that_are_not_over(stable: Stable) -> None:
    stable.sync(*DAYS, *LISTS, days=3)
    asked = stable.asked

    again = stable.sync(*DAYS, *LISTS, days=3)

    assert days_asked(stable.targets(asked)) == {
        "/v1/results": ["2026-03-10"],
        "/v1/racecards/pro": days(date(2026, 3, 10), date(2026, 3, 17)),
    }
    assert all(counts.inserted == counts.updated == 0 for counts in again.rows.values())


def test_a_day_that_is_over_is_asked_for_when_its_re_checks_are_due(stable: Stable) -> None:
    stable.system = PLAIN
    wanted = "2026-03-10"
    looked: list[str] = []
    start = stable.now
    for age in (0, 1, 2, 3, 4, 5, 10, 11, 12):
        stable.now = start + timedelta(days=age)
        asked = stable.asked
        stable.sync("ra_race_results", days=12)
        if wanted in days_asked(stable.targets(asked)).get("/v1/results", []):
            looked.append(stable.now.date().isoformat())

    # Final on the 11th at 4 h; looked at again 1, 3 and 10 days later.
    assert looked == ["2026-03-10", "2026-03-11", "2026-03-12", "2026-03-14", "2026-03-21"]


def test_re_checks_that_fell_due_while_nobody_looked_are_made_up_for(stable: Stable) -> None:
    stable.system = PLAIN
    stable.sync("ra_race_results", days=2)
    stable.now += timedelta(days=1)
    stable.sync("ra_race_results", days=2)
    stable.now = datetime(2026, 3, 31, 12, tzinfo=UTC)
    asked = stable.asked

    stable.sync("ra_race_results", days=2)
    late = days_asked(stable.targets(asked))["/v1/results"]
    asked = stable.asked
    stable.sync("ra_race_results", days=2)

    assert late == [
        *days(date(2026, 3, 8), date(2026, 3, 10)),
        *days(date(2026, 3, 29), date(2026, 3, 31)),
    ]
    assert days_asked(stable.targets(asked))["/v1/results"] == ["2026-03-31"]


def test_lists_are_asked_for_again_when_they_are_old(stable: Stable) -> None:
    stable.system = PLAIN
    paths = []
    for _ in range(4):
        asked = stable.asked
        stable.sync(*LISTS, days=1)
        paths.append(sorted(days_asked(stable.targets(asked))))
        stable.now += timedelta(days=31)

    assert paths == [
        ["/v1/courses", "/v1/courses/regions"],
        ["/v1/courses"],
        ["/v1/courses"],
        ["/v1/courses", "/v1/courses/regions"],
    ]


@pytest.mark.parametrize(
    ("instant", "last"),
    [
        (datetime(2026, 3, 28, 23, 30, tzinfo=UTC), "2026-03-28"),  # the night clocks go forward
        (datetime(2026, 3, 29, 22, 30, tzinfo=UTC), "2026-03-29"),
        (datetime(2026, 3, 29, 23, 30, tzinfo=UTC), "2026-03-30"),  # half past midnight in London
    ],
)
def test_today_is_the_day_of_the_systems_zone(stable: Stable, instant: datetime, last: str) -> None:
    stable.system = PLAIN
    stable.now = instant

    stable.sync("ra_race_results", days=1)

    assert days_asked(stable.targets())["/v1/results"][-1] == last


@pytest.fixture
def autumn(stabled: Callable[[SandboxServer], Stable]) -> Iterator[Stable]:
    """Racing around the night of 2026-10-25, when clocks go back."""
    with create(1, "year", until=date(2026, 10, 31), rate_factor=RATE_FACTOR * 2) as server:
        yield stabled(server)


def test_syncs_over_the_night_clocks_go_back_leave_no_day_out(autumn: Stable) -> None:
    autumn.system = PLAIN
    autumn.now = datetime(2026, 10, 23, 5, 0, tzinfo=UTC)
    while autumn.now < datetime(2026, 10, 28, 6, 0, tzinfo=UTC):
        autumn.sync("ra_race_results", days=1)
        autumn.now += timedelta(hours=12)

    held = autumn.count("ra_race_results", since=date(2026, 10, 22), until=date(2026, 10, 26))
    assert (held.expected, held.held, held.states.get(State.THIN, 0)) == (10, 10, 0)


def test_a_sync_leaves_an_interrupted_backfill_to_be_continued(stable: Stable) -> None:
    options = PlanOptions(datasets=DAYS, since=date(2026, 2, 1), until=date(2026, 2, 4))

    def stop(progress: Progress) -> None:
        if progress.done == 2:
            raise Stopped

    conduct = Conduct(PumpLimits(fetchers=1, batch_requests=1), report=stop)
    with pytest.raises(Stopped):
        backfill(stable.workspace, stable.system, options, conduct=conduct)
    stable.sync(*DAYS, days=1)
    asked = stable.asked
    backfill(stable.workspace, stable.system, options)

    runs = [(run.kind, run.state) for run in list_runs(stable.workspace, None, limit=9)]
    assert runs == [("sync", "done"), ("backfill", "done")]
    assert len(stable.targets(asked)) <= 6


def test_an_interrupted_sync_is_planned_anew(stable: Stable) -> None:
    def stop(progress: Progress) -> None:
        if progress.done == 1:
            raise Stopped

    conduct = Conduct(PumpLimits(fetchers=1, batch_requests=1), report=stop)
    with pytest.raises(Stopped):
        stable.sync("ra_race_results", days=2, conduct=conduct)
    stable.now += timedelta(days=1)
    stable.sync("ra_race_results", days=2)

    runs = [(run.kind, run.state) for run in list_runs(stable.workspace, None, limit=9)]
    assert runs == [("sync", "done"), ("sync", "cancelled")]
    final = stable.units("ra_race_results", State.COMPLETE, State.EMPTY)
    assert {unit[:10] for unit in final} == {"2026-03-09", "2026-03-10"}


def test_a_failed_day_waits_for_its_next_try(stable: Stable) -> None:
    stable.server.rules.add([Fault("results_empty_with_total", match="2026-03-09")])
    stable.sync("ra_race_results", days=2)
    asked = stable.asked

    stable.sync("ra_race_results", days=2)
    at_once = days_asked(stable.targets(asked))["/v1/results"]
    stable.server.rules.clear()
    stable.now += timedelta(hours=2)
    stable.sync("ra_race_results", days=2)

    assert at_once == ["2026-03-10"]
    assert "2026-03-09/gb" in stable.units("ra_race_results", State.COMPLETE)


@pytest.mark.soak
def test_a_sync_of_a_year_that_is_held_asks_for_what_is_due_and_nothing_else(
    stable: Stable,
) -> None:
    stable.system = PLAIN
    stable.backfill("ra_race_results", since=date(2025, 3, 11), until=date(2026, 3, 9))
    stable.now += timedelta(hours=4)
    stable.sync("ra_race_results", days=14)
    asked = stable.asked

    stable.now += timedelta(hours=4)
    stable.sync("ra_race_results", days=14)
    same_day = days_asked(stable.targets(asked))["/v1/results"]
    asked = stable.asked
    stable.now += timedelta(days=1)
    stable.sync("ra_race_results", days=14)

    assert same_day == ["2026-03-10"]
    next_day = days_asked(stable.targets(asked))["/v1/results"]
    # today, yesterday that is over now, and days whose re-check fell due
    assert next_day[-2:] == ["2026-03-10", "2026-03-11"]
    assert len(next_day) <= 8
