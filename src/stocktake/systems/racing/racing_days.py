"""Which days of racing are promised: all but the listed days without racing."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from importlib import resources

from stocktake import Calendar, Closure

SINCE = date(2015, 1, 1)
CARDS_SINCE = date(2023, 1, 23)
REGIONS = ("gb", "ire")
SERIES = tuple((region,) for region in REGIONS)
_ONE_DAY = timedelta(days=1)


def no_race_days() -> tuple[Closure, ...]:
    """Return the shipped list as closures, neighbouring days of one reason joined.

    Reasons marked "(assumed)" are general knowledge that no source states. A race found on a
    listed day is surplus, and the list is wrong.
    """
    text = resources.files(__package__).joinpath("no_race_days.csv").read_text("utf-8")
    lines = sorted(
        (line["region"], line["reason"], date.fromisoformat(line["day"]))
        for line in csv.DictReader(io.StringIO(text))
    )
    closures: list[Closure] = []
    for region, reason, day in lines:
        last = closures[-1] if closures else None
        if last and (last.series, last.reason, last.last + _ONE_DAY) == ((region,), reason, day):
            closures[-1] = Closure(last.first, day, reason, (region,))
        else:
            closures.append(Closure(day, day, reason, (region,)))
    return tuple(closures)


RACING_CALENDAR = Calendar(closures=no_race_days(), only=SERIES)
