"""A detached run's place in the queue: taken up, put back, paused, cancelled, gone on with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stocktake.observe.failpoints import reach
from stocktake.run.alarms import tell_end, tell_start
from stocktake.run.claim import CHUNKS, SQL, Claim, row_counts, write_log
from stocktake.run.ending import Ending
from stocktake.run.queue import call_conductor
from stocktake.store.owner import owner_name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    import psycopg

STEP_FAILURES = 5
"""Workers that may die one after another over a run's own steps before it fails."""


@dataclass(frozen=True, slots=True)
class Step:
    """A run in the hands of who takes it a step on.

    Args:
        claim: The right to write for it.
        system: Name of its system.
        kind: Its kind.
        priority: Its priority.
        wave: The wave whose chunks are done; ``None`` before the first.
        options: What was asked.
        coverage: What was held before, once it was planned.
        started_at: When it was first taken up.
    """

    claim: Claim
    system: str
    kind: str
    priority: int
    wave: int | None
    options: Mapping[str, Any]
    coverage: Mapping[str, Any]
    started_at: datetime


def take_up(
    conn: psycopg.Connection, run_id: int, *, lease_seconds: float, now: datetime
) -> Step | None:
    """Take a run a step on, if it is its turn and nobody else does; in a transaction of its own.

    A queued run begins when nothing of its system is under way: no foreground command, and no
    other run, except one of lesser priority between two steps, which goes back into the queue.
    """
    row = conn.execute(CHUNKS.lock_run, {"run_id": run_id}).fetchone()
    if row is None:
        return None
    system, kind, state, is_exclusive, priority, plan_id, wave, options, attempts = row[:9]
    is_conducted, coverage, started_at, error, is_again = row[9:]
    if state == "queued":
        rival = {"system": system, "run_id": run_id, "priority": priority}
        if is_exclusive and not _make_way(conn, rival, now=now):
            return None
    elif state != "running" or is_conducted or has_open_chunks(conn, run_id):
        return None
    if attempts >= STEP_FAILURES:
        text = error or "the workers that took it up died"
        stop_run(conn, run_id, "failed", error=f"given up after {attempts} tries: {text}", now=now)
        return None
    facts = {"run_id": run_id, "owner": owner_name(), "lease": lease_seconds, "now": now}
    taken = conn.execute(CHUNKS.take_up_run, facts).fetchone()
    assert taken is not None  # noqa: S101 -- its row is locked
    if taken[1] == now:
        tell_start(conn, run_id, system, kind, now=now)
    claim = Claim(run_id, taken[0], plan_id, is_again, lease_seconds=lease_seconds)
    return Step(claim, system, kind, priority, wave, options, coverage, taken[1] or started_at)


def _make_way(conn: psycopg.Connection, rival: Mapping[str, Any], *, now: datetime) -> bool:
    """Return whether a queued run may begin; a lesser run that only waits for chunks yields."""
    if conn.execute(CHUNKS.try_lock_start, rival).fetchone() != (True,):
        return False
    others = conn.execute(CHUNKS.runs_in_the_way, rival).fetchall()
    for _, state, priority, is_conducted in others:
        if state == "queued" or priority >= rival["priority"] or is_conducted:
            return False
    for run_id, *_ in others:
        text = f"gives way to run {rival['run_id']}"
        put_back(conn, run_id, message=text, now=now)
    return True


def has_open_chunks(conn: psycopg.Connection, run_id: int) -> bool:
    """Return whether any chunk of a run is not done."""
    return conn.execute(CHUNKS.has_open_chunks, {"run_id": run_id}).fetchone() == (True,)


def put_back(
    conn: psycopg.Connection,
    run_id: int,
    *,
    message: str,
    pause_seconds: float = 0,
    now: datetime,
) -> None:
    """Put a run under way back into the queue; its workers write no more for it."""
    facts = {"run_id": run_id, "message": message, "pause": pause_seconds, "now": now}
    conn.execute(CHUNKS.give_way, facts)
    conn.execute(CHUNKS.drop_chunks, {"run_id": run_id})
    conn.execute(CHUNKS.forget_unasked, {"run_id": run_id})
    write_log(conn, run_id, message, level="info", now=now)


def stop_run(
    conn: psycopg.Connection,
    run_id: int,
    state: str,
    *,
    now: datetime,
    message: str = "",
    error: str | None = None,
    is_told: bool = False,
) -> bool:
    """End or pause a run whoever executes it; return whether it had not ended.

    After the commit nobody writes for it: what workers write at this moment is waited for.

    Args:
        conn: In a transaction that the caller commits.
        run_id: The run.
        state: ``paused``, ``failed`` or ``cancelled``.
        now: The present instant.
        message: For people.
        error: What stopped it.
        is_told: Whether an alert of its own tells of that, such as a paused source.
    """
    facts = {"run_id": run_id, "state": state, "message": message, "error": error, "now": now}
    row = conn.execute(CHUNKS.stop_run, facts).fetchone()
    if row is None:
        return False
    conn.execute(CHUNKS.drop_chunks, {"run_id": run_id})
    conn.execute(CHUNKS.forget_unasked, {"run_id": run_id})
    if state in ("failed", "cancelled"):
        conn.execute(CHUNKS.fold_chunks, {"run_id": run_id})
    write_log(conn, run_id, error or message, level="error" if error else "info", now=now)
    line = conn.execute(SQL.one_run, {"run_id": run_id}).fetchone()
    assert line is not None  # noqa: S101 -- it was updated
    ending = Ending(state, {}, row[1], message=message, error=error, is_told=is_told)
    tell_end(conn, line, ending, rows=row_counts(conn, run_id), now=now)
    call_next(conn, row[0])
    reach("run_stopped")
    return True


def call_next(conn: psycopg.Connection, system: str) -> None:
    """Let a worker look at the run that is next in a system's queue."""
    row = conn.execute(CHUNKS.next_in_line, {"system": system}).fetchone()
    if row is not None:
        call_conductor(conn, row[0], priority=row[1])


def requeue(conn: psycopg.Connection, run_id: int, *, by: str, now: datetime) -> bool:
    """Hand a paused run to workers; return whether it was paused."""
    message = f"queued again by {by}"
    facts = {"run_id": run_id, "message": message, "now": now}
    row = conn.execute(CHUNKS.requeue_run, facts).fetchone()
    if row is None:
        return False
    conn.execute(CHUNKS.drop_chunks, {"run_id": run_id})
    conn.execute(CHUNKS.forget_unasked, {"run_id": run_id})
    write_log(conn, run_id, message, level="info", now=now)
    call_conductor(conn, run_id, priority=row[0])
    return True
