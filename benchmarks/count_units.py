"""How long do count, gaps and needs take over 39,000 to 100 million units?"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.measure import text_table
from stocktake.count.coverage import count
from stocktake.count.gaps import gaps
from stocktake.count.needs import needs
from stocktake.model import (
    Cross,
    Dataset,
    Days,
    Endpoint,
    Feed,
    Parsed,
    Request,
    Source,
    System,
    Values,
    ordinal_of,
)
from stocktake.store.queries import load_queries
from stocktake.testing.database import temporary_cluster, temporary_database, temporary_home

SHAPES = {"39k": (10, 3_900), "1M": (450, 2_222), "16.4M": (45_000, 365), "100M": (45_000, 2_222)}
SINCE = date(2015, 1, 1)
QUERIES = load_queries("benchmarks", "count_units.sql")

Connection = psycopg.Connection[tuple[Any, ...]]


def no_requests(_units: Sequence[tuple[str, ...]]) -> Iterable[Request]:
    """Ask for nothing: nothing is fetched here."""
    return ()


def unparsed(_bodies: Sequence[bytes], _request: Request, _at: datetime) -> Parsed:
    """Read nothing."""
    return Parsed()


def system_of(series: int, *, since: date = SINCE, package: str = "") -> System:
    """Return a system with one dataset of ``series`` series of days from ``since`` on."""
    values = Values(tuple(str(number) for number in range(series)))
    dataset = Dataset("units", ("id",), Cross((Days(since), values)))
    feed = Feed("feed", Endpoint("feed", 5), ("units",), no_requests, unparsed)
    return System("bench", package, (dataset,), (Source("source", feeds=(feed,)),))


def cpu_seconds(backend: int) -> float:
    """Return CPU seconds of this process and, on Linux, of the server process behind it."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    total = own.ru_utime + own.ru_stime
    stat = Path(f"/proc/{backend}/stat")
    if stat.exists():
        fields = stat.read_text().rsplit(")", 1)[1].split()
        total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


def timed(backend: int, work: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Return the medians of wall and CPU seconds."""
    walls, cpus = [], []
    for _ in range(rounds):
        cpu, wall = cpu_seconds(backend), time.perf_counter()
        work()
        walls.append(time.perf_counter() - wall)
        cpus.append(cpu_seconds(backend) - cpu)
    return statistics.median(walls), statistics.median(cpus)


def measure(conn: Connection, shape: tuple[int, int], rounds: int) -> list[str]:
    """Fill the ledger with one shape and time the three questions."""
    series, days = shape
    row = conn.execute(QUERIES.backend).fetchone()
    backend = int(row[0]) if row else 0
    conn.execute(QUERIES.fill_series, {"series": series})
    conn.execute(QUERIES.fill_ledger, {"days": days, "first": ordinal_of(SINCE)})
    conn.execute(QUERIES.analyze_tables)
    size = conn.execute(QUERIES.ledger_bytes).fetchone()
    system = system_of(series)
    at = SINCE + timedelta(days=days - 1)
    now = datetime(at.year, at.month, at.day, 12, tzinfo=UTC)
    found = count(conn, system, system.datasets, now=now)[0]
    assert found.expected == series * days
    assert found.held + found.missing == found.expected
    cells = [f"{series:,} x {days:,}", f"{size[0] / 1e6:.1f}" if size else ""]
    for work in (
        lambda: count(conn, system, system.datasets, now=now),
        lambda: gaps(conn, system, system.datasets, limit=1_000, now=now),
        lambda: needs(conn, system, system.datasets, now=now),
    ):
        wall, cpu = timed(backend, work, rounds)
        cells += [f"{wall:.3f}", f"{cpu:.3f}"]
    conn.rollback()
    return cells


def main() -> None:
    """Measure every shape asked for and show a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shapes", nargs="*", default=list(SHAPES), metavar="SHAPE")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    heading = ("units", "series x days", "ledger MB", "count s", "CPU s", "gaps s", "CPU s")
    lines = []
    with (
        temporary_cluster(temporary_home(), application="benchmark") as cluster,
        temporary_database(cluster) as database,
        database.connection() as conn,
    ):
        for name in arguments.shapes:
            lines.append((name, *measure(conn, SHAPES[name], arguments.rounds)))
            print(lines[-1], flush=True)
    print(text_table((*heading, "needs s", "CPU s"), lines))


if __name__ == "__main__":
    main()
