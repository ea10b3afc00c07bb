"""What endpoints did, day by day: requests, answers, bytes, rows, and how long it took.

Written once a batch, as the last statement of its transaction: the row of an endpoint and day is
locked for no longer than a commit takes. Never one row a request.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb

from stocktake.fetch.captures import QUERIES
from stocktake.observe.buckets import BOUNDS, histogram, quantile

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    import psycopg

    from stocktake.fetch.answer import Try

Place = tuple[str, str]
"""Source and endpoint."""

MEDIAN, HIGH = 0.5, 0.95
CLASSES = {"2": "good", "3": "redirects", "4": "client_errors", "5": "server_errors"}
TOO_MANY = "429"


@dataclass(frozen=True, slots=True)
class EndpointDay:
    """What one endpoint did on one day (UTC).

    Args:
        source: Its source.
        endpoint: Its name.
        day: Which day.
        requests: Requests sent, redirects and failures included.
        bytes: Bytes of their bodies, decoded.
        rows: Rows parsed from them, unchanged ones included.
        codes: Answers by HTTP status, and by what failed where none came (``timeout``).
        seconds: Time they took, all together.
        waited: Time they waited for the rate gate before.
        seconds_counts: Histogram of the former by ``BOUNDS``.
        waited_counts: Of the latter.
    """

    source: str
    endpoint: str
    day: date
    requests: int = 0
    bytes: int = 0
    rows: int = 0
    codes: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    waited: float = 0.0
    seconds_counts: Sequence[int] = ()
    waited_counts: Sequence[int] = ()

    @property
    def classes(self) -> dict[str, int]:
        """Answers by class: good, redirects, refusals (429), client, server, network errors."""
        found: Counter[str] = Counter()
        for code, count in self.codes.items():
            name = "refusals" if code == TOO_MANY else CLASSES.get(code[:1], "network_errors")
            found[name] += count
        return dict(found)

    @property
    def errors(self) -> int:
        """Requests without a usable answer, refusals (429) included."""
        return sum(n for name, n in self.classes.items() if name not in {"good", "redirects"})

    @property
    def rows_per_request(self) -> float | None:
        """Yield; ``None`` without requests."""
        return self.rows / self.requests if self.requests else None

    @property
    def p50_seconds(self) -> float | None:
        """Half of the requests took no longer, ``None`` without requests."""
        return quantile(self.seconds_counts, MEDIAN)

    @property
    def p95_seconds(self) -> float | None:
        """95 % of the requests took no longer, ``None`` without requests."""
        return quantile(self.seconds_counts, HIGH)

    def as_json(self) -> dict[str, Any]:
        """Return it as commands and pages give it."""
        return {
            "source": self.source,
            "endpoint": self.endpoint,
            "day": self.day,
            "requests": self.requests,
            "errors": self.errors,
            "classes": self.classes,
            "codes": dict(self.codes),
            "bytes": self.bytes,
            "rows": self.rows,
            "rows_per_request": self.rows_per_request,
            "p50_seconds": self.p50_seconds,
            "p95_seconds": self.p95_seconds,
            "mean_wait_seconds": self.waited / self.requests if self.requests else None,
        }


def record_tries(
    conn: psycopg.Connection[Any], tries: Mapping[Place, Sequence[Try]], *, day: date
) -> None:
    """Add requests to what their endpoints did on a day."""
    for source, endpoint in sorted(tries):
        told = tries[source, endpoint]
        if told:
            _add(
                conn,
                EndpointDay(
                    source,
                    endpoint,
                    day,
                    requests=len(told),
                    bytes=sum(one.bytes for one in told),
                    codes=Counter(one.code for one in told),
                    seconds=sum(one.seconds for one in told),
                    waited=sum(one.waited for one in told),
                    seconds_counts=histogram(one.seconds for one in told),
                    waited_counts=histogram(one.waited for one in told),
                ),
            )


def record_yield(conn: psycopg.Connection[Any], rows: Mapping[Place, int], *, day: date) -> None:
    """Add parsed rows to what their endpoints did on a day."""
    for source, endpoint in sorted(rows):
        if rows[source, endpoint]:
            _add(conn, EndpointDay(source, endpoint, day, rows=rows[source, endpoint]))


def endpoint_days(
    conn: psycopg.Connection[Any], sources: Iterable[str], *, since: date
) -> list[EndpointDay]:
    """Return what the sources' endpoints did from a day on, newest day first."""
    asked = {"sources": list(sources), "since": since}
    return [EndpointDay(*row) for row in conn.execute(QUERIES.endpoint_days, asked)]


def _add(conn: psycopg.Connection[Any], one: EndpointDay) -> None:
    empty = [0] * (len(BOUNDS) + 1)
    conn.execute(
        QUERIES.add_endpoint_day,
        {
            "source": one.source,
            "endpoint": one.endpoint,
            "day": one.day,
            "requests": one.requests,
            "bytes": one.bytes,
            "rows": one.rows,
            "codes": Jsonb(dict(one.codes)),
            "seconds": one.seconds,
            "waited": one.waited,
            "seconds_counts": list(one.seconds_counts) or empty,
            "waited_counts": list(one.waited_counts) or empty,
        },
    )
