"""What the sandbox gets wrong on purpose inside well-formed answers.

Units that a fault's ``match`` can name: a race id, a day (``2024-05-01``), a month, a year, a
day and course (``2024-05-01/crs_10020``), or a horse id for the faults of horses.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from stocktake.systems.racing.sandbox import words
from stocktake.systems.racing.sandbox.world import Race, World
from stocktake.testing import FaultRules

CONTENT_FAULTS: Final[dict[str, str]] = {
    "abandoned_meeting": "cards say is_abandoned, the course has no results that day",
    "changed_result": "from the second answer on, first and second have changed places",
    "day_in_progress": "only the earlier share of the day's races (value, 0.5) has results",
    "drop_finishers": "the last 1 to 3 runners of a race (value) are left out of its result",
    "duplicate_race": "the first race of the day before appears again on the named day",
    "field_size_disagreement": "the card's field_size is too large by value (2)",
    "horse_404": "a horse that exists is answered with 404",
    "malformed_race": "runners is a text; with value 'no_id' race_id is null instead",
    "name_change": "the horse has another name, same id",
    "page_two_missing": "any page but the first is empty, total unchanged",
    "results_empty_with_total": "results is empty, total unchanged",
    "runners_absent": "races keep two or three runners (2.8 on average)",
    "shifted_jockeys": "jockey columns are moved down by one runner",
    "withdrawn_runner": "the horse is in no card and no result, field sizes follow",
    "void_race": "every runner has the position VOI",
}

_JOCKEY_FIELDS: Final = ("jockey", "jockey_id", "jockey_claim_lbs")
_TWO_RUNNERS_OF: Final = 5

Fields = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Shown:
    """A race and the day it is shown on; they differ only for a duplicate."""

    race: Race
    day: date


def units_of(race: Race, day: date) -> tuple[str, ...]:
    """Return the names a fault may call a race by, the narrowest first."""
    text = day.isoformat()
    return (race.id, f"{text}/{race.meeting.course.id}", *units_of_day(day))


def units_of_day(day: date) -> tuple[str, str, str]:
    """Return the names of a day: itself, its month, its year."""
    text = day.isoformat()
    return text, text[:7], text[:4]


class ContentFaults:
    """Applies the content faults in force to one world's answers.

    Args:
        rules: The rules of the server.
        world: Where the days come from.
    """

    def __init__(self, rules: FaultRules, world: World) -> None:
        self._rules = rules
        self._world = world
        self._served: Counter[str] = Counter()

    def _strikes(self, kind: str, units: Sequence[str], endpoint: str) -> bool:
        return self._rules.content(kind, units, endpoint=endpoint) is not None

    def is_abandoned(self, race: Race, endpoint: str) -> bool:
        """Say whether the race's meeting is abandoned."""
        course = f"{race.day}/{race.meeting.course.id}"
        return self._strikes("abandoned_meeting", (course, *units_of_day(race.day)), endpoint)

    def results_on(self, day: date, endpoint: str) -> list[Shown]:
        """Return the races a day's results show, the latest off first."""
        races = list(self._world.races_on(day))
        if self._rules.has("abandoned_meeting"):
            races = [race for race in races if not self.is_abandoned(race, endpoint)]
        races.sort(key=lambda race: -race.off)
        fault = self._rules.content("day_in_progress", units_of_day(day), endpoint=endpoint)
        if fault is not None:
            races = races[len(races) - int(len(races) * fault.number(0.5)) :]
        shown = [Shown(race, day) for race in races]
        if self._strikes("duplicate_race", units_of_day(day), endpoint):
            before = self._world.races_on(day - timedelta(days=1))
            shown += [Shown(race, day) for race in before[:1]]
        return shown

    def page(
        self, page: list[Fields], *, skip: int, units: Sequence[str], endpoint: str
    ) -> list[Fields]:
        """Return a page's rows, or none of them where the page is lost."""
        if self._strikes("results_empty_with_total", units, endpoint):
            return []
        if skip and self._strikes("page_two_missing", units, endpoint):
            return []
        return page

    def result(self, shown: Shown, fields: Fields, *, endpoint: str) -> Fields:
        """Return a rendered result with the faults of its race."""
        race, units = shown.race, units_of(shown.race, shown.day)
        fields["date"] = shown.day.isoformat()
        runners: list[Fields] = fields["runners"]
        self._served[race.id] += 1
        if self._served[race.id] > 1 and self._strikes("changed_result", units, endpoint):
            runners[0]["position"], runners[1]["position"] = "2", "1"
            runners[:2] = [runners[1], runners[0]]
        if self._strikes("void_race", units, endpoint):
            for runner in runners:
                runner["position"] = "VOI"
        dropped = self._rules.content("drop_finishers", units, endpoint=endpoint)
        if dropped is not None:
            del runners[max(1, len(runners) - int(dropped.number(1 + race.off % 3))) :]
        self._both(race, runners, units, endpoint)
        return self._malformed(fields, units, endpoint)

    def card(self, race: Race, fields: Fields, *, endpoint: str) -> Fields:
        """Return a rendered racecard with the faults of its race."""
        units = units_of(race, race.day)
        fields["is_abandoned"] = self.is_abandoned(race, endpoint)
        wrong = self._rules.content("field_size_disagreement", units, endpoint=endpoint)
        if wrong is not None:
            fields["field_size"] = str(len(race.entries) + int(wrong.number(2)))
        shown = len(fields["runners"])
        self._both(race, fields["runners"], units, endpoint)
        if self._rules.has("withdrawn_runner"):
            size = int(fields["field_size"]) - (shown - len(fields["runners"]))
            fields["field_size"] = str(size)
        return self._malformed(fields, units, endpoint)

    def _both(self, race: Race, runners: list[Fields], units: Sequence[str], endpoint: str) -> None:
        if self._strikes("runners_absent", units, endpoint):
            del runners[2 if int(race.id[4:]) % _TWO_RUNNERS_OF == 0 else 3 :]
        if self._rules.has("withdrawn_runner"):
            runners[:] = [
                runner
                for runner in runners
                if not self._strikes("withdrawn_runner", (runner["horse_id"],), endpoint)
            ]
        if self._strikes("shifted_jockeys", units, endpoint):
            _shift(runners)
        if self._rules.has("name_change"):
            for runner in runners:
                self.rename(runner, "horse", endpoint=endpoint)

    def _malformed(self, fields: Fields, units: Sequence[str], endpoint: str) -> Fields:
        fault = self._rules.content("malformed_race", units, endpoint=endpoint)
        if fault is None:
            return fields
        wrong: Fields = {"race_id": None} if fault.value == "no_id" else {"runners": "n/a"}
        return {**fields, **wrong}

    def rename(self, fields: Fields, key: str, *, endpoint: str) -> None:
        """Give a horse its other name, where the fault says so; the suffix stays."""
        horse_id = str(fields["horse_id" if key == "horse" else "id"])
        if self._strikes("name_change", (horse_id,), endpoint):
            _, space, suffix = str(fields[key]).partition(" (")
            fields[key] = words.horse_name(int(horse_id[4:]) + 1) + space + suffix

    def is_unknown(self, horse_id: str, endpoint: str) -> bool:
        """Say whether a horse is to be answered with 404 although it exists."""
        return self._strikes("horse_404", (horse_id,), endpoint)


def _shift(runners: list[Fields]) -> None:
    """Move the jockey columns down by one runner; the first takes the last one's."""
    taken: list[Fields] = [
        {name: runner[name] for name in _JOCKEY_FIELDS if name in runner} for runner in runners
    ]
    for runner, jockey in zip(runners, [*taken[-1:], *taken[:-1]], strict=True):
        runner.update(jockey)
