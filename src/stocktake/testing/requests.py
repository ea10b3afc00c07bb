"""What a sandbox server was asked: the log that politeness is judged by."""

import threading
from collections import defaultdict, deque
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

WINDOW_SECONDS: Final = 1.0
"""Length of the window that limits are counted in."""

TOLERANCE_SECONDS: Final = 0.02
"""How much shorter the enforced window is: arrival times jitter by the event loop's own delay."""


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """One exchange as the server saw it.

    Attributes:
        endpoint: Route pattern, or ``unknown``.
        target: Path and query as asked.
        at_seconds: Monotonic clock when the request arrived.
        status: HTTP status sent; 0 when the connection was cut before one.
        took_ms: Milliseconds from arrival to the end of the answer.
        fault: Kind of the transport fault applied, if any.
    """

    endpoint: str
    target: str
    at_seconds: float
    status: int
    took_ms: float
    fault: str | None = None


@dataclass(slots=True)
class RequestLog:
    """Every exchange, and per endpoint the arrival times."""

    entries: list[LoggedRequest] = field(default_factory=list)
    _arrivals: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    _admitted: dict[str, deque[float]] = field(default_factory=lambda: defaultdict(deque))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def arrive(self, endpoint: str, at_seconds: float) -> None:
        """Note the arrival of a request, whatever becomes of it."""
        with self._lock:
            self._arrivals[endpoint].append(at_seconds)

    def admit(self, endpoint: str, at_seconds: float, *, per_second: float) -> float:
        """Return 0 when a request is within the limit, else the seconds to wait.

        The window slides and is ``WINDOW_SECONDS - TOLERANCE_SECONDS`` long. Only admitted
        requests use up the limit; a refused one does not.
        """
        window = WINDOW_SECONDS - TOLERANCE_SECONDS
        if per_second < 1:
            window, per_second = window / per_second, 1
        with self._lock:
            admitted = self._admitted[endpoint]
            while admitted and admitted[0] <= at_seconds - window:
                admitted.popleft()
            if len(admitted) >= per_second:
                return admitted[0] + window - at_seconds
            admitted.append(at_seconds)
        return 0.0

    def finish(self, entry: LoggedRequest) -> None:
        """Note how an exchange ended."""
        self.entries.append(entry)

    def counts(self) -> dict[str, int]:
        """Return arrivals per endpoint."""
        with self._lock:
            return {endpoint: len(times) for endpoint, times in self._arrivals.items()}

    def per_second(self, endpoint: str) -> int:
        """Return the most requests of any one-second window ``[t, t + 1)``, refused ones too."""
        with self._lock:
            times = sorted(self._arrivals.get(endpoint, ()))
        most, start = 0, 0
        for end, at_seconds in enumerate(times):
            while times[start] <= at_seconds - WINDOW_SECONDS:
                start += 1
            most = max(most, end - start + 1)
        return most

    def shortest_wait(self, endpoint: str) -> float | None:
        """Return the shortest time between two arrivals, in seconds; None below two."""
        with self._lock:
            times = sorted(self._arrivals.get(endpoint, ()))
        return min((later - sooner for sooner, later in pairwise(times)), default=None)
