"""Laws of merging, over generated answers."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from stocktake.load.known import KeyCache
from stocktake.load.merge import merge
from tests.integration.load.yard import (
    NOW,
    Horse,
    Race,
    RunnerCard,
    RunnerResult,
    stored,
    system,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import psycopg

    from stocktake.load.rows import Load

    Connection = psycopg.Connection[Any]
    Answer = tuple[tuple[Any, ...], ...]

KEYS = st.sampled_from(["a", "b", "c", "d"])
TEXTS = st.sampled_from([None, "Ann", "Ben", "Annabel (IRE)"])
NUMBERS = st.none() | st.integers(0, 2)
WEIGHTS = st.none() | st.sampled_from([Decimal("1.25"), Decimal("2.50")])
CARDS = st.builds(
    RunnerCard, KEYS, st.just("h"), TEXTS, NUMBERS, TEXTS, WEIGHTS, form=TEXTS,
    flags=st.none() | st.lists(st.sampled_from(["C", "D"]), max_size=2),
    odds=st.none() | st.dictionaries(st.sampled_from(["x", "y"]), st.integers(0, 2)),
)  # fmt: skip
RESULTS = st.builds(
    RunnerResult,
    KEYS,
    st.just("h"),
    TEXTS,
    NUMBERS,
    TEXTS,
    WEIGHTS,
    position=NUMBERS,
    seconds=st.none(),
)
RACES = st.builds(Race, st.none() | KEYS, TEXTS, day=st.none(), going=TEXTS, purse=WEIGHTS)
HORSES = KEYS.map(lambda key: Horse(key, f"Horse {key}"))
ANSWERS = st.lists(
    st.lists(CARDS | RESULTS | RACES | HORSES, max_size=6).map(tuple), min_size=1, max_size=5
)
TABLES = ("race", "runner", "horse")
LAWS = settings(
    max_examples=40,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    print_blob=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def contents(conn: Connection) -> list[Any]:
    """Return every table's rows without provenance: captures, runs and instants."""
    found: list[Any] = []
    for table in TABLES:
        found += conn.execute(
            f"""select to_jsonb(t) - array['_capture_id', '_run_id', '_loaded_at', 'created_at',
                       'updated_at', '_card_capture_id', '_result_capture_id']
                  from yard.{table} t order by 1""".encode()
        ).fetchall()
    return found


def never_back(answers: Sequence[Answer]) -> list[Answer]:
    """Return answers in which no facet's row goes back to what it was before another value.

    Such a return is told from the value in between only when answers come in order.
    """
    former: dict[Any, list[Any]] = {}
    kept: list[Answer] = []
    for answer in answers:
        rows = []
        for row in answer:
            past = former.setdefault((type(row), row[:2]), [])
            if row in past[:-1]:
                continue
            if row not in past:
                past.append(row)
            rows.append(row)
        kept.append(tuple(rows))
    return kept


@pytest.fixture
def laid_out(conn: Connection) -> Iterator[Callable[[Sequence[Answer]], list[Load]]]:
    """Store answers, a minute apart; everything is rolled back by the caller."""

    def lay_out(answers: Sequence[Answer]) -> list[Load]:
        return [stored(conn, *answer, minute=minute) for minute, answer in enumerate(answers)]

    yield lay_out
    conn.rollback()


@LAWS
@given(answers=ANSWERS)
def test_loading_twice_is_loading_once(
    conn: Connection, laid_out: Callable[[Sequence[Answer]], list[Load]], answers: list[Answer]
) -> None:
    with conn.transaction(force_rollback=True):
        loads = laid_out(answers)
        merge(conn, system, loads, run_id=1, now=NOW, known=KeyCache())
        before = contents(conn)

        again = merge(conn, system, loads, run_id=2, now=NOW, known=KeyCache())

        assert contents(conn) == before
        assert all(counts.inserted == counts.updated == 0 for counts in again.rows.values())


@LAWS
@given(answers=ANSWERS, data=st.data())
def test_any_order_and_any_batching_gives_the_same_tables(
    conn: Connection,
    laid_out: Callable[[Sequence[Answer]], list[Load]],
    answers: list[Answer],
    data: st.DataObject,
) -> None:
    with conn.transaction(force_rollback=True):
        loads = laid_out(never_back(answers))
        with conn.transaction(force_rollback=True):
            merge(conn, system, loads, run_id=1, now=NOW, known=KeyCache())
            expected = contents(conn)
        shuffled = data.draw(st.permutations(loads))
        cuts = sorted(data.draw(st.sets(st.integers(0, len(loads)))) | {0, len(loads)})

        for start, end in pairwise(cuts):
            merge(conn, system, shuffled[start:end], run_id=1, now=NOW, known=KeyCache())

        assert contents(conn) == expected


@LAWS
@given(answers=ANSWERS)
def test_every_row_read_is_accounted_for_in_the_receipts(
    conn: Connection, laid_out: Callable[[Sequence[Answer]], list[Load]], answers: list[Answer]
) -> None:
    with conn.transaction(force_rollback=True):
        loads = laid_out(answers)
        merge(conn, system, loads, run_id=1, now=NOW, known=KeyCache())

        receipts = conn.execute(
            "select capture_id, sum(read)::int, sum(inserted + updated + unchanged + rejected"
            " + duplicates)::int from stocktake.receipt group by capture_id"
        ).fetchall()
        read = {load.capture_id: len(answer) for load, answer in zip(loads, answers, strict=True)}
        assert sorted(receipts) == sorted((one, n, n) for one, n in read.items() if n)
        (inserted,) = conn.execute(
            "select coalesce(sum(inserted), 0) from stocktake.receipt"
        ).fetchone() or (0,)
        assert inserted == len(contents(conn))
