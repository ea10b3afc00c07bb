"""How things read on pages: numbers, times, states, links. Registered as template filters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from stocktake.model import State
from stocktake.report.figures import duration

if TYPE_CHECKING:
    from collections.abc import Sequence

GLYPHS: Mapping[str, str] = MappingProxyType(
    {
        State.COMPLETE: "●",
        State.THIN: "◐",
        State.EMPTY: "∅",
        State.MISSING: "○",
        State.FAILED: "✕",
        State.STALE: "↻",
        State.BLOCKED: "‖",
        State.ACCEPTED: "~",
        State.UNRECOVERABLE: "⊘",
        State.SURPLUS: "+",
        State.NOT_EXPECTED: "\\",
        State.FUTURE: "·",
    }
)
"""Of units; a state is never told by colour alone."""

MEANINGS: Mapping[str, str] = MappingProxyType(
    {
        State.COMPLETE: "held, with every row expected",
        State.THIN: "held, with fewer rows than expected",
        State.EMPTY: "fetched and proven to have no rows; counts as held",
        State.MISSING: "promised, not held, not tried or not come yet",
        State.FAILED: "tried, and it did not come",
        State.STALE: "held, but an input changed since it was computed",
        State.BLOCKED: "waits for another dataset",
        State.ACCEPTED: "a person waived it, with a reason and an end",
        State.UNRECOVERABLE: "no source can deliver it any more",
        State.SURPLUS: "held although nobody promised it",
        State.NOT_EXPECTED: "not promised, with a reason",
        State.FUTURE: "promised for later",
    }
)

RUN_GLYPHS = MappingProxyType(
    {
        "queued": "…",
        "running": "▶",
        "paused": "‖",
        "done": "✓",
        "failed": "✕",
        "cancelled": "■",
    }
)
CHECK_GLYPHS = MappingProxyType({"pass": "✓", "warn": "!", "fail": "✕", "error": "?", "n/a": "–"})

SEPARATORS = MappingProxyType({"en": (",", "."), "de": (".", ","), "fr": ("\u202f", ",")})
"""Of thousands and decimals, by number format."""

MINUTE, HOUR, DAY = 60, 3600, 86400


@dataclass(frozen=True, slots=True)
class Preferences:
    """How one visitor wants to see pages.

    Attributes:
        theme: ``auto``, ``light`` or ``dark``.
        density: ``comfortable`` or ``compact``.
        numbers: ``en``, ``de`` or ``fr``.
        zone: IANA zone in which times are shown.
        shortcuts: Whether single keys do something.
    """

    theme: str = "auto"
    density: str = "comfortable"
    numbers: str = "en"
    zone: str = "UTC"
    shortcuts: bool = True


CHOICES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "theme": ("auto", "light", "dark"),
        "density": ("comfortable", "compact"),
        "numbers": ("en", "de", "fr"),
    }
)
COOKIE = "stocktake-"


def preferences_of(cookies: Mapping[str, str]) -> Preferences:
    """Return the preferences cookies tell of; what is no choice is passed over.

    >>> preferences_of({"stocktake-theme": "dark", "stocktake-numbers": "klingon"}).theme
    'dark'
    """
    told = {
        name: cookies[COOKIE + name]
        for name, known in CHOICES.items()
        if cookies.get(COOKIE + name) in known
    }
    zone = cookies.get(f"{COOKIE}zone", "")
    return Preferences(
        **told,
        zone=zone if is_zone(zone) else "UTC",
        shortcuts=cookies.get(f"{COOKIE}shortcuts") != "off",
    )


def is_zone(name: str) -> bool:
    """Return whether ``name`` is an IANA zone.

    >>> is_zone("Europe/London"), is_zone("../etc/passwd"), is_zone("")
    (True, False, False)
    """
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return bool(name)


def local_number(text: str, numbers: str) -> str:
    """Return a number written the English way in another format.

    >>> local_number("1,234.5 %", "de"), local_number("n/a", "de")
    ('1.234,5 %', 'n/a')
    """
    if numbers == "en" or not any(one.isdigit() for one in text):
        return text
    thousands, decimal = SEPARATORS[numbers]
    return text.replace(",", "\0").replace(".", decimal).replace("\0", thousands)


def ago(at: datetime, now: datetime) -> str:
    """Return how long ago an instant was, or how long it is until then.

    >>> ago(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 0, 3, tzinfo=UTC))
    '3 min ago'
    """
    seconds = (now - at).total_seconds()
    text = duration(abs(seconds)).split(" ")
    short = " ".join(text[:2])
    if abs(seconds) < 1:
        return "now"
    return f"{short} ago" if seconds > 0 else f"in {short}"


def local_time(at: datetime, zone: str) -> str:
    """Return an instant in a zone, to the second, without the zone's name."""
    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S}"


def offset_of(zone: str, now: datetime) -> str:
    """Return a zone with its present distance from UTC.

    >>> offset_of("Asia/Kolkata", datetime(2026, 1, 1, tzinfo=UTC))
    'Asia/Kolkata, UTC+5:30'
    """
    delta = now.astimezone(ZoneInfo(zone)).utcoffset()
    minutes = int(delta.total_seconds() // MINUTE) if delta else 0
    hours, rest = divmod(abs(minutes), 60)
    sign = "-" if minutes < 0 else "+"
    told = f"UTC{sign}{hours}" + (f":{rest:02}" if rest else "")
    return told if zone == "UTC" else f"{zone}, {told}"


def word(value: object) -> str:
    """Return a state, kind or name as it reads: underscores are spaces."""
    return str(value).replace("_", " ")


def plural(count: int, noun: str, many: str = "") -> str:
    """Return a count with its noun.

    >>> plural(1, "unit"), plural(1200, "unit"), plural(2, "query", "queries")
    ('1 unit', '1,200 units', '2 queries')
    """
    return f"{count:,} {noun if count == 1 else many or noun + 's'}"


WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")


def cron_words(cron: str) -> str:
    """Return what a simple cron expression says; empty for those that words would not shorten.

    >>> cron_words("30 2 * * *"), cron_words("0 6 * * 1"), cron_words("*/20 18-23 * * *")
    ('every day at 02:30', 'every Monday at 06:00', 'every 20 minutes from 18 to 23 h')
    >>> cron_words("15 * * * *"), cron_words("0 4 1 * *"), cron_words("0 4 1,15 * 1")
    ('every hour at minute 15', 'on day 1 of each month at 04:00', '')
    """
    fields = cron.split()
    if len(fields) != 5:  # noqa: PLR2004 -- minute, hour, day, month, weekday
        return ""
    minute, hour, day, month, weekday = fields
    days = _days_in_words(day, month, weekday)
    if not days:
        return ""
    if minute.isdecimal() and hour.isdecimal():
        return f"{days} at {int(hour):02}:{int(minute):02}"
    often = _often_in_words(minute, hour)
    if not often:
        return ""
    return often if days == "every day" else f"{often}, {days}"


def _days_in_words(day: str, month: str, weekday: str) -> str:
    if month != "*":
        return ""
    if day == "*" and weekday == "*":
        return "every day"
    if day == "*" and weekday.isdecimal() and int(weekday) <= len(WEEKDAYS):
        return f"every {WEEKDAYS[int(weekday) % len(WEEKDAYS)]}"
    return f"on day {day} of each month" if day.isdecimal() and weekday == "*" else ""


def _often_in_words(minute: str, hour: str) -> str:
    first, dash, last = hour.partition("-")
    hours = ""
    if dash and first.isdecimal() and last.isdecimal():
        hours = f" from {first} to {last} h"
    elif hour != "*":
        return ""
    if minute.startswith("*/") and minute[2:].isdecimal():
        return f"every {minute[2:]} minutes{hours}"
    return f"every hour at minute {minute}{hours}" if minute.isdecimal() else ""


def milliseconds(seconds: float) -> str:
    """Return a short time, seconds from ten on.

    >>> milliseconds(0.0234), milliseconds(12.0)
    ('23 ms', '12 s')
    """
    longest = 10
    return f"{seconds * 1000:,.0f} ms" if seconds < longest else f"{seconds:,.0f} s"


def path_part(text: object) -> str:
    """Return a text as one part of a path; a unit's slashes stay.

    >>> path_part("2024-01-01/gb"), path_part("a b?")
    ('2024-01-01/gb', 'a%20b%3F')
    """
    return quote(str(text), safe="/")


def own_path(target: str, fallback: str = "/") -> str:
    """Return ``target`` when it is a path of this site, else ``fallback``: no open redirects.

    >>> own_path("/runs?x=1"), own_path("//evil.example"), own_path("https://evil.example/")
    ('/runs?x=1', '/', '/')
    """
    parts = urlsplit(target)
    is_own = target.startswith("/") and not target.startswith(("//", "/\\"))
    if not is_own or parts.scheme or parts.netloc or any(one < " " for one in target):
        return fallback
    return target


def shell_word(text: str) -> str:
    r"""Return a text as one word of a command line.

    >>> shell_word("racing"), shell_word("two words")
    ('racing', "'two words'")
    """
    plain = all(one.isalnum() or one in "-_./:=,@%+" for one in text) and text
    return text if plain else "'" + text.replace("'", "'\"'\"'") + "'"


def command(parts: Sequence[object]) -> str:
    """Return a command line that may be pasted into a shell."""
    return " ".join(
        ["stocktake", *(shell_word(str(part)) for part in parts if part not in {None, ""})]
    )


def iso(value: date | datetime | None) -> str:
    """Return a day or instant (in UTC) as ISO 8601; nothing for ``None``."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return value.isoformat()
