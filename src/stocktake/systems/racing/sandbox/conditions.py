"""What a race asks for: code, distance, ages, class, prize; and the weights that follow."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from stocktake.systems.racing.sandbox import words
from stocktake.systems.racing.sandbox.fixtures import Meeting
from stocktake.systems.racing.sandbox.population import Horse

SMALLEST_FIELD: Final = 2
LARGEST_FIELD: Final = 34
FLAT_POOLS: Final = ("2", "3", "4+")
JUMPS_POOLS: Final = ("4-6", "7+")

_FURLONG: Final = 220
_FLAT_FURLONGS: Final = (5, 5, 6, 6, 6, 7, 7, 7, 8, 8, 8, 9, 10, 10, 11, 12, 12, 14, 16)
_JUMPS_FURLONGS: Final = (16, 16, 16, 17, 18, 19, 20, 20, 21, 22, 24, 24, 25, 26)
_ODD_YARDS: Final = (0, 0, 0, 13, 25, 36, 53, 61, 98, -7)
_TURF_GOING: Final = (
    "Good", "Good", "Good To Firm", "Good To Soft", "Soft", "Good To Yielding", "Firm",
)  # fmt: skip
_WINTER_GOING: Final = ("Soft", "Soft", "Heavy", "Good To Soft", "Good", "Soft To Heavy")
_IRISH_GOING: Final = ("Yielding", "Yielding To Soft", "Good To Yielding", "Soft", "Good")
_AW_GOING: Final = ("Standard", "Standard", "Standard", "Standard To Slow")
_MEAN_DECLARED: Final = {"GB": 9.45, "IRE": 10.6}
_DECLARED_SPREAD: Final = 3.1
_BIG_RACE_SHARE: Final = 0.016
_TWO_YEAR_OLD_SHARE: Final = 0.24
_FIRST_TWO_YEAR_OLDS: Final = 4
_STYLES: Final = ("handicap",) * 6 + ("maiden", "novice", "stakes", "stakes")
_PRIZES: Final = {2: 26_000, 3: 13_000, 4: 7_200, 5: 4_600, 6: 3_250}


@dataclass(frozen=True, slots=True)
class Conditions:
    """The conditions of one race.

    Attributes:
        kind: ``Flat``, ``Hurdle``, ``Chase`` or ``NH Flat``.
        pools: Ages drawn from, as keys; a key may repeat to weigh more.
        declared: Runners declared.
        race_class: 1 to 6; 0 until settled.
        top_rating: Highest rating admitted to a handicap, else 0.
        prize: Winner's share, in whole pounds or euros.
    """

    kind: str
    surface: str
    going: str
    yards: int
    pools: tuple[str, ...]
    age_band: str
    style: str
    declared: int
    sex_restriction: str = ""
    race_class: int = 0
    top_rating: int = 0
    pattern: str = ""
    prize: int = 0
    name: str = ""
    jumps: str = ""
    is_big: bool = False

    @property
    def is_jumps(self) -> bool:
        """Whether horses of the jumps code run; National Hunt flat races included."""
        return self.kind != "Flat"


def card(meeting: Meeting, rng: Random, *, month: int) -> Iterator[Conditions]:
    """Yield the conditions of a meeting's races in order; classes follow with the field."""
    going = _going(meeting, rng)
    for position in range(meeting.race_count):
        last = position == meeting.race_count - 1
        if meeting.kind == "jumps":
            yield _jumps_race(meeting, going, rng, last=last)
        else:
            yield _flat_race(meeting, going, rng, month=month)


def _going(meeting: Meeting, rng: Random) -> str:
    if meeting.kind == "aw":
        return rng.choice(_AW_GOING)
    if meeting.region == "IRE":
        return rng.choice(_IRISH_GOING)
    return rng.choice(_WINTER_GOING if meeting.kind == "jumps" else _TURF_GOING)


def _declared(meeting: Meeting, rng: Random, *, is_big: bool) -> int:
    if is_big:
        return rng.randrange(22, LARGEST_FIELD + 1)
    drawn = round(rng.gauss(_MEAN_DECLARED[meeting.region], _DECLARED_SPREAD))
    return max(SMALLEST_FIELD, min(drawn, 20))


def _flat_race(meeting: Meeting, going: str, rng: Random, *, month: int) -> Conditions:
    roll = rng.random()
    pools: tuple[str, ...]
    if roll < _TWO_YEAR_OLD_SHARE and month >= _FIRST_TWO_YEAR_OLDS:
        band, pools = "2yo", ("2",)
    elif roll < 0.36:
        band, pools = "3yo", ("3",)
    elif roll < 0.68:
        band, pools = "3yo+", ("3", "4+", "4+")
    else:
        band, pools = "4yo+", ("4+",)
    style = rng.choice(_STYLES[5:] if band == "2yo" else _STYLES)
    return Conditions(
        kind="Flat",
        surface="AW" if meeting.kind == "aw" else "Turf",
        going=going,
        yards=rng.choice(_FLAT_FURLONGS[: 11 if band == "2yo" else None]) * _FURLONG
        + rng.choice(_ODD_YARDS),
        pools=pools,
        age_band=band,
        style=style,
        declared=_declared(meeting, rng, is_big=False),
        sex_restriction="F" if rng.random() < 0.08 else "",
    )


def _jumps_race(meeting: Meeting, going: str, rng: Random, *, last: bool) -> Conditions:
    kind = "NH Flat" if last and rng.random() < 0.6 else rng.choice(("Hurdle", "Hurdle", "Chase"))
    young = kind == "NH Flat" or (kind == "Hurdle" and rng.random() < 0.35)
    yards = rng.choice(_JUMPS_FURLONGS[: 3 if kind == "NH Flat" else None]) * _FURLONG
    is_big = kind == "Chase" and rng.random() < _BIG_RACE_SHARE
    count = max(6, round(yards / 440 * (1.05 if kind == "Hurdle" else 1.6)))
    jumps = {"Hurdle": f"{count} hurdles", "Chase": f"{count} fences"}.get(kind, "")
    return Conditions(
        kind=kind,
        surface="Turf",
        going=going,
        yards=yards + rng.choice(_ODD_YARDS),
        pools=("4-6",) if young else ("4-6", "4-6", "7+"),
        age_band="4-6yo" if kind == "NH Flat" else "4yo+" if kind == "Hurdle" else "5yo+",
        style="novice" if young else rng.choice(_STYLES),
        declared=_declared(meeting, rng, is_big=is_big),
        sex_restriction="M" if rng.random() < 0.08 else "",
        jumps=jumps,
        is_big=is_big,
    )


def settle(wanted: Conditions, abilities: Sequence[float], *, rng: Random) -> Conditions:
    """Return the conditions with class, band, prize and name that suit the field."""
    best = max(abilities)
    top = max(50, round(rating(best, is_jumps=wanted.is_jumps) / 5 + 0.5) * 5)
    steps = top - 30 if wanted.is_jumps else top
    race_class = 2 if steps > 95 else 3 if steps > 85 else 4 if steps > 75 else 5
    if race_class == 5 and rng.random() < 0.45:
        race_class = 6
    if wanted.is_big:
        race_class = 1
    handicap = wanted.style == "handicap"
    pattern = (
        "Listed" if wanted.style == "stakes" and race_class == 2 and rng.random() < 0.3 else ""
    )
    prize = 60_000 if wanted.is_big else _PRIZES[race_class] + rng.randrange(0, 1_500)
    return replace(
        wanted,
        race_class=1 if pattern else race_class,
        top_rating=top if handicap else 0,
        pattern=pattern,
        prize=prize,
        name=_race_name(wanted, rng),
    )


def _race_name(wanted: Conditions, rng: Random) -> str:
    number = rng.randrange(10_000)
    sex = {"F": " Fillies'", "M": " Mares'"}.get(wanted.sex_restriction, "")
    code = {"Flat": "", "Hurdle": " Hurdle", "Chase": " Chase", "NH Flat": " Flat Race"}
    style = {"handicap": " Handicap", "maiden": " Maiden", "novice": " Novices'", "stakes": ""}
    end = " Stakes" if wanted.kind == "Flat" and wanted.style != "handicap" else ""
    return f"{words.sponsor(number)}{sex}{style[wanted.style]}{code[wanted.kind]}{end}"


def rating(ability: float, *, is_jumps: bool) -> float:
    """Return the rating, in pounds, that an ability stands for."""
    if is_jumps:
        return min(172.0, max(72.0, 108 + 15 * ability))
    return min(120.0, max(45.0, 68 + 13 * ability))


def official_rating(horse: Horse, final: Conditions, *, bits: int) -> int | None:
    """Return a runner's official rating; None for most horses outside handicaps that are new."""
    if final.kind == "NH Flat" or (not final.top_rating and bits % 100 < 25):
        return None
    drift = (bits >> 8) % 9 - 4
    value = round(rating(horse.ability, is_jumps=final.is_jumps)) + drift
    return min(value, final.top_rating) if final.top_rating else value


def weight(horse: Horse, final: Conditions, *, official: int | None, bits: int) -> int:
    """Return the weight to be carried, in pounds."""
    top = 168 if final.is_jumps else 138
    if final.top_rating and official is not None:
        return max(top - 26, top - (final.top_rating - official))
    return top - 8 - (5 if horse.is_female else 0) - (bits % 3) * 2
