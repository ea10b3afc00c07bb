"""Metrics of an installation: measured from the database, at most so often."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from stocktake.count.coverage import count
from stocktake.count.losses import due
from stocktake.count.oldest import oldest_gap
from stocktake.model import Coverage, Range
from stocktake.observe.metrics import STATUS, Figures, Histogram, render
from stocktake.run.registry import installed_systems
from stocktake.store.queries import load_queries

if TYPE_CHECKING:
    from psycopg import Connection

    from stocktake.model import System
    from stocktake.run.workspace import Workspace

SQL = load_queries("stocktake.store", "sql/metrics.sql")
FRESH_SECONDS = 15.0
OPERATIONS = ("inserted", "updated", "unchanged", "rejected", "duplicate")


@dataclass(slots=True)
class Meter:
    """Gives the metrics of one installation, measured anew when they are too old.

    Args:
        workspace: Which.
        fresh_seconds: How long a measurement is given again.
    """

    workspace: Workspace
    fresh_seconds: float = FRESH_SECONDS
    _taken: float = field(default=-1.0, init=False)
    _text: bytes = field(default=b"", init=False)
    _measuring: threading.Lock = field(default_factory=threading.Lock, init=False)

    def text(self) -> bytes:
        """Return the metrics in Prometheus' text format; one caller measures, others wait."""
        with self._measuring:
            if self._taken < 0 or time.monotonic() - self._taken > self.fresh_seconds:
                self._text = render(measured(self.workspace))
                self._taken = time.monotonic()
            return self._text


def metrics_text(workspace: Workspace) -> bytes:
    """Return the metrics as they are now, in Prometheus' text format."""
    return render(measured(workspace))


def measured(workspace: Workspace) -> Figures:
    """Return every figure, counted as ``count`` counts; only systems something was loaded of."""
    with workspace.database.connection() as conn:
        begun = {name for (name,) in conn.execute(SQL.systems_begun)}
        systems = [one for one in installed_systems().values() if one.name in begun]
        requests, fetch, waits = _endpoints(conn)
        return Figures(
            coverages={one.name: _counted(conn, workspace, one) for one in systems},
            oldest_gaps={
                (one.name, name): age
                for one in systems
                for name, age in _oldest(conn, workspace, one).items()
            },
            requests=requests,
            fetch=fetch,
            waits=waits,
            rows=dict(zip(OPERATIONS, conn.execute(SQL.rows_merged).fetchone() or (), strict=True)),
            checks=_checks(conn),
            lateness={(row[0], row[1]): row[2] for row in conn.execute(SQL.lateness)},
        )


def _counted(conn: Connection[Any], workspace: Workspace, system: System) -> list[Coverage]:
    return count(
        conn,
        system,
        system.datasets,
        window=Range(),
        now=workspace.clock(),
        lifted=workspace.lifted(system),
    )


def _oldest(conn: Connection[Any], workspace: Workspace, system: System) -> dict[str, float]:
    now, lifted = workspace.clock(), workspace.lifted(system)
    ages: dict[str, float] = {}
    for dataset in system.datasets:
        day = oldest_gap(conn, system, dataset, window=Range(), now=now, lifted=lifted)
        if day is not None:
            ages[dataset.name] = _age(now, due(system, dataset, day))
    return ages


def _age(now: datetime, since: datetime) -> float:
    return max(0.0, (now - since).total_seconds())


def _endpoints(
    conn: Connection[Any],
) -> tuple[
    dict[tuple[str, str], int],
    dict[tuple[str, str], Histogram],
    dict[tuple[str, str], Histogram],
]:
    requests: Counter[tuple[str, str]] = Counter()
    fetch: dict[tuple[str, str], Histogram] = {}
    waits: dict[tuple[str, str], Histogram] = {}
    for source, endpoint, seconds, waited, codes, seconds_counts, waited_counts in conn.execute(
        SQL.endpoint_totals
    ):
        for code, times in codes.items():
            requests[source, code] += times
        if seconds_counts:
            fetch[source, endpoint] = (seconds_counts, seconds)
            waits[source, endpoint] = (waited_counts, waited)
    return dict(requests), fetch, waits


def _checks(conn: Connection[Any]) -> dict[tuple[str, str, str], str]:
    worst: dict[tuple[str, str, str], str] = {}
    for system, dataset, name, severity in conn.execute(SQL.check_standing):
        key = (system, dataset, name)
        if STATUS[severity] >= STATUS[worst.get(key, "pass")]:
            worst[key] = severity
    return worst
