"""Regions and courses of the sandbox: 69 in Great Britain, 32 in Ireland, 979 in all."""

from dataclasses import dataclass
from typing import Final

from stocktake.systems.racing.sandbox import words

COURSE_TOTAL: Final = 979
GB_COURSES: Final = 69
IRE_COURSES: Final = 32
FIRST_COURSE_NUMBER: Final = 10_020
COURSE_STEP: Final = 14

REGIONS: Final = (
    ("gb", "Great Britain"),
    ("ire", "Ireland"),
    ("fr", "France"),
    ("usa", "USA"),
    ("aus", "Australia"),
    ("nz", "New Zealand"),
    ("ger", "Germany"),
    ("ity", "Italy"),
    ("spa", "Spain"),
    ("jpn", "Japan"),
    ("hk", "Hong Kong"),
    ("saf", "South Africa"),
    ("uae", "United Arab Emirates"),
    ("can", "Canada"),
    ("arg", "Argentina"),
    ("bel", "Belgium"),
    ("chi", "Chile"),
    ("den", "Denmark"),
    ("nor", "Norway"),
    ("swe", "Sweden"),
    ("swi", "Switzerland"),
    ("hol", "Holland"),
    ("ind", "India"),
    ("sin", "Singapore"),
    ("tur", "Turkey"),
    ("uru", "Uruguay"),
    ("per", "Peru"),
    ("pol", "Poland"),
)


@dataclass(frozen=True, slots=True)
class Course:
    """A course as ``/v1/courses`` lists it, and what is raced there.

    Attributes:
        card_name: Name racecards use; all-weather courses lose their ``(AW)`` there.
    """

    id: str
    name: str
    card_name: str
    region_code: str
    region: str
    is_flat: bool
    is_jumps: bool
    is_all_weather: bool


def _course(position: int, number: int, code: str, region: str) -> Course:
    racing = code in {"gb", "ire"}
    all_weather = (code == "gb" and number % 10 == 3) or (code == "ire" and number == 3)
    name = words.place_name(position, irish=code == "ire")
    return Course(
        id=f"crs_{FIRST_COURSE_NUMBER + position * COURSE_STEP}",
        name=f"{name} (AW)" if all_weather else name,
        card_name=name,
        region_code=code,
        region=region,
        is_flat=racing and number % 5 in {0, 1, 4} and not all_weather,
        is_jumps=racing and number % 5 in {1, 2, 3, 4} and not all_weather,
        is_all_weather=all_weather,
    )


def _courses() -> tuple[Course, ...]:
    listed: list[Course] = []
    for (code, region), count in zip(REGIONS[:2], (GB_COURSES, IRE_COURSES), strict=True):
        listed += [_course(len(listed) + number, number, code, region) for number in range(count)]
    others = REGIONS[2:]
    while len(listed) < COURSE_TOTAL:
        code, region = others[len(listed) % len(others)]
        listed.append(_course(len(listed), len(listed), code, region))
    return tuple(listed)


COURSES: Final = _courses()
COURSES_BY_ID: Final = {course.id: course for course in COURSES}


def racing_courses(region_code: str) -> dict[str, tuple[Course, ...]]:
    """Return a region's courses by what is raced: ``aw``, ``flat``, ``jumps``."""
    local = [course for course in COURSES if course.region_code == region_code]
    return {
        "aw": tuple(course for course in local if course.is_all_weather),
        "flat": tuple(course for course in local if course.is_flat),
        "jumps": tuple(course for course in local if course.is_jumps),
    }
