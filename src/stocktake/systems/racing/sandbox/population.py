"""Horses and people of the sandbox, each worked out from its number alone.

Nothing is stored: a horse's whole profile follows from the seed and its index, so a day can
be made without any other day. Horses are numbered by the year of their first season; within
a year those with the longest careers come first, so the horses in training in a given year
are a few ranges of indices.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from hashlib import blake2b
from typing import Final

from stocktake.systems.racing.sandbox import words

FIRST_YEAR: Final = 2015
LAST_COHORT_YEAR: Final = 2099
LONGEST_CAREER: Final = 10

# Share of horses still in training after n seasons.
_STAYING: Final = (1.0, 0.60, 0.37, 0.23, 0.14, 0.085, 0.05, 0.03, 0.015, 0.007)

# Ids: one number for one animal, whatever its role; the prefixes say the role.
_ID_FIRST: Final = 5_000_000
_ID_PRIME: Final = 59_999_999
_ID_FACTOR: Final = 22_801_763
_ID_INVERSE: Final = pow(_ID_FACTOR, -1, _ID_PRIME)
_SIRES_FROM: Final = 10_000_000
_DAMS_FROM: Final = 20_000_000
_DAMSIRES_FROM: Final = 30_000_000

_SLOTS: Final = 200
_BRED: Final = (
    ("GB",) * 42 + ("IRE",) * 40 + ("FR",) * 9 + ("USA",) * 4 + ("GER",) * 3 + ("AUS",) * 2
)
_COLOURS: Final = (
    (("b", "B"),) * 55 + (("ch", "CH"),) * 24 + (("br", "BR"),) * 9 + (("gr", "GR"),) * 8
    + (("bl", "BL"),) * 2 + (("ro", "RO"),) * 2
)  # fmt: skip
_ZIPF_KNEE: Final = 13
_HORSE_SIRE_EVERY: Final = 5
_HORSE_DAM_EVERY: Final = 12
_HORSE_PARENTS_FROM: Final = 2019


@dataclass(frozen=True, slots=True)
class Scale:
    """How many of everything there are, and how dense a horse's year is.

    Attributes:
        cohort: Horses whose first season is in one given year.
        block_days: Days over which no horse's turn comes twice.
        window_days: Days up to ``until`` that have racing; None is every day.
    """

    cohort: int
    jockeys: int
    trainers: int
    owners: int
    sires: int
    dams: int
    damsires: int
    block_days: int
    window_days: int | None = None


SCALES: Final[Mapping[str, Scale]] = {
    "full": Scale(14_785, 5_000, 3_500, 60_000, 15_000, 100_000, 20_000, block_days=30),
    "year": Scale(7_576, 455, 318, 5_455, 1_364, 9_091, 1_818, block_days=15),
    "week": Scale(1_500, 160, 140, 1_400, 400, 1_400, 350, block_days=4, window_days=7),
}


@dataclass(frozen=True, slots=True)
class Slot:
    """What the last digits of a horse's index decide."""

    home: str
    code: str
    turns: int
    first_age: int


@dataclass(frozen=True, slots=True)
class Animal:
    """An ancestor: its number and names with and without country suffix."""

    number: int
    name: str
    region: str

    @property
    def full_name(self) -> str:
        """The name with its country suffix, ``(GB)`` included."""
        return f"{self.name} ({self.region})"


@dataclass(frozen=True, slots=True)
class Horse:
    """A horse's profile.

    Attributes:
        ability: Standard score; higher wins more.
        trainer_index, later_trainer_index: Before and from ``moves_on``.
    """

    index: int
    number: int
    name: str
    region: str
    slot: Slot
    first_season: int
    born: date
    is_female: bool
    is_gelded: bool
    colour: str
    colour_code: str
    breeder: str
    sire: Animal
    dam: Animal
    damsire: Animal
    ability: float
    trainer_index: int
    later_trainer_index: int
    moves_on: date
    owner_index: int

    @property
    def full_name(self) -> str:
        """The name with its country suffix, ``(GB)`` included."""
        return f"{self.name} ({self.region})"

    def age(self, year: int) -> int:
        """Return the age in years as racing counts it: every horse's birthday is 1 January."""
        return year - self.born.year

    def sex_code(self, year: int) -> str:
        """Return C, H, G, F or M as of a year."""
        age = self.age(year)
        if self.is_female:
            return "F" if age < 5 else "M"
        if self.is_gelded and age > 2:
            return "G"
        return "C" if age < 5 else "H"

    def trainer_on(self, day: date) -> int:
        """Return the index of the trainer who has the horse on a day."""
        return self.trainer_index if day < self.moves_on else self.later_trainer_index


@dataclass(frozen=True, slots=True)
class Person:
    """A jockey, trainer or owner. ``claim`` is a jockey's allowance in pounds."""

    id: str
    name: str
    location: str = ""
    claim: int = 0


def animal_number(animal_index: int) -> int:
    """Return the number that an animal's ids carry."""
    return _ID_FIRST + animal_index * _ID_FACTOR % _ID_PRIME


def _slot_table() -> tuple[Slot, ...]:
    turns = (1,) * 32 + (2,) * 38 + (3,) * 30
    table = []
    for position in range(_SLOTS):
        home = "IRE" if position * 37 % _SLOTS < 54 else "GB"
        code = "flat" if position * 61 % _SLOTS < 116 else "jumps"
        early = position * 89 % _SLOTS
        flat_age = 2 if early < 140 else 3
        jumps_age = 4 if early < 120 else 5 if early < 180 else 6
        first_age = flat_age if code == "flat" else jumps_age
        table.append(Slot(home, code, turns[position * 83 % _SLOTS // 2], first_age))
    return tuple(table)


SLOT_TABLE: Final = _slot_table()


class Population:
    """All horses and people of one seed and scale.

    Args:
        seed: Any integer; another seed is another world.
        scale: Sizes.
    """

    def __init__(self, seed: int, scale: Scale) -> None:
        self.scale = scale
        self._key = seed.to_bytes(16, "big", signed=True)
        self._starts: dict[int, int] = {}
        start = 0
        for year in range(FIRST_YEAR - LONGEST_CAREER + 1, LAST_COHORT_YEAR + 1):
            self._starts[year] = start
            start += self._training(year, max(year, FIRST_YEAR))
        self._years = tuple(self._starts)
        self._first_indices = tuple(self._starts.values())
        self.horse = lru_cache(maxsize=40_000)(self._horse)
        self.trainer = lru_cache(maxsize=None)(self._trainer)
        self.jockey = lru_cache(maxsize=None)(self._jockey)
        self.owner = lru_cache(maxsize=20_000)(self._owner)
        self.sire = lru_cache(maxsize=20_000)(self._sire)
        self.damsire = lru_cache(maxsize=20_000)(self._damsire)

    def bits(self, what: str, number: int) -> int:
        """Return 256 random bits that belong to one thing of this world."""
        text = f"{what}{number}".encode()
        return int.from_bytes(blake2b(text, key=self._key, digest_size=32).digest(), "big")

    def _training(self, cohort_year: int, year: int) -> int:
        """Return how many horses of a cohort are in training in a year."""
        seasons = year - cohort_year
        return round(self.scale.cohort * _STAYING[seasons]) if seasons < LONGEST_CAREER else 0

    def in_training(self, year: int, *, home: str, code: str, ages: range) -> list[int]:
        """Return the horses in training in a year, each as often as it takes turns to run."""
        pool: list[int] = []
        for cohort_year in range(max(self._years[0], year - LONGEST_CAREER + 1), year + 1):
            start = self._starts[cohort_year]
            stop = start + self._training(cohort_year, year)
            for position, slot in enumerate(SLOT_TABLE):
                age = slot.first_age + year - cohort_year
                if slot.home == home and slot.code == code and age in ages:
                    first = start + (position - start) % _SLOTS
                    for _ in range(slot.turns):
                        pool.extend(range(first, stop, _SLOTS))
        return pool

    def horse_of_id(self, horse_id: str, *, until_year: int) -> Horse | None:
        """Return the horse of an id such as ``hrs_30455194``; None if it does not exist."""
        prefix, _, digits = horse_id.partition("_")
        if prefix != "hrs" or not digits.isascii() or not digits.isdigit():
            return None
        index = (int(digits) - _ID_FIRST) * _ID_INVERSE % _ID_PRIME
        known = index < self.horse_count(until_year) and animal_number(index) == int(digits)
        return self.horse(index) if known else None

    def horse_count(self, until_year: int) -> int:
        """Return how many horses have run by the end of a year."""
        return self._starts[until_year + 1]

    def named(self, kind: str, wanted: str) -> Iterator[tuple[str, str]]:
        """Yield id and name of ``jockeys``, ``sires`` … whose name holds ``wanted``, in lower case.

        Raises:
            KeyError: No such kind.
        """
        scale = self.scale
        people: Mapping[str, tuple[int, Callable[[int], Person]]] = {
            "jockeys": (scale.jockeys, self._jockey),
            "trainers": (scale.trainers, self._trainer),
            "owners": (scale.owners, self._owner),
        }
        animals: Mapping[str, tuple[str, int, Callable[[int], Animal]]] = {
            "sires": ("sir", scale.sires, self._sire),
            "dams": ("dam", scale.dams, self._dam),
            "damsires": ("dsi", scale.damsires, self._damsire),
        }
        if kind in people:
            size, person_at = people[kind]
            found = ((one.id, one.name) for one in map(person_at, range(size)))
        else:
            prefix, size, animal_at = animals[kind]
            each = map(animal_at, range(size))
            found = ((f"{prefix}_{one.number}", one.full_name) for one in each)
        return (pair for pair in found if wanted in pair[1].lower())

    def seasons(self, horse: Horse) -> range:
        """Return the years a horse is in training."""
        offset = horse.index - self._starts[horse.first_season]
        length = sum(offset < round(self.scale.cohort * share) for share in _STAYING)
        return range(horse.first_season, horse.first_season + length)

    def _cohort_year(self, index: int) -> int:
        low, high = 0, len(self._first_indices) - 1
        while low < high:
            middle = (low + high + 1) // 2
            if self._first_indices[middle] <= index:
                low = middle
            else:
                high = middle - 1
        return self._years[low]

    def _horse(self, index: int) -> Horse:
        bits = self.bits("horse", index)
        slot = SLOT_TABLE[index % _SLOTS]
        season = self._cohort_year(index)
        year = season - slot.first_age
        number = animal_number(index)
        colour, code = _COLOURS[(bits >> 8) % 100]
        female = index % 5 in {1, 3}
        sire, dam, damsire = self._parents(index, year, bits)
        trainer = self._ranked((bits >> 96) & 0xFFFF, self.scale.trainers, home=slot.home)
        moves = (bits >> 144) % 100 < 14
        later = self._ranked((bits >> 112) & 0xFFFF, self.scale.trainers, home=slot.home)
        return Horse(
            index=index,
            number=number,
            name=words.horse_name(number),
            region=_animal_region(number),
            slot=slot,
            first_season=season,
            born=date(year, 1, 15) + timedelta(days=(bits >> 16) % 130),
            is_female=female,
            is_gelded=not female and index >= self.scale.sires // 3 and (bits >> 24) % 10 < 7,
            colour=colour,
            colour_code=code,
            breeder=words.breeder_name((bits >> 32) % 9_000),
            sire=sire,
            dam=dam,
            damsire=damsire,
            ability=_score(bits >> 160),
            trainer_index=trainer,
            later_trainer_index=later if moves else trainer,
            moves_on=date(season + 1, 1, 1) + timedelta(days=(bits >> 152) % 300),
            owner_index=self._owner_index(index, bits),
        )

    def _owner_index(self, index: int, bits: int) -> int:
        if (bits >> 40) % 10 < 7:
            return index * 7_919 % self.scale.owners
        return zipf((bits >> 48) & 0xFFFF, self.scale.owners, knee=200)

    def _parents(self, index: int, born: int, bits: int) -> tuple[Animal, Animal, Animal]:
        draw = (bits >> 64) & 0xFFFF
        sires = self.scale.sires
        sire = zipf(draw, sires, knee=40) if draw % 10 < 7 else index * 6_007 % sires
        dam = index * 70_001 % self.scale.dams
        racing = born >= _HORSE_PARENTS_FROM
        sire += sire % _HORSE_SIRE_EVERY == 0 and not racing
        dam += dam % _HORSE_DAM_EVERY == 0 and not racing
        damsire = self.bits("dam", dam)
        draw = damsire & 0xFFFF
        damsires = self.scale.damsires
        grand = zipf(draw, damsires, knee=60) if draw % 2 else dam * 7_013 % damsires
        return self.sire(sire), self._dam(dam), self.damsire(grand)

    def _sire(self, position: int) -> Animal:
        """Return a sire; every fifth is a horse that raced here itself."""
        if position % _HORSE_SIRE_EVERY == 0:
            males, rest = divmod(position // _HORSE_SIRE_EVERY, 3)
            return _animal(males * 5 + (0, 2, 4)[rest])
        return _animal(_SIRES_FROM + position)

    def _dam(self, position: int) -> Animal:
        """Return a dam; every twelfth is a mare that raced here herself."""
        if position % _HORSE_DAM_EVERY == 0:
            mares, rest = divmod(position // _HORSE_DAM_EVERY, 2)
            return _animal(mares * 5 + (1, 3)[rest])
        return _animal(_DAMS_FROM + position)

    def _damsire(self, position: int) -> Animal:
        """Return a damsire; a third of them are sires of runners too, with the same digits."""
        is_sire = position % 3 == 0 and position % _HORSE_SIRE_EVERY and position < self.scale.sires
        return _animal((_SIRES_FROM if is_sire else _DAMSIRES_FROM) + position)

    def _ranked(self, draw: int, size: int, *, home: str) -> int:
        """Return the index of a trainer or jockey at home in a region; low ranks draw most."""
        if home == "IRE":
            return 4 * zipf(draw, size // 4, knee=_ZIPF_KNEE / 2)
        rank = zipf(draw, size - (size + 3) // 4, knee=_ZIPF_KNEE)
        return rank + rank // 3 + 1

    def jockey_for(self, trainer_index: int, draw: int, *, home: str) -> int:
        """Return a jockey for a trainer's runner; mostly one of the stable's own five."""
        if draw % 10 < 7:
            own = (0, 0, 0, 1, 1, 2, 3, 4)[draw // 10 % 8]
            draw = self.bits("stable", trainer_index * 8 + own)
        else:
            draw //= 10
        return self._ranked(draw & 0xFFFF, self.scale.jockeys, home=home)

    def _trainer(self, index: int) -> Person:
        number = 9_000 + index * 117
        name = words.person_name(number)
        return Person(f"trn_{number}", name, location=words.village(number))

    def _jockey(self, index: int) -> Person:
        number = 40_003 + index * 63
        claim = (7, 5, 3)[index % 3] if self.bits("claim", index) % 100 < 22 else 0
        return Person(f"jky_{number}", words.person_name(number + 5_000_011), claim=claim)

    def _owner(self, index: int) -> Person:
        number = 100_004 + index * 22
        return Person(f"own_{number}", words.owner_name(number + index))


def zipf(draw: int, size: int, *, knee: float) -> int:
    """Return a rank from 0 to ``size - 1``, low ranks most often, for 16 random bits."""
    share = (draw & 0xFFFF) / 0x10000
    return min(size - 1, int(knee * ((1 + size / knee) ** share - 1)))


def _animal(animal_index: int) -> Animal:
    number = animal_number(animal_index)
    return Animal(number, words.horse_name(number), _animal_region(number))


def _animal_region(number: int) -> str:
    return _BRED[number * 7_919 % 100]


def _score(bits: int) -> float:
    """Return a nearly normal score from four times 16 random bits."""
    total = sum((bits >> shift) & 0xFFFF for shift in (0, 16, 32, 48))
    return (total / 0x10000 - 2) * 1.732


def pick(options: Sequence[str], draw: int) -> str:
    """Return the option a draw falls on."""
    return options[draw % len(options)]
