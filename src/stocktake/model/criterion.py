"""Criteria: what must hold before a history is signed off, or before something may use it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from stocktake.model.check import Check, Limit, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date, datetime

READY, READY_DEGRADED, NOT_READY = "ready", "ready_degraded", "not_ready"


@dataclass(frozen=True, slots=True)
class Criterion:
    """One line of a sign-off list or a gate; ``stocktake.criteria`` constructs them.

    Args:
        name: Unique within its list, a sentence's words joined by ``_``: what ``--waive`` names.
        kind: What is measured: ``coverage``, ``gaps``, ``states``, ``surplus``, ``checks``,
            ``measured``, ``verified``, ``unfinished_runs``, ``second_run``, ``duplicates``,
            ``schedules``, ``gate``, ``leakage`` or ``function``.
        datasets: Datasets measured; empty means all of the system.
        warn: Outside this range is degraded; it does not stop a sign-off.
        fail: Outside this range fails.
        words: What the kind needs besides: names of checks, states, a gate, a function's place.
        check: The measurement of kind ``measured``.
        title: For people; made from the name when empty.
        advice: What to do when it fails; the kind's own when empty.
    """

    name: str
    kind: str
    datasets: tuple[str, ...] = ()
    warn: Limit | None = None
    fail: Limit | None = None
    words: tuple[str, ...] = ()
    check: Check | None = None
    title: str = ""
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Gate:
    """What must hold before something may use the data.

    Any criterion that fails, or has nothing to measure, gives ``not_ready``; any that only warns
    ``ready_degraded``.

    Args:
        name: Unique within the system: ``check SYSTEM --gate NAME``.
        criteria: All of them are measured; none may be a gate.
        title: For people: what the gate guards.
    """

    name: str
    criteria: tuple[Criterion, ...]
    title: str = ""

    def __post_init__(self) -> None:
        """Refuse gates within gates and names used twice."""
        require_unique(one.name for one in self.criteria)
        if any(one.kind == "gate" for one in self.criteria):
            message = f"gate {self.name}: a gate cannot be a criterion of a gate"
            raise ValueError(message)


@dataclass(frozen=True, slots=True)
class ItemLine:
    """One figure of a criterion: of which part, and its verdict."""

    group: str
    value: float | None
    severity: Severity
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """A criterion as it was measured.

    Args:
        name: The criterion's.
        title: For people.
        kind: The criterion's.
        severity: The gravest of its lines. ``n/a`` when nothing was there to measure, which proves
            nothing.
        value: The gravest line's figure.
        threshold: What was allowed, in words.
        detail: What the gravest line says.
        lines: Every figure, gravest first.
        advice: What to do next.
        waived: Why it does not stop the sign-off although it fails; empty when not waived.
    """

    name: str
    title: str
    kind: str
    severity: Severity
    value: float | None
    threshold: str
    detail: str
    lines: Sequence[ItemLine] = ()
    advice: str = ""
    waived: str = ""

    @property
    def is_met(self) -> bool:
        """Whether it holds, if only just."""
        return self.severity in (Severity.PASS, Severity.WARN)

    def waive(self, reason: str) -> Item:
        """Return the item with the reason why it may fail."""
        return replace(self, waived=reason)


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """What a gate says: ``ready``, ``ready_degraded`` or ``not_ready``, and why."""

    gate: str
    verdict: str
    reasons: tuple[str, ...]
    items: tuple[Item, ...]

    @property
    def exit_code(self) -> int:
        """0 ready, 1 degraded, 2 not ready."""
        return (READY, READY_DEGRADED, NOT_READY).index(self.verdict)


@dataclass(frozen=True, slots=True)
class SignOff:
    """A sign-off list as it was measured, and by whom and when it was signed.

    Args:
        system: Its name.
        since: First day, ``None`` for the beginning.
        until: Last day, included.
        items: Every criterion, in the declared order.
        by: Who signs.
        at: When it was measured, UTC.
        signoff_id: Its number once it is recorded; ``None`` when it was refused or only measured.
    """

    system: str
    since: date | None
    until: date
    items: tuple[Item, ...]
    by: str
    at: datetime
    signoff_id: int | None = None

    @property
    def refused(self) -> tuple[Item, ...]:
        """Items that are not met and not waived: what stands in the way."""
        return tuple(item for item in self.items if not (item.is_met or item.waived))


def verdict_of(gate: str, items: Iterable[Item]) -> GateVerdict:
    """Return what the measured criteria of a gate come to."""
    measured = tuple(items)
    unmet = [item for item in measured if not item.is_met]
    soft = [item for item in measured if item.severity is Severity.WARN]
    verdict = NOT_READY if unmet else READY_DEGRADED if soft else READY
    reasons = tuple(f"{item.name}: {item.detail}" for item in (*unmet, *soft))
    return GateVerdict(gate, verdict, reasons, measured)


def require_unique(names: Iterable[str]) -> None:
    """Refuse a list in which a name occurs twice.

    Raises:
        ValueError: One does.
    """
    seen: set[str] = set()
    for name in names:
        if name in seen:
            message = f"two criteria or gates are called {name!r}"
            raise ValueError(message)
        seen.add(name)
