"""Merging into real tables: facets, changes, duplicates, counts."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from stocktake.load.known import KeyCache
from stocktake.load.merge import merge
from stocktake.model import RowCounts
from tests.integration.load.yard import (
    NOW,
    Horse,
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

    Connection = psycopg.Connection[Any]


def test_new_rows_are_inserted_with_their_provenance(conn: Connection) -> None:
    load = stored(conn, Race("r1", "Derby"), Race("r2"))

    merged = merge_all(conn, [load], run_id=7)

    assert merged.rows == {"race": RowCounts(read=2, inserted=2)}
    assert rows_of(conn, Race, "race") == [Race("r1", "Derby"), Race("r2")]
    provenance = conn.execute("select distinct _capture_id, _run_id from yard.race").fetchall()
    assert provenance == [(load.capture_id, 7)]


def test_a_second_identical_load_touches_no_row(conn: Connection) -> None:
    rows = [Race(f"r{number}", "Derby") for number in range(50)]
    merge_all(conn, [stored(conn, *rows)])
    before = conn.execute("select ctid, xmin, race from yard.race order by race_id").fetchall()

    merged = merge_all(conn, [stored(conn, *rows, minute=1)])

    assert merged.rows == {"race": RowCounts(read=50, unchanged=50)}
    assert (
        conn.execute("select ctid, xmin, race from yard.race order by race_id").fetchall() == before
    )


def test_changed_new_and_equal_rows_are_told_apart(conn: Connection) -> None:
    merge_all(conn, [stored(conn, Race("r1", "Derby"), Race("r2", "Oaks"))])

    merged = merge_all(
        conn, [stored(conn, Race("r1", "Derby"), Race("r2", "The Oaks"), Race("r3"), minute=1)]
    )

    assert merged.rows == {"race": RowCounts(read=3, inserted=1, updated=1, unchanged=1)}
    assert [race.name for race in rows_of(conn, Race, "race")] == ["Derby", "The Oaks", None]


def test_a_facet_never_overwrites_the_columns_of_another(conn: Connection) -> None:
    merge_all(
        conn, [stored(conn, RunnerCard("r1", "h1", form="0-72", flags=["C"], odds=[{"d": 2}]))]
    )
    merge_all(conn, [stored(conn, RunnerResult("r1", "h1", position=1), minute=1)])
    merge_all(conn, [stored(conn, RunnerCard("r1", "h1", form=None), minute=2)])

    assert rows_of(conn, RunnerResult, "runner")[0].position == 1
    assert rows_of(conn, RunnerCard, "runner")[0].form is None


def test_the_stronger_facet_tells_shared_columns_whatever_came_first(conn: Connection) -> None:
    merge_all(conn, [stored(conn, RunnerResult("r1", "h1", jockey="Strong", number=3))])
    merge_all(
        conn, [stored(conn, RunnerCard("r1", "h1", jockey="Weak", weight=Decimal("9.5")), minute=1)]
    )

    assert rows_of(conn, RunnerCard, "runner") == [
        RunnerCard("r1", "h1", number=3, jockey="Strong", weight=Decimal("9.50"))
    ]


def test_a_value_overruled_comes_back_when_the_stronger_facet_withdraws_its_own(
    conn: Connection,
) -> None:
    merge_all(conn, [stored(conn, RunnerCard("r1", "h1", jockey="Weak"))])
    merge_all(conn, [stored(conn, RunnerResult("r1", "h1", jockey="Strong"), minute=1)])
    merge_all(conn, [stored(conn, RunnerCard("r1", "h1", jockey="Weaker"), minute=2)])
    merge_all(conn, [stored(conn, RunnerResult("r1", "h1"), minute=3)])

    assert rows_of(conn, RunnerCard, "runner")[0].jockey == "Weaker"


def test_the_longest_name_stays(conn: Connection) -> None:
    merge_all(conn, [stored(conn, RunnerResult("r1", "h1", horse_name="Create (IRE)"))])
    merge_all(conn, [stored(conn, RunnerCard("r1", "h1", horse_name="Create"), minute=1)])

    assert rows_of(conn, RunnerCard, "runner")[0].horse_name == "Create (IRE)"


def test_a_shorter_name_told_later_touches_nothing(conn: Connection) -> None:
    long, short = (RunnerCard("r1", "h1", horse_name=name) for name in ("Create (IRE)", "Create"))
    merge_all(conn, [stored(conn, long)])

    merged = merge_all(conn, [stored(conn, short, minute=1)])

    assert merged.rows == {"runner": RowCounts(read=1, unchanged=1)}


def test_a_longer_name_counts_beside_a_later_answer_that_is_held_already(
    conn: Connection,
) -> None:
    long, short = (RunnerCard("r1", "h1", horse_name=name) for name in ("Create (IRE)", "Create"))
    merge_all(conn, [stored(conn, short)])

    merge_all(conn, [stored(conn, long, minute=1), stored(conn, short, minute=2)])

    assert rows_of(conn, RunnerCard, "runner")[0].horse_name == "Create (IRE)"


def test_a_row_told_long_and_short_is_new_beside_one_that_is_held(conn: Connection) -> None:
    merge_all(conn, [stored(conn, RunnerCard("r1", "h1"))])

    merge_all(
        conn,
        [
            stored(conn, RunnerCard("r1", "h1"), RunnerCard("r1", "h2", "Do (IRE)"), minute=1),
            stored(conn, RunnerCard("r1", "h2", "Do"), minute=2),
        ],
    )

    assert [row.horse_name for row in rows_of(conn, RunnerCard, "runner")] == [None, "Do (IRE)"]


def test_a_duplicate_is_counted_with_the_answer_that_was_set_aside(conn: Connection) -> None:
    merge_all(conn, [stored(conn, Race("r1", "Old"))])
    merge_all(
        conn,
        [stored(conn, Race("r1", "New"), minute=1), stored(conn, Race("r1", "Newer"), minute=2)],
    )

    counts = conn.execute(
        "select updated, unchanged, duplicates from stocktake.receipt order by receipt_id offset 1"
    ).fetchall()
    assert counts == [(0, 0, 1), (1, 0, 0)]


def test_a_facet_that_tells_nothing_new_has_told_it(conn: Connection) -> None:
    merge_all(conn, [stored(conn, RunnerResult("r1", "h1", horse_name="Create"))])
    merged = merge_all(conn, [stored(conn, RunnerCard("r1", "h1", horse_name="Create"), minute=1)])

    assert merged.rows == {"runner": RowCounts(read=1, updated=1)}


@pytest.mark.fault("H20")
def test_an_answer_fetched_earlier_never_overrules_a_later_one(conn: Connection) -> None:
    late, early = (
        stored(conn, Race("r1", "New"), minute=9),
        stored(conn, Race("r1", "Old"), minute=1),
    )
    merge_all(conn, [late])

    merged = merge_all(conn, [early])

    assert merged.rows == {"race": RowCounts(read=1, unchanged=1)}
    assert rows_of(conn, Race, "race") == [Race("r1", "New")]


@pytest.mark.fault("H20")
def test_what_a_row_was_before_a_change_is_kept(conn: Connection) -> None:
    merge_all(conn, [stored(conn, Race("r1", "Old", going="Soft"))], run_id=1)
    merge_all(conn, [stored(conn, Race("r1", "New", going="Soft"), minute=1)], run_id=2)

    kept = conn.execute(
        "select run_id, facet, row_key, before ->> 'name', before ? 'going',"
        " (before ->> '_run_id')::int from stocktake.row_version"
    ).fetchall()
    assert kept == [(2, "race", {"race_id": "r1"}, "Old", False, 1)]


def test_copies_within_one_answer_are_counted_and_not_kept_for_decision(conn: Connection) -> None:
    merged = merge_all(conn, [stored(conn, Race("r1"), Race("r1"))])

    assert merged.rows == {"race": RowCounts(read=2, inserted=1, duplicates=1)}
    assert merged.duplicates == 0


def test_two_values_for_one_key_in_one_answer_are_kept_for_decision(conn: Connection) -> None:
    merged = merge_all(conn, [stored(conn, Race("r1", "First"), Race("r1", "Second"))])

    assert merged.rows == {"race": RowCounts(read=2, inserted=1, duplicates=1)}
    assert merged.duplicates == 1
    kept = conn.execute(
        "select dataset, row_key, kept ->> 'name', other ->> 'name', state from stocktake.duplicate"
    ).fetchall()
    assert kept == [("race", "race_id=r1", "Second", "First", "open")]


def test_an_absent_facet_adds_rows_and_changes_none(conn: Connection) -> None:
    merge_all(conn, [stored(conn, Horse("h1", "Flaggan"))])

    merged = merge_all(conn, [stored(conn, Horse("h1", "Other"), Horse("h2", "New"), minute=1)])

    assert merged.rows == {"horse": RowCounts(read=2, inserted=1, unchanged=1)}
    assert rows_of(conn, Horse, "horse") == [Horse("h1", "Flaggan"), Horse("h2", "New")]


def test_keys_of_a_rolled_back_transaction_are_asked_for_again(conn: Connection) -> None:
    known = KeyCache()
    load = stored(conn, Horse("h1", "Flaggan"))
    conn.commit()
    with conn.transaction(force_rollback=True):
        merge(conn, system, [load], run_id=1, now=NOW, known=known)
    known.discard()

    assert merge_all(conn, [load], known=known).rows == {"horse": RowCounts(read=1, inserted=1)}


def test_units_read_from_rows_are_told_with_their_targets(conn: Connection) -> None:
    load = stored(conn, RunnerCard("r1", "h1"), RunnerResult("r1", "h2"), Horse("h1"))

    merged = merge_all(conn, [load])

    assert merged.values == {
        ("runner", "horse_id"): {"h1": None, "h2": None},
        ("horse", "id"): {"h1": None},
    }


def test_values_told_in_a_committed_merge_are_not_told_again(conn: Connection) -> None:
    known = KeyCache()
    merge_all(conn, [stored(conn, RunnerCard("r1", "h1"))], known=known)
    known.publish()

    merged = merge_all(conn, [stored(conn, RunnerCard("r2", "h1"))], known=known)

    assert merged.values == {("runner", "horse_id"): {}}


def test_two_facets_of_one_row_in_one_batch_make_one_row(conn: Connection) -> None:
    merged = merge_all(
        conn,
        [
            stored(conn, RunnerResult("r1", "h1", position=1)),
            stored(conn, RunnerCard("r1", "h1", form="0-7"), minute=1),
        ],
    )

    assert merged.rows == {"runner": RowCounts(read=2, inserted=1, updated=1)}
