"""The same rows from several sides at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING

import pytest

from stocktake.load.known import KeyCache
from stocktake.load.merge import merge
from stocktake.model import RowCounts
from tests.integration.load.yard import (
    NOW,
    Race,
    RunnerCard,
    RunnerResult,
    rows_of,
    stored,
    system,
)

if TYPE_CHECKING:
    from stocktake.store.database import Database

SIDES = 8


@pytest.mark.fault("U02")
def test_eight_uploads_of_one_file_at_once_insert_each_row_once(yard: Database) -> None:
    rows = [Race(f"r{number:04}", "Derby") for number in range(500)]
    start = Barrier(SIDES)
    with yard.connection():  # opens the pool
        pass

    def upload(side: int) -> RowCounts:
        with yard.connection() as conn:
            load = stored(conn, *rows[side * 10 :], *rows[: side * 10], minute=side)
            conn.commit()
            start.wait()
            merged = merge(conn, system, [load], run_id=side, now=NOW, known=KeyCache())
        return merged.rows["race"]

    with ThreadPoolExecutor(SIDES) as sides:
        counts = sum(sides.map(upload, range(SIDES)), RowCounts())

    assert counts == RowCounts(read=8 * 500, inserted=500, unchanged=7 * 500)


@pytest.mark.fault("U02")
def test_corrections_of_overlapping_rows_at_once_end_with_the_latest(yard: Database) -> None:
    with yard.connection() as conn:
        old = stored(conn, *(Race(f"r{number:03}", "Old") for number in range(100)))
        merge(conn, system, [old], run_id=0, now=NOW, known=KeyCache())
    start = Barrier(SIDES)

    def correct(side: int) -> None:
        with yard.connection() as conn:
            rows = [Race(f"r{number:03}", f"Side {side}") for number in range(side, 100)]
            load = stored(conn, *rows, minute=side + 1)
            conn.commit()
            start.wait()
            merge(conn, system, [load], run_id=side, now=NOW, known=KeyCache())

    with ThreadPoolExecutor(SIDES) as sides:
        list(sides.map(correct, range(SIDES)))

    with yard.connection() as conn:
        names = [race.name for race in rows_of(conn, Race, "race")]
    assert names == [f"Side {min(number, SIDES - 1)}" for number in range(100)]


def test_two_facets_of_the_same_rows_at_once_are_both_kept(yard: Database) -> None:
    start = Barrier(2)
    with yard.connection():  # opens the pool
        pass

    def tell(kind: type[RunnerCard] | type[RunnerResult]) -> None:
        with yard.connection() as conn:
            load = stored(conn, *(kind("r1", f"h{n:03}", number=n) for n in range(200)))
            conn.commit()
            start.wait()
            merge(conn, system, [load], run_id=1, now=NOW, known=KeyCache())

    with ThreadPoolExecutor(2) as sides:
        list(sides.map(tell, (RunnerCard, RunnerResult)))

    with yard.connection() as conn:
        told = conn.execute(
            "select count(*), count(_card_hash), count(_result_hash) from yard.runner"
        ).fetchone()
    assert told == (200, 200, 200)
