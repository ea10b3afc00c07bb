"""Captures, pauses and attempts in the database."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from psycopg import Connection

from stocktake.errors import UsageError
from stocktake.fetch.answer import Known
from stocktake.fetch.captures import (
    QUERIES,
    known_body,
    latest_answers,
    mark_loaded,
    read_answer,
    read_capture,
    store_captures,
    unloaded_captures,
)
from stocktake.fetch.gate import Permit, RateGate
from stocktake.fetch.sources import (
    endpoint_states,
    pause_source,
    record_attempts,
    resume_source,
)
from stocktake.model import Attempt, Capture, Endpoint, Source
from stocktake.testing.database import unprepared
from tests.integration.fetch.vendor import FEED, NOW, REQUEST, feed_of

if TYPE_CHECKING:
    from stocktake.model import Request
    from stocktake.store.database import Database

Conn = Connection[tuple[object, ...]]


def capture(body: bytes, *, page: int = 0, request: Request = REQUEST, flaw: str = "") -> Capture:
    return Capture(
        request,
        200,
        body,
        hashlib.sha256(body).digest(),
        fetched_at=NOW,
        seconds=0.25,
        headers={"etag": '"e"', "last-modified": "Wed, 01 May 2024 00:00:00 GMT"},
        page=page,
        flaw=flaw,
    )


def store(conn: Conn, *captures: Capture, run_id: int = 1) -> list[int]:
    stored = store_captures(
        conn, captures, system="racing", source="vendor", endpoint="results", run_id=run_id
    )
    return [each.capture_id for each in stored if each.capture_id is not None]


def test_every_statement_of_the_stage_is_understood_by_the_server(database: Database) -> None:
    with database.connection() as conn:
        assert unprepared(conn, QUERIES) == {}


def test_a_capture_is_read_as_it_was_stored(database: Database) -> None:
    awkward = replace(REQUEST, units=(("london", "jazz/blues 50%"), ("leeds", "")))
    original = capture(b'{"total": "\xe2\x82\xac"}' * 999, request=awkward)
    with database.connection() as conn:
        (number,) = store(conn, original, run_id=7)

        stored = read_capture(conn, number)

    assert stored.capture == replace(original, capture_id=number)
    assert (stored.system, stored.source, stored.endpoint) == ("racing", "vendor", "results")
    assert (stored.run_id, stored.first_page_id, stored.is_loaded) == (7, number, False)


def test_a_capture_that_is_not_there_is_a_usage_error(database: Database) -> None:
    with database.connection() as conn, pytest.raises(UsageError, match="no capture 999"):
        read_capture(conn, 999)


def test_equal_bodies_are_stored_once(database: Database) -> None:
    with database.connection() as conn:
        store(conn, capture(b"[1]"), capture(b"[2]"), capture(b"[1]"))
        store(conn, capture(b"[2]"))

        assert conn.execute("select count(*) from body").fetchone() == (2,)


def test_pages_belong_to_the_first_page_before_them(database: Database) -> None:
    with database.connection() as conn:
        one, two, three, other = store(
            conn,
            capture(b"[1]"),
            capture(b"[2]", page=1),
            capture(b"[3]", page=2),
            capture(b"[4]"),
        )

        answers = [
            [page.capture_id for page in read_answer(conn, number)]
            for number in (one, three, other)
        ]

    assert answers == [[one, two, three], [one, two, three], [other]]


def test_what_a_run_fetched_but_did_not_load_is_found_again(database: Database) -> None:
    with database.connection() as conn:
        loaded, *waiting = store(
            conn, capture(b"[1]"), capture(b"[2]"), capture(b"[3]", page=1), run_id=5
        )
        store(conn, capture(b"<html>", flaw="an HTML page"), run_id=5)
        store(conn, capture(b"[4]"), run_id=6)
        mark_loaded(conn, [loaded])

        found = unloaded_captures(conn, 5)

    assert [(page.capture_id, page.body) for page in found] == list(
        zip(waiting, [b"[2]", b"[3]"], strict=True)
    )


def test_an_answer_is_known_once_it_was_loaded(database: Database) -> None:
    with database.connection() as conn:
        numbers = store(conn, capture(b"[1]"), capture(b"[2]", page=1))
        before = known_body(conn, "racing", REQUEST)
        mark_loaded(conn, numbers)

        known = known_body(conn, "racing", REQUEST)

    assert before is None
    assert known == Known(
        numbers[0],
        (hashlib.sha256(b"[1]").digest(), hashlib.sha256(b"[2]").digest()),
        etag='"e"',
        last_modified="Wed, 01 May 2024 00:00:00 GMT",
    )


@pytest.mark.parametrize(
    "other",
    [
        replace(REQUEST, params=(("date", "2024-05-02"),)),
        replace(REQUEST, path="racecards"),
        replace(REQUEST, feed="cards"),
    ],
)
def test_another_request_is_not_known(database: Database, other: Request) -> None:
    with database.connection() as conn:
        mark_loaded(conn, store(conn, capture(b"[1]")))

        assert known_body(conn, "racing", other) is None


def test_evidence_is_never_known(database: Database) -> None:
    with database.connection() as conn:
        store(conn, capture(b"<html>", flaw="an HTML page"))

        assert known_body(conn, "racing", REQUEST) is None


def test_the_latest_answer_is_the_known_one(database: Database) -> None:
    later = replace(capture(b"[2]"), fetched_at=NOW + timedelta(hours=1))
    with database.connection() as conn:
        newer, older = store(conn, later, capture(b"[1]"))
        mark_loaded(conn, [newer, older])
        known = known_body(conn, "racing", REQUEST)

    assert known is not None
    assert known.capture_id == newer


def test_a_replay_reads_the_latest_good_answer_to_each_request(database: Database) -> None:
    second_day = replace(REQUEST, params=(("date", "2024-05-02"),))
    again = replace(capture(b"[2]"), fetched_at=NOW + timedelta(hours=1))
    broken = replace(capture(b"<html>", flaw="an HTML page"), fetched_at=NOW + timedelta(hours=2))
    with database.connection() as conn:
        numbers = store(conn, capture(b"[1]"), capture(b"[9]", request=second_day), again, broken)

        assert latest_answers(conn, "racing", "days") == [numbers[1], numbers[2]]


def test_storing_nothing_is_nothing(database: Database) -> None:
    with database.connection() as conn:
        assert store(conn) == []


@pytest.mark.fault("S12")
def test_parameters_that_hold_secrets_are_not_stored(database: Database) -> None:
    secret = replace(REQUEST, params=(("date", "2024-05-01"), ("api_key", "canary-7Qx1vB9s")))
    with database.connection() as conn:
        mark_loaded(conn, store(conn, capture(b"[1]", request=secret)))
        stored = conn.execute("select params from capture").fetchone()
        known = known_body(conn, "racing", secret)

    assert stored == (["date", "2024-05-01", "api_key", "***"],)
    assert known is not None


VENDOR = Source("vendor", feeds=(FEED, feed_of(Endpoint("cards", 2.0, per_day=50))))


def test_a_source_is_paused_once_and_resumed_once(database: Database) -> None:
    with database.connection() as conn:
        news = [
            pause_source(conn, "vendor", reason="HTTP 401", by="run 7", now=NOW) for _ in range(2)
        ]
        reasons = [state.source_pause for state in endpoint_states(conn, [VENDOR])]
        news += [resume_source(conn, "vendor") for _ in range(2)]

    assert news == [True, False, True, False]
    assert reasons == ["HTTP 401", "HTTP 401"]


def test_a_paused_source_lets_nothing_pass_until_it_is_resumed(database: Database) -> None:
    async def work() -> list[bool]:
        gate = RateGate(database.async_connect)
        passes: list[bool] = []
        for act in (pause, resume):
            with database.connection() as conn:
                act(conn)
            passes.append(isinstance(await gate.acquire("vendor", FEED.endpoint), Permit))
        await gate.close()
        return passes

    def pause(conn: Conn) -> None:
        pause_source(conn, "vendor", reason="maintenance", by="me", now=NOW)

    def resume(conn: Conn) -> None:
        resume_source(conn, "vendor")

    assert asyncio.run(work()) == [False, True]


def test_resuming_forgets_pauses_circuits_and_learned_limits(database: Database) -> None:
    async def work() -> bool:
        gate = RateGate(database.async_connect, patience_seconds=1)
        permit = await gate.acquire("vendor", FEED.endpoint)
        assert isinstance(permit, Permit)
        await gate.hold(permit, pause_seconds=900, reason="HTTP 429", seconds=0.1)
        for _ in range(5):
            await gate.failed(permit, reason="HTTP 503", seconds=0.1)
        with database.connection() as conn:
            resume_source(conn, "vendor")
        passes = isinstance(await gate.acquire("vendor", FEED.endpoint), Permit)
        await gate.close()
        return passes

    assert asyncio.run(work())
    with database.connection() as conn:
        assert endpoint_states(conn, [VENDOR])[0].learned_per_second is None


def test_the_state_of_an_endpoint_tells_what_happened(database: Database) -> None:
    async def work() -> None:
        gate = RateGate(database.async_connect)
        permit = await gate.acquire("vendor", FEED.endpoint)
        assert isinstance(permit, Permit)
        await gate.succeeded(permit, seconds=0.1)
        await gate.succeeded(permit, seconds=0.3, complaint="HTTP 422: field required")
        await gate.failed(permit, reason="connection refused", seconds=9.0, was_sent=False)
        await gate.hold(permit, pause_seconds=900, reason="HTTP 429", seconds=0.2)
        await gate.close()

    asyncio.run(work())
    with database.connection() as conn:
        used, unused = endpoint_states(conn, [VENDOR])

    assert (used.requests, used.errors, used.refusals) == (3, 2, 1)
    assert used.mean_seconds == pytest.approx(0.2)
    assert used.learned_per_second == pytest.approx(800)
    assert (used.circuit, used.pause_reason, used.last_error) == ("closed", "HTTP 429", "HTTP 429")
    assert used.paused_until is not None
    assert (unused.endpoint, unused.requests, unused.mean_seconds) == ("cards", 0, None)
    assert (unused.per_day, unused.used_today, unused.circuit) == (50, 0, "closed")


def test_attempts_are_kept_for_each_unit(database: Database) -> None:
    attempt = Attempt(NOW, "days", "again", "HTTP 503", None, 0.5, 503)
    with database.connection() as conn:
        record_attempts(
            conn, "racing", [attempt, attempt], units=[("2024-05-01",), ("a", "b")], run_id=3
        )
        found = conn.execute(
            "select feed, outcome, reason, status, units, run_id from attempt"
            " where units @> array['a/b']"
        ).fetchall()

    assert found == [("days", "again", "HTTP 503", 503, ["2024-05-01", "a/b"], 3)] * 2
