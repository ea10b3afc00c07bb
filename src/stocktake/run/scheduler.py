"""The scheduler: decides, once for all who run at the same time, what becomes of what is due."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import structlog

from stocktake.errors import StocktakeError
from stocktake.observe.events import Told, emit
from stocktake.run.again import again
from stocktake.run.fires import Due, due_fires, dues_after, is_readable
from stocktake.run.registry import installed_systems
from stocktake.run.scheduled import (
    SQL,
    kept_schedules,
    obstacle,
    queue_scheduled,
    write_declared,
)
from stocktake.store.trouble import TROUBLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg import Connection

    from stocktake.model import System
    from stocktake.run.scheduled import Kept
    from stocktake.run.workspace import Workspace

LONGEST_SLEEP = timedelta(seconds=15)
"""After so long the table is read again: somebody may have changed it."""
MOST_AT_ONCE = 200
"""Times due that one transaction decides about; a month of them takes several."""
BY = "schedule"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Fired:
    """What one scheduler decided about one time due.

    Args:
        name: ``system.schedule``.
        due_at: The instant its expression names, UTC.
        outcome: As ``FireLine.outcome``.
        run_id: The run it queued.
        lateness_seconds: Seconds from when it was to start until it was decided.
    """

    name: str
    due_at: datetime
    outcome: str
    run_id: int | None
    lateness_seconds: float


async def keep_schedule(workspace: Workspace, *, stop: asyncio.Event) -> None:
    """Fire schedules until ``stop`` is set; any number may run beside each other.

    A database that cannot be reached is waited for: what was due meanwhile is caught up by each
    schedule's policy.

    Args:
        workspace: Where; its clock tells the time.
        stop: Ends the loop; what was begun is finished.
    """
    is_told = False
    while not stop.is_set():
        wake_at = None
        try:
            fired = await asyncio.to_thread(fire_due, workspace)
            for one in fired:
                log.info(
                    "schedule",
                    name=one.name,
                    outcome=one.outcome,
                    run_id=one.run_id,
                    late_seconds=round(one.lateness_seconds, 3),
                )
            wake_at = await asyncio.to_thread(next_start, workspace)
            is_told = False
        except (*TROUBLE, StocktakeError) as error:
            if not is_told:
                log.warning("schedule_waits", reason=str(error))
            is_told = True
        now = workspace.clock()
        rest = min(LONGEST_SLEEP, (wake_at or now + LONGEST_SLEEP) - now)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), max(rest.total_seconds(), 0.01))


def next_start(workspace: Workspace) -> datetime | None:
    """Return when the next schedule is to start, UTC; ``None`` when none ever is."""
    with workspace.database.connection() as conn:
        kept = [one for one in kept_schedules(conn) if one.is_enabled]
    systems = installed_systems()
    starts = [
        due.start_at
        for one in kept
        if one.system in systems
        and is_readable(one.schedule)
        and (due := next(dues_after(one.schedule, one.decided_until), None)) is not None
    ]
    return min(starts, default=None)


def fire_due(workspace: Workspace) -> list[Fired]:
    """Decide about everything that is due now, each schedule in transactions of its own.

    Of several times due, by the schedule's policy the latest stands for all or each is fired. A
    time that another scheduler decided about is left to it. While a run of the schedule waits or
    is under way, a fire is skipped unless the schedule says ``queue``.

    Returns:
        What was decided here, schedule by schedule.

    Raises:
        DatabaseUnavailable: It cannot be reached.
    """
    systems = installed_systems()
    with workspace.database.connection() as conn:
        write_declared(conn, systems.values(), now=workspace.clock())
        kept = [one for one in kept_schedules(conn) if one.is_enabled and one.system in systems]
    found: list[Fired] = []
    for one in kept:
        if not is_readable(one.schedule):
            continue
        clerk = _Clerk(workspace, systems[one.system], one)
        is_all = False
        while not is_all:
            decided, is_all = again(clerk.decide)
            found += decided
    return found


@dataclass(frozen=True, slots=True)
class _Verdict:
    due: Due
    outcome: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Clerk:
    """Decides about one schedule."""

    workspace: Workspace
    system: System
    kept: Kept

    def decide(self) -> tuple[list[Fired], bool]:
        """Decide about what is due; return what was new, and whether that was all."""
        now = self.workspace.clock().astimezone(UTC)
        schedule, schedule_id = self.kept.schedule, self.kept.schedule_id
        if not due_fires(schedule, self.kept.decided_until, now):
            return [], True
        with self.workspace.database.connection() as conn:
            row = conn.execute(SQL.hold_schedule, {"schedule_id": schedule_id}).fetchone()
            dues = due_fires(schedule, row[0], now) if row else []
            if not dues:  # removed, disabled, or decided by another scheduler meanwhile
                return [], True
            is_all = schedule.catch_up == "coalesce" or len(dues) <= MOST_AT_ONCE
            dues = dues if is_all else dues[:MOST_AT_ONCE]
            fired: list[Fired] = []
            if not obstacle(conn, self.workspace, self.system, schedule.verb):
                fired = self._write(conn, self._verdicts(conn, dues), now=now)
            conn.execute(SQL.decided, {"schedule_id": schedule_id, "until": dues[-1].at})
        return fired, is_all

    def _verdicts(self, conn: Connection[Any], dues: Sequence[Due]) -> list[_Verdict]:
        if self.kept.schedule.catch_up == "each":
            return [_Verdict(due, "fired") for due in dues]
        *earlier, latest = dues
        reason = f"made up for at {latest.at:%Y-%m-%d %H:%M} UTC"
        found = [_Verdict(due, "coalesced", reason) for due in earlier]
        if self.kept.schedule.overlap == "skip":
            names = {"schedule_id": self.kept.schedule_id}
            row = conn.execute(SQL.unfinished_of_schedule, names).fetchone()
            if row is not None:
                return [*found, _Verdict(latest, "skipped", f"run {row[0]} is still {row[1]}")]
        return [*found, _Verdict(latest, "fired")]

    def _write(
        self, conn: Connection[Any], verdicts: Sequence[_Verdict], *, now: datetime
    ) -> list[Fired]:
        """Keep what was decided and queue the runs; leave out what another one decided first."""
        lateness = {one.due.at: (now - one.due.start_at).total_seconds() for one in verdicts}
        written = conn.execute(
            SQL.add_fires,
            {
                "schedule_id": self.kept.schedule_id,
                "due": list(lateness),
                "outcome": [one.outcome for one in verdicts],
                "reason": [one.reason for one in verdicts],
                "lateness": list(lateness.values()),
                "by": BY,
                "now": now,
            },
        ).fetchall()
        ours = {at for (at,) in written}
        found = []
        for one in verdicts:
            if one.due.at in ours:
                run_id = self._queue(conn, one, now=now) if one.outcome == "fired" else None
                outcome = "missed" if one.outcome == "fired" and run_id is None else one.outcome
                late = lateness[one.due.at]
                found.append(Fired(self.kept.name, one.due.at, outcome, run_id, late))
        return found

    def _queue(self, conn: Connection[Any], verdict: _Verdict, *, now: datetime) -> int | None:
        """Queue the run of a fire; one that cannot be is missed, with its reason."""
        place = {"schedule_id": self.kept.schedule_id, "due_at": verdict.due.at}
        told: Told = {
            "system": self.kept.system,
            "subject": self.kept.schedule.name,
            "details": {"due_at": verdict.due.at.isoformat()},
            "now": now,
            "dedupe": f"schedule:{self.kept.name}",
        }
        by = f"{BY} {self.kept.name}"
        try:
            with conn.transaction():
                run_id = queue_scheduled(conn, self.system, self.kept.schedule, by=by, now=now)
        except StocktakeError as error:
            conn.execute(SQL.miss_fire, {**place, "reason": error.message})
            told["details"] = {**told["details"], "reason": error.message}
            emit(conn, "schedule.missed", **told)
            return None
        conn.execute(SQL.name_run, {**place, "run_id": run_id})
        told["resolves"] = True
        emit(conn, "schedule.kept", **told)
        return run_id
