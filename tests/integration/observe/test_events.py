"""The outbox: events belong to the transaction, alerts are opened and ended once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from stocktake.observe.events import QUERIES, emit, headline
from stocktake.store.database import tenant
from stocktake.testing.database import unprepared

if TYPE_CHECKING:
    from stocktake.store.database import Database

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = "check:racing:coverage"
TENANT = "7f8b6f9e-0000-4000-8000-000000000001"


def fails(conn: psycopg.Connection[Any], *, minutes: int = 0, value: float = 0.9) -> None:
    now = NOW + timedelta(minutes=minutes)
    emit(
        conn,
        "check.failed",
        system="racing",
        subject="coverage",
        details={"value": value},
        now=now,
        dedupe=KEY,
    )


def passes(conn: psycopg.Connection[Any], *, minutes: int) -> None:
    now = NOW + timedelta(minutes=minutes)
    emit(
        conn,
        "check.passed",
        system="racing",
        subject="coverage",
        details={},
        now=now,
        dedupe=KEY,
        resolves=True,
    )


def rows(database: Database, statement: str) -> list[tuple[Any, ...]]:
    with database.connection() as conn:
        return conn.execute(statement.encode()).fetchall()


def test_an_event_of_a_transaction_that_fails_was_never_told(database: Database) -> None:
    def told_and_then_fails() -> None:
        with database.connection() as conn:
            fails(conn)
            conn.execute("select 1 / 0")

    with pytest.raises(psycopg.errors.DivisionByZero):
        told_and_then_fails()

    assert rows(database, "select * from event") == []
    assert rows(database, "select * from alert") == []


def test_a_note_is_an_event_each_time_and_opens_nothing(database: Database) -> None:
    with database.connection() as conn:
        for _ in range(2):
            emit(conn, "run.started", system="nba", subject="run 1", details={}, now=NOW)

    assert rows(database, "select kind, alert_id from event") == [("run.started", None)] * 2
    assert rows(database, "select * from alert") == []


def test_an_open_alert_seen_again_counts_and_keeps_what_was_seen_last(database: Database) -> None:
    with database.connection() as conn:
        for minutes in (0, 5, 9):
            fails(conn, minutes=minutes, value=minutes / 10)

    assert rows(database, "select count(*) from event") == [(1,)]
    assert rows(
        database, "select seen, opened_at, last_seen_at, details, resolved_at from alert"
    ) == [(3, NOW, NOW + timedelta(minutes=9), {"value": 0.9}, None)]


def test_what_is_well_again_is_told_once(database: Database) -> None:
    with database.connection() as conn:
        passes(conn, minutes=0)
        fails(conn, minutes=1)
        passes(conn, minutes=2)
        passes(conn, minutes=3)

    assert rows(database, "select kind, resolves from event order by event_id") == [
        ("check.failed", False),
        ("check.passed", True),
    ]
    assert rows(database, "select resolved_at from alert") == [(NOW + timedelta(minutes=2),)]


def test_an_alert_that_comes_back_is_opened_anew(database: Database) -> None:
    with database.connection() as conn:
        fails(conn)
        fails(conn, minutes=1)
        passes(conn, minutes=2)
        fails(conn, minutes=3)

    assert rows(database, "select seen, opened_at, resolved_at from alert") == [
        (1, NOW + timedelta(minutes=3), None)
    ]
    assert rows(database, "select count(*) from event") == [(3,)]


def test_a_tenant_has_alerts_of_its_own_and_sees_no_others(database: Database) -> None:
    with database.connection() as conn:
        fails(conn)
    with database.connection() as conn:
        tenant(conn, TENANT)
        assert conn.execute("select count(*) from alert").fetchone() == (0,)
        fails(conn)
        assert conn.execute("select count(*), max(seen) from alert").fetchone() == (1, 1)

    assert rows(database, "select tenant_id from event") == [(None,)]


def test_every_statement_is_understood_by_the_server(database: Database) -> None:
    with database.owner() as conn:
        assert unprepared(conn, QUERIES) == {}


def test_a_kind_nobody_foresaw_has_a_headline_too() -> None:
    assert headline("moon.{full}", "the moon") == "the moon: moon.{full}"
