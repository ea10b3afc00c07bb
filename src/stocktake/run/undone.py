"""Undo: take a run back, rows, ledger and units in one transaction, then derive."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import psycopg

from stocktake.count.withdrawn import released_units, withdraw, withdraw_derived
from stocktake.errors import PlanRefused, StocktakeError, UsageError
from stocktake.fetch.captures import unload
from stocktake.load.undo import QUERIES, TableBack, later_runs, preview, take_back, taken_back
from stocktake.model import State
from stocktake.observe.failpoints import reach
from stocktake.run import claim as claims
from stocktake.run.again import again
from stocktake.run.derived import derive_all
from stocktake.run.ending import Ending
from stocktake.run.listed import show_run

if TYPE_CHECKING:
    from stocktake.load.undo import LaterRun
    from stocktake.model import RunReport, System
    from stocktake.run.claim import Claim
    from stocktake.run.listed import RunLine
    from stocktake.run.workspace import Workspace

KIND = "undo"
UNDOABLE = frozenset({"backfill", "sync", "load", "replay", "edit"})
ENDED = frozenset({"done", "failed", "cancelled"})
MOST_NAMED = 5


def silent(tables: Sequence[TableBack]) -> None:
    """Tell nobody."""


def undoing(workspace: Workspace, system: System, run_id: int) -> list[TableBack]:
    """Return what undoing a run would do to each fetched table; nothing is changed.

    Raises:
        UsageError: As ``undo``.
        PlanRefused: As ``undo``.
    """
    line, _ = show_run(workspace, run_id)
    _require_ended(line, system)
    with workspace.database.connection() as conn:
        _require_last(conn, system, run_id)
        return preview(conn, system, run_id)


def undone_first(workspace: Workspace, system: System, run_id: int) -> list[LaterRun]:
    """Return the runs that are to be taken back before this one, newest first."""
    with workspace.database.connection() as conn:
        return later_runs(conn, system, run_id)


def undo(
    workspace: Workspace,
    system: System,
    run_id: int,
    *,
    announce: Callable[[Sequence[TableBack]], None] = silent,
) -> RunReport:
    """Take a run back, as a run of its own of kind ``undo``.

    Rows it made are removed, rows it changed are what they were, ledger and units follow, all in
    one transaction; what it fetched is kept and not loaded any more. Then derived tables are
    derived. Interrupted, the same call goes on.

    Args:
        workspace: Where.
        system: Of which.
        run_id: The run to take back.
        announce: Called with what was done to each fetched table, once that is committed.

    Raises:
        UsageError: There is no such run, it loads nothing, or it was undone already.
        PlanRefused: It has not ended, a later run changed its rows, or the system is busy.
    """
    started = time.monotonic()
    line, _ = show_run(workspace, run_id)
    with claims.system_lock(workspace.database, system.name):
        claim = _claim(workspace, system, line)
        try:
            units, tables = undo_claimed(workspace, system, run_id, claim, announce=announce)
        except BaseException as error:
            with contextlib.suppress(StocktakeError, psycopg.Error):
                _finish(workspace, claim, _ending("paused", started, error=str(error)))
            raise
        ending = _ending("done", started, units=units, message=undo_message(run_id, tables))
        return again(lambda: _finish(workspace, claim, ending))


def undo_claimed(
    workspace: Workspace,
    system: System,
    run_id: int,
    claim: Claim,
    *,
    announce: Callable[[Sequence[TableBack]], None] = silent,
) -> tuple[dict[State, int], Sequence[TableBack]]:
    """Take a run back under a claim; return units per state, and what was done to each table.

    Interrupted, the same call goes on.
    """
    again(lambda: _take_back(workspace, system, run_id, claim))
    reach("undone")
    with workspace.database.connection() as conn:
        tables = taken_back(conn, system, by=claim.run_id)
        released = released_units(conn, by=claim.run_id)
    announce(tables)
    units = derive_all(workspace, system, claim)
    again(lambda: _let_go(workspace, claim))
    units[State.MISSING] += released
    return dict(+units), tables


def require_undoable(
    workspace: Workspace, system: System, run_id: int, *, by: int | None = None
) -> None:
    """Refuse what cannot be undone now; an undo of number ``by`` that had begun may go on.

    Raises:
        UsageError: As ``undo``.
        PlanRefused: As ``undo``.
    """
    line, _ = show_run(workspace, run_id)
    if by is not None and line.undone_by == by:
        return
    _require_ended(line, system)
    with workspace.database.connection() as conn:
        _require_last(conn, system, run_id)


def _claim(workspace: Workspace, system: System, line: RunLine) -> Claim:
    """Begin the undo, or go on with an interrupted one of the same run."""
    now = workspace.clock()
    options = {"undoes": line.run_id}
    with workspace.database.connection() as conn:
        claims.park_interrupted(conn, system.name, now=now)
        begun = claims.interrupted(conn, system.name, KIND, options)
        if begun is not None:
            return claims.take_over(conn, begun, now=now)
        row = conn.execute(claims.SQL.one_run, {"run_id": line.run_id}).fetchone()
        _require_ended(type(line)(*row) if row else line, system)
        _require_last(conn, system, line.run_id)
        return claims.start(conn, system.name, KIND, options=options, plan_id=None, now=now)


def _require_ended(line: RunLine, system: System) -> None:
    number = line.run_id
    if line.system != system.name:
        raise UsageError(f"run {number} is of {line.system}, not of {system.name}.")
    if line.undone_by is not None:
        raise UsageError(
            f"run {number} was undone already, by run {line.undone_by}.",
            hint=f"To load what it had fetched again: stocktake replay {line.system}",
        )
    if line.kind not in UNDOABLE:
        kinds = ", ".join(sorted(UNDOABLE))
        raise UsageError(
            f"run {number} is of kind {line.kind}; only runs that bring rows can be undone: "
            f"{kinds}.",
            hint=f"stocktake runs {line.system} lists them.",
        )
    if line.state not in ENDED:
        raise PlanRefused(
            f"run {number} is {line.state}; only a run that has ended can be undone.",
            hint=f"End it first: stocktake run cancel {number}",
        )


def _require_last(conn: psycopg.Connection, system: System, run_id: int) -> None:
    """Refuse to put back what later runs built upon."""
    later = later_runs(conn, system, run_id)
    if later:
        first = later[0].run_id
        raise PlanRefused(
            f"rows of run {run_id} were changed by {_names(later)}.",
            hint=f"Undo the newest first: stocktake run undo {first}",
        )


def _names(later: Sequence[LaterRun]) -> str:
    named = [f"run {one.run_id} ({one.kind})" for one in later[:MOST_NAMED]]
    more = len(later) - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "")


def _take_back(workspace: Workspace, system: System, run_id: int, claim: Claim) -> None:
    """Do all that must be done at once; nothing when this undo had done it before it stopped."""
    now = workspace.clock()
    by = claim.run_id
    with workspace.database.connection() as conn:
        claims.hold(conn, claim, requests=0, now=now)
        if conn.execute(QUERIES.mark_undone, {"run_id": run_id, "by": by}).fetchone() is None:
            return
        take_back(conn, system, run_id, by=by, now=now)
        reach("rows_undone")
        withdraw(conn, system, run_id, by=by, now=now)
        unload(conn, run_id)
        for one in taken_back(conn, system, by=by):
            text = f"{one.dataset}: {one.removed:,} rows removed, {one.restored:,} restored"
            claims.write_log(conn, by, text, level="info", now=now)
        reach("undo_before_commit")


def _let_go(workspace: Workspace, claim: Claim) -> None:
    now = workspace.clock()
    with workspace.database.connection() as conn:
        claims.hold(conn, claim, requests=0, now=now)
        withdraw_derived(conn, by=claim.run_id, now=now)


def undo_message(run_id: int, tables: Sequence[TableBack]) -> str:
    """Return what an undo tells when it is done."""
    removed = sum(one.removed for one in tables)
    restored = sum(one.restored for one in tables)
    return f"undid run {run_id}: {removed:,} rows removed, {restored:,} restored"


def _ending(
    state: str,
    started: float,
    *,
    units: dict[State, int] | None = None,
    message: str = "",
    error: str | None = None,
) -> Ending:
    return Ending(state, units or {}, time.monotonic() - started, message=message, error=error)


def _finish(workspace: Workspace, claim: Claim, ending: Ending) -> RunReport:
    with workspace.database.connection() as conn:
        return claims.finish(conn, claim, ending, now=workspace.clock())
