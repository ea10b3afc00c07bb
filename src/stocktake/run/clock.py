"""The only place in the engine that reads the clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from typing import Literal

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """Return the present instant, aware, in UTC."""
    return datetime.now(UTC)


def end_of(day: date) -> datetime:
    """Return the last instant of a day (UTC)."""
    return datetime.combine(day, time.max, UTC)


def instant_of(text: str, *, day_is: Literal["start", "end"] = "end") -> datetime:
    """Return an instant from ISO 8601, UTC when it names no zone; a day is its end or start.

    >>> instant_of("2024-03-31T06:00").isoformat()
    '2024-03-31T06:00:00+00:00'

    Raises:
        ValueError: It is neither a day nor an instant.
    """
    if len(text) == len("2024-01-01"):
        day = date.fromisoformat(text)
        return end_of(day) if day_is == "end" else datetime.combine(day, time.min, UTC)
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
