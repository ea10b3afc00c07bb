"""One run at a time per system: who runs, with which fence, and what it leaves behind."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.types.json import Jsonb

from stocktake.errors import LeaseLost, PlanRefused
from stocktake.model import RowCounts, RunReport
from stocktake.observe.failpoints import reach
from stocktake.run.again import again
from stocktake.run.alarms import tell_end, tell_start
from stocktake.store.owner import owner_name
from stocktake.store.queries import load_queries

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from stocktake.run.ending import Ending
    from stocktake.store.database import Database

SQL = load_queries("stocktake.store", "sql/run.sql")
CHUNKS = load_queries("stocktake.store", "sql/chunk.sql")

LEASE_SECONDS = 15.0
"""How long a worker may be silent before its chunk goes elsewhere."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to write for one run.

    Args:
        run_id: The run.
        fence: Rises with every new owner; a write with an older fence is refused.
        plan_id: Its plan, if it has one.
        resumed: Whether an interrupted run is being continued.
        chunk_id: The share of the run that a worker has; the fence is the chunk's then.
        lease_seconds: How long a worker may be silent.
    """

    run_id: int
    fence: int
    plan_id: int | None
    resumed: bool
    chunk_id: int | None = None
    lease_seconds: float = LEASE_SECONDS


class SystemLock:
    """A system's run lock, held by a session of its own.

    PostgreSQL gives it back when this process dies, and also when the server restarts; then
    ``confirm`` takes it again.
    """

    def __init__(self, database: Database, system: str) -> None:
        """Hold nothing yet."""
        self._database = database
        self._system = system
        self._open = contextlib.ExitStack()
        self._session: psycopg.Connection[tuple[Any, ...]] | None = None

    def take(self) -> bool:
        """Try to lock on a new session; return whether it is ours now."""
        self.release()
        session = self._open.enter_context(self._database.login())
        row = session.execute(SQL.try_lock_system, {"system": self._system}).fetchone()
        if row != (True,):
            self.release()
            return False
        self._session = session
        return True

    def release(self) -> None:
        """Give it back; a session that merely closes would hold it until the server notices."""
        if self._session is not None:
            with contextlib.suppress(psycopg.Error):
                self._session.execute(SQL.unlock_system, {"system": self._system})
        self._session = None
        self._open.close()

    def confirm(self) -> None:
        """Take the lock again if the server lost it. Runs in one thread at a time.

        Raises:
            LeaseLost: Another process was faster.
        """
        try:
            if self._session is not None:
                self._session.execute(SQL.is_here)
                return
        except psycopg.OperationalError:
            self.release()
        if not again(self.take):
            raise LeaseLost(
                f"the database lost this run's lock, and another process took {self._system} over.",
                hint="stocktake runs says who has it.",
            )


@contextlib.contextmanager
def system_lock(database: Database, system: str) -> Iterator[SystemLock]:
    """Hold the system's run lock for the length of a block.

    Raises:
        PlanRefused: Another process holds it; the message says who.
    """
    lock = SystemLock(database, system)
    if not lock.take():
        with database.connection() as conn:
            holder = conn.execute(SQL.holder_of_system, {"system": system}).fetchone()
        raise PlanRefused(
            f"{system} is busy: " + _holder_text(holder),
            hint="Wait until it has ended, or stop it; then run this command again.",
        )
    try:
        _require_no_workers(database, system)
        yield lock
    finally:
        lock.release()


def _require_no_workers(database: Database, system: str) -> None:
    """Refuse what a run of workers forbids: its row alone says that it goes on."""
    with database.connection() as conn:
        detached = conn.execute(SQL.detached_run, {"system": system}).fetchone()
    if detached is not None:
        run_id, kind, started_at = detached
        raise PlanRefused(
            f"{system} is busy: workers execute run {run_id} ({kind}) since "
            f"{started_at:%Y-%m-%d %H:%M:%S} UTC.",
            hint=f"Follow it: stocktake run show {run_id} --follow. Or stop it: stocktake run "
            f"pause {run_id}; or queue this command behind it with --detach.",
        )


def _holder_text(holder: tuple[Any, ...] | None) -> str:
    if holder is None:
        return "another process is about to start a run."
    run_id, kind, owner, started_at = holder
    return f"run {run_id} ({kind}) is held by {owner} since {started_at:%Y-%m-%d %H:%M:%S} UTC."


def start(
    conn: psycopg.Connection,
    system: str,
    kind: str,
    *,
    options: Mapping[str, Any],
    plan_id: int | None,
    now: datetime,
) -> Claim:
    """Begin a run. The caller holds the system's lock."""
    row = conn.execute(
        SQL.start_run,
        {
            "system": system,
            "kind": kind,
            "plan_id": plan_id,
            "options": Jsonb(dict(options)),
            "owner": owner_name(),
            "now": now,
        },
    ).fetchone()
    assert row is not None  # noqa: S101 -- insert … returning gives a row
    tell_start(conn, row[0], system, kind, now=now)
    reach("claimed")
    return Claim(row[0], row[1], plan_id, resumed=False)


def interrupted(
    conn: psycopg.Connection, system: str, kind: str, options: Mapping[str, Any]
) -> int | None:
    """Return the unfinished run of this kind with these options, or ``None``."""
    row = conn.execute(
        SQL.interrupted_run, {"system": system, "kind": kind, "options": Jsonb(dict(options))}
    ).fetchone()
    return row[0] if row else None


def park_interrupted(conn: psycopg.Connection, system: str, *, now: datetime) -> list[int]:
    """Mark runs whose process is gone as paused; the caller holds the system's lock."""
    return [
        row[0] for row in conn.execute(SQL.park_interrupted_runs, {"system": system, "now": now})
    ]


def supersede(
    conn: psycopg.Connection, system: str, kind: str, *, now: datetime, but: int = 0
) -> list[int]:
    """End unfinished runs of a kind that is planned anew; the caller holds the system's lock."""
    parameters = {"system": system, "kind": kind, "but": but, "now": now}
    return [row[0] for row in conn.execute(SQL.supersede_runs, parameters)]


def take_over(conn: psycopg.Connection, run_id: int, *, now: datetime) -> Claim:
    """Continue an interrupted run, a worker's too, under a new fence."""
    conn.execute(CHUNKS.fold_chunks, {"run_id": run_id})
    row = conn.execute(
        SQL.take_over_run, {"run_id": run_id, "owner": owner_name(), "now": now}
    ).fetchone()
    if row is None:
        raise PlanRefused(f"there is no run {run_id}.", hint="stocktake runs lists them.")
    reach("claimed")
    return Claim(run_id, row[0], row[1], resumed=True)


def hold(conn: psycopg.Connection, claim: Claim, *, requests: int, now: datetime) -> None:
    """Confirm within a batch's transaction that the run is still ours.

    Raises:
        LeaseLost: Another process took the run over, or it was cancelled; nothing is written.
    """
    statement = SQL.hold_run if claim.chunk_id is None else CHUNKS.hold_chunk
    facts = {
        "run_id": claim.run_id,
        "chunk_id": claim.chunk_id,
        "fence": claim.fence,
        "lease": claim.lease_seconds,
        "requests": requests,
        "now": now,
    }
    if conn.execute(statement, facts).fetchone() is None:
        raise lost(conn, claim)


def look(conn: psycopg.Connection, claim: Claim) -> None:
    """Confirm that the run is still ours, without making other transactions of it wait.

    Raises:
        LeaseLost: As ``hold``.
    """
    if not is_ours(conn, claim):
        raise lost(conn, claim)


def is_ours(conn: psycopg.Connection, claim: Claim) -> bool:
    """Return whether nobody took over what was claimed, and the run was not stopped."""
    statement = SQL.is_held_run if claim.chunk_id is None else CHUNKS.is_held_chunk
    facts = {"run_id": claim.run_id, "chunk_id": claim.chunk_id, "fence": claim.fence}
    return conn.execute(statement, facts).fetchone() is not None


def lost(conn: psycopg.Connection, claim: Claim) -> LeaseLost:
    """Return the error that says why a claim is not ours any more."""
    row = conn.execute(SQL.state_of_run, {"run_id": claim.run_id}).fetchone()
    if row == ("paused",):
        return LeaseLost(
            f"run {claim.run_id} was paused; what was loaded is kept.",
            hint=f"stocktake run resume {claim.run_id}",
            is_paused=True,
        )
    return LeaseLost(
        f"run {claim.run_id} was cancelled or taken over; this process writes no more.",
        hint=f"stocktake run show {claim.run_id} says who has it.",
    )


def row_counts(conn: psycopg.Connection, run_id: int) -> dict[str, RowCounts]:
    """Return what the run did per table, added up from its receipts."""
    return {
        row[0]: RowCounts(*(int(value) for value in row[1:]))
        for row in conn.execute(SQL.run_row_counts, {"run_id": run_id})
    }


def finish(conn: psycopg.Connection, claim: Claim, ending: Ending, *, now: datetime) -> RunReport:
    """Write how a run ended and return its report.

    Raises:
        LeaseLost: The run is not ours any more.
    """
    rows = row_counts(conn, claim.run_id)
    written = conn.execute(
        SQL.finish_run,
        {
            "run_id": claim.run_id,
            "fence": claim.fence,
            "state": ending.state,
            "counts": Jsonb({name: as_json(counts) for name, counts in rows.items()}),
            "units": Jsonb({str(key): value for key, value in ending.units.items()}),
            "message": ending.message,
            "error": ending.error,
            "now": now,
        },
    ).fetchone()
    if written is None:
        raise lost(conn, claim)
    requests = conn.execute(SQL.one_run, {"run_id": claim.run_id}).fetchone()
    if requests is not None:
        tell_end(conn, requests, ending, rows=rows, now=now)
    reach("finished")
    return RunReport(
        run_id=claim.run_id,
        state=ending.state,
        requests=int(requests[4]) if requests else 0,
        rows=rows,
        units=dict(ending.units),
        seconds=ending.seconds,
        notes=tuple(ending.notes),
    )


def as_json(counts: RowCounts) -> dict[str, int]:
    """Return row counts as the JSON object every command prints."""
    return {
        "read": counts.read,
        "inserted": counts.inserted,
        "updated": counts.updated,
        "unchanged": counts.unchanged,
        "rejected": counts.rejected,
        "duplicates": counts.duplicates,
    }


def write_log(
    conn: psycopg.Connection, run_id: int, text: str, *, level: str, now: datetime
) -> None:
    """Keep one line about a run."""
    conn.execute(SQL.write_run_log, {"run_id": run_id, "at": now, "level": level, "text": text})
