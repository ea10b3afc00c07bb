"""When work recurs: local clocks, changes of clocks, and names."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from stocktake.errors import UsageError
from stocktake.model import Schedule, System
from stocktake.run.fires import next_fires
from stocktake.run.schedule import find_schedule, schedule_lines

NIGHTLY = Schedule("nightly", "30 1 * * *", "Europe/London", "derive")
NOON = Schedule("noon", "0 12 * * *", "Europe/London", "sync")
STABLE = System("stable", "stable", (), (), schedules=(NIGHTLY, NOON))
YARD = System("yard", "yard", (), (), schedules=(NOON,))


def fires(cron: str, zone: str, after: str, most: int = 3) -> list[str]:
    start = datetime.fromisoformat(after)
    return [at.isoformat() for at in next_fires(cron, zone, after=start, most=most)]


def test_a_schedule_keeps_to_the_local_clock() -> None:
    assert fires("0 13 * * *", "Europe/London", "2026-03-28T00:00Z") == [
        "2026-03-28T13:00:00+00:00",
        "2026-03-29T13:00:00+01:00",
        "2026-03-30T13:00:00+01:00",
    ]


def test_a_time_that_the_clocks_skip_fires_after_the_gap() -> None:
    assert fires("30 1 * * *", "Europe/London", "2026-03-28T12:00Z", 2) == [
        "2026-03-29T02:00:00+01:00",
        "2026-03-30T01:30:00+01:00",
    ]


def test_a_time_that_comes_twice_fires_once() -> None:
    assert fires("30 1 * * *", "Europe/London", "2026-10-24T12:00Z", 2) == [
        "2026-10-25T01:30:00+01:00",
        "2026-10-26T01:30:00+00:00",
    ]


def test_the_instant_asked_from_is_not_returned() -> None:
    assert fires("0 12 * * *", "UTC", "2026-01-01T12:00Z", 1) == ["2026-01-02T12:00:00+00:00"]


def test_a_day_that_never_comes_never_fires() -> None:
    with pytest.raises(UsageError, match="is not a cron expression"):
        next_fires("0 0 31 2 *", "UTC", after=datetime(2026, 1, 1, tzinfo=UTC), most=1)


def test_the_next_to_fire_is_listed_first() -> None:
    lines = schedule_lines([STABLE, YARD], now=datetime(2026, 1, 1, 6, tzinfo=UTC))

    assert [line.name for line in lines] == ["stable.noon", "yard.noon", "stable.nightly"]


def test_a_name_that_one_system_has_is_enough() -> None:
    assert find_schedule([STABLE, YARD], "nightly") == (STABLE, NIGHTLY)


def test_a_name_that_two_systems_have_needs_the_system() -> None:
    with pytest.raises(UsageError, match="several schedules are called 'noon'") as refused:
        find_schedule([STABLE, YARD], "noon")

    assert refused.value.hint == "Schedules: stable.noon, yard.noon."
    assert find_schedule([STABLE, YARD], "yard.noon") == (YARD, NOON)
