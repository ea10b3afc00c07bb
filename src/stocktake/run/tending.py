"""Looks after the fleet: what dead workers left, what was handed out and lost, who is next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import structlog

from stocktake.model import Range
from stocktake.observe.failpoints import reach
from stocktake.plan.saved import load_plan
from stocktake.run import chunks
from stocktake.run.claim import CHUNKS, write_log
from stocktake.run.counted import coverage_line
from stocktake.run.queue import call_conductor
from stocktake.run.registry import find_system

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stocktake.run.workspace import Workspace

LOG = structlog.get_logger(__name__)

LOST_AFTER_SECONDS = 10.0
"""After how long a chunk that was handed out and has no task is handed out again."""
GONE_AFTER_SECONDS = 120.0
"""After how long a silent worker is not listed any more."""
COUNT_EVERY_SECONDS = 3600.0
"""How often the log of a run tells what is held."""
SILENT_AFTER_SECONDS = 20.0
"""After how long a worker that said nothing is taken for frozen: six signs of life are lacking."""


def _end_sessions_of_silent(conn: psycopg.Connection, workspace: Workspace) -> None:
    """Throw out workers that froze with locks; awake again, they find that they lost their work."""
    silent = conn.execute(CHUNKS.silent_workers, {"after": SILENT_AFTER_SECONDS}).fetchall()
    if not silent:
        return
    owners = [owner for (owner,) in silent]
    try:
        with workspace.database.login() as session:
            ended = session.execute(CHUNKS.end_sessions, {"owners": owners}).fetchall()
    except psycopg.errors.InsufficientPrivilege as error:
        LOG.warning("cannot end sessions of silent workers", owners=owners, error=str(error))
        return
    if ended:
        LOG.warning("silent workers thrown out", owners=owners, sessions=len(ended))


def tend(workspace: Workspace, *, limits: Mapping[str, int]) -> bool:
    """Put right what nobody else will; return whether it was our turn.

    Every worker does it every few seconds, one at a time: chunks of silent workers wait again,
    as do chunks whose task is gone; free places are filled; runs without a conductor get one;
    the installation's first, then those of each tenant that has any.
    """
    with workspace.database.connection() as conn:
        found = conn.execute(CHUNKS.try_lock_tending).fetchone()
        if found is None or not found[0]:
            return False
        _end_sessions_of_silent(conn, workspace)
        _set_going(conn, workspace, limits=limits)
        conn.execute(CHUNKS.forget_workers, {"after": GONE_AFTER_SECONDS})
        tenants = conn.execute(CHUNKS.tenants_at_work).fetchall()
        reach("tended")
    for (tenant_id,) in tenants:
        with workspace.database.of(tenant_id).connection() as conn:
            _set_going(conn, workspace, limits=limits)
            conn.execute(CHUNKS.forget_tenant)
    return True


def tell_coverage(workspace: Workspace) -> None:
    """Write into the log of each run under way, once an hour, how far every dataset has come.

    Runs in a terminal do so themselves. Of several programs that look, one counts.
    """
    with workspace.database.connection() as conn:
        tenants = conn.execute(CHUNKS.tenants_at_work).fetchall()
    for place in (workspace, *(workspace.of(tenant_id) for (tenant_id,) in tenants)):
        with place.database.connection() as conn:
            due = conn.execute(CHUNKS.runs_to_count, {"every": COUNT_EVERY_SECONDS}).fetchall()
        for run_id, system, plan_id in due:
            with place.database.connection() as conn:
                options = load_plan(conn, plan_id).options
            window = Range(options.since, options.until)
            text = coverage_line(place, find_system(system), window)
            with place.database.connection() as conn:
                write_log(conn, run_id, text, level="info", now=place.clock())


def _set_going(
    conn: psycopg.Connection, workspace: Workspace, *, limits: Mapping[str, int]
) -> None:
    """Set going what stands still of the runs in sight."""
    now = workspace.clock()
    conn.execute(CHUNKS.lock_dispatch)
    for chunk_id, run_id, error, attempts in conn.execute(CHUNKS.expire_chunks).fetchall():
        text = f"chunk {chunk_id}: {error}; it goes on elsewhere (time {attempts})"
        write_log(conn, run_id, text, level="warning", now=now)
    conn.execute(CHUNKS.recall_chunks, {"after": LOST_AFTER_SECONDS})
    chunks.dispatch(conn, limits)
    for run_id, priority in conn.execute(CHUNKS.idle_runs).fetchall():
        call_conductor(conn, run_id, priority=priority)
