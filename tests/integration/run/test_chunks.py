"""Chunks: cut without loss, handed out in turn, taken back from the silent."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.pq import ConnStatus
from psycopg.sql import SQL, Identifier

from stocktake.errors import LeaseLost
from stocktake.model import PlanOptions
from stocktake.run import chunks
from stocktake.run import claim as claims
from stocktake.run.listed import show_run
from stocktake.run.planned import make_and_save
from stocktake.run.queue import backfill_work, enqueue, sync_work
from stocktake.run.registry import find_system
from stocktake.run.resumed import requeue_run
from stocktake.run.supply import Supply
from stocktake.run.tending import tend
from stocktake.run.worker import Shift, work
from stocktake.store.owner import owner_name
from stocktake.store.queries import load_queries
from stocktake.testing import Fault
from stocktake.testing.database import unprepared
from tests.integration.run.conftest import DAYS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stocktake.run.errands import Errand
    from stocktake.run.listed import RunLine
    from stocktake.run.workspace import Workspace
    from stocktake.store.database import Database
    from tests.integration.run.conftest import Stable

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
SINCE, UNTIL = date(2026, 2, 1), date(2026, 2, 20)
NO_LIMITS: dict[str, int] = {}


def supplied(stable: Stable, **options: Any) -> Supply:
    """Return the errands of a saved plan of ten days."""
    asked = PlanOptions(datasets=DAYS, since=SINCE, until=UNTIL, **options)
    plan = make_and_save(stable.workspace, stable.system, asked, save=True)
    return Supply(stable.workspace, stable.system, 0, plan, looks_again=False)


def asked_in(errands: Iterator[Errand]) -> list[Any]:
    return [errand.request for errand in errands]


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_shares_of_a_part_ask_for_the_same_in_the_same_order(
    size: int, order: str, stable: Stable
) -> None:
    supply = supplied(stable, order=order)
    for number, part in enumerate(supply.plan.parts):
        if part.kind != "fetch" or part.dynamic:
            continue
        left = supply.left(number, part)
        whole = asked_in(supply.errands(supply.assigned(number, part), left))
        shares = list(chunks.cut(supply, number, part, left=left, size=size))

        parts = [
            request
            for share in shares
            for request in asked_in(
                supply.errands(supply.assigned(number, part, share.ranked or ()), share.ordinals)
            )
        ]
        assert parts == whole
        assert sum(share.units for share in shares) == part.units


def begun(
    database: Database, system: str, *, priority: int, shares: int, source: str = "here"
) -> int:
    """Put a run under way whose chunks wait."""
    share = chunks.Cut({(): ((0, 1),)}, None, 1, 1)
    with database.connection() as conn:
        run_id = enqueue(
            conn,
            find_system(system),
            sync_work(),
            priority=priority,
            by="ann",
            now=NOW,
        )
        conn.execute(SQL("update run set state = 'running' where run_id = %s"), [run_id])
        chunks.add_chunks(
            conn,
            [share] * shares,
            run_id=run_id,
            part=0,
            wave=0,
            source=source,
            priority=priority,
            is_again=False,
        )
    return run_id


def handed_out(database: Database) -> list[int]:
    """Return the runs of chunks handed out, in the order of their tasks."""
    query = SQL(
        "select run_id from stocktake_queue.procrastinate_jobs as task"
        " join chunk on chunk_id = (args ->> 'chunk_id')::bigint"
        " where task_name = 'portion' order by task.priority desc, task.id"
    )
    with database.connection() as conn:
        return [run_id for (run_id,) in conn.execute(query)]


def test_no_more_chunks_of_a_source_are_handed_out_than_may_be_at_work(
    database: Database,
) -> None:
    begun(database, "racing", priority=0, shares=20, source="here")
    begun(database, "nba", priority=0, shares=20, source="there")

    with database.connection() as conn:
        first = chunks.dispatch(conn, {"there": 3})
        second = chunks.dispatch(conn, {"there": 3})

    assert (first, second) == (chunks.AT_ONCE + 3, 0)


def test_chunks_of_the_greater_priority_go_out_first_whoever_came_first(
    database: Database,
) -> None:
    begun(database, "racing", priority=0, shares=8)
    urgent = begun(database, "nba", priority=10, shares=5)

    with database.connection() as conn:
        chunks.dispatch(conn, NO_LIMITS)

    assert handed_out(database)[:5] == [urgent] * 5


def claimed(database: Database, *, lease_seconds: float) -> chunks.Share:
    with database.connection() as conn:
        chunks.dispatch(conn, NO_LIMITS)
        row = conn.execute(
            SQL("select chunk_id from chunk where state = 'queued' order by chunk_id limit 1")
        ).fetchone()
        assert row is not None
        share = chunks.claim_chunk(conn, row[0], lease_seconds=lease_seconds)
    assert share is not None
    return share


def state_of(database: Database, share: chunks.Share) -> tuple[str, int]:
    query = SQL("select state, attempts from chunk where chunk_id = %s")
    with database.connection() as conn:
        row = conn.execute(query, [share.claim.chunk_id]).fetchone()
    assert row is not None
    return row[0], row[1]


@pytest.mark.fault("C02")
def test_a_chunk_whose_lease_ran_out_is_handed_out_again_and_its_old_owner_refused(
    stable: Stable,
) -> None:
    database = stable.database
    begun(database, "racing", priority=0, shares=1)
    share = claimed(database, lease_seconds=0.05)
    time.sleep(0.1)

    tend(stable.workspace, limits=NO_LIMITS)

    assert state_of(database, share) == ("queued", 1)
    with database.connection() as conn, pytest.raises(LeaseLost):
        claims.hold(conn, share.claim, requests=1, now=stable.now)


@pytest.fixture
def frozen(stable: Stable) -> Iterator[psycopg.Connection[Any]]:
    """A session of a worker that gave no sign of life for a minute."""
    facts = {"owner": "elsewhere:7", "concurrency": 1, "sources": None, "version": "1"}
    with stable.database.connection() as conn:
        conn.execute(claims.CHUNKS.greet, facts)
        conn.execute("update worker set seen_at = seen_at - interval '1 minute'")
    name = "stocktake worker elsewhere:7"
    session = psycopg.connect(stable.database.url, application_name=name, autocommit=True)
    yield session
    session.close()


def lives(session: psycopg.Connection[Any]) -> bool:
    try:
        session.execute("select 1")
    except psycopg.OperationalError:
        return False
    return True


@pytest.mark.fault("C02")
@pytest.mark.parametrize(
    "holding",
    [
        "begin; update stocktake.worker set version = '2'",
        "select pg_advisory_lock(hashtext('stocktake.run'), hashtext('racing'))",
        "begin; copy stocktake.worker from stdin",
    ],
    ids=["amid a transaction", "with a lock of its own", "amid a copy"],
)
def test_a_frozen_worker_that_others_wait_for_is_thrown_out(
    stable: Stable, frozen: psycopg.Connection[Any], holding: str
) -> None:
    frozen.pgconn.exec_(holding.encode())

    tend(stable.workspace, limits=NO_LIMITS)

    frozen.pgconn.consume_input()
    assert frozen.pgconn.status == ConnStatus.BAD or not lives(frozen)


def test_a_silent_worker_that_holds_nothing_is_left_alone(
    stable: Stable, frozen: psycopg.Connection[Any]
) -> None:
    tend(stable.workspace, limits=NO_LIMITS)

    assert lives(frozen)


def test_a_worker_that_gives_signs_of_life_is_left_alone(
    stable: Stable, frozen: psycopg.Connection[Any]
) -> None:
    with stable.database.connection() as conn:
        conn.execute("update worker set seen_at = clock_timestamp()")
    frozen.execute("begin")

    tend(stable.workspace, limits=NO_LIMITS)

    assert lives(frozen)


def test_sessions_carry_the_name_by_which_their_program_is_known(stable: Stable) -> None:
    with stable.database.connection() as conn:
        row = conn.execute("show application_name").fetchone()

    assert row is not None
    assert row[0].endswith(f" {owner_name()}")


def test_a_chunk_that_was_claimed_cannot_be_claimed_again(stable: Stable) -> None:
    begun(stable.database, "racing", priority=0, shares=1)
    share = claimed(stable.database, lease_seconds=60)
    assert share.claim.chunk_id is not None

    with stable.database.connection() as conn:
        second = chunks.claim_chunk(conn, share.claim.chunk_id, lease_seconds=60)

    assert second is None


@pytest.mark.fault("H22")
@pytest.mark.parametrize("jump", [timedelta(hours=1), timedelta(hours=-1)], ids=["ahead", "back"])
def test_leases_do_not_follow_the_clock_of_a_host(jump: timedelta, stable: Stable) -> None:
    begun(stable.database, "racing", priority=0, shares=1)
    share = claimed(stable.database, lease_seconds=60)
    with stable.database.login() as session:
        zone = SQL("alter database {} set timezone = 'Pacific/Apia'")
        session.execute(zone.format(Identifier(session.info.dbname)))
    stable.now += jump

    tend(stable.workspace, limits=NO_LIMITS)

    assert state_of(stable.database, share) == ("running", 0)


def test_a_chunk_whose_task_was_lost_is_handed_out_again(stable: Stable) -> None:
    database = stable.database
    run_id = begun(database, "racing", priority=0, shares=1)
    with database.connection() as conn:
        chunks.dispatch(conn, NO_LIMITS)
        conn.execute(SQL("delete from stocktake_queue.procrastinate_jobs"))
        conn.execute(SQL("update chunk set changed_at = changed_at - interval '1 minute'"))

    tend(stable.workspace, limits=NO_LIMITS)

    assert handed_out(database) == [run_id]


def worked(stable: Stable, run_id: int, *, seen_by: Workspace | None = None) -> RunLine:
    """Let a worker work until a run has ended or stopped, and return the run."""
    whose = seen_by or stable.workspace
    found: list[RunLine] = []

    async def shift() -> None:
        stop = asyncio.Event()
        working = asyncio.create_task(work(stable.workspace, stop=stop, shift=Shift()))
        async with asyncio.timeout(60):
            while not working.done():
                line, _ = await asyncio.to_thread(show_run, whose, run_id)
                if line.not_before or line.state not in ("queued", "running"):
                    found.append(line)
                    stop.set()
                await asyncio.sleep(0.05)
        await working

    thread = threading.Thread(target=lambda: asyncio.run(shift()))
    thread.start()
    thread.join()
    return found[-1]


def queued(stable: Stable, *datasets: str, since: date = UNTIL, until: date = UNTIL) -> int:
    asked = PlanOptions(datasets=datasets, since=since, until=until)
    with stable.database.connection() as conn:
        return enqueue(conn, stable.system, backfill_work(asked), by="ann", now=stable.now)


def test_a_run_tells_what_was_held_before_and_after_it(stable: Stable) -> None:
    stable.backfill("ra_races", since=UNTIL, until=UNTIL)
    done = worked(stable, queued(stable, "ra_races", since=UNTIL - timedelta(days=1)))

    assert done.state == "done", done.error
    kept = done.coverage["ra_races"]
    assert (kept["before"]["held"], kept["after"]["held"]) == (2, 4)
    assert kept["after"]["missing"] == 0
    assert done.message.startswith("everything asked for is held")


@pytest.mark.fault("H13")
def test_a_refused_login_pauses_the_run_of_workers_and_it_goes_on_when_resumed(
    stable: Stable,
) -> None:
    stable.server.rules.add([Fault("401")])
    run_id = queued(stable, "ra_races")
    stopped = worked(stable, run_id)
    stable.server.rules.clear()
    with stable.database.connection() as conn:
        conn.execute(SQL("delete from source_pause"))
    requeue_run(stable.workspace, run_id, by="ann")

    done = worked(stable, run_id)

    assert stopped.state == "paused"
    assert "401" in (stopped.error or "")
    assert done.state == "done", done.error


def test_units_nobody_could_be_asked_for_put_the_run_back_into_the_queue(stable: Stable) -> None:
    stable.backfill("ra_races", since=UNTIL, until=UNTIL)
    held = SQL("update gate set paused_until = now() + interval '3 hours', pause_reason = 'quota'")
    with stable.database.connection() as conn:
        conn.execute(held)
    run_id = queued(stable, "ra_races", since=UNTIL - timedelta(days=1))
    waiting = worked(stable, run_id)
    with stable.database.connection() as conn:
        conn.execute(SQL("update gate set paused_until = null"))
        conn.execute(SQL("update run set not_before = null where run_id = %s"), [run_id])

    done = worked(stable, run_id)

    assert (waiting.state, waiting.message) == (
        "queued",
        "4 units could not be asked for; goes on in 10 minutes",
    )
    assert (done.state, done.coverage["ra_races"]["after"]["missing"]) == ("done", 0)


def test_a_plan_that_cannot_be_made_fails_the_run_with_its_reason(stable: Stable) -> None:
    run_id = queued(stable, "ra_races")
    with stable.database.connection() as conn:
        plan = make_and_save(stable.workspace, find_system("nba"), PlanOptions(sample=1), save=True)
        conn.execute(SQL("update run set plan_id = %s where run_id = %s"), [plan.plan_id, run_id])

    failed = worked(stable, run_id)

    assert failed.state == "failed"
    assert "is of nba, not of racing" in (failed.error or "")


def test_every_query_of_chunks_is_understood_by_the_server(database: Database) -> None:
    with database.owner() as connection:
        assert unprepared(connection, load_queries("stocktake.store", "sql/chunk.sql")) == {}
