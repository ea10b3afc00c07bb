"""The rate gate on a real database: slots, pauses, quotas, circuits, shared by all."""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from stocktake.errors import DatabaseUnavailable
from stocktake.fetch import gate as gate_module
from stocktake.fetch.gate import Held, Permit, RateGate
from stocktake.model import Endpoint, State
from tests.integration.fetch.vendor import (
    ENDPOINT,
    OK,
    feed_of,
    fetched,
    move_time,
    reply,
    scene,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from stocktake.store.database import Database

FAST = Endpoint("results", per_second=1000.0)


@asynccontextmanager
async def opened(database: Database, *, patience_seconds: float = 60.0) -> AsyncIterator[RateGate]:
    gate = RateGate(database.async_connect, patience_seconds=patience_seconds)
    try:
        yield gate
    finally:
        await gate.close()


async def passed(gate: RateGate, endpoint: Endpoint = FAST) -> Permit:
    admitted = await gate.acquire("vendor", endpoint)
    assert isinstance(admitted, Permit)
    return admitted


def gate_row(database: Database, columns: str) -> tuple[object, ...]:
    with database.connection() as connection:
        row = connection.execute(f"select {columns} from gate".encode()).fetchone()
    assert row is not None
    return row


def test_requests_are_spaced_by_a_twentieth_more_than_the_limit_asks(database: Database) -> None:
    endpoint = Endpoint("results", per_second=50)

    async def work() -> float:
        async with opened(database) as gate:
            await passed(gate, endpoint)
            began = time.monotonic()
            for _ in range(10):
                await passed(gate, endpoint)
            return time.monotonic() - began

    assert asyncio.run(work()) >= 10 * 0.021 - 0.021


def test_endpoints_do_not_wait_for_each_other(database: Database) -> None:
    async def work() -> float:
        async with opened(database) as gate:
            slow = Endpoint("slow", per_second=0.01)
            await passed(gate, slow)
            waiting = asyncio.create_task(gate.acquire("vendor", slow))
            await asyncio.sleep(0.05)
            began = time.monotonic()
            await passed(gate)
            waiting.cancel()
            return time.monotonic() - began

    assert asyncio.run(work()) < 5


def test_waiting_can_be_cancelled_and_the_gate_goes_on(database: Database) -> None:
    async def work() -> None:
        async with opened(database) as gate:
            slow = Endpoint("slow", per_second=0.01)
            await passed(gate, slow)
            waiting = [asyncio.create_task(gate.acquire("vendor", slow)) for _ in range(3)]
            await asyncio.sleep(0.05)
            for task in waiting:
                task.cancel()
            ended = await asyncio.gather(*waiting, return_exceptions=True)
            assert all(isinstance(each, asyncio.CancelledError) for each in ended)
            await passed(gate)

    asyncio.run(asyncio.wait_for(work(), 10))


def test_a_waiting_program_reserves_one_slot_at_a_time(database: Database) -> None:
    async def work() -> None:
        async with opened(database) as gate:
            slow = Endpoint("slow", per_second=0.1)
            tasks = [asyncio.create_task(gate.acquire("vendor", slow)) for _ in range(10)]
            await asyncio.sleep(0.3)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(work())

    ahead = gate_row(database, "extract(epoch from next_slot_at - clock_timestamp())::float8")[0]
    assert isinstance(ahead, float)
    assert ahead < 2 * 10.5


class FarConnection(psycopg.AsyncConnection[tuple[Any, ...]]):
    """Its answers take longer than a slot may be late."""

    async def execute(self, *given: Any, **options: Any) -> psycopg.AsyncCursor[tuple[Any, ...]]:
        cursor = await super().execute(*given, **options)
        await asyncio.sleep(0.12)
        return cursor


def test_what_always_comes_late_moves_the_slots_after_it(database: Database) -> None:
    endpoint = Endpoint("results", per_second=20)

    async def connect() -> psycopg.AsyncConnection[tuple[Any, ...]]:
        return await FarConnection.connect(database.conninfo(), autocommit=True)

    async def work() -> list[float]:
        gate = RateGate(connect)
        ahead = []
        for _ in range(3):
            await passed(gate, endpoint)
            (left,) = gate_row(
                database, "extract(epoch from next_slot_at - clock_timestamp())::float8"
            )
            assert isinstance(left, float)
            ahead.append(left)
        await gate.close()
        return ahead

    assert min(asyncio.run(asyncio.wait_for(work(), 30))) > -gate_module.LATE_SECONDS


WORKER = """
import asyncio, sys
from stocktake.fetch.gate import RateGate
from stocktake.model import Endpoint
from stocktake.store.database import Database
async def work(url, port, count):
    gate = RateGate(Database(url, application="worker").async_connect)
    endpoint = Endpoint("results", per_second=20.0)
    for _ in range(count):
        await gate.acquire("vendor", endpoint)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await reader.read()
        writer.close()
    await gate.close()
asyncio.run(work(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
"""


def test_four_programs_together_never_exceed_the_limit_in_any_second(database: Database) -> None:
    arrivals: list[float] = []

    async def arrive(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrivals.append(time.monotonic())
        writer.close()

    async def work() -> None:
        server = await asyncio.start_server(arrive, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        workers = [
            await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", WORKER, database.url, str(port), "20")
            )
            for _ in range(4)
        ]
        assert [await worker.wait() for worker in workers] == [0] * 4
        server.close()

    asyncio.run(work())

    assert len(arrivals) == 80
    within = [sum(at <= other < at + 1.0 for other in arrivals) for at in arrivals]
    assert max(within) <= 20


@pytest.mark.fault("H09")
@pytest.mark.parametrize(
    ("header", "least", "most"),
    [
        pytest.param("7", 6.9, 7.1, id="seconds"),
        pytest.param("Thu, 02 May 2024 12:00:30 GMT", 29.9, 30.1, id="HTTP date"),
        pytest.param("-5", 4.9, 6.1, id="negative"),
        pytest.param("soon", 4.9, 6.1, id="garbage"),
        pytest.param("Thu, 02 May 2024 11:00:30 GMT", 4.9, 6.1, id="past date"),
        pytest.param("0", 4.9, 6.1, id="zero"),
        pytest.param("", 4.9, 6.1, id="missing"),
        pytest.param("3600", 3599, 3600.1, id="an hour"),
    ],
)
def test_everyone_waits_as_long_as_a_429_asks(
    database: Database, header: str, least: float, most: float
) -> None:
    refusal = reply(429, Retry_After=header) if header else reply(429)

    async def work() -> float:
        async with scene(database, refusal, OK) as stage:
            began = time.monotonic()
            answer = await stage.fetch()
            assert (answer.failure, len(stage.vendor.seen)) == (None, 2)
            assert [attempt.status for attempt in answer.attempts] == [429]
            # Sleeps pass at once, but for the database the real time passed as well.
            assert sum(stage.waits) + time.monotonic() - began >= least
            return sum(stage.waits)

    assert asyncio.run(work()) <= most


@pytest.mark.fault("H09")
def test_a_429_without_retry_after_waits_longer_each_time(database: Database) -> None:
    async def work() -> float:
        async with scene(database, *[reply(429)] * 4, OK) as stage:
            began = time.monotonic()
            assert (await stage.fetch()).failure is None
            assert sum(stage.waits) + time.monotonic() - began >= 5 + 10 + 20 + 40
            return sum(stage.waits)

    assert asyncio.run(work()) <= 1.2 * (5 + 10 + 20 + 40) + 0.5


@pytest.mark.fault("H09")
def test_a_huge_retry_after_holds_an_hour_and_pauses_the_source(database: Database) -> None:
    async def work() -> tuple[bool, bool, int]:
        async with scene(database, reply(429, Retry_After="86400")) as stage:
            first, second = await stage.fetch(), await stage.fetch()
            assert first.failure is not None
            assert second.failure is not None
            assert "24.0 hours" in first.failure.reason
            seen = len(stage.vendor.seen)
            return first.failure.pauses_source, second.failure.pauses_source, seen

    assert asyncio.run(work()) == (True, True, 1)
    held = gate_row(database, "extract(epoch from paused_until - clock_timestamp())::int")
    assert held in {(3600,), (3599,)}


@pytest.mark.fault("H09")
def test_no_program_asks_within_the_pause_that_another_was_given(database: Database) -> None:
    endpoint = Endpoint("results", per_second=4.0)

    async def work() -> float:
        async with opened(database) as told, opened(database) as other:
            permit = await passed(told, endpoint)
            # It holds a slot 0.26 s ahead already when the pause comes.
            waiting = asyncio.create_task(passed(other, endpoint))
            await asyncio.sleep(0.05)
            began = time.monotonic()
            await told.hold(permit, pause_seconds=0.8, reason="HTTP 429", seconds=0.0)
            await waiting
            return time.monotonic() - began

    assert asyncio.run(work()) >= 0.8


@pytest.mark.fault("H09")
def test_a_lower_limit_is_learned_once_per_pause_and_forgotten_by_answers(
    database: Database,
) -> None:
    endpoint = Endpoint("results", per_second=1000.0)

    async def work() -> list[object]:
        learned: list[object] = []
        async with opened(database) as gate:
            permits = [await passed(gate, endpoint) for _ in range(3)]
            for permit in permits:
                await gate.hold(permit, pause_seconds=60, reason="HTTP 429", seconds=0.0)
            learned += gate_row(database, "round(learned_per_second::numeric)::int")
            move_time(database, 61)
            await gate.hold(permits[0], pause_seconds=60, reason="HTTP 429", seconds=0.0)
            learned += gate_row(database, "round(learned_per_second::numeric)::int")
            for _ in range(181):
                await gate.succeeded(permits[0], seconds=0.0)
            return [*learned, *gate_row(database, "learned_per_second")]

    assert asyncio.run(work()) == [800, 640, None]


@pytest.mark.fault("H09")
def test_a_learned_limit_spaces_the_requests(database: Database) -> None:
    async def work() -> float:
        async with opened(database) as gate:
            permit = await passed(gate)
            await gate.hold(permit, pause_seconds=0.01, reason="HTTP 429", seconds=0.0)
            with database.connection() as connection:
                connection.execute("update gate set learned_per_second = 10")
            await passed(gate)
            began = time.monotonic()
            await passed(gate)
            return time.monotonic() - began

    assert asyncio.run(work()) >= 0.08


@pytest.mark.fault("H10")
def test_the_circuit_opens_after_five_failures_and_lets_one_probe_through(
    database: Database,
) -> None:
    async def work() -> tuple[int, object, bool]:
        async with opened(database, patience_seconds=1) as gate:
            permits = [await passed(gate) for _ in range(5)]
            for permit in permits:
                await gate.failed(permit, reason="HTTP 503", seconds=0.1)
            held = await gate.acquire("vendor", FAST)
            assert isinstance(held, Held)
            assert held.reason == "results failed too often: HTTP 503"
            move_time(database, 5.1)
            first = await gate.acquire("vendor", FAST)
            second = await gate.acquire("vendor", FAST)
            return round(held.seconds), first, isinstance(second, Held)

    seconds, probe, others_held = asyncio.run(work())

    assert (seconds, others_held) == (5, True)
    assert probe == Permit("vendor", "results", is_probe=True)


@pytest.mark.fault("H10")
def test_a_failed_probe_doubles_the_delay_and_a_good_one_closes_the_circuit(
    database: Database,
) -> None:
    async def work() -> list[int]:
        delays: list[int] = []
        async with opened(database, patience_seconds=1) as gate:
            for permit in [await passed(gate) for _ in range(8)]:
                await gate.failed(permit, reason="HTTP 503", seconds=0.1)
            for _ in range(3):
                held = await gate.acquire("vendor", FAST)
                assert isinstance(held, Held)
                delays.append(round(held.seconds))
                move_time(database, held.seconds + 0.01)
                await gate.failed(await passed(gate), reason="HTTP 503", seconds=0.1)
            move_time(database, 100)
            await gate.succeeded(await passed(gate), seconds=0.1)
            await passed(gate)
            await passed(gate)
            return delays

    assert asyncio.run(work()) == [5, 10, 20]


@pytest.mark.fault("H10")
def test_an_outage_ends_in_a_failed_unit_and_an_open_circuit(database: Database) -> None:
    answer, seen = fetched(database, reply(503))

    assert answer.failure is not None
    assert (answer.failure.state, answer.failure.reason) == (State.FAILED, "HTTP 503 (5 tries)")
    assert answer.failure.next_try_at is not None
    assert len(seen) == 5
    assert gate_row(database, "failures, opened_at is not null") == (5, True)


def test_a_503_that_names_its_end_is_believed(database: Database) -> None:
    async def work() -> float:
        async with scene(database, reply(503, Retry_After="20"), OK) as stage:
            began = time.monotonic()
            assert (await stage.fetch()).failure is None
            return sum(stage.waits) + time.monotonic() - began

    assert asyncio.run(work()) >= 20


def test_a_used_up_quota_leaves_the_unit_missing_until_midnight(database: Database) -> None:
    feed = feed_of(Endpoint("results", per_second=1000.0, per_day=2))

    async def work() -> list[State | None]:
        async with scene(database, OK) as stage:
            answers = [await stage.fetch(feed) for _ in range(3)]
            failure = answers[-1].failure
            assert failure is not None
            assert failure.reason == "the day's 2 requests are used up"
            assert failure.next_try_at is not None
            assert len(stage.vendor.seen) == 2
            return [answer.failure.state if answer.failure else None for answer in answers]

    if near_midnight(database):
        pytest.skip("the quota's day ends within the hour, which the gate waits for itself")
    assert asyncio.run(work()) == [None, None, State.MISSING]


def near_midnight(database: Database) -> bool:
    with database.connection() as connection:
        row = connection.execute("select clock_timestamp()").fetchone()
    assert row is not None
    now = row[0]
    assert isinstance(now, datetime)
    return now.hour == 23


def test_the_quota_begins_anew_each_utc_day(database: Database) -> None:
    endpoint = Endpoint("results", per_second=1000.0, per_day=1)

    async def work() -> None:
        async with opened(database) as gate:
            await passed(gate, endpoint)
            with database.connection() as connection:
                connection.execute("update gate set quota_day = quota_day - 1, quota_used = 999")
            await passed(gate, endpoint)

    asyncio.run(work())

    assert gate_row(database, "quota_used") == (1,)


def test_a_slot_that_passed_unused_does_not_count_against_the_quota(database: Database) -> None:
    endpoint = Endpoint("results", per_second=4.0, per_day=100)

    async def work() -> None:
        async with opened(database) as gate:
            permit = await passed(gate, endpoint)
            waiting = asyncio.create_task(passed(gate, endpoint))
            await asyncio.sleep(0.05)
            await gate.hold(permit, pause_seconds=0.3, reason="HTTP 429", seconds=0.0)
            await waiting

    asyncio.run(work())

    assert gate_row(database, "quota_used") == (2,)


@pytest.mark.fault("H22")
def test_a_clock_that_jumps_and_a_zone_with_summer_time_change_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def in_london() -> psycopg.AsyncConnection[tuple[object, ...]]:
        connection = await database.async_connect()
        await connection.execute("set timezone = 'Europe/London'")
        return connection

    real = time.time
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    jump = 0.0
    monkeypatch.setattr(time, "time", lambda: real() + jump)

    async def work() -> float:
        nonlocal jump
        gate = RateGate(in_london, patience_seconds=60)
        endpoint = Endpoint("results", per_second=50, per_day=1000)
        began = time.monotonic()
        for step in (0.0, 3600.0, -3600.0, 0.0):
            jump = step
            for _ in range(3):
                permit = await passed(gate, endpoint)
                await gate.succeeded(permit, seconds=0.0)
        await gate.close()
        return time.monotonic() - began

    try:
        seconds = asyncio.run(work())
    finally:
        monkeypatch.undo()
        time.tzset()

    assert 11 * 0.021 - 0.05 <= seconds < 10
    with database.connection() as connection:
        query = "select quota_day = (now() at time zone 'UTC')::date, quota_used from gate"
        assert connection.execute(query.encode()).fetchone() == (True, 12)


def test_the_gate_survives_the_end_of_its_connection(database: Database) -> None:
    async def work() -> None:
        async with opened(database) as gate:
            await passed(gate)
            with database.login() as connection:
                connection.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity"
                    " where datname = current_database() and pid <> pg_backend_pid()"
                )
            await passed(gate)

    asyncio.run(work())

    # A slot whose answer was lost is taken again, and counts.
    assert gate_row(database, "quota_used >= 2") == (True,)


def test_a_database_that_stays_away_is_an_error(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate_module, "RECONNECT_SECONDS", (0.01, 0.01))

    async def nowhere() -> psycopg.AsyncConnection[tuple[object, ...]]:
        raise DatabaseUnavailable("It cannot be reached.")

    with pytest.raises(DatabaseUnavailable, match="did not come back"):
        asyncio.run(RateGate(nowhere).acquire("vendor", ENDPOINT))


def test_a_row_that_somebody_removed_is_made_again(database: Database) -> None:
    async def work() -> None:
        async with opened(database) as gate:
            await passed(gate)
            with database.connection() as connection:
                connection.execute("delete from gate")
            await passed(gate)

    asyncio.run(work())

    assert gate_row(database, "quota_used") == (1,)
