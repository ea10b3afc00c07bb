"""When a schedule fires: pure arithmetic on cron expressions, zones and instants."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from stocktake.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stocktake.model import Schedule

UNSETTLED = timedelta(hours=26)
"""For so long after a change of clocks fires are computed from before it: no zone has ever moved
its clock by more than a day."""


FIELDS = (
    ("second", "0 to 59"),
    ("minute", "0 to 59"),
    ("hour", "0 to 23"),
    ("day", "1 to 31"),
    ("month", "1 to 12"),
    ("weekday", "0 to 7, Sunday is both"),
)
"""Of an expression: what each is called, and what may stand in it."""
FEWEST_FIELDS = 5
HOW = "Five fields: minute hour day month weekday, such as '30 2 * * *'."
NOT_YET = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Due:
    """One time a schedule is due.

    Args:
        at: The instant its expression names, UTC.
        start_at: When it is to start: ``at`` and its jitter, UTC.
    """

    at: datetime
    start_at: datetime


def fires_after(cron: str, zone: str, after: datetime) -> Iterator[datetime]:
    """Yield the instants of an expression later than ``after``, ascending, with the zone's offset.

    As Debian's cron: a local time that a change of clocks skips fires right after the gap, several
    of them once; one that comes twice fires the first time only. Expressions whose minute or hour
    begins with ``*`` fire by the clock as it is: not in a gap, and twice in an hour that comes
    twice. Which instants these are does not depend on ``after``.

    Args:
        cron: Five fields (``30 2 * * *``), or six with seconds in front.
        zone: IANA zone whose clock is meant.
        after: Aware instant; itself never yielded.

    Raises:
        UsageError: No such zone, or not a cron expression.
    """
    try:
        local = after.astimezone(ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError, IsADirectoryError):
        raise UsageError(
            f"there is no time zone {zone!r}.", hint="IANA names, such as Europe/London or UTC."
        ) from None
    earlier = (after.astimezone(UTC) - UNSETTLED).astimezone(local.tzinfo)
    start = local if earlier.utcoffset() == local.utcoffset() else earlier
    try:
        found = CronSim(cron, start)
    except CronSimError:
        raise UsageError(
            f"{cron!r} is not a cron expression.",
            hint=f"{_fault(cron)} {HOW}",
        ) from None
    latest = after.astimezone(UTC)
    for at in found:
        instant = at.astimezone(UTC)
        if instant > latest:
            latest = instant
            yield at


def next_fires(cron: str, zone: str, *, after: datetime, most: int) -> list[datetime]:
    """Return the next instants of an expression; see ``fires_after``.

    Args:
        cron: The expression.
        zone: IANA zone whose clock is meant.
        after: Instant from which on; itself never returned.
        most: How many at most.

    Raises:
        UsageError: No such zone, or not a cron expression.
    """
    return list(islice(fires_after(cron, zone, after), most))


def jumps_before(fires: Sequence[datetime], *, after: datetime) -> list[bool]:
    """Return of each fire whether its zone's clock changes between it and the one before.

    Args:
        fires: As ``next_fires`` returns them.
        after: The instant they were asked for; it stands before the first.
    """
    if not fires:
        return []
    earlier = [after.astimezone(fires[0].tzinfo), *fires[:-1]]
    pairs = zip(fires, earlier, strict=True)
    return [one.utcoffset() != before.utcoffset() for one, before in pairs]


def dues_after(schedule: Schedule, last: datetime) -> Iterator[Due]:
    """Yield the times a schedule is due after ``last``, ascending, without end.

    Raises:
        UsageError: Its zone or its expression is none.
    """
    for fire in fires_after(schedule.cron, schedule.zone, last):
        at = fire.astimezone(UTC)
        yield Due(at, at + _delay(schedule, at))


def due_fires(schedule: Schedule, last: datetime, now: datetime) -> list[Due]:
    """Return the times a schedule was due after ``last`` that should have started by ``now``.

    Ascending; up to the first one that is still delayed by its jitter. Each lies in one result
    however the time from one decision to the next is cut.

    Args:
        schedule: Whose.
        last: The latest time already decided about.
        now: Aware instant.

    Raises:
        UsageError: Its zone or its expression is none.
    """
    found = []
    for due in dues_after(schedule, last):
        if due.start_at > now:
            break
        found.append(due)
    return found


def is_readable(schedule: Schedule) -> bool:
    """Return whether its expression and zone can be read; ``schedule list`` says what is wrong."""
    try:
        next_fires(schedule.cron, schedule.zone, after=NOT_YET, most=1)
    except UsageError:
        return False
    return True


def _fault(cron: str) -> str:
    """Return where an expression that cannot be read goes wrong: character from 1, field, text."""
    fields = list(re.finditer(r"\S+", cron))
    if len(fields) not in {FEWEST_FIELDS, len(FIELDS)}:
        return f"It has {len(fields)} {'field' if len(fields) == 1 else 'fields'}."
    named = FIELDS[len(FIELDS) - len(fields) :]
    for place, ((name, allowed), field) in enumerate(zip(named, fields, strict=True)):
        for term in re.finditer(r"(?:^|(?<=,))[^,]*", field[0]):
            alone = ["*"] * len(fields)
            alone[place] = term[0] or "?"
            if not _is_expression(" ".join(alone)):
                at = field.start() + term.start() + 1
                return f"Character {at}: {term[0]!r} is no {name} ({allowed})."
    return "No day is ever like that."


def _is_expression(cron: str) -> bool:
    try:
        CronSim(cron, NOT_YET)
    except CronSimError:
        return False
    return True


def _delay(schedule: Schedule, at: datetime) -> timedelta:
    """Return the fire's share of the jitter: every scheduler draws the same."""
    if not schedule.jitter_seconds:
        return timedelta(0)
    drawn = hashlib.blake2b(f"{schedule.name} {at.isoformat()}".encode(), digest_size=4).digest()
    return timedelta(seconds=int.from_bytes(drawn, "big") % (schedule.jitter_seconds + 1))
