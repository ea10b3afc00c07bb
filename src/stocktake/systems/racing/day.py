"""The races of one answer, put in their place: day, region, start, number of the day's card."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Generic, TypeVar

from stocktake import Parsed, Reject, Request
from stocktake.systems.racing import normalise
from stocktake.systems.racing.answers import (
    DayTally,
    Key,
    Pages,
    Refused,
    place,
    refuse,
    reject_race,
)
from stocktake.systems.racing.wire import CardRace, ResultRace

if TYPE_CHECKING:
    from collections.abc import Callable

RaceT = TypeVar("RaceT", ResultRace, CardRace)
_RAW_LIMIT = 65_536
_END_OF_TIME = datetime.max.replace(tzinfo=UTC)


@dataclass(slots=True)
class PlacedRace(Generic[RaceT]):
    """A race with what its fields amount to.

    Args:
        position: Where it stands in the answer.
        race: As decoded.
        race_day: Its own date.
        region: Upper case, `GB`.
        off: Start in London's zone, None when not told.
        course_id: Checked.
        tally: Counts of its unit.
        number: Rank of its start within course and day, from 1.
    """

    position: str
    race: RaceT
    race_day: date
    region: str
    off: datetime | None
    course_id: str | None
    tally: DayTally
    number: int = 0

    @property
    def off_utc(self) -> datetime | None:
        """The start as it is stored."""
        return None if self.off is None else self.off.astimezone(UTC)


@dataclass(slots=True)
class Day(Generic[RaceT]):
    """The races taken from an answer, and how many were not."""

    races: list[PlacedRace[RaceT]] = field(default_factory=list)
    tallies: dict[Key, DayTally] = field(default_factory=dict)
    races_read: int = 0
    refused_races: int = 0
    lost_races: int = 0

    def unit(self, key: Key) -> tuple[date, DayTally]:
        """Return a unit's day and counts."""
        return date.fromisoformat(key[0]), self.tallies[key]


def place_races(
    pages: Pages[RaceT],
    request: Request,
    *,
    parsed: Parsed,
    clock_of: Callable[[RaceT], str | None],
) -> Day[RaceT]:
    """Place each race once; refuse those that are not of the units asked for."""
    day: Day[RaceT] = Day()
    day.tallies = {(key[0], key[1]): DayTally() for key in request.units}
    taken: dict[str, RaceT] = {}
    for refused in pages.refused:
        reject_race(parsed, refused, code="contract")
    for position, race in pages.races:
        if race.race_id in taken:
            parsed.duplicates["ra_races"] = parsed.duplicates.get("ra_races", 0) + 1
            if taken[race.race_id] != race:
                parsed.notes[f"race told twice, differently: {race.race_id}"] = 1
            continue
        taken[race.race_id] = race
        try:
            day.races.append(_place(position, race, day.tallies, clock_of))
        except ValueError as error:
            refused = Refused(position, f"{error}, in {place(request)}", race.race_id)
            reject_race(parsed, refused, code="race")
            day.refused_races += 1
    day.refused_races += len(pages.refused)
    day.races_read = len(pages.races) + len(pages.refused)
    day.lost_races = pages.total - len(taken) - len(pages.refused)
    _number(day.races)
    return day


def _place(
    position: str,
    race: RaceT,
    tallies: dict[Key, DayTally],
    clock_of: Callable[[RaceT], str | None],
) -> PlacedRace[RaceT]:
    if not race.race_id.startswith("rac_"):
        refuse(f"race_id {race.race_id!r} is not an id (rac_…)")
    course_id = normalise.text(race.course_id)
    if course_id is not None and not course_id.startswith("crs_"):
        refuse(f"course_id {course_id!r} is not an id (crs_…)")
    race_day = date.fromisoformat(race.date)
    tally = tallies.get((race.date, race.region.lower()))
    if tally is None:
        refuse(f"a race of {race.date}/{race.region.lower()} was not asked for")
    off = normalise.off(race_day, race.off_dt, clock=clock_of(race))
    if off is not None and off.date() != race_day:
        refuse(f"race {race.race_id} starts on {off.date()}, its date is {race_day}")
    tally.saw(off)
    return PlacedRace(position, race, race_day, race.region.upper(), off, course_id, tally)


def _number(races: list[PlacedRace[RaceT]]) -> None:
    """Number the races of each course and day by their start; unknown starts come last."""
    meetings = defaultdict(list)
    for placed in races:
        meetings[placed.race_day, placed.course_id].append(placed)
    for meeting in meetings.values():
        meeting.sort(key=lambda placed: (placed.off or _END_OF_TIME, placed.race.race_id))
        for number, placed in enumerate(meeting, start=1):
            placed.number = number


def reject_runner(
    parsed: Parsed, placed: PlacedRace[RaceT], *, at: int, reason: str, raw: str
) -> None:
    """Note a runner that was not taken; its race stays, and the day is thin."""
    placed.tally.rejected_rows += 1
    position = f"{placed.position}.runners[{at}]"
    parsed.rejects.append(Reject("ra_runners", position, "runner", reason, raw[:_RAW_LIMIT]))
