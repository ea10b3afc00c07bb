"""How long does merging a day of racing take: 400 runners and 40 races, committed?

Goal: p50 at most 10 ms, with unit state; measured here is the merge alone, new days and days whose
every row changed. Facts are milliseconds per batch, and CPU seconds per 100,000 rows of this
process (``client``) and of its PostgreSQL backend (``server``).
"""

from __future__ import annotations

import hashlib
import os
import statistics
import time
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.measure import Contender, main
from stocktake.load.known import KeyCache
from stocktake.load.merge import Load, merge
from stocktake.load.tables import Column, facet_table
from stocktake.model import Capture, Dataset, Days, Facet, Parsed, Request, System
from stocktake.store.migrate import ENGINE, Component
from stocktake.systems.racing import rows as racing_rows
from stocktake.testing.database import temporary_cluster, temporary_database

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import psycopg

    Connection = psycopg.Connection[Any]

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RUNNERS, RACES = 400, 40
CARD, RESULT = 0, 1
_CAPTURES = count(1)


def _dataset(name: str, key: tuple[str, ...], facets: tuple[Facet, Facet]) -> Dataset:
    return Dataset(name, key, Days(date(2015, 1, 1)), facets=facets)


system = System(
    name="racing",
    package="stocktake.systems.racing",
    datasets=(
        _dataset(
            "ra_races",
            ("race_id",),
            (Facet("card", racing_rows.RaceCard), Facet("result", racing_rows.RaceResult)),
        ),
        _dataset(
            "ra_runners",
            ("race_id", "horse_id"),
            (Facet("card", racing_rows.RunnerCard), Facet("result", racing_rows.RunnerResult)),
        ),
    ),
    sources=(),
)
"""Racing's two largest tables, as the system declares them."""


@contextmanager
def racing_database() -> Iterator[Connection]:
    """Yield a connection to a fresh database with racing's tables, on a disk that is waited for."""
    racing = Component.of_package("racing", "stocktake.systems.racing")
    with (
        temporary_cluster() as cluster,
        temporary_database(cluster, components=(ENGINE, racing)) as database,
        database.connection() as conn,
    ):
        yield conn


def made_rows(
    conn: Connection, dataset: str, *, facet: int, first: int, rows: int, mood: str = ""
) -> list[Any]:
    """Return rows of a dataset's facet with values in two of three columns.

    Args:
        facet: ``CARD`` or ``RESULT``.
        first: Number of the first row; ``RUNNERS`` runners share a day of ``RACES`` races.
        mood: Ends every text, so that another mood changes every row.
    """
    target = system.dataset(dataset)
    table = facet_table(conn, system.name, dataset=target, facet=target.facets[facet])
    per_race = RUNNERS // RACES if dataset == "ra_runners" else 1
    made = []
    for number in range(first, first + rows):
        values = [_value(one, number=number, per_race=per_race, mood=mood) for one in table.told]
        made.append(table.facet.row._make(values))  # type: ignore[attr-defined]
    return made


def _value(column: Column, *, number: int, per_race: int, mood: str) -> Any:
    name, oid = column.name, column.oid
    if name == "race_id":
        return f"rac_{number // per_race:08}"
    if name == "horse_id":
        return f"hrs_{number:08}"
    if name == "race_status":
        return "run"
    if (number + len(name)) % 3 == 0 and not column.is_required:
        return None
    plain = {
        16: number % 2 == 0,
        20: number,
        21: number % 100,
        23: number % 1000,
        1700: Decimal(number % 36) / 4,
        1082: date(2020, 1, 1) + timedelta(days=number % 365),
        1083: None,
        1184: NOW + timedelta(minutes=number % 10_000),
        3802: [["C", "D"], None][number % 2],
    }
    text = f"{name[:3]} {number % 997}{mood}"[: column.length]
    return plain.get(oid, text)


def stored_load(conn: Connection, rows: dict[type[Any], list[Any]], *, minute: int) -> Load:
    """Return rows as an answer whose capture is stored."""
    number = next(_CAPTURES)
    body = f"body {number}".encode()
    digest = hashlib.sha256(body).digest()
    request = Request("results", f"/day/{number}")
    fetched_at = NOW + timedelta(minutes=minute)
    conn.execute(
        "insert into stocktake.body (sha256, bytes, content) values (%s, %s, %s)",
        (digest, len(body), body),
    )
    found = conn.execute(
        "insert into stocktake.capture (system, source, feed, endpoint, path, status, sha256,"
        " bytes, fetched_at, seconds) values ('racing', 'made', 'results', 'results', %s, 200, %s,"
        " %s, %s, 0) returning capture_id",
        (request.path, digest, len(body), fetched_at),
    ).fetchone()
    if found is None:
        raise LookupError(request.path)
    capture = Capture(request, 200, body, digest, fetched_at, 0.0, capture_id=found[0])
    parsed = Parsed(rows=dict(rows))
    return Load(request, (capture,), parsed)


def server_cpu(conn: Connection) -> float:
    """Return CPU seconds the connection's backend has used; 0 where there is no /proc."""
    stat = Path(f"/proc/{conn.info.backend_pid}/stat")
    if not stat.exists():
        return 0.0
    fields = stat.read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def day_rows(
    conn: Connection, day: int, *, facet: int = CARD, mood: str = ""
) -> dict[type[Any], list[Any]]:
    """Return one day's races and runners, by row type."""
    found: dict[type[Any], list[Any]] = {}
    for dataset, rows in (("ra_races", RACES), ("ra_runners", RUNNERS)):
        made = made_rows(conn, dataset, facet=facet, first=day * rows, rows=rows, mood=mood)
        found[type(made[0])] = made
    return found


def days(*, kind: str, batches: int) -> dict[str, float]:
    """Merge ``batches`` days one by one.

    Args:
        kind: ``new`` cards, ``identical`` or ``changed`` cards, or ``joined``: results of cards.
        batches: How many days.
    """
    with racing_database() as conn:
        conn.execute("set synchronous_commit = on")
        if kind != "new":
            _merge_days(conn, [day_rows(conn, day) for day in range(batches)], minute=0)
        mood = "!" if kind == "changed" else ""
        facet = RESULT if kind == "joined" else CARD
        loads = [day_rows(conn, day, facet=facet, mood=mood) for day in range(batches)]
        client, server = time.process_time(), server_cpu(conn)
        taken, counts = _merge_days(conn, loads, minute=1)
        client, server = time.process_time() - client, server_cpu(conn) - server
    rows = batches * (RUNNERS + RACES)
    expected = {"new": (rows, 0), "identical": (0, 0)}.get(kind, (0, rows))
    if counts != expected:
        raise AssertionError(counts)
    return {
        "p50_ms": 1000 * statistics.median(taken),
        "p95_ms": 1000 * statistics.quantiles(taken, n=20)[-1],
        "client_cpu_per_100k": client / rows * 1e5,
        "server_cpu_per_100k": server / rows * 1e5,
    }


def _merge_days(
    conn: Connection, batches: Sequence[dict[type[Any], list[Any]]], *, minute: int
) -> tuple[list[float], tuple[int, int]]:
    taken: list[float] = []
    inserted = updated = 0
    known = KeyCache()
    for rows in batches:
        load = stored_load(conn, rows, minute=minute)
        conn.commit()
        began = time.perf_counter()
        merged = merge(conn, system, [load], run_id=1, now=NOW, known=known)
        conn.commit()
        taken.append(time.perf_counter() - began)
        inserted += sum(counts.inserted for counts in merged.rows.values())
        updated += sum(counts.updated for counts in merged.rows.values())
    return taken, (inserted, updated)


if __name__ == "__main__":
    main(
        [
            Contender.calling(
                f"{kind} days", "benchmarks.load_small_batches:days", kind=kind, batches=100
            )
            for kind in ("new", "identical", "changed", "joined")
        ]
    )
