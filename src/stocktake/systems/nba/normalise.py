"""How the sources' spellings become values: small pure functions, each one rule.

All raise `ValueError` for what they cannot read; its text is the reason of the reject.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import NamedTuple, NoReturn
from zoneinfo import ZoneInfo

EASTERN = ZoneInfo("America/New_York")
LEAGUE = "00"
IN_SCOPE = ("regular", "play_in", "playoffs", "cup_final")
SEASON_TYPES = {
    "1": "pre",
    "2": "regular",
    "3": "all_star",
    "4": "playoffs",
    "5": "play_in",
    "6": "cup_final",
}
"""Third digit of a game id, first of a SEASON_ID; 005 and 006 as seen in practice."""

_ID_DIGITS = range(8, 11)
_FIRST_YEAR = 46  # of the league: two-digit years from 46 on are of the twentieth century
_LAST_YEAR = 9999
_MOST = 10**6
_MONTHS = {
    name: str(number)
    for number, name in enumerate(
        ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"), 1
    )
}
_ISO = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:[T ].*)?", re.ASCII | re.DOTALL)
_AMERICAN = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})(?: .*)?", re.ASCII | re.DOTALL)
_SPOKEN = re.compile(r"([A-Z]{3})[A-Z]* (\d{1,2}), (\d{4})", re.ASCII)
_COLON = re.compile(r"(\d{1,4}):(\d{2})(?:\.\d+)?", re.ASCII)
_PERIOD = re.compile(r"PT(?:(\d{1,4})M)?(?:(\d{1,2}(?:\.\d+)?)S)?", re.ASCII)
_SURROGATES = re.compile("[\ud800-\udfff\x00]")


class GameId(NamedTuple):
    """A game id and what its digits say; `is_padded` when zeros had been lost."""

    game_id: str
    season: str
    season_type: str
    start_year: int
    is_padded: bool


def refuse(reason: str) -> NoReturn:
    """Raise `ValueError`: the value or row at hand cannot be taken."""
    raise ValueError(reason)


def read_game_id(value: object) -> GameId:
    """Read a game id of this league, lost zeros restored.

    >>> read_game_id("0022400001")[:4]
    ('0022400001', '2024-25', 'regular', 2024)
    >>> read_game_id(22400001).is_padded, read_game_id("022400001").game_id
    (True, '0022400001')
    """
    written = str(value).strip() if isinstance(value, (str, int)) else ""
    if not (written.isascii() and written.isdigit() and len(written) in _ID_DIGITS):
        refuse(f"{str(value)[:40]!r} is not a game id of 10 digits")
    game_id = written.zfill(10)
    if game_id[:2] != LEAGUE:
        refuse(f"game {game_id} is of league {game_id[:2]}, not {LEAGUE}")
    season_type = SEASON_TYPES.get(game_id[2])
    if season_type is None:
        refuse(f"game {game_id} is of no known type {game_id[:3]}")
    two = int(game_id[3:5])
    year = two + (1900 if two >= _FIRST_YEAR else 2000)
    return GameId(game_id, season_name(year), season_type, year, game_id != written)


def season_name(start_year: int) -> str:
    """Name a season by its first year.

    >>> season_name(2024), season_name(1999)
    ('2024-25', '1999-00')
    """
    return f"{start_year}-{(start_year + 1) % 100:02}"


def check_season(game: GameId, season_id: str | None) -> None:
    """Refuse a SEASON_ID (`22024`) or SEASON_YEAR (`2024-25`) that contradicts the game id."""
    if season_id is None:
        return
    own = (f"{game.game_id[2]}{game.start_year}", game.season)
    if season_id not in own:
        refuse(f"season {season_id!r} contradicts game {game.game_id} of {game.season}")


def read_day(value: object) -> date:
    """Read a date in any of the forms that logs use; a time behind it is ignored.

    >>> {str(read_day(text)) for text in ("2022-10-28", "2022-10-28T00:00:00", "10/28/2022",
    ...                                   "OCT 28, 2022", "10/28/2022 00:00:00")}
    {'2022-10-28'}
    """
    written = value.strip() if isinstance(value, str) else ""
    parts: tuple[str, str, str] | None = None
    if found := _ISO.fullmatch(written):
        parts = (found[1], found[2], found[3])
    elif found := _AMERICAN.fullmatch(written):
        parts = (found[3], found[1], found[2])
    elif found := _SPOKEN.fullmatch(written.upper()):
        parts = (found[3], _MONTHS.get(found[1], "0"), found[2])
    try:
        year, month, day = map(int, parts or ())
        return date(year, month, day)
    except ValueError:
        return refuse(f"{str(value)[:40]!r} is not a date")


def check_day(game: GameId, day: date) -> None:
    """Refuse a date that cannot be one of the game's season."""
    if day.year not in (game.start_year, game.start_year + 1):
        refuse(f"{day} is not in season {game.season} of game {game.game_id}")


def read_instant(value: object) -> datetime | None:
    """Read an instant in UTC; dates before the league (placeholders of TBD) are none.

    >>> read_instant("2025-11-06T00:00:00Z"), read_instant("1900-01-01T00:00:00Z")
    (datetime.datetime(2025, 11, 6, 0, 0, tzinfo=datetime.timezone.utc), None)
    """
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        refuse(f"{str(value)[:40]!r} is not an instant")
    at = datetime.fromisoformat(value)
    if not 1900 + _FIRST_YEAR <= at.year < _LAST_YEAR:
        return None
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def eastern_day(at: datetime) -> date:
    """Return the league's date of an instant.

    >>> eastern_day(datetime(2025, 11, 6, 3, tzinfo=UTC))
    datetime.date(2025, 11, 5)
    """
    return at.astimezone(EASTERN).date()


def is_over(day: date, *, at: datetime) -> bool:
    """Return whether a day of the league had ended at an instant."""
    return at >= datetime.combine(day, datetime.min.time(), EASTERN) + timedelta(days=1)


def read_count(value: object) -> int | None:
    """Read a number of something; None and `""` say none.

    >>> read_count("19.0"), read_count(7), read_count("")
    (19, 7, None)
    """
    number = _number(value)
    if number is None:
        return None
    if number < 0:
        refuse(f"negative count {value}")
    if number != int(number):
        refuse(f"{value} is not a whole number")
    return int(number)


def read_id(value: object) -> int:
    """Read the id of a player or action, a positive whole number."""
    number = _number(value, most=2**31 - 1)
    if number is None or number < 1 or number != int(number):
        refuse(f"{str(value)[:40]!r} is not an id")
    return int(number)


def read_known_id(value: object) -> int | None:
    """Read an id where nothing, 0 or `""` stands for nobody.

    >>> read_known_id(0), read_known_id("203999")
    (None, 203999)
    """
    return None if value in (None, "", 0, "0") else read_id(value)


def read_fraction(value: object) -> Decimal | None:
    """Read a percentage given as a fraction 0 to 1.

    >>> read_fraction("0.417"), read_fraction(1.0), read_fraction("")
    (Decimal('0.417'), Decimal('1'), None)
    """
    number = _number(value)
    if number is not None and not 0 <= number <= 1:
        refuse(f"{value} is not between 0 and 1")
    return number


def read_signed(value: object) -> Decimal | None:
    """Read a number of either sign.

    >>> read_signed("-3.0"), read_signed(28.0)
    (Decimal('-3'), Decimal('28'))
    """
    return _number(value)


def _number(value: object, *, most: int = _MOST) -> Decimal | None:
    """Return a finite number in its shortest spelling: equal numbers are written alike."""
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        refuse(f"{str(value)[:40]!r} is not a number")
    written = value.strip() if isinstance(value, str) else repr(value)
    try:
        number = Decimal(written) if len(written) <= 40 and "_" not in written else None  # noqa: PLR2004 -- no count is that long
    except InvalidOperation:
        number = None
    if number is None or not written.isascii() or not number.is_finite():
        refuse(f"{str(value)[:40]!r} is not a number")
    if abs(number) > most:
        refuse(f"{str(value)[:40]} is out of range")
    whole = int(number)
    return Decimal(whole) if number == whole else number.normalize()


def read_minutes(value: str | None) -> float | None:
    """Read minutes played in any spelling; used to judge, never stored.

    >>> read_minutes("19:30"), read_minutes("PT19M30.00S"), read_minutes("48.0"), read_minutes("")
    (19.5, 19.5, 48.0, None)
    """
    if value is None or value == "":
        return None
    if found := _COLON.fullmatch(value) or _PERIOD.fullmatch(value):
        return int(found[1] or 0) + float(found[2] or 0) / 60
    number = read_count(value) if value.isdigit() else read_signed(value)
    if number is None or number < 0:
        refuse(f"{value[:40]!r} are no minutes")
    return float(number)


def read_text(value: object) -> str | None:
    """Return a text as sent; None, `""` and spaces alone are none.

    >>> read_text("Guard"), read_text("  ")
    ('Guard', None)
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        refuse(f"{str(value)[:40]!r} is not a text")
    written = str(value)
    if _SURROGATES.search(written):
        refuse("a text holds what is no character")
    return written if written.strip() else None


def read_result(value: object) -> str | None:
    """Read W or L; a game that is not over has none."""
    if value is None or value == "":
        return None
    if value not in ("W", "L"):
        refuse(f"{str(value)[:40]!r} is neither W nor L")
    return str(value)


def sides(matchup: str) -> tuple[str, str, bool]:
    """Return the abbreviations of the first and the second team, and whether the first is home.

    >>> sides("ATL vs. BOS"), sides("ATL @ BOS")
    (('ATL', 'BOS', True), ('ATL', 'BOS', False))
    """
    for mark, is_home in ((" vs. ", True), (" @ ", False), (" vs ", True)):
        first, found, second = matchup.partition(mark)
        if found and first.strip() and second.strip():
            return first.strip(), second.strip(), is_home
    return refuse(f"{matchup[:40]!r} names no two teams")
