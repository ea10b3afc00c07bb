"""Source `hkjc`: files of Hong Kong results, one line a horse, text in Chinese.

Text stays as it is; codes that statistics group by (class, going, surface) become English, with
the file's own wording kept beside them where the code hides it.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

from stocktake import Parsed, Reject, Request, SourceChanged, State, UnitOutcome
from stocktake.systems.racing import hkjc_codes as codes
from stocktake.systems.racing import normalise
from stocktake.systems.racing.answers import Memo, counted
from stocktake.systems.racing.rows import (
    CourseRow,
    HorseRow,
    JockeyRow,
    RaceResult,
    RunnerCard,
    RunnerResult,
    StarterRow,
    TrainerRow,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from stocktake.systems.racing.normalise import Placing

HONG_KONG = ZoneInfo("Asia/Hong_Kong")
FULL_CARD = 6  # races of the smallest complete meeting
_DATED = re.compile(r"(\d{4}-\d{2}-\d{2})")
_HORSE = re.compile(r"(.*?)\s*\(([A-Z]\d{3})\)")
_RAW_LIMIT = 65_536


class Line(NamedTuple):
    """One line of a results file, as written."""

    date: str
    venue: str
    race_no: str
    race_meeting_no: str
    race_name: str
    race_class: str
    distance_m: str
    rating_range: str
    going: str
    course: str
    prize_hkd: str
    race_finish_time: str
    sectional_times_header: str
    place: str
    horse_no: str
    horse_name: str
    jockey: str
    trainer: str
    actual_wt_lbs: str
    declared_wt_lbs: str
    draw: str
    lbw: str
    running_position: str
    finish_time: str
    win_odds: str


COLUMNS = Line._fields


@dataclass(slots=True)
class _Race:
    """A race of the file while its lines are collected."""

    race_id: str
    race_day: date
    number: int
    course_id: str
    head: Line
    lines: list[tuple[Line, str, Placing]] = field(default_factory=list)


def parse_hkjc(bodies: Sequence[bytes], request: Request, fetched_at: datetime) -> Parsed:
    """Turn results files into rows of races, runners, starters and entities.

    Raises:
        SourceChanged: Not UTF-8, other columns, or no line and no day in the file's name.
    """
    return _Reading(request).read(bodies, fetched_at)


def hashed(name: str) -> str:
    """Return a stable id of a name that has no code of its own.

    >>> hashed("潘頓") == hashed(" 潘頓 "), len(hashed("潘頓"))
    (True, 12)
    """
    return hashlib.sha256(name.strip().encode()).hexdigest()[:12]


def horse(written: str) -> tuple[str, str]:
    """Part a horse's name from its brand; visiting horses have none.

    >>> horse("合夥贛勁 (D051)")
    ('hk_D051', '合夥贛勁')
    """
    found = _HORSE.fullmatch(written.strip())
    if found:
        return f"hk_{found[2]}", found[1]
    name = written.strip() or normalise.missing("horse_name")
    return f"hk_n_{hashed(name)}", name


class _Reading:
    """One load being read."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.parsed = Parsed()
        self.notes: Counter[str] = Counter()
        self.races: dict[str, _Race] = {}
        self.seen: set[tuple[str, ...]] = set()
        self.read_lines: Counter[str] = Counter()
        self.rejected_days: Counter[str] = Counter()
        self.wholes = Memo(codes.whole, "whole number", self.notes)
        self.prices = Memo(codes.price, "win odds", self.notes)
        self.prizes = Memo(codes.money, "prize", self.notes)
        self.lengths = Memo(codes.lengths, "lengths behind the winner", self.notes)
        self.seconds = Memo(codes.seconds, "finish time", self.notes)

    def read(self, bodies: Sequence[bytes], fetched_at: datetime) -> Parsed:
        """Read all files."""
        parsed = self.parsed
        for body in bodies:
            self._file(body, self.request)
        for race in self.races.values():
            self._race(race)
        self._entities()
        parsed.notes.update(self.notes)
        parsed.read["ra_races"] = len(self.races)
        for dataset in ("ra_runners", "ra_race_results"):
            parsed.read[dataset] = self.read_lines[dataset]
        parsed.outcomes += self._outcomes(fetched_at)
        return parsed

    def _file(self, body: bytes, request: Request) -> None:
        lines = _lines(body, request)
        had_lines = False
        for number, fields in lines:
            had_lines = True
            self._line(number, fields)
        if not had_lines:
            named = _DATED.search(request.path.rpartition("/")[2])
            if named is None:
                raise SourceChanged(f"{request.path}: a header and no lines; which day is empty?")
            self.parsed.outcomes.append(UnitOutcome((named[1], "hk"), State.FAILED, "empty file"))

    def _line(self, number: int, fields: list[str]) -> None:
        """Take one line: a row, an exact duplicate, or a reject with its line number."""
        try:
            if len(fields) != len(COLUMNS):
                codes.refuse(f"{counted(len(fields), 'field')} instead of {len(COLUMNS)}")
            if any("\x00" in text for text in fields):
                codes.refuse("a text holds the character NUL")
            line = Line._make(fields)
            placing = codes.placing(line.place, line.win_odds)
            race = self._race_of(line)
            horse_id, _ = horse(line.horse_name)
        except ValueError as error:
            self.read_lines["ra_runners"] += 1
            self.rejected_days[fields[0]] += 1
            raw = ",".join(fields).replace("\x00", "�")[:_RAW_LIMIT]
            self.parsed.rejects.append(
                Reject("ra_runners", f"line {number}", "line", str(error), raw)
            )
            return
        datasets = ("ra_runners", "ra_race_results") if placing.is_starter else ("ra_runners",)
        self.read_lines.update(datasets)
        if line in self.seen:
            for dataset in datasets:
                known = self.parsed.duplicates.get(dataset, 0)
                self.parsed.duplicates[dataset] = known + 1
            return
        self.seen.add(line)
        race.lines.append((line, horse_id, placing))

    def _race_of(self, line: Line) -> _Race:
        race_day = date.fromisoformat(line.date)
        course = codes.COURSES.get(line.venue)
        if course is None:
            codes.refuse(f"unknown venue {line.venue!r}")
        number = codes.whole(line.race_no) or normalise.missing("race_no")
        race_id = f"hk_{race_day}_{course.code}_{number:02}"
        race = self.races.get(race_id)
        if race is None:
            race = _Race(race_id, race_day, number, f"hk_{course.code}", line)
            self.races[race_id] = race
        return race

    def _race(self, race: _Race) -> None:
        """Add the rows of one race."""
        parsed, line = self.parsed, race.head
        course = codes.COURSES[line.venue]
        race_class, pattern = codes.race_class(line.race_class)
        surface, rail = codes.surface(line.course)
        going = codes.GOINGS.get(line.going, line.going or None)
        if line.going and line.going not in codes.GOINGS:
            self.notes[f"unknown going: {line.going}"] += 1
        distance_m = self.wholes[line.distance_m]
        prize = self.prizes[line.prize_hkd]
        details = (
            ("race of the season", line.race_meeting_no),
            ("sectional times", line.sectional_times_header),
        )
        comments = "; ".join(f"{name} {value}" for name, value in details if value) or None
        # fmt: off
        parsed.add(RaceResult(
            race.race_id, race.course_id, line.venue, race.race_day, "HK", None, None, None,
            line.race_name or None, race.number, "Flat", race_class, pattern, None,
            line.rating_range or None, None, None, None, distance_m, codes.yards(distance_m),
            surface, going, None, "run", course.name_en, line.going or None, rail, prize,
            None if prize is None else "HKD",
            any(placing.is_starter for _, _, placing in race.lines),
            codes.winning_time(line.race_finish_time), line.race_finish_time or None, comments,
            None, None, None, None, None, None, None,
        ))
        # fmt: on
        first: dict[str, int | None] = {}
        for _, horse_id, placing in race.lines:
            first.setdefault(horse_id, placing.position)
        sharing = Counter(first.values())
        # Of two different lines of one horse the engine keeps the last row: hand them in backwards,
        # and the file's first line counts.
        for entry, horse_id, placing in reversed(race.lines):
            dead_heat_n = 1 if placing.position is None else sharing[placing.position]
            self._runner(race, entry, horse_id, placing, dead_heat_n=max(1, dead_heat_n))

    def _runner(
        self, race: _Race, line: Line, horse_id: str, placing: Placing, *, dead_heat_n: int
    ) -> None:
        """Add the rows of one horse in one race."""
        parsed = self.parsed
        name = horse(line.horse_name)[1]
        jockey, trainer = codes.text(line.jockey), codes.text(line.trainer)
        jockey_id = None if jockey is None else f"hk_j_{hashed(jockey)}"
        trainer_id = None if trainer is None else f"hk_t_{hashed(trainer)}"
        weight = self.wholes[line.actual_wt_lbs]
        weight_st_lbs = normalise.stones(weight)
        body_weight, draw = self.wholes[line.declared_wt_lbs], self.wholes[line.draw]
        number, region = codes.text(line.horse_no), "HK"
        nobody = (None,) * 3  # sire, dam, damsire: the files do not tell
        # fmt: off
        shared = (
            race.race_id, horse_id, f"{race.race_id}:{horse_id}", race.race_day, region, name,
            jockey, trainer, None, jockey_id, trainer_id, None, *nobody, number, draw, weight,
            weight_st_lbs, weight_st_lbs, None, None, None, None, not placing.is_starter,
            body_weight,
        )
        if not placing.is_starter:
            parsed.add(RunnerCard(*shared, *(None,) * 17))
            return
        odds, behind = self.prices[line.win_odds], self.lengths[line.lbw]
        margin, time_display = codes.text(line.lbw), codes.text(line.finish_time)
        running = codes.text(line.running_position)
        sp = codes.text(line.win_odds)
        parsed.add(RunnerResult(
            *shared, placing.position, margin, behind, None, sp, odds, time_display, running, None,
        ))
        parsed.add(StarterRow(
            race.race_id, horse_id, race.race_day, region, name, jockey, trainer, None,
            placing.position, line.place, number, draw, jockey_id, None, trainer_id, None, *nobody,
            None, None, weight, weight_st_lbs, None, sp, odds, None, behind, margin,
            self.seconds[line.finish_time], time_display, None, None, None, None, running, None,
            None, placing.outcome, placing.is_starter, dead_heat_n, None, body_weight,
            race.course_id, codes.yards(self.wholes[race.head.distance_m]),
        ))
        # fmt: on
        if placing.outcome == "other":
            self.notes[f"unknown place: {line.place}"] += 1

    def _entities(self) -> None:
        """Add horses, people and courses met, each once."""
        rows = self.parsed.rows
        runners: list[Any] = [*rows.get(RunnerResult, []), *rows.get(RunnerCard, [])]
        if not runners:
            return
        horses = {one.horse_id: one.horse_name for one in runners}
        jockeys = {one.jockey_id: one.jockey_name for one in runners if one.jockey_id}
        trainers = {one.trainer_id: one.trainer_name for one in runners if one.trainer_id}
        rows[HorseRow] = [HorseRow(key, name, None) for key, name in horses.items()]
        rows[JockeyRow] = [JockeyRow(key, name) for key, name in jockeys.items()]
        rows[TrainerRow] = [TrainerRow(key, name) for key, name in trainers.items()]
        venues = {race.head.venue for race in self.races.values()}
        rows[CourseRow] = [
            CourseRow(f"hk_{course.code}", venue, course.name_en, "hk", "Hong Kong")
            for venue, course in codes.COURSES.items()
            if venue in venues
        ]

    def _outcomes(self, fetched_at: datetime) -> Iterator[UnitOutcome]:
        """Judge each day by the numbers of its races."""
        numbers: defaultdict[date, set[int]] = defaultdict(set)
        for race in self.races.values():
            if race.lines:
                numbers[race.race_day].add(race.number)
        today = fetched_at.astimezone(HONG_KONG).date()
        for race_day, held in sorted(numbers.items()):
            reason = _day_trouble(held, is_own_day=today <= race_day)
            rejected = self.rejected_days[race_day.isoformat()]
            if rejected and not reason:
                reason = f"{counted(rejected, 'line')} rejected"
            state = State.THIN if reason else State.COMPLETE
            yield UnitOutcome((race_day.isoformat(), "hk"), state, reason)


def _day_trouble(held: set[int], *, is_own_day: bool) -> str:
    absent = sorted(set(range(1, max(held) + 1)) - held)
    if absent:
        noun = "race" if len(absent) == 1 else "races"
        return f"{noun} {', '.join(map(str, absent))} missing"
    return "partial day" if is_own_day or len(held) < FULL_CARD else ""


def _lines(body: bytes, request: Request) -> Iterator[tuple[int, list[str]]]:
    """Yield the lines of a file below its header, with their numbers in the file."""
    try:
        reader = csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""))
        header = next(reader, [])
        if tuple(name.strip() for name in header) != COLUMNS:
            raise SourceChanged(
                f"{request.path}: not a results file: its columns are {header[:30]!r}."[:500]
            )
        for fields in reader:
            if fields:
                yield reader.line_num, fields
    except (UnicodeError, csv.Error) as error:
        raise SourceChanged(f"{request.path}: cannot be read as CSV: {error}") from error
