"""Rows that cannot be stored become rejects; their neighbours are loaded."""

from __future__ import annotations

from datetime import UTC, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from stocktake.errors import LoadError
from stocktake.load.duplicates import Choice, decide, list_duplicates
from stocktake.load.rejects import list_rejects
from stocktake.model import Parsed, Reject, RowCounts
from tests.integration.load.yard import NOW, Kind, Race, merge_all, rows_of, stored

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[Any]

SOUND = Kind(
    1, -5, 2**31 - 1, -(2**63), Decimal("9999.99"), Decimal("1e30"), 1.5, True, "GBP", "short",
    "label", None, datetime(2026, 1, 1, tzinfo=UTC), time(20, 30), ["a", ""], {"a": [1, None]}, 1,
)  # fmt: skip


@pytest.mark.fault("H15")
@pytest.mark.fault("U04")
@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"id": None}, "key"),
        ({"label": "a\x00b"}, "nul"),
        ({"label": "\ud83d"}, "surrogate"),
        ({"words": ["\x00"]}, "nul"),
        ({"words": ["\udc00"]}, "surrogate"),
        ({"tree": {"a": ["\x00"]}}, "nul"),
        ({"tree": {"\ud83d": 1}}, "surrogate"),
        ({"tree": [float("nan")]}, "not_a_number"),
        ({"tree": [2**70]}, "type"),
        ({"small": 2**15}, "range"),
        ({"whole": 2**31}, "range"),
        ({"whole": -(2**31) - 1}, "range"),
        ({"wide": 2**63}, "range"),
        ({"wide": 2**70}, "range"),
        ({"whole": True}, "type"),
        ({"whole": "7"}, "type"),
        ({"whole": 1.0}, "type"),
        ({"exact": Decimal(10000)}, "range"),
        ({"exact": Decimal("9999.995")}, "range"),
        ({"exact": 0.1}, "type"),
        ({"exact": Decimal("NaN")}, "not_a_number"),
        ({"loose": Decimal("Infinity")}, "not_a_number"),
        ({"loose": Decimal("sNaN")}, "not_a_number"),
        ({"real_number": float("nan")}, "not_a_number"),
        ({"real_number": "1"}, "type"),
        ({"flag": 1}, "type"),
        ({"code": "GBPX"}, "length"),
        ({"short": "longer"}, "length"),
        ({"label": None}, "null"),
        ({"label": 5}, "type"),
        ({"at": datetime(2026, 1, 1)}, "zone"),  # noqa: DTZ001 -- what must be refused
        ({"at": "2026-01-01"}, "type"),
        ({"day": "2026-01-01"}, "type"),
        ({"words": "abc"}, "refused"),
        ({"positive": -1}, "refused"),
    ],
    ids=str,
)
def test_one_bad_value_costs_one_row(conn: Connection, change: dict[str, Any], code: str) -> None:
    bad = SOUND._replace(**{"id": 2, **change})
    neighbours = [SOUND, SOUND._replace(id=3)]

    merged = merge_all(conn, [stored(conn, neighbours[0], bad, neighbours[1])])

    assert merged.rows == {"kind": RowCounts(read=3, inserted=2, rejected=1)}
    assert rows_of(conn, Kind, "kind") == neighbours
    assert [one.code for one in list_rejects(conn, "yard")] == [code]


def test_a_row_as_large_as_the_types_allow_is_stored_as_it_is(conn: Connection) -> None:
    merge_all(conn, [stored(conn, SOUND)])

    assert rows_of(conn, Kind, "kind") == [SOUND]


def test_a_bad_row_among_changed_ones_costs_one_row(conn: Connection) -> None:
    merge_all(conn, [stored(conn, *(SOUND._replace(id=number) for number in range(9)))])

    merged = merge_all(
        conn,
        [
            stored(
                conn,
                *(SOUND._replace(id=n, positive=-1 if n == 4 else 2) for n in range(9)),
                minute=1,
            )
        ],
    )

    assert merged.rows == {"kind": RowCounts(read=9, updated=8, rejected=1)}


def test_a_reject_says_where_it_stood_and_what_it_was(conn: Connection) -> None:
    load = stored(conn, Race("r1", "a\x00b"))
    merge_all(conn, [load], run_id=5)

    (reject,) = list_rejects(conn, "yard")

    assert (reject.position, reject.capture_id, reject.run_id) == ("race_id=r1", load.capture_id, 5)
    assert '"name": "a\\u0000b"' in reject.raw


def test_rejects_and_copies_of_the_parser_are_counted(conn: Connection) -> None:
    parsed = Parsed(
        rejects=[Reject("race", "line 4", "number", "No number.", "x\x00,\ud83d")],
        read={"race": 4},
        duplicates={"race": 2},
    )

    merged = merge_all(conn, [stored(conn, Race("r1"), parsed=parsed)])

    assert merged.rows == {"race": RowCounts(read=4, inserted=1, rejected=1, duplicates=2)}
    assert conn.execute("select read, rejected, duplicates from stocktake.receipt").fetchall() == [
        (4, 1, 2)
    ]


def test_an_answer_of_nothing_but_rejects_has_a_receipt(conn: Connection) -> None:
    parsed = Parsed(rejects=[Reject("race", "line 2", "number", "No number.", "x")])

    merged = merge_all(conn, [stored(conn, parsed=parsed)])

    assert merged.rows == {"race": RowCounts(read=1, rejected=1)}


def test_a_parser_that_lost_count_is_refused(conn: Connection) -> None:
    with pytest.raises(LoadError, match="3 rows of race were read, but 1 accepted"):
        merge_all(conn, [stored(conn, Race("r1"), parsed=Parsed(read={"race": 3}))])


def test_a_pair_that_two_answers_of_a_batch_tell_is_kept_once(conn: Connection) -> None:
    told = Race("r1", "First"), Race("r1", "Second")

    merge_all(conn, [stored(conn, *told), stored(conn, *told), stored(conn, *reversed(told))])

    pairs = [(one.kept["name"], one.other["name"]) for one in list_duplicates(conn, "yard")]
    assert len(set(pairs)) == len(pairs) > 0


def test_a_duplicate_is_decided_once(conn: Connection) -> None:
    merge_all(conn, [stored(conn, Race("r1", "First"), Race("r1", "Second"))])
    (duplicate,) = list_duplicates(conn, "yard")
    assert duplicate.differences == "name"

    decide(conn, duplicate.duplicate_id, Choice("kept"), by="Ann", now=NOW)

    assert list(list_duplicates(conn, "yard")) == []
    assert [one.state for one in list_duplicates(conn, "yard", state="kept")] == ["kept"]
