"""The small system the tests of load merge into."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from stocktake.load.known import KeyCache
from stocktake.load.merge import Merged, merge
from stocktake.load.rows import Load
from stocktake.model import (
    Capture,
    Dataset,
    Days,
    Facet,
    FromDataset,
    Parsed,
    Request,
    System,
)
from stocktake.store.migrate import Component

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import psycopg

HERE = Path(__file__).parent
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
FIRST_FETCH = datetime(2026, 1, 1, tzinfo=UTC)


class Race(NamedTuple):
    race_id: str | None
    name: str | None = None
    day: date | None = None
    going: str | None = None
    purse: Decimal | None = None


class RunnerCard(NamedTuple):
    race_id: str | None
    horse_id: str | None
    horse_name: str | None = None
    number: int | None = None
    jockey: str | None = None
    weight: Decimal | None = None
    form: str | None = None
    flags: list[str] | None = None
    odds: Any = None


class RunnerResult(NamedTuple):
    race_id: str | None
    horse_id: str | None
    horse_name: str | None = None
    number: int | None = None
    jockey: str | None = None
    weight: Decimal | None = None
    position: int | None = None
    seconds: float | None = None


class Horse(NamedTuple):
    id: str | None
    name: str | None = None
    foaled: date | None = None


class Kind(NamedTuple):
    id: int | None
    small: int | None = None
    whole: int | None = None
    wide: int | None = None
    exact: Decimal | None = None
    loose: Decimal | None = None
    real_number: float | None = None
    flag: bool | None = None
    code: str | None = None
    short: str | None = None
    label: str | None = "label"
    day: date | None = None
    at: datetime | None = None
    clock: time | None = None
    words: list[str] | None = None
    tree: Any = None
    positive: int | None = None


SHARED = frozenset({"number", "jockey", "weight"})
LONGEST = frozenset({"horse_name"})
SINCE = date(2026, 1, 1)
system = System(
    name="yard",
    package="tests.integration.load",
    datasets=(
        Dataset("race", ("race_id",), Days(SINCE), facets=(Facet("race", Race),)),
        Dataset(
            "runner",
            ("race_id", "horse_id"),
            Days(SINCE),
            facets=(
                Facet("card", RunnerCard, shared=SHARED | LONGEST, longest=LONGEST),
                Facet("result", RunnerResult, shared=SHARED | LONGEST, longest=LONGEST),
            ),
        ),
        Dataset(
            "horse",
            ("id",),
            FromDataset("runner", "horse_id"),
            facets=(Facet("named", Horse, keep="absent"),),
        ),
        Dataset("kind", ("id",), Days(SINCE), facets=(Facet("kind", Kind),)),
    ),
    sources=(),
)
component = Component("yard", HERE / "migrations")


def stored(
    conn: psycopg.Connection[Any],
    *rows: tuple[Any, ...],
    minute: int = 0,
    parsed: Parsed | None = None,
) -> Load:
    """Return an answer with these rows, fetched so many minutes after the first, and stored."""
    answer = parsed or Parsed()
    for row in rows:
        answer.add(row)
    request = Request("feed", f"/answer/{minute}")
    fetched_at = FIRST_FETCH + timedelta(minutes=minute)
    body = repr((minute, rows)).encode("utf-8", "backslashreplace")
    digest = hashlib.sha256(body).digest()
    conn.execute(
        "insert into stocktake.body (sha256, bytes, content) values (%s, %s, %s)"
        " on conflict do nothing",
        (digest, len(body), body),
    )
    found = conn.execute(
        "insert into stocktake.capture"
        " (system, source, feed, endpoint, path, status, sha256, bytes, fetched_at, seconds)"
        " values ('yard', 'test', 'feed', 'feed', %s, 200, %s, %s, %s, 0)"
        " returning capture_id",
        (request.path, digest, len(body), fetched_at),
    ).fetchone()
    assert found is not None
    capture = Capture(request, 200, body, digest, fetched_at, 0.0, capture_id=found[0])
    return Load(request, (capture,), answer)


def merge_all(
    conn: psycopg.Connection[Any],
    loads: Sequence[Load],
    *,
    run_id: int = 1,
    known: KeyCache | None = None,
) -> Merged:
    """Merge and commit, as a run does."""
    cache = known if known is not None else KeyCache()
    merged = merge(conn, system, loads, run_id=run_id, now=NOW, known=cache)
    conn.commit()
    cache.publish()
    return merged


def rows_of(conn: psycopg.Connection[Any], kind: type[tuple[Any, ...]], dataset: str) -> list[Any]:
    """Return what a table holds of a row type, in order of the first two columns."""
    fields: Iterable[str] = kind._fields  # type: ignore[attr-defined]
    return [
        kind(*row)
        for row in conn.execute(
            f"select {', '.join(fields)} from yard.{dataset} order by 1, 2".encode()
        )
    ]
