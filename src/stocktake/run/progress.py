"""What a run tells while it works, for terminals, logs and pages alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

PAST_WEIGHT = 0.9
"""Share of the old rate kept at each step of the moving average."""


@dataclass(frozen=True, slots=True)
class Progress:
    """A snapshot of a run.

    Args:
        run_id: The run.
        wave: Label of the wave at work (``2024``, ``enrichment``, ``statistics``).
        done: Requests (or units of derived work) finished.
        total: Requests planned; when a part starts, what it turns out to need.
        rows: Rows read so far.
        failed: Units that failed so far.
        per_second: Requests per second, moving average; 0 while unknown.
        eta_seconds: Estimated seconds to the end of the plan, ``None`` while unknown.
        note: A line worth keeping (a source paused, a resume), else empty.
    """

    run_id: int
    wave: str
    done: int
    total: int
    rows: int
    failed: int
    per_second: float
    eta_seconds: float | None
    note: str = ""


Report = Callable[[Progress], None]


def silent(progress: Progress) -> None:
    """Report nothing."""


class Meter:
    """Turns finished requests into rates and an ETA; time is given, never read."""

    def __init__(self, run_id: int, *, total: int, planned_seconds: float) -> None:
        """Start at zero; ``planned_seconds`` is the plan's own estimate, used until measured."""
        self.run_id = run_id
        self.wave = ""
        self.done = 0
        self.total = total
        self.rows = 0
        self.failed = 0
        self._planned_seconds = planned_seconds
        self._rate = 0.0
        self._last: tuple[float, int] | None = None

    def add(self, *, requests: int, rows: int, failed: int, at_seconds: float) -> None:
        """Count a finished batch at a monotonic instant."""
        self.done += requests
        self.rows += rows
        self.failed += failed
        if self._last is None:
            self._last = (at_seconds, self.done)
            return
        since = at_seconds - self._last[0]
        if since <= 0:
            return
        rate = (self.done - self._last[1]) / since
        self._rate = rate if not self._rate else PAST_WEIGHT * self._rate + (1 - PAST_WEIGHT) * rate
        self._last = (at_seconds, self.done)

    def expect(self, *, planned: int, learned: int) -> None:
        """Take ``learned`` requests for the ``planned`` ones of a part that is about to start."""
        self.total += learned - planned

    def snapshot(self, note: str = "") -> Progress:
        """Return the present state."""
        left = max(0, self.total - self.done)
        if self._rate:
            eta: float | None = left / self._rate
        else:
            eta = self._planned_seconds * left / self.total if self.total else None
        return Progress(
            self.run_id,
            self.wave,
            self.done,
            self.total,
            self.rows,
            self.failed,
            self._rate,
            eta,
            note,
        )
