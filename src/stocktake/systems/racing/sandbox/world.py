"""Race days: drawn from the population and run, one day at a time, the same ones every time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from math import gcd
from random import Random
from typing import Final

from stocktake.systems.racing.sandbox import conditions
from stocktake.systems.racing.sandbox.conditions import Conditions
from stocktake.systems.racing.sandbox.fixtures import FIRST_DAY, Meeting, meetings
from stocktake.systems.racing.sandbox.population import SCALES, Horse, Person, Population
from stocktake.systems.racing.sandbox.running import Finish, run_race

RACE_FIRST: Final = 10_000_000
RACE_DAY_STEP: Final = 1_000
RACE_STEP: Final = 13

_AGES: Final = {"2": range(2, 3), "3": range(3, 4), "4+": range(4, 30), "4-6": range(4, 7)}
_AGES["7+"] = range(7, 30)
_NON_RUNNER_SHARE: Final = 0.08
_REASONS: Final = (
    "going", "unsuitable ground", "travel problems", "self certificate, off feed", "lame",
    "vet's cert, coughing", "withdrawn, vet's advice", "self certificate, stiff", "bad scope",
)  # fmt: skip
_HEADGEAR: Final = ("",) * 13 + ("p", "t", "b", "v", "h", "tp", "hp", "e/s")


@dataclass(slots=True)
class Entry:
    """One declared runner of one race; ``finish`` is None for a non-runner."""

    horse: Horse
    number: int
    draw: int
    pounds: int
    headgear: str
    jockey: Person
    trainer: Person
    owner: Person
    former_trainer: Person | None
    official: int | None
    bits: int
    finish: Finish | None = None
    reason: str = ""


@dataclass(slots=True)
class Race:
    """One race with its whole field, starters and non-runners."""

    id: str
    day: date
    meeting: Meeting
    off: int
    conditions: Conditions
    entries: list[Entry]

    @property
    def starters(self) -> list[Entry]:
        """The entries that ran: by place, then those without one."""
        ran = [(entry.finish, entry) for entry in self.entries if entry.finish is not None]
        ran.sort(key=lambda pair: (pair[0].behind is None, pair[0].behind or 0.0))
        return [entry for _, entry in ran]


def _former(people: Population, horse: Horse, trainer: int) -> Person | None:
    return None if trainer == horse.trainer_index else people.trainer(horse.trainer_index)


@dataclass(slots=True)
class _Turns:
    """One day's share of one pool of horses, dealt out without repeats."""

    indices: Iterator[int]
    kept: list[Horse]


class World:
    """The racing of one seed and scale; a day is made when it is asked for.

    Args:
        seed: Any integer.
        scale: ``full``, ``year`` or ``week``.
        until: Last day with results; the week scale has racing only on the seven days up to
            it and on the days of the cards ahead.
    """

    def __init__(self, seed: int, scale: str, until: date) -> None:
        self.seed = seed
        self.until = until
        self.population = Population(seed, SCALES[scale])
        self._first = FIRST_DAY
        window = SCALES[scale].window_days
        if window is not None:
            self._first = until - timedelta(days=window - 1)
        self.races_on = lru_cache(maxsize=24)(self._races_on)
        self._pool = lru_cache(maxsize=40)(self._make_pool)

    def race_id(self, day: date, number: int) -> str:
        """Return the id of a day's nth race; the day can be read back from it."""
        return f"rac_{RACE_FIRST + (day - FIRST_DAY).days * RACE_DAY_STEP + number * RACE_STEP}"

    def day_of_race(self, race_id: str) -> date | None:
        """Return the day a race id belongs to; None when it cannot be one of ours."""
        prefix, _, digits = race_id.partition("_")
        if prefix != "rac" or not digits.isascii() or not digits.isdigit() or len(digits) > 9:
            return None
        days = (int(digits) - RACE_FIRST) // RACE_DAY_STEP
        return FIRST_DAY + timedelta(days=days) if days >= 0 else None

    def race(self, race_id: str) -> Race | None:
        """Return one race by id."""
        day = self.day_of_race(race_id)
        if day is None:
            return None
        return next((race for race in self.races_on(day) if race.id == race_id), None)

    def days_of_horse(self, horse: Horse) -> Iterator[date]:
        """Yield the days on which it may be a horse's turn, oldest first."""
        length = self.population.scale.block_days
        last_day = self.until + timedelta(days=7)
        for year in self.population.seasons(horse):
            key, pool = self._own_pool(horse, year)
            places = [place for place, index in enumerate(pool) if index == horse.index]
            turns: set[date] = set()
            first_block = date(year, 1, 1).toordinal() // length
            for block in range(first_block, date(year, 12, 31).toordinal() // length + 1):
                factor, shift = self._deal(key, year, block, len(pool))
                for place in places:
                    position = (place - shift) * pow(factor, -1, len(pool)) % len(pool)
                    offset = position // (len(pool) // length)
                    if offset < length:
                        turns.add(date.fromordinal(block * length + offset))
            yield from sorted(day for day in turns if day.year == year and day <= last_day)

    def _own_pool(self, horse: Horse, year: int) -> tuple[str, list[int]]:
        keys = conditions.FLAT_POOLS if horse.slot.code == "flat" else conditions.JUMPS_POOLS
        key = next(key for key in keys if horse.age(year) in _AGES[key])
        name = f"{horse.slot.home}:{horse.slot.code}:{key}"
        return name, self._pool(name, year)

    def _races_on(self, day: date) -> tuple[Race, ...]:
        if not self._first <= day:
            return ()
        rng = Random(self.population.bits("day", day.toordinal()))
        turns: dict[str, _Turns] = {}
        used: set[int] = set()
        races: list[Race] = []
        for meeting in meetings(day, rng):
            for position, wanted in enumerate(conditions.card(meeting, rng, month=day.month)):
                field = self._field(wanted, meeting, day, (turns, used, rng))
                if len(field) < conditions.SMALLEST_FIELD:
                    continue
                off = meeting.first_off + position * meeting.interval
                race_id = self.race_id(day, len(races))
                final = conditions.settle(wanted, [horse.ability for horse in field], rng=rng)
                entries = self._entries(field, final, meeting, day, rng)
                races.append(Race(race_id, day, meeting, off, final, entries))
        return tuple(races)

    def _field(
        self,
        wanted: Conditions,
        meeting: Meeting,
        day: date,
        dealing: tuple[dict[str, _Turns], set[int], Random],
    ) -> list[Horse]:
        turns, used, rng = dealing
        code = "jumps" if wanted.is_jumps else "flat"
        field: list[Horse] = []
        for _ in range(wanted.declared):
            key = f"{meeting.region}:{code}:{rng.choice(wanted.pools)}"
            if key not in turns:
                turns[key] = _Turns(self._turns_of(key, day), [])
            horse = self._next(turns[key], used, fillies=bool(wanted.sex_restriction))
            if horse is not None:
                field.append(horse)
        return field

    def _next(self, turns: _Turns, used: set[int], *, fillies: bool) -> Horse | None:
        for place, horse in enumerate(turns.kept):
            if horse.is_female or not fillies:
                return turns.kept.pop(place)
        for index in turns.indices:
            if index in used:
                continue
            used.add(index)
            horse = self.population.horse(index)
            if fillies and not horse.is_female:
                turns.kept.append(horse)
                continue
            return horse
        return None

    def _turns_of(self, key: str, day: date) -> Iterator[int]:
        """Yield the horses whose turn it is: a slice of the pool, shuffled block by block."""
        pool = self._pool(key, day.year)
        block, offset = divmod(day.toordinal(), self.population.scale.block_days)
        factor, shift = self._deal(key, day.year, block, len(pool))
        length = len(pool) // self.population.scale.block_days
        for position in range(offset * length, (offset + 1) * length):
            yield pool[(position * factor + shift) % len(pool)]

    def _deal(self, key: str, year: int, block: int, size: int) -> tuple[int, int]:
        bits = self.population.bits(f"deal:{key}:{year}:", block)
        factor = bits % size | 1
        while gcd(factor, size) != 1:
            factor += 2
        return factor, (bits >> 64) % size

    def _make_pool(self, key: str, year: int) -> list[int]:
        home, code, ages = key.split(":")
        return self.population.in_training(year, home=home, code=code, ages=_AGES[ages])

    def _entries(
        self,
        field: Sequence[Horse],
        final: Conditions,
        meeting: Meeting,
        day: date,
        rng: Random,
    ) -> list[Entry]:
        people = self.population
        riders: set[int] = set()
        draws = list(range(1, len(field) + 1))
        rng.shuffle(draws)
        entries: list[Entry] = []
        for horse, draw in zip(field, draws, strict=True):
            bits = rng.getrandbits(128)
            trainer = horse.trainer_on(day)
            rider = people.jockey_for(trainer, bits & 0xFFFFFFFF, home=meeting.region)
            while rider in riders:
                rider = (rider + 4) % people.scale.jockeys
            riders.add(rider)
            official = conditions.official_rating(horse, final, bits=bits >> 32)
            entries.append(
                Entry(
                    horse=horse,
                    number=0,
                    draw=0 if final.is_jumps else draw,
                    pounds=conditions.weight(horse, final, official=official, bits=bits >> 40),
                    headgear=_HEADGEAR[(bits >> 48) % len(_HEADGEAR)],
                    jockey=people.jockey(rider),
                    trainer=people.trainer(trainer),
                    owner=people.owner(horse.owner_index),
                    former_trainer=_former(people, horse, trainer),
                    official=official,
                    bits=bits >> 56,
                )
            )
        entries.sort(key=lambda entry: -entry.pounds)
        for number, entry in enumerate(entries, start=1):
            entry.number = number
        self._run(entries, final, rng)
        return entries

    def _run(self, entries: list[Entry], final: Conditions, rng: Random) -> None:
        starters = []
        room = len(entries) - conditions.SMALLEST_FIELD
        for entry in entries:
            if room > 0 and rng.random() < _NON_RUNNER_SHARE:
                entry.reason = rng.choice(_REASONS)
                room -= 1
            else:
                starters.append(entry)
        abilities = [entry.horse.ability for entry in starters]
        finishes = run_race(abilities, rng, is_jumps=final.is_jumps)
        for entry, finish in zip(starters, finishes, strict=True):
            entry.finish = finish
