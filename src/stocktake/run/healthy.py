"""Whether this program lives, may be asked, and how the installation is."""

from __future__ import annotations

import time
from datetime import timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import psycopg

from stocktake.errors import StocktakeError, UsageError
from stocktake.observe.alerts import undelivered
from stocktake.observe.health import HealthReport, Status, Vital
from stocktake.run.fires import next_fires
from stocktake.run.metered import SQL
from stocktake.run.watch import free_bytes
from stocktake.run.workspace import components
from stocktake.store.bodies import read_place
from stocktake.store.doctor import LEAST_FREE_BYTES, LOW_FREE_BYTES
from stocktake.store.installation import read_installation
from stocktake.store.migrate import verify

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg import Connection

    from stocktake.run.workspace import Workspace
    from stocktake.store.bodies import Place

REACHED = "database:responseTime"
SLOW_SECONDS = 1.0
SILENT_SECONDS = 90.0
"""A worker tells every few seconds that it lives; after so long it does not."""
LATE = timedelta(minutes=5)
VERY_LATE = timedelta(hours=1)
STUCK = timedelta(minutes=30)
TROUBLE = (StocktakeError, psycopg.Error, OSError)


def livez() -> dict[str, str]:
    """Return that this program answers; whoever cannot get this should be restarted."""
    return {"status": "pass"}


def readyz(workspace: Workspace) -> HealthReport:
    """Return whether this program can be of use: database reachable, migrations applied."""
    return _report(workspace, [*_database(workspace)], service_id="")


def health(workspace: Workspace) -> HealthReport:
    """Return how the whole installation is; whatever cannot be measured is part of the answer."""
    vitals = [_disk(workspace), *_database(workspace)]
    service_id = ""
    if not any(
        vital.name == "database:responseTime" and vital.status == "fail" for vital in vitals
    ):
        try:
            installation = read_installation(workspace.database)
            service_id = str(installation.installation_id) if installation else ""
            with workspace.database.connection() as conn:
                place = read_place(conn)
                vitals += [
                    *_workers(conn),
                    *_schedules(conn, workspace),
                    *_sources(conn),
                    _deliveries(conn, workspace),
                ]
            if place is not None:
                vitals.append(_captures(place))
        except TROUBLE as error:
            vitals.append(Vital("database:content", "fail", output=_said(error)))
    return _report(workspace, vitals, service_id=service_id)


def living_workers(workspace: Workspace) -> int:
    """Return how many workers told lately that they live."""
    with workspace.database.connection() as conn:
        row = conn.execute(SQL.workers, {"seconds": SILENT_SECONDS}).fetchone()
    return int(row[0]) if row else 0


def _report(workspace: Workspace, vitals: list[Vital], *, service_id: str) -> HealthReport:
    return HealthReport(vitals, workspace.clock(), version("stocktake"), service_id)


def _said(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__


def _disk(workspace: Workspace) -> Vital:
    try:
        free = free_bytes(workspace)
    except OSError as error:
        return Vital("disk:free", "fail", output=_said(error))
    status: Status = "pass"
    if free < LOW_FREE_BYTES:
        status = "fail" if free < LEAST_FREE_BYTES else "warn"
    return Vital("disk:free", status, free, "bytes", "" if status == "pass" else "nearly full")


def _database(workspace: Workspace) -> Iterator[Vital]:
    began = time.monotonic()
    try:
        with workspace.database.connection() as conn:
            conn.execute(SQL.is_writable)
        seconds = time.monotonic() - began
        slow = seconds > SLOW_SECONDS
        yield Vital(
            REACHED,
            "warn" if slow else "pass",
            round(seconds, 4),
            "s",
            "slow" if slow else "",
        )
        drifts = verify(workspace.database, components())
    except TROUBLE as error:
        yield Vital(REACHED, "fail", output=_said(error))
        return
    pending = [drift for drift in drifts if drift.problem == "pending"]
    if pending:
        text = "migrations are pending: stocktake db migrate"
        yield Vital("database:migrations", "fail", len(pending), "1", text)
    elif drifts:
        text = "the schema differs from the migrations: stocktake db verify"
        yield Vital("database:migrations", "warn", len(drifts), "1", text)
    else:
        yield Vital("database:migrations", "pass", 0, "1")


def _workers(conn: Connection[Any]) -> Iterator[Vital]:
    row = conn.execute(SQL.workers, {"seconds": SILENT_SECONDS}).fetchone()
    alive, silent_for, waiting = row or (0, None, 0)
    if alive or not waiting:
        yield Vital("worker:heartbeat", "pass", alive, "1")
        return
    since = "" if silent_for is None else f", the last one was seen {silent_for:.0f} s ago"
    text = f"{waiting} runs wait and no worker lives{since}: stocktake worker"
    yield Vital("worker:heartbeat", "warn", 0, "1", text)


def _schedules(conn: Connection[Any], workspace: Workspace) -> Iterator[Vital]:
    """Judge by what should have been decided by now, so a scheduler that is gone is noticed."""
    now = workspace.clock()
    worst, named = timedelta(), ""
    for name, cron, zone, decided_until in conn.execute(SQL.overdue_schedules):
        try:
            fires = next_fires(cron, zone, after=decided_until, most=1)
        except UsageError:
            continue
        late = now - fires[0] if fires else timedelta()
        if late > worst:
            worst, named = late, name
    status: Status = "pass"
    if worst > LATE:
        status = "fail" if worst > VERY_LATE else "warn"
    text = "" if status == "pass" else f"{named} was due: is a scheduler running (stocktake up)?"
    yield Vital("scheduler:lateness", status, max(0.0, worst.total_seconds()), "s", text)


def _sources(conn: Connection[Any]) -> Iterator[Vital]:
    held = conn.execute(SQL.held_back).fetchall()
    for kind, name in (("paused", "source:paused"), ("circuit", "source:circuits")):
        own = [f"{place}: {reason}" for what, place, reason in held if what == kind]
        yield Vital(name, "warn" if own else "pass", len(own), "1", "; ".join(own))


def _captures(place: Place) -> Vital:
    """Judge by one small read; ``doctor`` writes and deletes too."""
    began = time.monotonic()
    try:
        place.objects.require_mark()
    except StocktakeError as error:
        return Vital("captures:responseTime", "fail", output=_said(error))
    seconds = time.monotonic() - began
    slow = seconds > SLOW_SECONDS
    status: Status = "warn" if slow else "pass"
    return Vital("captures:responseTime", status, round(seconds, 4), "s", "slow" if slow else "")


def _deliveries(conn: Connection[Any], workspace: Workspace) -> Vital:
    dead, stuck = undelivered(conn, before=workspace.clock() - STUCK)
    if not dead and not stuck:
        return Vital("alerts:undelivered", "pass", 0, "1")
    text = f"{dead} messages were given up, {stuck} wait: stocktake alerts history"
    return Vital("alerts:undelivered", "warn", dead + stuck, "1", text)
