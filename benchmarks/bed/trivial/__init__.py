"""A system of one dataset whose every unit is one request, one tiny answer and one row."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import NamedTuple

import msgspec

from stocktake import (
    Dataset,
    Days,
    Endpoint,
    Facet,
    Feed,
    Parsed,
    Request,
    Source,
    System,
    UnitOutcome,
)

SINCE = date(2015, 1, 1)


class Reading(NamedTuple):
    """One row a day."""

    day: date
    number: int


def requests(units: Sequence[tuple[str, ...]]) -> Iterable[Request]:
    """Yield one request per day."""
    for key in units:
        yield Request("readings", "/reading", (("date", key[0]),), (key,))


def parse(bodies: Sequence[bytes], request: Request, _fetched_at: datetime) -> Parsed:
    """Turn ``{"number": 7}`` into the day's row."""
    parsed = Parsed()
    for (day,) in request.units:
        number = msgspec.json.decode(bodies[0], type=dict[str, int])["number"]
        parsed.add(Reading(date.fromisoformat(day), number))
        parsed.outcomes.append(UnitOutcome((day,)))
    parsed.read["reading"] = len(request.units)
    return parsed


system = System(
    "trivial",
    "benchmarks.bed.trivial",
    (Dataset("reading", ("day",), Days(SINCE), facets=(Facet("told", Reading),)),),
    (
        Source(
            "readings",
            "https://readings.invalid",
            feeds=(Feed("readings", Endpoint("/reading", 5), ("reading",), requests, parse),),
        ),
    ),
)
