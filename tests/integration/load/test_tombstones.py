"""Rows that a full answer of their unit no longer tells."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest

from stocktake.errors import UsageError
from stocktake.load.provenance import trace
from stocktake.load.tombstones import lacking_rows, withdraw_rows
from stocktake.model import Whole
from tests.integration.load.yard import (
    NOW,
    Race,
    RunnerCard,
    RunnerResult,
    merge_all,
    rows_of,
    stored,
    system,
)

if TYPE_CHECKING:
    import psycopg

    from stocktake.load.rows import Load
    from stocktake.load.tombstones import Lacking

    Connection = psycopg.Connection[Any]

DAY = date(2026, 3, 10)
UNIT = (DAY.isoformat(),)
RACES = Whole("race", "race", ("day",))
CARDS, RESULTS = (Whole("runner", facet, (f"date '{DAY}'",)) for facet in ("card", "result"))


def lacking(conn: Connection, whole: Whole, answer: Load) -> tuple[Lacking, ...]:
    return lacking_rows(conn, system, [whole], {UNIT: answer}).lacking


def withdraw(conn: Connection, whole: Whole, answer: Load, *, run_id: int = 2) -> int:
    """Merge an answer, take away what it no longer tells, commit; return how much that was."""
    merge_all(conn, [answer], run_id=run_id)
    found = lacking(conn, whole, answer)
    withdraw_rows(conn, system, found, feed="feed", run_id=run_id, now=NOW)
    conn.commit()
    return len(found)


@pytest.mark.fault("H20")
def test_a_row_that_is_no_longer_told_goes_and_what_it_was_is_kept(conn: Connection) -> None:
    merge_all(conn, [stored(conn, Race("r1", "Derby", DAY), Race("r2", "Oaks", DAY))])

    gone = withdraw(conn, RACES, stored(conn, Race("r2", "Oaks", DAY), minute=1))

    assert gone == 1
    assert rows_of(conn, Race, "race") == [Race("r2", "Oaks", DAY)]
    told = trace(conn, system, system.dataset("race"), {"race_id": "r1"})
    assert told.is_gone
    assert [(one.run_id, one.is_row_gone) for one in told.withdrawals] == [(2, True)]
    assert [(one.operation, one.before["name"]) for one in told.versions] == [("delete", "Derby")]


def test_rows_of_other_days_and_rows_told_again_are_left_alone(conn: Connection) -> None:
    other = Race("r3", "Cup", date(2026, 3, 11))
    merge_all(conn, [stored(conn, Race("r1", "Derby", DAY), other)])

    gone = withdraw(conn, RACES, stored(conn, Race("r1", "Derby Stakes", DAY), minute=1))

    assert gone == 0
    assert rows_of(conn, Race, "race") == [Race("r1", "Derby Stakes", DAY), other]


@pytest.mark.fault("H20")
def test_an_answer_fetched_earlier_withdraws_nothing_that_was_told_later(conn: Connection) -> None:
    merge_all(conn, [stored(conn, Race("r1", "Derby", DAY), minute=9)])

    assert withdraw(conn, RACES, stored(conn, Race("r2", "Oaks", DAY), minute=1)) == 0


@pytest.mark.fault("H20")
def test_a_row_that_was_withdrawn_comes_back_when_it_is_told_again(conn: Connection) -> None:
    both = (Race("r1", "Derby", DAY), Race("r2", "Oaks", DAY))
    merge_all(conn, [stored(conn, *both)])
    withdraw(conn, RACES, stored(conn, both[1], minute=1))

    assert withdraw(conn, RACES, stored(conn, *both, minute=2), run_id=3) == 0

    assert rows_of(conn, Race, "race") == list(both)
    told = trace(conn, system, system.dataset("race"), {"race_id": "r1"})
    assert (told.is_gone, len(told.withdrawals)) == (False, 1)


def test_a_row_that_nobody_ever_had_is_no_row(conn: Connection) -> None:
    with pytest.raises(UsageError, match="race has no row race_id=r9"):
        trace(conn, system, system.dataset("race"), {"race_id": "r9"})


CARD = {"number": 1, "jockey": "Ann", "weight": Decimal("9.5")}
RESULT = {"number": 2, "jockey": "Bob", "weight": Decimal("8.5")}
MASKS = list(product([True, False], repeat=3))


def some(values: dict[str, Any], mask: tuple[bool, ...]) -> dict[str, Any]:
    return {name: value for (name, value), told in zip(values.items(), mask, strict=True) if told}


@pytest.mark.fault("H20")
def test_a_facet_that_is_withdrawn_leaves_the_row_as_if_it_had_never_spoken(
    conn: Connection,
) -> None:
    """Whatever both facets told of what they share, and whoever came first."""
    columns = "to_jsonb(t) - '{_run_id,_loaded_at,_row_hash,created_at,updated_at}'::text[]"
    query = f"select {columns} from yard.runner t order by horse_id".encode()
    cards, results = [], []
    for at, (card, result) in enumerate(product(MASKS, MASKS)):
        cards.append(RunnerCard("r1", f"h{at}", "Create", form="0-7", **some(CARD, card)))
        results.append(
            RunnerResult("r1", f"h{at}", "Create", position=1, seconds=9.5, **some(RESULT, result))
        )
    stays = RunnerResult("r1", "other", position=3)
    first, second = stored(conn, *cards), stored(conn, *results, stays, minute=1)
    merge_all(conn, [first])
    expected = conn.execute(query).fetchall()
    merge_all(conn, [second])

    gone = withdraw(conn, RESULTS, stored(conn, stays, minute=2))

    found = [line for line in conn.execute(query).fetchall() if line[0]["horse_id"] != "other"]
    assert gone == len(cards)
    assert found == expected


@pytest.mark.fault("H20")
def test_a_row_goes_when_the_last_facet_that_told_it_is_withdrawn(conn: Connection) -> None:
    merge_all(conn, [stored(conn, RunnerCard("r1", "h1", "Create"), RunnerCard("r1", "h2"))])
    merge_all(conn, [stored(conn, RunnerResult("r1", "h1"), RunnerResult("r1", "h2"), minute=1)])

    withdraw(conn, RESULTS, stored(conn, RunnerResult("r1", "h2"), minute=2))
    withdraw(conn, CARDS, stored(conn, RunnerCard("r1", "h2"), minute=3), run_id=3)

    assert [row.horse_id for row in rows_of(conn, RunnerCard, "runner")] == ["h2"]
    key = {"race_id": "r1", "horse_id": "h1"}
    told = trace(conn, system, system.dataset("runner"), key)
    assert [(one.facet, one.is_row_gone) for one in told.withdrawals] == [
        ("card", True),
        ("result", False),
    ]
