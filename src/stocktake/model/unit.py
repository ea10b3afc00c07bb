"""Units, their states, and what a count of them says."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class State(StrEnum):
    """What is known of one unit; the words are those of the glossary.

    ``complete``, ``thin``, ``empty`` and ``stale`` are held; ``missing``, ``failed``, ``blocked``
    and ``unrecoverable`` are gaps. The rest is outside what is expected.
    """

    COMPLETE = "complete"
    THIN = "thin"
    EMPTY = "empty"
    STALE = "stale"
    MISSING = "missing"
    FAILED = "failed"
    BLOCKED = "blocked"
    UNRECOVERABLE = "unrecoverable"
    NOT_EXPECTED = "not_expected"
    ACCEPTED = "accepted"
    FUTURE = "future"
    SURPLUS = "surplus"


HELD_STATES = frozenset({State.COMPLETE, State.THIN, State.EMPTY, State.STALE})
GAP_STATES = frozenset({State.MISSING, State.FAILED, State.BLOCKED, State.UNRECOVERABLE})
TO_FILL_STATES = frozenset({State.MISSING, State.FAILED, State.THIN, State.STALE})


@dataclass(frozen=True, slots=True, order=True)
class Unit:
    """One thing that is either here or missing.

    Args:
        dataset: Name of the dataset.
        key: One text per partition dimension, in the order of the partitions; days are ISO dates.
    """

    dataset: str
    key: tuple[str, ...]

    def __str__(self) -> str:
        return "/".join(self.key)


@dataclass(frozen=True, slots=True)
class UnitOutcome:
    """What one answer proved about one unit of a feed; the row counts come from the tables.

    Args:
        key: The unit's key, as in ``Unit``.
        state: ``complete`` unless the answer itself shows otherwise: ``thin`` (a day in
            progress, a page missing, a rejected race), ``empty`` (proven: a total of 0) or
            ``failed``.
        reason: Why it is not complete; empty for ``complete``.
        datasets: Datasets concerned; empty means all that the feed fills.
        none_is_empty: Whether no rows at all are a proof (a derived table had nothing to
            compute), not a failure.
        next_try_at: When another try of a failed one is worth it at the soonest, if known.
    """

    key: tuple[str, ...]
    state: State = State.COMPLETE
    reason: str = ""
    datasets: tuple[str, ...] = ()
    none_is_empty: bool = False
    next_try_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Coverage:
    """The counts of one dataset over a range; ``held + gaps = expected`` always holds.

    Args:
        dataset: Its name.
        expected: Units promised up to the count's last day, without ``not_expected``, ``future``
            and ``accepted`` ones. ``None`` when no expectation is known.
        held: Expected units that have rows or are proven empty.
        states: Units per state, states without units left out.
        surplus: Units held but not expected.
        rows: Rows in the table within the range, ``None`` when not counted.
        target: Fraction of ``expected`` that should be held, 0 to 1.
    """

    dataset: str
    expected: int | None
    held: int
    states: Mapping[State, int] = field(default_factory=dict)
    surplus: int = 0
    rows: int | None = None
    target: float = 1.0

    @property
    def coverage(self) -> float | None:
        """Held ÷ expected, 0 to 1; ``None`` when nothing is expected."""
        return self.held / self.expected if self.expected else None

    @property
    def missing(self) -> int:
        """Expected units not held, whatever the reason."""
        return (self.expected or 0) - self.held if self.expected else 0

    @property
    def needed_for_target(self) -> int:
        """Units to fill until ``target`` is reached; 0 when it is."""
        if not self.expected:
            return 0
        wanted = -int(-(self.target * self.expected) // 1)
        return max(0, wanted - self.held)


@dataclass(frozen=True, slots=True)
class Gap:
    """A run of neighbouring units of one series that share state and reason.

    Args:
        dataset: Its name.
        series: The other dimensions' values, in partition order; empty when there are none.
        first: Key of the first unit (day as ISO text, or member).
        last: Key of the last unit, included.
        units: How many units lie between, both included.
        state: Their state.
        reason: Why.
        noticed_at: Since when every count would have shown a gap among them; ``None`` when they
            are none, or nobody can say.
        blocked_by: The dataset that must come first, empty where none stands in the way.
    """

    dataset: str
    series: tuple[str, ...]
    first: str
    last: str
    units: int
    state: State
    reason: str
    noticed_at: datetime | None = None
    blocked_by: str = ""


@dataclass(frozen=True, slots=True)
class Hole:
    """A run of expected days of one series that lack units.

    Args:
        dataset: Its name.
        series: The other dimensions' values, in partition order.
        first: First day of it.
        last: Last day of it, included.
        days: Expected days in it; days on which nothing is expected do not count.
        units: Units lacking on them.
        reason: Why, by the first of them.
    """

    dataset: str
    series: tuple[str, ...]
    first: date
    last: date
    days: int
    units: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Loss:
    """Units of one series and feed that were not held although they should have been.

    Args:
        units: How many.
        first: First day, or key where units have no days.
        last: Last of them.
        lost_at: When the ledger let go of them, or when they were due and did not come.
        was_held: Whether they had been held before.
        back_at: When all of them were held again; ``None`` while one is not.
    """

    dataset: str
    series: tuple[str, ...]
    feed: str
    units: int
    first: str
    last: str
    lost_at: datetime
    was_held: bool
    back_at: datetime | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to fill a unit that did not succeed at once.

    ``bytes`` and ``request`` are those of the answer that was kept, if one was.
    """

    at: datetime
    feed: str
    outcome: str
    reason: str
    capture_id: int | None
    seconds: float | None
    status: int | None = None
    bytes: int | None = None
    request: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """Days ``first`` to ``last``, both included, with one expectation.

    ``state`` is ``missing`` for days that are promised, else ``not_expected``, ``unrecoverable``
    or ``future`` with its reason.
    """

    first: date
    last: date
    state: State = State.MISSING
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Need:
    """Units of one series that one feed should deliver, or cannot.

    Args:
        feed: Feed, or ``derive`` for a derived dataset.
        dataset: Dataset counted.
        series: The other dimensions' values, in partition order.
        state: What the feed's ledger says of them; ``complete`` when a re-check is due.
        reason: Why.
        ranges: Half-open ordinal ranges, ascending.
        priority: How urgent they are, 0 first; ``None`` where nobody asked.
    """

    feed: str
    dataset: str
    series: tuple[str, ...]
    state: State
    reason: str
    ranges: tuple[tuple[int, int], ...]
    priority: int | None = None

    @property
    def units(self) -> int:
        """Number of units in the ranges."""
        return sum(last - first for first, last in self.ranges)


@dataclass(frozen=True, slots=True)
class Drift:
    """One unit whose ledger and rows disagree.

    Args:
        kind: ``lost`` (the ledger says held, there are no rows), ``unrecorded`` (rows the ledger
            does not know) or ``changed`` (the counts differ).
        ledger_rows: Rows by the ledger, ``None`` where it keeps no count.
        rows: Rows in the table.
    """

    dataset: str
    feed: str
    key: tuple[str, ...]
    kind: str
    ledger_rows: int | None
    rows: int


@dataclass(frozen=True, slots=True)
class FeedState:
    """What the ledger of one feed knows of one unit."""

    feed: str
    state: State
    reason: str = ""
    rows: int | None = None
    expected_rows: int | None = None
    attempts: int = 0
    next_try_at: datetime | None = None
    settled_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CaptureLine:
    """One stored response that covered a unit, without its body."""

    capture_id: int
    feed: str
    status: int
    bytes: int
    fetched_at: datetime
    is_loaded: bool
    request: str = ""


@dataclass(frozen=True, slots=True)
class WithdrawnRow:
    """A row of a unit that its source no longer told.

    Args:
        key: The row's key as people write it.
        facet: What was taken back.
        run_id: The run that found it so.
        capture_id: First page of the answer that no longer told it.
        is_row_gone: Whether the row went; else others still told it.
        at: When.
    """

    key: str
    facet: str
    run_id: int
    capture_id: int | None
    is_row_gone: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Explanation:
    """All that is known of one unit.

    Args:
        rule: The expectation's rule, in words.
        state: The unit's state; ``reason`` why.
        feeds: State per feed that fills the dataset.
        rejects: Rows refused: position, code, reason.
        upstream: Per dataset it comes after: the same unit's state.
        next_try_at: When the next try is due, if one is.
        advice: What to do next, a sentence or a command.
        withdrawn: Rows its sources withdrew, latest first.
        downstream: Per dataset that waits for it: the same unit's state.
    """

    unit: Unit
    rule: str
    state: State
    reason: str
    feeds: tuple[FeedState, ...]
    attempts: tuple[Attempt, ...]
    captures: tuple[CaptureLine, ...]
    rejects: tuple[tuple[str, str, str], ...]
    upstream: tuple[tuple[str, State, str], ...]
    next_try_at: datetime | None
    noticed_at: datetime | None
    advice: str
    withdrawn: tuple[WithdrawnRow, ...] = ()
    downstream: tuple[tuple[str, State, str], ...] = ()
