"""The codes and wordings of Hong Kong's results files."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import NamedTuple, NoReturn

from stocktake.systems.racing import normalise
from stocktake.systems.racing.normalise import METRES_PER_YARD, Placing

NONE = frozenset({"", "---"})


class Venue(NamedTuple):
    """A Hong Kong course: short code and English name."""

    code: str
    name_en: str


COURSES = {"沙田": Venue("ST", "Sha Tin"), "跑馬地": Venue("HV", "Happy Valley")}
GOINGS = {
    "好地": "Good",
    "好地至快地": "Good To Firm",
    "好地至黏地": "Good To Yielding",
    "黏地": "Yielding",
    "軟地": "Soft",
    "大爛地": "Heavy",
    "濕慢地": "Wet Slow",
    "濕快地": "Wet Fast",
}
CLASSES = {f"第{numeral}班": f"Class {at}" for at, numeral in enumerate("一二三四五", start=1)}
RESTRICTED = "（條件限制）"  # noqa: RUF001 -- as written
ALL_WEATHER = "全天候跑道"
DEAD_HEAT = "平頭馬"
# PU pulled up, UR unseated, FE fell, DNF did not finish, TNP unplaced by ruling, DISQ disqualified
WITHOUT_POSITION = frozenset({"PU", "UR", "FE", "DNF", "TNP", "DISQ"})
WITHDRAWN = frozenset({"WV", "WV-A", "WX", "WX-A", "WXNR"})

_TURF = re.compile(r'草地 - "([^"]+)" 賽道')
_FINISHED = re.compile(r"(\d{1,2})(?:\s+平頭馬)?")
_BEHIND = re.compile(r"(?:(\d+)(?:-|$))?(?:(\d)/(\d))?")
_CUMULATIVE = re.compile(r"\(([^()]*)\)")
_WORDED_LENGTHS = {
    "-": Decimal(0),
    "鼻位": Decimal("0.05"),
    "短馬頭位": Decimal("0.1"),
    "頭位": Decimal("0.2"),
    "頸位": Decimal("0.3"),
    DEAD_HEAT: Decimal(0),
    "多個馬位": None,
    "遙遙落後": None,
}


def refuse(reason: str) -> NoReturn:
    """Raise `ValueError`: the line cannot be taken."""
    raise ValueError(reason)


def text(value: str) -> str | None:
    """Return the text, None for `---`."""
    return None if value in NONE else value


def whole(value: str | None) -> int | None:
    """Read a whole number.

    >>> whole("1224"), whole("---")
    (1224, None)
    """
    return None if value is None or value in NONE else normalise.whole(value)


def seconds(value: str | None) -> Decimal | None:
    """Read a finish time in seconds.

    >>> seconds("1:22.42")
    Decimal('82.42')
    """
    return None if value is None or value in NONE else normalise.seconds(value)


def price(value: str | None) -> Decimal | None:
    """Read win odds: decimal, stake included.

    >>> price("4.8"), price("---")
    (Decimal('4.8'), None)
    """
    odds = None if value is None or value in NONE else normalise.amount(value)
    if odds is not None and odds <= 1:
        refuse(f"odds of {value} return no more than the stake")
    return odds


def money(value: str | None) -> Decimal | None:
    """Read a prize in Hong Kong dollars."""
    return None if value is None or value in NONE else normalise.amount(value.replace(",", ""))


def placing(place: str, win_odds: str) -> Placing:
    """Read a place; odds and starting must tell the same, since only starters have a price.

    >>> placing("5 平頭馬", "13").position, placing("WV", "---").is_starter
    (5, False)
    """
    has_odds = win_odds not in NONE
    told = place.strip()
    found = _FINISHED.fullmatch(told)
    if found and int(found[1]):
        read = Placing(int(found[1]), "finished", is_starter=True)
    elif told in WITHDRAWN:
        read = Placing(None, told, is_starter=False)
    elif told in WITHOUT_POSITION:
        read = Placing(None, told, is_starter=True)
    else:
        return Placing(None, "other", is_starter=has_odds)
    if read.is_starter != has_odds:
        refuse(f"place {place!r} and odds {win_odds!r} contradict each other")
    return read


def lengths(value: str | None) -> Decimal | None:
    """Read how many lengths a horse was behind the winner; some words are too far to measure.

    >>> lengths("2-3/4"), lengths("3/4"), lengths("38"), lengths("頸位"), lengths("多個馬位")
    (Decimal('2.75'), Decimal('0.75'), Decimal('38'), Decimal('0.3'), None)
    """
    if value is None or value in NONE:
        return None
    if value in _WORDED_LENGTHS:
        return _WORDED_LENGTHS[value]
    found = _BEHIND.fullmatch(value)
    if found is None or found[3] == "0" or len(value) > 8:  # noqa: PLR2004 -- 999-3/4
        refuse(f"{value!r} is not a distance in lengths")
    whole_lengths = Decimal(found[1] or 0)
    if not found[2]:
        return whole_lengths
    return whole_lengths + round(Decimal(found[2]) / Decimal(found[3]), 2)


def race_class(value: str) -> tuple[str | None, str | None]:
    """Read a class, and `restricted` when conditions limit it; group races have none.

    >>> race_class("第四班" + RESTRICTED), race_class("")
    (('Class 4', 'restricted'), (None, None))
    """
    plain = value.removesuffix(RESTRICTED)
    pattern = "restricted" if plain != value else None
    return CLASSES.get(plain, plain or None), pattern


def surface(value: str) -> tuple[str | None, str | None]:
    """Read surface and rail position.

    >>> surface('草地 - "C+3" 賽道'), surface("全天候跑道")
    (('Turf', 'C+3'), ('AW', None))
    """
    if value == ALL_WEATHER:
        return "AW", None
    found = _TURF.fullmatch(value)
    return ("Turf", found[1]) if found else (None, value or None)


def yards(distance_m: int | None) -> int | None:
    """Turn metres into whole yards.

    >>> yards(1200)
    1312
    """
    return None if distance_m is None else round(distance_m / METRES_PER_YARD)


def winning_time(value: str) -> str | None:
    """Return the last of the cumulative times.

    >>> winning_time("(13.28) (34.36) (57.83) (1:22.42)")
    '1:22.42'
    """
    times = _CUMULATIVE.findall(value)
    return times[-1] if times else None
