"""How a game stands, from status and score as schedules and scoreboards tell them."""

from __future__ import annotations

import re

from stocktake.systems.nba.normalise import read_count, read_text

SCHEDULED, LIVE, FINAL, POSTPONED, CANCELLED = (
    "scheduled",
    "live",
    "final",
    "postponed",
    "cancelled",
)
STATUSES = (SCHEDULED, LIVE, FINAL, POSTPONED, CANCELLED)
OFF = frozenset({POSTPONED, CANCELLED})
_BY_NUMBER = {1: SCHEDULED, 2: LIVE, 3: FINAL}
_POSTPONED_FLAGS = frozenset({"Y", "P"})  # A and N stand for a game as planned
_POSTPONED_TEXT = re.compile(r"ppd|postponed", re.IGNORECASE)
_CANCELLED_TEXT = re.compile(r"cancell?ed|cnl", re.IGNORECASE)


def read_status(number: object, text: object = None, flag: object = None) -> str:
    """Read a game's status from its number 1 to 3, the text shown and the postponed flag.

    A game that was played is what its number says; one that was not may be off.

    Raises:
        ValueError: The number is none of the three.

    >>> read_status(3, "Final"), read_status(1, "PPD"), read_status(1, "7:00 pm ET", "Y")
    ('final', 'postponed', 'postponed')
    """
    status = _BY_NUMBER.get(read_count(number) or 0)
    if status is None:
        msg = f"unknown game status {str(number)[:40]!r}"
        raise ValueError(msg)
    if status != SCHEDULED:
        return status
    shown = read_text(text) or ""
    if _CANCELLED_TEXT.match(shown):
        return CANCELLED
    if flag in _POSTPONED_FLAGS or _POSTPONED_TEXT.match(shown):
        return POSTPONED
    return SCHEDULED


def confirmed(status: str, home_score: int | None, away_score: int | None) -> str:
    """Return the status, but of a final game whose score cannot be a final one: live.

    >>> confirmed("final", 0, 0), confirmed("final", 101, 99)
    ('live', 'final')
    """
    is_doubtful = home_score is None or away_score is None or home_score == away_score
    return LIVE if status == FINAL and is_doubtful else status
