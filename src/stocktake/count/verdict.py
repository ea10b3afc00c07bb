"""What an answer and the tables together make of one unit: pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from stocktake.count.routes import end_of_day
from stocktake.model import Settle, State, UnitOutcome

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

FAILURES = frozenset({State.FAILED, State.BLOCKED, State.UNRECOVERABLE})
"""States of units whose answer never came."""

GONE_FOR = timedelta(days=30)
"""A unit its source says it does not have is asked for again after this long."""

WORST_FIRST = (
    State.FAILED,
    State.UNRECOVERABLE,
    State.BLOCKED,
    State.MISSING,
    State.THIN,
    State.STALE,
    State.EMPTY,
    State.COMPLETE,
)


@dataclass(frozen=True, slots=True)
class Tally:
    """Rows of one unit, and how many there should be (``None``: unknown)."""

    rows: int = 0
    expected_rows: int | None = None


NOTHING = Tally()


@dataclass(frozen=True, slots=True)
class Known:
    """What was recorded of a unit before."""

    is_held: bool = False
    state: State | None = None
    reason: str = ""
    rows: int | None = None
    next_try_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The state a unit gets; ``state`` ``None`` leaves what was known and counts a try."""

    state: State | None
    reason: str = ""
    is_held: bool = True


@dataclass(frozen=True, slots=True)
class Look:
    """When a unit is looked at again, and when it was found final."""

    next_try_at: datetime | None = None
    settled_at: datetime | None = None


NO_LOOK = Look()


def decide(outcome: UnitOutcome, counted: Tally, *, known: Known) -> Verdict:
    """Return a unit's state from what the answer said and what the tables hold.

    The worse of the two wins. ``empty`` needs a proof: the answer said so, or no rows are expected.
    """
    state, reason = outcome.state, outcome.reason
    if state in FAILURES:
        return Verdict(None) if known.is_held else Verdict(state, reason, is_held=False)
    if counted.rows == 0:
        return _without_rows(outcome, counted)
    if state is State.EMPTY:
        return Verdict(State.THIN, f"the source says empty, {counted.rows} rows are held")
    if counted.expected_rows is not None and counted.rows < counted.expected_rows:
        short = f"rows {counted.rows} of {counted.expected_rows}"
        return Verdict(State.THIN, reason if state is State.THIN and reason else short)
    return Verdict(state, reason)


def _without_rows(outcome: UnitOutcome, counted: Tally) -> Verdict:
    is_proven = counted.expected_rows == 0 or outcome.none_is_empty
    if outcome.state is State.EMPTY or (is_proven and outcome.state is State.COMPLETE):
        return Verdict(State.EMPTY, outcome.reason)
    if outcome.state is State.COMPLETE:
        wanted = counted.expected_rows
        return Verdict(State.FAILED, f"rows 0 of {wanted}" if wanted else "no rows", is_held=False)
    return Verdict(State.MISSING, outcome.reason, is_held=False)


def settle_day(
    verdict: Verdict, settle: Settle, *, day: date, zone: ZoneInfo, now: datetime
) -> tuple[Verdict, Look]:
    """Return the verdict held against the settle rule: before the day is final it stays thin."""
    final_at = end_of_day(day, zone) + settle.after
    if verdict.state not in {State.COMPLETE, State.EMPTY}:
        return verdict, NO_LOOK
    if now < final_at:
        return Verdict(State.THIN, "not settled yet"), Look(final_at)
    looks = [final_at + age for age in sorted(settle.recheck)]
    return verdict, Look(next((look for look in looks if look > now), None), now)
