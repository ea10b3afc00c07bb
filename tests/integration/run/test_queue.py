"""Runs queued for workers, in the transaction of who asks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from psycopg.sql import SQL

from stocktake.errors import UsageError
from stocktake.model import PlanOptions
from stocktake.run.queue import backfill_work, enqueue, sync_work, work_of
from stocktake.run.registry import find_system
from stocktake.store.queries import load_queries
from stocktake.testing.database import unprepared

if TYPE_CHECKING:
    import psycopg

    from stocktake.store.database import Database

RACING = find_system("racing")
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
TASKS = SQL(
    "select task_name, queue_name, priority, args from stocktake_queue.procrastinate_jobs"
    " order by id"
)


def asked(conn: psycopg.Connection) -> int:
    work = sync_work(("ra_races",), days=3)
    return enqueue(conn, RACING, work, priority=10, by="ann", now=NOW)


def test_a_queued_run_says_what_was_asked_by_whom(database: Database) -> None:
    with database.connection() as conn:
        run_id = asked(conn)
        row = conn.execute(
            SQL("select state, is_detached, kind, options, priority, asked_by from run")
        ).fetchone()
        tasks = conn.execute(TASKS).fetchall()

    options = {"datasets": ["ra_races"], "days": 3}
    assert row == ("queued", True, "sync", options, 10, "ann")
    assert tasks == [("conduct", "runs", 10, {"run_id": run_id})]


def test_what_is_rolled_back_was_never_queued(database: Database) -> None:
    with database.connection() as conn:
        asked(conn)
        conn.rollback()
        left = conn.execute(SQL("select count(*) from run")).fetchone()
        tasks = conn.execute(TASKS).fetchall()

    assert (left, tasks) == ((0,), [])


def test_what_workers_do_not_do_is_refused() -> None:
    with pytest.raises(UsageError, match="workers do not demolish"):
        work_of("demolish")


def test_an_unknown_dataset_is_refused_before_it_is_queued(database: Database) -> None:
    work = backfill_work(PlanOptions(datasets=("ra_rases",)))

    with database.connection() as conn, pytest.raises(UsageError, match="no dataset 'ra_rases'"):
        enqueue(conn, RACING, work, by="ann", now=NOW)


def test_every_query_of_the_queue_is_understood_by_the_server(database: Database) -> None:
    with database.owner() as connection:
        assert unprepared(connection, load_queries("stocktake.store", "sql/queue.sql")) == {}
