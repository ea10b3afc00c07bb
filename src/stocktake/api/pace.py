"""How often one caller may ask: a bucket of tokens each, so that nobody starves the others."""

from __future__ import annotations

BURST_SECONDS = 10.0
"""So many seconds' worth a caller may ask at once after a silence."""
MOST_CALLERS = 10_000


class Pace:
    """Counts requests of callers; of those who were silent nothing is remembered."""

    def __init__(self, per_second: float) -> None:
        """Let each caller ask so often in the long run."""
        self._per_second = per_second
        self._used: dict[str, tuple[float, float]] = {}

    def wait(self, caller: str, now: float) -> float:
        """Count a request at an instant (monotonic seconds); return 0, or the seconds to wait.

        >>> pace = Pace(0.1)
        >>> pace.wait("ann", 0), pace.wait("ann", 0), pace.wait("bob", 0), pace.wait("ann", 10)
        (0.0, 10.0, 0.0, 0.0)
        """
        used, at = self._used.get(caller, (0.0, now))
        used = max(0.0, used - (now - at) * self._per_second)
        over = used + 1 - max(1.0, self._per_second * BURST_SECONDS)
        if over > 0:
            return over / self._per_second
        if len(self._used) >= MOST_CALLERS:
            self._used.clear()
        self._used[caller] = (used + 1, now)
        return 0.0
