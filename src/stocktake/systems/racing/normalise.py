"""How the source's spellings become values: small pure functions, each one rule.

All take the text as sent (None when absent), return None for "none", and raise `ValueError` for
text they cannot read.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import NamedTuple, NoReturn
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")
NONE = frozenset({None, "", "-", "–", "—"})

YARDS_PER_MILE = 1760
YARDS_PER_FURLONG = 220
METRES_PER_YARD = Decimal("0.9144")
POUNDS_PER_STONE = 14
MOST_KEPT = 4096
"""Spellings that a costly rule keeps, with what it made of each."""

_PRICE = re.compile(r"(?:(\d+)/(\d+)|(ev(?:en)?s))\s*([FJC]*)", re.IGNORECASE)
_CLOCK_TIME = re.compile(r"(?:(\d+):)?(\d{1,2}(?:\.\d+)?)")
_CLAIM = re.compile(r"(.*?)\s*\((\d+)\)")
_SUFFIX = re.compile(r"\(([A-Z]{2,3})\)\s*$")
_DISTANCE = re.compile(r"(?:(\d+)m)?(?:(\d+)?(½)?f)?(?:(\d+)y(?:ds)?)?")
_WEIGHT = re.compile(r"(\d{1,2})-(\d{1,2})")
_CURRENCIES = {"£": "GBP", "€": "EUR", "$": "USD"}
_LENGTHS = {
    "dht": Decimal(0),
    "nse": Decimal("0.05"),
    "shd": Decimal("0.1"),
    "sh": Decimal("0.1"),
    "hd": Decimal("0.2"),
    "snk": Decimal("0.25"),
    "nk": Decimal("0.3"),
    "dist": None,
}
WITHOUT_POSITION = frozenset(("PU", "F", "UR", "BD", "RO", "SU", "REF", "LFT", "CO", "DSQ"))
NOT_STARTED = frozenset(("NR", "WD", "VOI"))
_AFTERNOON_HOURS = range(1, 11)


def missing(field_name: str) -> NoReturn:
    """Refuse a row that lacks a field it cannot do without."""
    message = f"{field_name} is missing"
    raise ValueError(message)


def text(value: str | None) -> str | None:
    """Return the text, or None for the source's ways of saying nothing.

    >>> text("Good"), text("–"), text("")
    ('Good', None, None)
    """
    return None if value in NONE else value


def whole(value: str | None) -> int | None:
    """Read a whole number.

    >>> whole("134"), whole("-")
    (134, None)
    """
    if value is None or value in NONE:
        return None
    # nine digits are what a 32-bit column holds; Python would also read 1_000 as a number
    if not value.isascii() or "_" in value or len(value) > 9:  # noqa: PLR2004
        message = f"{value!r} is not a whole number of up to 9 digits"
        raise ValueError(message)
    return int(value)


def natural(value: str | None) -> int | None:
    """Read a number that starts at 1; 0 says none (a draw over jumps, a number not given).

    >>> natural("7"), natural("0"), natural("")
    (7, None, None)
    """
    return whole(value) or None


def absence(value: str | None) -> int | None:
    """Read the days since a horse last ran; what follows in brackets is the other code's.

    >>> absence("24"), absence("128 (9F)"), absence("")
    (24, 128, None)
    """
    return whole(None if value is None else value.partition(" (")[0])


@lru_cache(maxsize=MOST_KEPT)
def amount(value: str | None) -> Decimal | None:
    """Read a decimal number, exactly.

    >>> amount("3245.08")
    Decimal('3245.08')
    """
    if value is None or value in NONE:
        return None
    try:
        number = None if "_" in value else Decimal(value)
    except InvalidOperation:
        number = None
    if number is None or not number.is_finite() or abs(number.adjusted()) > 15:  # noqa: PLR2004
        message = f"{value!r} is not a number"
        raise ValueError(message)
    return number


@lru_cache(maxsize=MOST_KEPT)
def day(value: str | None) -> date | None:
    """Read an ISO date.

    >>> day("2011-06-19")
    datetime.date(2011, 6, 19)
    """
    return None if value is None or value in NONE else date.fromisoformat(value)


def instant(value: str | None) -> datetime | None:
    """Read an instant; without a zone it is London's.

    >>> instant("2025-10-07T20:30:00+01:00").astimezone(LONDON).hour
    20
    """
    if value is None or value in NONE:
        return None
    moment = datetime.fromisoformat(value)
    return moment if moment.tzinfo else moment.replace(tzinfo=LONDON)


def race_clock(value: str | None) -> time | None:
    """Read a clock without am and pm: hours 1 to 10 are after noon, 11 and 12 stay.

    >>> race_clock("8:30"), race_clock("11:45"), race_clock("19:10")
    (datetime.time(20, 30), datetime.time(11, 45), datetime.time(19, 10))
    """
    if value is None or value in NONE:
        return None
    hours, _, minutes = value.partition(":")
    hour = int(hours)
    return time(hour + 12 if hour in _AFTERNOON_HOURS else hour, int(minutes))


def off(race_day: date, off_dt: str | None, *, clock: str | None) -> datetime | None:
    """Return when a race starts, in London's zone; the clock text serves only without off_dt.

    >>> off(date(2025, 10, 7), "2025-10-07T20:30:00+01:00", clock="8:30").isoformat()
    '2025-10-07T20:30:00+01:00'
    >>> off(date(2025, 1, 7), None, clock="8:30").isoformat()
    '2025-01-07T20:30:00+00:00'
    """
    moment = instant(off_dt)
    if moment is not None:
        return moment.astimezone(LONDON)
    told = race_clock(clock)
    return None if told is None else datetime.combine(race_day, told, tzinfo=LONDON)


def seconds(value: str | None) -> Decimal | None:
    """Read a running time in seconds.

    >>> seconds("1:43.35"), seconds("1:1.05"), seconds("57.70")
    (Decimal('103.35'), Decimal('61.05'), Decimal('57.70'))
    """
    if value is None or value in NONE:
        return None
    found = _CLOCK_TIME.fullmatch(value)
    if found is None or len(value) > 8:  # noqa: PLR2004 -- 999:59.9; longer cannot be a race
        message = f"{value!r} is not a running time"
        raise ValueError(message)
    return int(found[1] or 0) * 60 + Decimal(found[2])


class Price(NamedTuple):
    """A starting price: decimal including the stake, and F, J or C for the market's head."""

    decimal: Decimal | None
    marker: str | None


def price(value: str | None) -> Price:
    """Read a fractional starting price.

    >>> price("13/8F")
    Price(decimal=Decimal('2.625'), marker='F')
    >>> price("Evs").decimal
    Decimal('2')
    """
    if value is None or value in NONE:
        return Price(None, None)
    found = _PRICE.fullmatch(value)
    if found is None or found[2] == "0":
        message = f"{value!r} is not a starting price"
        raise ValueError(message)
    marker = found[4][:1].upper() or None
    if found[3]:
        return Price(Decimal(2), marker)
    ratio = Decimal(found[1]) / Decimal(found[2])
    return Price(round(ratio + 1, 4).normalize() + 0, marker)


class Placing(NamedTuple):
    """A position, or why there is none; `outcome` is `finished`, the source's code or `other`."""

    position: int | None
    outcome: str
    is_starter: bool


def placing(value: str | None) -> Placing:
    """Read a position; a code nobody declared is a starter with outcome `other`.

    >>> placing("3"), placing("PU").is_starter, placing("NR").is_starter, placing("?").outcome
    (Placing(position=3, outcome='finished', is_starter=True), True, False, 'other')
    """
    told = (value or "").strip().upper()
    if told.isascii() and told.isdigit() and 0 < int(told) < 100:  # noqa: PLR2004 -- two digits
        return Placing(int(told), "finished", is_starter=True)
    if told in NOT_STARTED:
        return Placing(None, told, is_starter=False)
    return Placing(None, told if told in WITHOUT_POSITION else "other", is_starter=True)


def lengths(value: str | None) -> Decimal | None:
    """Read a beaten distance in lengths; `dist` is too far to measure and stays text.

    >>> lengths(".5"), lengths("nse"), lengths("hd"), lengths("dist")
    (Decimal('0.5'), Decimal('0.05'), Decimal('0.2'), None)
    """
    if value is None or value in NONE:
        return None
    return _LENGTHS[value] if value in _LENGTHS else amount(value)


class Money(NamedTuple):
    """An amount and its ISO 4217 currency, None when the text does not tell."""

    amount: Decimal | None
    currency: str | None


def money(value: str | None) -> Money:
    """Read a sum of money.

    >>> money("£12,851")
    Money(amount=Decimal('12851'), currency='GBP')
    >>> money("€8,000").currency
    'EUR'
    """
    if value is None or value in NONE:
        return Money(None, None)
    currency = _CURRENCIES.get(value[0])
    return Money(amount((value[1:] if currency else value).strip().replace(",", "")), currency)


class Rider(NamedTuple):
    """A jockey's name, and the claim in pounds that stood in brackets behind it."""

    name: str | None
    claim: int | None


@lru_cache(maxsize=MOST_KEPT)
def rider(value: str | None) -> Rider:
    """Part a jockey's name from the claim.

    >>> rider("Joe Williamson(5)"), rider("Mark Winn")
    (Rider(name='Joe Williamson', claim=5), Rider(name='Mark Winn', claim=None))
    """
    if value is None or value in NONE:
        return Rider(None, None)
    found = _CLAIM.fullmatch(value)
    return Rider(found[1], int(found[2])) if found and found[1] else Rider(value, None)


def stones(pounds: int | None) -> str | None:
    """Write a weight in stones and pounds.

    >>> stones(134)
    '9-8'
    """
    return None if pounds is None else "{}-{}".format(*divmod(pounds, POUNDS_PER_STONE))


def pounds(value: str | None) -> int | None:
    """Read a weight in stones and pounds.

    >>> pounds("9-8")
    134
    """
    if value is None or value in NONE:
        return None
    found = _WEIGHT.fullmatch(value)
    if found is None:
        message = f"{value!r} is not a weight in stones and pounds"
        raise ValueError(message)
    return int(found[1]) * POUNDS_PER_STONE + int(found[2])


def yards(value: str | None) -> int | None:
    """Read a distance text.

    >>> yards("2m53y"), yards("1m"), yards("2m6f31y"), yards("7½f")
    (3573, 1760, 4871, 1650)
    """
    if value is None or value in NONE:
        return None
    found = _DISTANCE.fullmatch(value)
    if found is None or len(value) > 12:  # noqa: PLR2004 -- 99m7½f219yds
        message = f"{value!r} is not a distance"
        raise ValueError(message)
    furlongs = int(found[2] or 0) * YARDS_PER_FURLONG + (YARDS_PER_FURLONG // 2 if found[3] else 0)
    return int(found[1] or 0) * YARDS_PER_MILE + furlongs + int(found[4] or 0)


def metres(distance_yards: int | None) -> int | None:
    """Turn yards into whole metres.

    >>> metres(1773)
    1621
    """
    return None if distance_yards is None else round(distance_yards * METRES_PER_YARD)


def furlongs(value: str | None) -> str | None:
    """Write a distance in furlongs one way.

    >>> furlongs("8f"), furlongs("16.0"), furlongs("7.5f")
    ('8.0', '16.0', '7.5')
    """
    number = amount(None if value is None else value.removesuffix("f"))
    return None if number is None else f"{number:.1f}"


def birth_region(name: str | None) -> str | None:
    """Return where a horse was foaled, from its name's suffix; without one it is British.

    >>> birth_region("Create (IRE)"), birth_region("Flaggan")
    ('IRE', 'GB')
    """
    if name is None:
        return None
    found = _SUFFIX.search(name)
    return found[1] if found else "GB"


def day_end(race_day: date) -> datetime:
    """Return the midnight that ends a day in London.

    >>> day_end(date(2025, 7, 1)).isoformat()
    '2025-07-02T00:00:00+01:00'
    """
    return datetime.combine(race_day + timedelta(days=1), time(), tzinfo=LONDON)
