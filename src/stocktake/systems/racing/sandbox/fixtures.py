"""The fixture list of the sandbox: which meetings a day has, and the days that have none."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from random import Random
from typing import Final

from stocktake.systems.racing.sandbox.places import Course, racing_courses

FIRST_DAY: Final = date(2015, 1, 1)
FIRST_CARD_DAY: Final = date(2023, 1, 23)
CARD_DAYS_AHEAD: Final = 7

# Monday to Sunday: meetings in Great Britain; meetings in Ireland on a day that has any.
_GB_MEETINGS: Final = (3.8, 4.0, 4.4, 4.5, 4.6, 5.75, 2.4)
_IRE_MEETINGS: Final = (1.0, 1.1, 1.1, 1.3, 1.5, 1.7, 2.0)
_IRE_BLANK_SHARE: Final = (0.30, 0.42, 0.25, 0.20, 0.12, 0.05, 0.04)
_SEASON: Final = (0.88, 0.90, 0.95, 1.0, 1.09, 1.09, 1.09, 1.09, 1.04, 1.03, 0.95, 0.93)
_SUMMER: Final = range(4, 11)
_BUSY_DAY: Final = (12, 26)
_BUSY_EXTRA: Final = 3
MOST_RACES: Final = 75

_GB_CLOSED: Final = (
    (date(2019, 2, 7), date(2019, 2, 12)),
    (date(2020, 3, 18), date(2020, 5, 31)),
    (date(2022, 9, 9), date(2022, 9, 10)),
    (date(2022, 9, 19), date(2022, 9, 19)),
)
_IRE_CLOSED: Final = ((date(2020, 3, 25), date(2020, 6, 7)),)


@dataclass(frozen=True, slots=True)
class Meeting:
    """One course's card of one day.

    Attributes:
        kind: ``aw``, ``flat`` (turf) or ``jumps``.
        first_off: Minutes after local midnight of the first race.
        interval: Minutes between races.
    """

    course: Course
    region: str
    kind: str
    race_count: int
    first_off: int
    interval: int


def is_closed(day: date, region_code: str) -> bool:
    """Say whether a region does not race on a day, by the rule every calendar knows."""
    if day.month == 12 and day.day in {24, 25}:
        return True
    closed = _GB_CLOSED if region_code == "gb" else _IRE_CLOSED
    return any(first <= day <= last for first, last in closed)


@lru_cache(maxsize=2)
def _courses_of(region_code: str) -> dict[str, tuple[Course, ...]]:
    return racing_courses(region_code)


def meetings(day: date, rng: Random) -> Iterator[Meeting]:
    """Yield the meetings of a day, Great Britain first; none on a closed day."""
    room = MOST_RACES
    for region_code in ("gb", "ire"):
        count = _meeting_count(day, region_code, rng)
        if is_closed(day, region_code):
            continue
        taken: set[str] = set()
        for number in range(count):
            meeting = _meeting(day, region_code, number, rng)
            if meeting.course.id in taken or meeting.race_count > room:
                continue
            taken.add(meeting.course.id)
            room -= meeting.race_count
            yield meeting


def _meeting_count(day: date, region_code: str, rng: Random) -> int:
    blank, extra = rng.random(), rng.random()
    season = _SEASON[day.month - 1]
    busy = _BUSY_EXTRA if (day.month, day.day) == _BUSY_DAY else 0
    if region_code == "gb":
        return max(1, int(_GB_MEETINGS[day.weekday()] * season + extra + busy))
    if not busy and blank < _IRE_BLANK_SHARE[day.weekday()]:
        return 0
    return max(1, int(_IRE_MEETINGS[day.weekday()] * season + extra + busy / 2))


def _meeting(day: date, region_code: str, number: int, rng: Random) -> Meeting:
    kind = _kind(day, region_code, rng)
    course = rng.choice(_courses_of(region_code)[kind])
    evening = kind != "jumps" and number % 3 == 2
    first_off = rng.randrange(990, 1075, 5) if evening else rng.randrange(720, 850, 5)
    return Meeting(
        course=course,
        region="GB" if region_code == "gb" else "IRE",
        kind=kind,
        race_count=rng.choice((6, 6, 7, 7, 7, 8)),
        first_off=first_off,
        interval=rng.choice((30, 30, 33, 35)),
    )


def _kind(day: date, region_code: str, rng: Random) -> str:
    roll = rng.random()
    aw_share = 0.22 if region_code == "gb" else 0.12
    if day.month in _SUMMER:
        flat_share = 0.52 if region_code == "gb" else 0.50
        return "aw" if roll < aw_share else "flat" if roll < aw_share + flat_share else "jumps"
    return "aw" if roll < aw_share + 0.18 else "jumps"


def days(since: date, until: date) -> Iterator[date]:
    """Yield each day from ``since`` to ``until``, both included."""
    for offset in range((until - since).days + 1):
        yield since + timedelta(days=offset)
