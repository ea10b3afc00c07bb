"""Figures for Prometheus: what was measured in, the text it scrapes out.

Every figure comes from the database, so one scrape covers all processes and hosts. Labels are
names that systems declare (systems, datasets, sources, endpoints, checks, schedules), states and
codes: never ids, addresses or keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from stocktake.observe.buckets import BOUNDS

if TYPE_CHECKING:
    from stocktake.model import Coverage

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
STATUS = {"pass": 0, "n/a": 0, "warn": 1, "fail": 2, "error": 3}
"""What ``stocktake_check_status`` shows: as the command line's exit codes."""

Labelled = tuple[tuple[str, ...], float]
"""Values of the labels, and the figure."""

Histogram = tuple[Sequence[int], float]
"""Counts by ``BOUNDS``, and the sum of what was counted."""


@dataclass(frozen=True, slots=True)
class Figures:
    """All figures at one instant.

    Args:
        coverages: Per system, each dataset as counted.
        oldest_gaps: Seconds since the end of the oldest day missing, by system and dataset.
        requests: Requests sent, by source and code.
        fetch: Time of requests, by source and endpoint.
        waits: Time requests waited for the rate gate, likewise.
        rows: Rows by what became of them: inserted, updated, unchanged, rejected, duplicate.
        checks: Newest severity, by system, dataset and check; of several groups the gravest.
        lateness: Seconds the last fire was late, by system and schedule.
    """

    coverages: Mapping[str, Sequence[Coverage]] = field(default_factory=dict)
    oldest_gaps: Mapping[tuple[str, str], float] = field(default_factory=dict)
    requests: Mapping[tuple[str, str], int] = field(default_factory=dict)
    fetch: Mapping[tuple[str, str], Histogram] = field(default_factory=dict)
    waits: Mapping[tuple[str, str], Histogram] = field(default_factory=dict)
    rows: Mapping[str, int] = field(default_factory=dict)
    checks: Mapping[tuple[str, str, str], str] = field(default_factory=dict)
    lateness: Mapping[tuple[str, str], float] = field(default_factory=dict)


def render(figures: Figures) -> bytes:
    """Return figures as Prometheus' text format (``CONTENT_TYPE``)."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(figures))
    return generate_latest(registry)


@dataclass(frozen=True, slots=True, eq=False)
class _Collector:
    """Gives the client library what was measured."""

    figures: Figures

    def collect(self) -> Iterator[Metric]:
        """Yield every metric, in the order of the reference."""
        found = self.figures
        yield from _counted(found)
        yield _counter(
            "stocktake_fetch_requests",
            "Requests sent to sources.",
            ("source", "code"),
            found.requests.items(),
        )
        yield _histogram("stocktake_fetch_seconds", "Time requests took.", found.fetch)
        yield _histogram(
            "stocktake_rate_wait_seconds", "Time requests waited for their turn.", found.waits
        )
        rows = {(op,): count for op, count in found.rows.items()}
        yield _counter(
            "stocktake_rows_merged", "Rows by what became of them.", ("op",), rows.items()
        )
        yield _gauge(
            "stocktake_check_status",
            "Newest result of a check: 0 pass, 1 warn, 2 fail, 3 could not be measured.",
            ("system", "dataset", "check"),
            [(key, STATUS[severity]) for key, severity in found.checks.items()],
        )
        yield _gauge(
            "stocktake_oldest_gap_age_seconds",
            "Time since the end of the oldest day that is missing.",
            ("system", "dataset"),
            found.oldest_gaps.items(),
        )
        yield _gauge(
            "stocktake_schedule_lateness_seconds",
            "How late the newest fire of a schedule was.",
            ("system", "schedule"),
            found.lateness.items(),
        )


def _counted(found: Figures) -> Iterator[Metric]:
    each = [(system, one) for system, counted in found.coverages.items() for one in counted]
    yield _gauge(
        "stocktake_units",
        "Units by state.",
        ("system", "dataset", "state"),
        [
            ((system, one.dataset, str(state)), units)
            for system, one in each
            for state, units in one.states.items()
        ],
    )
    yield _gauge(
        "stocktake_coverage_ratio",
        "Units held of those expected; absent when nothing is expected.",
        ("system", "dataset"),
        [((system, one.dataset), one.coverage) for system, one in each if one.coverage is not None],
    )


def _gauge(name: str, text: str, labels: Sequence[str], values: Iterable[Labelled]) -> Metric:
    found = GaugeMetricFamily(name, text, labels=labels)
    for key, value in values:
        found.add_metric(key, value)
    return found


def _counter(name: str, text: str, labels: Sequence[str], values: Iterable[Labelled]) -> Metric:
    found = CounterMetricFamily(name, text, labels=labels)
    for key, value in values:
        found.add_metric(key, value)
    return found


def _histogram(name: str, text: str, values: Mapping[tuple[str, str], Histogram]) -> Metric:
    found = HistogramMetricFamily(name, text, labels=("source", "endpoint"))
    for key, (counts, total) in values.items():
        below = 0
        buckets: list[tuple[str, float]] = []
        for bound, count in zip((*map(str, BOUNDS), "+Inf"), counts, strict=True):
            below += count
            buckets.append((bound, below))
        found.add_metric(key, buckets, sum_value=total)
    return found
