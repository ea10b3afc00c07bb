"""Rows that are kept for a time: what is old goes, what is needed stays, however old."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from stocktake.run.pruned import TOGETHER, prune
from stocktake.run.workspace import Workspace
from stocktake.settings import Settings
from stocktake.store.queries import load_queries
from stocktake.testing.database import unprepared

if TYPE_CHECKING:
    from pathlib import Path

    from stocktake.store.database import Database

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
OLD, YOUNG = NOW - timedelta(days=40), NOW - timedelta(days=20)
FAILED = (
    "insert into attempt (system, feed, units, at, outcome, reason)"
    " select 'racing', 'results', '{}', %(at)s, 'x', '' from generate_series(1, %(several)s)"
)


@pytest.fixture
def place(database: Database, tmp_path: Path) -> Workspace:
    """An installation that keeps everything for thirty days."""
    settings = Settings(
        home=tmp_path,
        keep_fires_days=30,
        keep_events_days=30,
        keep_tries_days=30,
        keep_logs_days=30,
    )
    return Workspace(settings, database, "sandbox", lambda: NOW)


def execute(place: Workspace, statement: str, values: Any = None) -> list[Any]:
    with place.database.connection() as conn:
        found = conn.execute(statement.encode(), values)
        return found.fetchall() if found.description else []


def test_fires_go_but_for_the_latest_of_each_schedule(place: Workspace) -> None:
    execute(
        place,
        "insert into schedule (system, name, cron, zone, verb, is_declared, decided_until,"
        " changed_at) select 'racing', name, '0 * * * *', 'UTC', 'check', false, now(), now()"
        " from unnest(array['busy', 'resting']) as name",
    )
    execute(
        place,
        "insert into schedule_fire (schedule_id, due_at, outcome, by, decided_at, lateness_seconds)"
        " select schedule_id, due, 'skipped', 'x', due, 0 from schedule,"
        " unnest(%(due)s::timestamptz[]) as due where name = 'busy' or due < %(young)s",
        {"due": [OLD - timedelta(days=1), OLD, YOUNG], "young": YOUNG},
    )

    gone = prune(place)

    left = execute(
        place, "select name, due_at from schedule_fire join schedule using (schedule_id)"
    )
    assert gone == {"schedule_fire": 3}
    assert sorted(left) == [("busy", YOUNG), ("resting", OLD)]


def test_events_go_once_told_but_not_those_of_open_alerts(place: Workspace) -> None:
    execute(
        place,
        "insert into alert (dedupe, kind, subject, opened_at, last_seen_at, resolved_at)"
        " values ('open', 'k', '', %(old)s, %(old)s, null), ('over', 'k', '', %(old)s, %(old)s,"
        " %(old)s)",
        {"old": OLD},
    )
    execute(
        place,
        "insert into event (kind, subject, dedupe, alert_id, at, routed_at)"
        " select 'k', e.subject, coalesce(a.dedupe, ''), a.alert_id, at, routed"
        "  from (values ('note', %(old)s::timestamptz, %(old)s::timestamptz),"
        "               ('open', %(old)s, %(old)s), ('over', %(old)s, %(old)s),"
        "               ('unrouted', %(old)s, null), ('waiting', %(old)s, %(old)s),"
        "               ('young', %(young)s, %(young)s)) as e(subject, at, routed)"
        "  left join alert a on a.dedupe = e.subject",
        {"old": OLD, "young": YOUNG},
    )
    execute(
        place,
        "insert into delivery (event_id, alert_id, channel, state, made_at, next_try_at, ended_at)"
        " select event_id, alert_id, 'desk', case subject when 'waiting' then 'pending'"
        "  else 'sent' end, at, at, case when subject <> 'waiting' then at end from event",
    )

    gone = prune(place)

    assert gone == {"delivery": 3, "event": 2}
    left = execute(place, "select subject from event order by 1")
    assert [subject for (subject,) in left] == ["open", "unrouted", "waiting", "young"]


def test_failed_tries_go_however_many_there_are(place: Workspace) -> None:
    execute(place, FAILED, {"at": OLD, "several": 2 * TOGETHER + 10})
    execute(place, FAILED, {"at": YOUNG, "several": 1})

    gone = prune(place)

    assert gone == {"attempt": 2 * TOGETHER + 10}
    assert execute(place, "select at from attempt") == [(YOUNG,)]


def test_logs_of_ended_runs_go_and_the_runs_stay(place: Workspace) -> None:
    execute(
        place,
        "insert into run (system, kind, state, started_at, updated_at, finished_at)"
        " values ('racing', 'sync', 'done', %(old)s, %(old)s, %(old)s),"
        "        ('racing', 'sync', 'paused', %(old)s, %(old)s, null),"
        "        ('racing', 'sync', 'done', %(old)s, %(young)s, %(young)s)",
        {"old": OLD, "young": YOUNG},
    )
    execute(
        place,
        "insert into run_log (run_id, at, level, text) select run_id, %(old)s, 'info', state"
        " from run",
        {"old": OLD},
    )

    gone = prune(place)

    assert gone == {"run_log": 1}
    assert execute(place, "select count(*) from run") == [(3,)]
    left = execute(place, "select run_id, text from run_log order by 1")
    assert [text for _, text in left] == ["paused", "done"]


def test_nought_days_keep_everything(place: Workspace) -> None:
    execute(place, FAILED, {"at": OLD, "several": 1})
    forever = replace(place, settings=replace(place.settings, keep_tries_days=0))

    assert prune(forever) == {}


def test_two_programs_do_not_prune_at_once(place: Workspace) -> None:
    execute(place, FAILED, {"at": OLD, "several": 1})
    sql = load_queries("stocktake.store", "sql/kept.sql")
    with place.database.connection() as conn:
        conn.execute(sql.try_lock_pruning)
        meanwhile = prune(place)

    assert (meanwhile, prune(place)) == ({}, {"attempt": 1})


def test_every_query_of_pruning_is_understood_by_the_server(database: Database) -> None:
    with database.connection() as conn:
        assert unprepared(conn, load_queries("stocktake.store", "sql/kept.sql")) == {}
