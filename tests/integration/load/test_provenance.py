"""From a row back to its evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from stocktake.errors import StoreError, UsageError
from stocktake.load.provenance import trace
from stocktake.load.receipts import write_derived_receipt
from stocktake.load.tables import FRAGMENTS, QUERIES, facet_table, forget_tables
from stocktake.model import RowCounts
from stocktake.store.queries import Queries
from stocktake.testing.database import unprepared
from tests.integration.load.yard import (
    NOW,
    Race,
    RunnerCard,
    RunnerResult,
    merge_all,
    stored,
    system,
)

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[Any]


def test_a_row_names_capture_run_and_receipt_of_each_facet(conn: Connection) -> None:
    card = stored(conn, RunnerCard("r1", "h1", jockey="Weak"))
    result = stored(conn, RunnerResult("r1", "h1", jockey="Strong"), minute=1)
    merge_all(conn, [card], run_id=1)
    merge_all(conn, [result], run_id=2)

    told = trace(conn, system, system.dataset("runner"), {"race_id": "r1", "horse_id": "h1"})

    assert [(one.facet, one.capture_id, one.run_id, one.counts) for one in told.origins] == [
        ("card", card.capture_id, 1, RowCounts(read=1, inserted=1)),
        ("result", result.capture_id, 2, RowCounts(read=1, updated=1)),
    ]
    assert told.overruled == {"card": {"jockey": "Weak"}}
    assert [(one.run_id, one.before["jockey"]) for one in told.versions] == [(2, "Weak")]


def test_a_request_is_told_as_it_was_sent(conn: Connection) -> None:
    card = stored(conn, RunnerCard("r1", "h1", jockey="Weak"))
    conn.execute(
        "update stocktake.capture set params = %s where capture_id = %s",
        (["date", "2024-01-02", "region", "gb", "region", "ire"], card.capture_id),
    )
    merge_all(conn, [card], run_id=1)

    told = trace(conn, system, system.dataset("runner"), {"race_id": "r1", "horse_id": "h1"})

    assert told.origins[0].request == "/answer/0?date=2024-01-02&region=gb&region=ire"


def test_an_unknown_row_is_refused(conn: Connection) -> None:
    with pytest.raises(UsageError, match="race has no row race_id=r9"):
        trace(conn, system, system.dataset("race"), {"race_id": "r9"})


def test_a_key_of_the_wrong_type_is_refused(conn: Connection) -> None:
    with pytest.raises(UsageError, match="kind: id=seven is no key"):
        trace(conn, system, system.dataset("kind"), {"id": "seven"})


def test_a_derived_receipt_has_no_capture(conn: Connection) -> None:
    write_derived_receipt(conn, "race", RowCounts(read=3, updated=3), run_id=1, now=NOW)

    receipts = conn.execute("select capture_id, dataset, read, updated from stocktake.receipt")
    assert receipts.fetchall() == [(None, "race", 3, 3)]


def test_a_table_without_its_columns_is_refused_with_what_it_lacks(yard: Any) -> None:
    forget_tables()
    with yard.owner() as owner:
        owner.execute("alter table yard.race drop column purse")
    dataset = system.dataset("race")
    with yard.connection() as conn, pytest.raises(StoreError, match=r"yard\.race: .* lacks purse"):
        facet_table(conn, "yard", dataset=dataset, facet=dataset.facets[0])


def test_every_plain_query_of_load_is_understood_by_the_server(conn: Connection) -> None:
    texts = {name: query.as_string(None) for name, query in QUERIES.items()}
    plain = {name: text for name, text in texts.items() if "}" not in text.replace("'{}'", "")}
    assert unprepared(conn, Queries("load.sql", plain)) == {}
    assert not any("--" in fragment.as_string(None) for fragment in FRAGMENTS.values())


def test_rows_keep_the_instant_they_were_first_loaded(conn: Connection) -> None:
    merge_all(conn, [stored(conn, Race("r1", "Old"))])
    merge_all(conn, [stored(conn, Race("r1", "New"), minute=1)])

    instants = conn.execute(
        "select created_at < updated_at, updated_at = _loaded_at from yard.race"
    ).fetchone()
    assert instants == (True, True)
