"""What a run remembers of the rows it told changes nothing but the work."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from stocktake.load.known import KeyCache
from stocktake.load.merge import Load, Merged, merge
from stocktake.model import FromDataset
from tests.integration.load.yard import NOW, RunnerCard, RunnerResult, stored, system

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[Any]

RUNNERS_AS_MEMBERS = replace(
    system,
    datasets=tuple(
        replace(one, partitions=FromDataset("race", "race_id")) if one.name == "runner" else one
        for one in system.datasets
    ),
)
NAMES = ("Flaggan", "Flaggan (IRE)", "Rowantree", None)


def _answers(seed: int) -> list[tuple[int, bool, list[Any]]]:
    """Return answers as minute, whether its transaction fails, and rows."""
    random = Random(seed)
    answers = []
    for _ in range(25):
        kind = random.choice((RunnerCard, RunnerResult))
        rows = [
            kind("r1", horse, random.choice(NAMES), random.choice((1, 2, None)))
            for horse in random.sample(("h1", "h2", "h3"), 2)
        ]
        answers.append((random.randrange(60), random.random() < 0.2, rows))
    return answers


def _loaded(conn: Connection, seed: int, *, remembering: bool) -> tuple[list[Any], list[Any]]:
    """Load answers into an empty table; return its rows and what was counted."""
    conn.execute("delete from yard.runner")
    known = KeyCache()
    counts = []
    for minute, fails, rows in _answers(seed):
        load = stored(conn, *rows, minute=minute)
        conn.commit()
        with conn.transaction(force_rollback=fails):
            merged = merge(conn, RUNNERS_AS_MEMBERS, [load], run_id=1, now=NOW, known=known)
        counts.append(merged.rows)
        if fails:
            known.discard()
        else:
            known.publish()
        if not remembering:
            known.forget()
    table = conn.execute(
        "select race_id, horse_id, horse_name, number, _row_hash, _card_hash, _result_hash,"
        " _overruled from yard.runner order by 1, 2"
    ).fetchall()
    return table, counts


@pytest.mark.parametrize("seed", range(6))
def test_a_run_that_remembers_what_it_told_loads_the_same(conn: Connection, seed: int) -> None:
    assert _loaded(conn, seed, remembering=True) == _loaded(conn, seed, remembering=False)


def test_a_row_told_before_in_a_run_is_left_out(conn: Connection) -> None:
    known = KeyCache()
    answers = [stored(conn, RunnerCard("r1", "h1", "Flaggan"), minute=at) for at in range(2)]
    conn.commit()

    def told(load: Load) -> Merged:
        with conn.transaction():
            merged = merge(conn, RUNNERS_AS_MEMBERS, [load], run_id=1, now=NOW, known=known)
        known.publish()
        return merged

    _, again = map(told, answers)

    assert (again.rows["runner"].unchanged, again.values["runner", "race_id"]) == (1, {})
