"""The league's calendar: which days of a season have games, and when the ball goes up."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from random import Random
from typing import Final
from zoneinfo import ZoneInfo

EASTERN: Final = ZoneInfo("America/New_York")
SEASON_DAYS: Final = 174
PRE_SEASON_DAYS: Final = 17
"""Days before the opening night on which the first pre-season game is played."""
ROUNDS: Final = 82
ONE_DAY: Final = timedelta(days=1)

_MONDAY, _TUESDAY, _THURSDAY, _SATURDAY, _SUNDAY = 0, 1, 3, 5, 6
_EARLY: Final = ((13, 0), (15, 30), (18, 0), (19, 0))
_EAST: Final = ((19, 0), (19, 0), (19, 30), (19, 30), (20, 0))
_WEST: Final = ((20, 0), (21, 0), (21, 30), (22, 0), (22, 30))


@dataclass(frozen=True, slots=True)
class SeasonDates:
    """The days of one season, all in Eastern time.

    Attributes:
        playing: The 163 days with regular games, oldest first.
        december_round: Number of the first of the two rounds added in December.
        announced: Day from which those two rounds are listed.
        all_star: Sunday of the all-star game.
    """

    start_year: int
    first: date
    last: date
    playing: tuple[date, ...]
    december_round: int
    announced: date
    cup_final: date
    all_star: date

    @property
    def name(self) -> str:
        """Spelled as ``2024-25``."""
        return season_name(self.start_year)


def season_name(start_year: int) -> str:
    """Return ``2024-25`` for 2024."""
    return f"{start_year}-{(start_year + 1) % 100:02}"


def season_of(day: date) -> int:
    """Return the start year of the season a day belongs to; a season begins on 1 October."""
    return day.year if day.month >= 10 else day.year - 1


def _weekday_from(day: date, weekday: int) -> date:
    return day + timedelta(days=(weekday - day.weekday()) % 7)


@lru_cache(maxsize=32)
def season_dates(start_year: int) -> SeasonDates:
    """Return the days of a season, by the rules the league has followed since 2021."""
    first = _weekday_from(date(start_year, 10, 18), _TUESDAY)
    last = first + timedelta(days=SEASON_DAYS - 1)
    cup_final = _weekday_from(date(start_year, 12, 15), _TUESDAY)
    all_star = _weekday_from(date(start_year + 1, 2, 15), _SUNDAY)
    off = {
        _weekday_from(date(start_year, 11, 2), _TUESDAY),
        _weekday_from(date(start_year, 11, 22), _THURSDAY),
        date(start_year, 12, 24),
        cup_final,
        last - timedelta(days=6),
        *(all_star + timedelta(days=away) for away in range(-2, 4)),
    }
    every = (first + timedelta(days=number) for number in range(SEASON_DAYS))
    playing = tuple(day for day in every if day not in off)
    before_final = sum(day < cup_final for day in playing)
    december_round = before_final // 2 - 2
    announced = playing[2 * december_round] - timedelta(days=4)
    return SeasonDates(
        start_year, first, last, playing, december_round, announced, cup_final, all_star
    )


def tip_off(day: date, rng: Random, *, in_west: bool) -> datetime:
    """Return when a game begins, in UTC; an evening game begins on the next UTC day."""
    choices: tuple[tuple[int, int], ...] = _WEST if in_west else _EAST
    if day.weekday() >= _SATURDAY and rng.random() < 0.35:
        choices = _EARLY
    hour, minute = rng.choice(choices)
    return datetime.combine(day, time(hour, minute), EASTERN).astimezone(UTC)
