"""When expressions fire, held against tables made by hand and against cron's own minute loop."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stocktake.model import Schedule
from stocktake.run.fires import due_fires, fires_after, next_fires
from stocktake.run.registry import installed_systems

LONDON, NEW_YORK = "Europe/London", "America/New_York"
CHANGES = (
    (LONDON, "2026-03-29"),
    (LONDON, "2026-10-25"),
    (NEW_YORK, "2026-03-08"),
    (NEW_YORK, "2026-11-01"),
)

# A day's fires as Debian's cron makes them, by the rules of its manual: jobs at a particular time
# that fall into a gap run right after it (several of them count once here), jobs in a repeated
# time are not run again; jobs with a star in the minute or hour go by the clock as it is.
BY_HAND: tuple[tuple[str, str, str, list[str]], ...] = (
    (LONDON, "2026-03-29", "30 1 * * *", ["02:00+01"]),
    (LONDON, "2026-03-29", "0 1 * * *", ["02:00+01"]),
    (LONDON, "2026-03-29", "59 0 * * *", ["00:59+00"]),
    (LONDON, "2026-03-29", "0 2 * * *", ["02:00+01"]),
    (LONDON, "2026-03-29", "30 2 * * *", ["02:30+01"]),
    (LONDON, "2026-03-29", "15,30,45 1 * * *", ["02:00+01"]),
    (LONDON, "2026-03-29", "0 1,2 * * *", ["02:00+01"]),
    (LONDON, "2026-03-29", "30 0-3 * * *", ["00:30+00", "02:00+01", "02:30+01", "03:30+01"]),
    (LONDON, "2026-03-29", "* 1 * * *", []),
    (LONDON, "2026-03-29", "*/30 1 * * *", []),
    (LONDON, "2026-03-29", "*/20 0-2 * * *",
     ["00:00+00", "00:20+00", "00:40+00", "02:00+01", "02:20+01", "02:40+01"]),
    (LONDON, "2026-03-29", "30 */12 * * *", ["00:30+00", "12:30+01"]),
    (LONDON, "2026-03-29", "0 6,10,14,18,22 * * *",
     ["06:00+01", "10:00+01", "14:00+01", "18:00+01", "22:00+01"]),
    (LONDON, "2026-10-25", "30 1 * * *", ["01:30+01"]),
    (LONDON, "2026-10-25", "0 1 * * *", ["01:00+01"]),
    (LONDON, "2026-10-25", "59 0 * * *", ["00:59+01"]),
    (LONDON, "2026-10-25", "0 2 * * *", ["02:00+00"]),
    (LONDON, "2026-10-25", "30 2 * * *", ["02:30+00"]),
    (LONDON, "2026-10-25", "30 0-3 * * *", ["00:30+01", "01:30+01", "02:30+00", "03:30+00"]),
    (LONDON, "2026-10-25", "*/30 1 * * *", ["01:00+01", "01:30+01", "01:00+00", "01:30+00"]),
    (LONDON, "2026-10-25", "*/20 0-2 * * *",
     ["00:00+01", "00:20+01", "00:40+01", "01:00+01", "01:20+01", "01:40+01",
      "01:00+00", "01:20+00", "01:40+00", "02:00+00", "02:20+00", "02:40+00"]),
    (LONDON, "2026-10-25", "0 */12 * * *", ["00:00+01", "12:00+00"]),
    (NEW_YORK, "2026-03-08", "30 2 * * *", ["03:00-04"]),
    (NEW_YORK, "2026-03-08", "30 1 * * *", ["01:30-05"]),
    (NEW_YORK, "2026-03-08", "0 3 * * *", ["03:00-04"]),
    (NEW_YORK, "2026-03-08", "10,50 2 * * *", ["03:00-04"]),
    (NEW_YORK, "2026-03-08", "*/20 0-2 * * *",
     ["00:00-05", "00:20-05", "00:40-05", "01:00-05", "01:20-05", "01:40-05"]),
    (NEW_YORK, "2026-03-08", "30 3,6,11 * * *", ["03:30-04", "06:30-04", "11:30-04"]),
    (NEW_YORK, "2026-11-01", "30 1 * * *", ["01:30-04"]),
    (NEW_YORK, "2026-11-01", "30 2 * * *", ["02:30-05"]),
    (NEW_YORK, "2026-11-01", "*/20 0-2 * * *",
     ["00:00-04", "00:20-04", "00:40-04", "01:00-04", "01:20-04", "01:40-04",
      "01:00-05", "01:20-05", "01:40-05", "02:00-05", "02:20-05", "02:40-05"]),
    (NEW_YORK, "2026-11-01", "0 4,7,12 * * *", ["04:00-05", "07:00-05", "12:00-05"]),
)  # fmt: skip


def of_day(zone: str, day: str, cron: str) -> list[str]:
    """Return the fires of one local day, with their offsets."""
    midnight = datetime.combine(datetime.fromisoformat(day), time(), ZoneInfo(zone))
    just_before = midnight.astimezone(UTC) - timedelta(seconds=1)
    found = []
    for at in fires_after(cron, zone, just_before):
        if at.date().isoformat() != day:
            break
        found.append(f"{at:%H:%M}{at:%z}"[:8])
    return found


@pytest.mark.fault("T01")
@pytest.mark.parametrize(("zone", "day", "cron", "expected"), BY_HAND)
def test_a_day_whose_clock_changes_fires_as_debians_cron(
    zone: str, day: str, cron: str, expected: list[str]
) -> None:
    assert of_day(zone, day, cron) == expected


def read_field(text: str, last: int) -> set[int]:
    """Return the values of one field of an expression."""
    found: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        low, _, high = span.partition("-")
        first = 0 if span == "*" else int(low)
        end = last if span == "*" or (step and not high) else int(high or low)
        found |= set(range(first, end + 1, int(step or 1)))
    return found


def cron_loop(cron: str, zone: str, first: datetime, *, minutes: int) -> list[datetime]:
    """Run cron's loop, minute by minute; return its fires.

    The clock is compared with where the loop has got to: one minute further is ordinary; up to
    three hours further makes up for jobs at particular times, and back runs jobs with stars only.
    """
    minute_text, hour_text, day_text, month_text, weekday_text = cron.split()
    minutes_wanted, hours_wanted = read_field(minute_text, 59), read_field(hour_text, 23)
    days, months = read_field(day_text, 31), read_field(month_text, 12)
    weekdays = {value % 7 for value in read_field(weekday_text, 6)}
    has_star = minute_text.startswith("*") or hour_text.startswith("*")
    needs_both = day_text.startswith("*") or weekday_text.startswith("*")

    def wall(at: datetime) -> datetime:
        return at.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)

    def fits(clock: datetime) -> bool:
        told = clock.day in days, clock.isoweekday() % 7 in weekdays
        is_day = all(told) if needs_both else any(told)
        return (
            clock.minute in minutes_wanted
            and clock.hour in hours_wanted
            and clock.month in months
            and is_day
        )

    reached, found, one = wall(first) - timedelta(minutes=1), [], timedelta(minutes=1)
    for count in range(minutes):
        at = first + count * one
        clock = wall(at)
        ahead = (clock - reached) // one
        if ahead == 1:
            runs = fits(clock)
        elif ahead > 1:
            missed = [reached + step * one for step in range(1, ahead + 1)]
            runs = fits(clock) if has_star else any(map(fits, missed))
        else:
            runs = has_star and fits(clock)
        reached = max(reached, clock)
        found += [at] if runs else []
    return found


def in_utc(cron: str, zone: str, first: datetime, *, minutes: int) -> list[datetime]:
    """Return what our arithmetic says of the same minutes."""
    end = first + timedelta(minutes=minutes)
    found = []
    for at in fires_after(cron, zone, first - timedelta(seconds=1)):
        if at.astimezone(UTC) >= end:
            break
        found.append(at.astimezone(UTC))
    return found


DECLARED = [one for system in installed_systems().values() for one in system.schedules]


@pytest.mark.fault("T01")
@pytest.mark.parametrize("one", DECLARED, ids=lambda one: f"{one.zone} {one.cron}")
def test_declared_schedules_go_through_both_changes_as_crons_loop_does(one: Schedule) -> None:
    for zone, day in CHANGES:
        first = datetime.fromisoformat(f"{day}T00:00Z") - timedelta(hours=12)
        expected = cron_loop(one.cron, zone, first, minutes=60 * 48)

        assert in_utc(one.cron, zone, first, minutes=60 * 48) == expected, (zone, day)


FIELDS = {
    59: st.one_of(
        st.just("*"),
        st.sampled_from(["*/7", "*/15", "*/20", "*/30", "10-50/20", "5-20"]),
        st.lists(st.integers(0, 59), min_size=1, max_size=3).map(lambda v: ",".join(map(str, v))),
    ),
    23: st.one_of(
        st.just("*"),
        st.sampled_from(["*/2", "*/3", "0-3", "1-2", "1-23/2", "22-23"]),
        st.lists(st.integers(0, 4), min_size=1, max_size=3).map(lambda v: ",".join(map(str, v))),
    ),
}


@pytest.mark.fault("T01")
@settings(deadline=None)  # the first example reads the zones
@given(minute=FIELDS[59], hour=FIELDS[23], change=st.sampled_from(CHANGES))
def test_any_expression_goes_through_a_change_as_crons_loop_does(
    minute: str, hour: str, change: tuple[str, str]
) -> None:
    zone, day = change
    cron = f"{minute} {hour} * * *"
    first = datetime.fromisoformat(f"{day}T00:00Z") - timedelta(hours=6)

    assert in_utc(cron, zone, first, minutes=60 * 30) == cron_loop(
        cron, zone, first, minutes=60 * 30
    )


@pytest.mark.fault("T01")
@settings(deadline=None)  # the first example reads the zones
@given(
    minute=FIELDS[59],
    hour=FIELDS[23],
    change=st.sampled_from(CHANGES),
    start=st.integers(0, 60 * 36),
)
def test_the_fires_do_not_depend_on_the_instant_they_are_asked_from(
    minute: str, hour: str, change: tuple[str, str], start: int
) -> None:
    zone, day = change
    cron = f"{minute} {hour} * * *"
    first = datetime.fromisoformat(f"{day}T00:00Z") - timedelta(hours=12)
    asked = first + timedelta(minutes=start)
    end = first + timedelta(hours=60)
    whole = [at for at in in_utc(cron, zone, first, minutes=60 * 60) if at > asked]
    found = [at.astimezone(UTC) for at in islice(fires_after(cron, zone, asked), len(whole) + 1)]

    assert [at for at in found if at < end] == whole


DAILY = Schedule("daily", "30 1 * * *", LONDON, "sync")
OFTEN = Schedule("often", "*/20 * * * *", NEW_YORK, "sync")
SPREAD = Schedule("spread", "0 * * * *", LONDON, "sync", jitter_seconds=900)
STARTS = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)).map(  # noqa: DTZ001 -- UTC next
    lambda at: at.replace(tzinfo=UTC)
)


@pytest.mark.fault("T02")
@settings(deadline=None)  # the first example reads the zones
@given(
    one=st.sampled_from([DAILY, OFTEN, SPREAD]),
    start=STARTS,
    pauses=st.lists(st.integers(0, 3 * 24 * 3600), max_size=8),
)
def test_however_time_is_cut_every_fire_is_due_once(
    one: Schedule, start: datetime, pauses: list[int]
) -> None:
    looks = [start]
    for seconds in pauses:
        looks.append(looks[-1] + timedelta(seconds=seconds))
    last, found = start, []
    for now in looks:
        dues = due_fires(one, last, now)
        found += dues
        last = dues[-1].at if dues else last

    assert found == due_fires(one, start, looks[-1])
    assert all(before.at < after.at for before, after in pairwise(found))
    assert all(due.at <= due.start_at <= looks[-1] for due in found)


def test_jitter_delays_a_fire_by_less_than_it_says_and_always_by_the_same() -> None:
    start, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 3, tzinfo=UTC)
    delays = [(due.start_at - due.at).total_seconds() for due in due_fires(SPREAD, start, end)]

    assert max(delays) <= 900
    assert len(set(delays)) > 20
    assert delays == [
        (due.start_at - due.at).total_seconds() for due in due_fires(SPREAD, start, end)
    ]


def test_a_second_time_that_lies_behind_is_not_told_again() -> None:
    in_second_hour = datetime.fromisoformat("2026-10-25T01:15:00+00:00")

    (found,) = next_fires("30 1 * * *", LONDON, after=in_second_hour, most=1)

    assert found.isoformat() == "2026-10-26T01:30:00+00:00"


@pytest.mark.parametrize(
    ("one", "said"),
    [
        ({"verb": "dance"}, "cannot recur"),
        ({"catch_up": "each"}, "needs overlap queue"),
        ({"jitter_seconds": -1}, "at least 0"),
    ],
)
def test_a_schedule_that_cannot_be_meant_is_refused(one: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Schedule("odd", "0 0 * * *", "UTC", **{"verb": "sync", **one})  # type: ignore[arg-type]
