"""Schedules as an installation keeps them: declared, own, and what became of each fire."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from psycopg.types.json import Jsonb

from stocktake.errors import UsageError
from stocktake.model import Schedule
from stocktake.run.fires import dues_after, next_fires
from stocktake.run.listed import list_runs
from stocktake.run.queue import SCHEDULED, Work, enqueue, work_of
from stocktake.run.registry import find_datasets, find_system, installed_systems
from stocktake.run.workspace import lacking_credentials
from stocktake.store.owner import owner_name
from stocktake.store.queries import load_queries

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from psycopg import Connection

    from stocktake.model import Source, System
    from stocktake.run.workspace import Workspace

SQL = load_queries("stocktake.store", "sql/schedule.sql")
NEWEST = 10
"""Runs in which one's own is looked for."""


@dataclass(frozen=True, slots=True)
class FireLine:
    """What became of one time a schedule was due.

    Args:
        name: ``system.schedule``.
        due_at: The instant its expression names, UTC; of one started by hand, that instant.
        outcome: ``fired``, ``skipped`` (the run before was not over), ``coalesced`` (a later one
            made up for it) or ``missed`` (its run could not be queued).
        reason: Why it is not ``fired``.
        run_id: Its run; ``None`` for verbs that keep none, and for fires without one.
        by: Who started it: ``schedule``, or a person.
        decided_at: When it was decided, UTC.
        lateness_seconds: Seconds from when it was to start until then.
        run_state: State of its run now.
    """

    name: str
    due_at: datetime
    outcome: str
    reason: str
    run_id: int | None
    by: str
    decided_at: datetime
    lateness_seconds: float
    run_state: str | None


@dataclass(frozen=True, slots=True)
class Kept:
    """One schedule of an installation.

    Args:
        schedule_id: Its number.
        system: Whose it is.
        schedule: What it does, and when.
        is_declared: Whether the system declares it; else somebody added it.
        is_enabled: Whether nobody switched it off.
        switched_by: Who switched or added it last, ``None`` for nobody.
        switched_at: When.
        decided_until: Times due up to here are decided, UTC.
        is_changed: Whether somebody gave it another clock than its system declares.
        obstacle: Why it does not fire, empty when it does.
        next_at: When it fires next, with its zone's offset; ``None`` for never.
        last: Its latest fire.
    """

    schedule_id: int
    system: str
    schedule: Schedule
    is_declared: bool
    is_enabled: bool
    switched_by: str | None
    switched_at: datetime | None
    decided_until: datetime
    is_changed: bool = False
    obstacle: str = ""
    next_at: datetime | None = None
    last: FireLine | None = None

    @property
    def name(self) -> str:
        """``system.schedule``, as commands take it."""
        return f"{self.system}.{self.schedule.name}"


def write_declared(conn: Connection[Any], systems: Collection[System], *, now: datetime) -> None:
    """Bring the declared schedules of ``systems`` up to date; nothing is written when they are.

    Systems that are not among them keep theirs.
    """
    names = {one.name for one in systems}
    declared = {
        f"{system.name}.{one.name}": {"system": system.name, **_stored(one)}
        for system in systems
        for one in system.schedules
    }
    stored = {
        one.name: one for one in kept_schedules(conn) if one.is_declared and one.system in names
    }
    kept = {name: {"system": one.system, **_stored(one.schedule)} for name, one in stored.items()}
    changed = [
        line
        for name, line in declared.items()
        if kept.get(name) != line | _own_clock(stored.get(name))
    ]
    if changed:
        conn.execute(SQL.declare_schedules, {"declared": Jsonb(changed), "now": now})
    if kept.keys() - declared.keys():
        given = {"systems": list(names), "names": list(declared)}
        conn.execute(SQL.forget_undeclared, given)


def _own_clock(kept: Kept | None) -> dict[str, str]:
    """Return the clock that a person gave a schedule, nothing when it has its system's."""
    if kept is None or not kept.is_changed:
        return {}
    return {"cron": kept.schedule.cron, "zone": kept.schedule.zone}


def kept_schedules(conn: Connection[Any], system: str | None = None) -> list[Kept]:
    """Return the schedules as stored, by system and name, without obstacle and next fire."""
    return [_kept(row) for row in conn.execute(SQL.list_schedules, {"system": system}).fetchall()]


def list_schedules(workspace: Workspace, system: str | None = None) -> list[Kept]:
    """Return the schedules, the next to fire first and those that do not fire last.

    Declarations are brought up to date before.
    """
    now = workspace.clock()
    with workspace.database.connection() as conn:
        write_declared(conn, workspace.systems.values(), now=now)
        kept = kept_schedules(conn, system)
        found = [_looked_at(conn, workspace, one, now=now) for one in kept]
    return sorted(
        found,
        key=lambda one: (
            bool(one.obstacle) or one.next_at is None,
            one.next_at.timestamp() if one.next_at else 0.0,
            one.name,
        ),
    )


def upcoming(workspace: Workspace, *, most: int) -> list[tuple[Kept, datetime]]:
    """Return the next fires of all schedules that fire, soonest first, with the zone's offset."""
    now = workspace.clock()
    fires = (
        [(one, at) for at in next_fires(one.schedule.cron, one.schedule.zone, after=now, most=most)]
        for one in list_schedules(workspace)
        if not one.obstacle
    )
    return sorted(chain.from_iterable(fires), key=itemgetter(1))[:most]


def find_kept(workspace: Workspace, name: str) -> Kept:
    """Return a schedule by ``system.schedule``, or by its own name when only one is called so.

    Raises:
        UsageError: None or several are called so.
    """
    kept = list_schedules(workspace)
    fitting = [one for one in kept if name in (one.schedule.name, one.name)]
    if len(fitting) == 1:
        return fitting[0]
    known = ", ".join(sorted(one.name for one in fitting or kept))
    problem = "several schedules are" if fitting else "no schedule is"
    raise UsageError(f"{problem} called {name!r}.", hint=f"Schedules: {known or 'none'}.")


def switch_schedule(workspace: Workspace, name: str, *, is_enabled: bool, by: str) -> Kept:
    """Enable or disable a schedule; it stays so whatever its system declares.

    What was due while it was off is not made up for.

    Raises:
        UsageError: None or several are called so.
    """
    found = find_kept(workspace, name)
    with workspace.database.connection() as conn:
        conn.execute(
            SQL.switch_schedule,
            {
                "schedule_id": found.schedule_id,
                "is_enabled": is_enabled,
                "by": by,
                "now": workspace.clock(),
            },
        )
    return find_kept(workspace, found.name)


def change_schedule(workspace: Workspace, name: str, *, cron: str, zone: str, by: str) -> Kept:
    """Give a schedule another clock; a declared one keeps it whatever its system declares.

    With no expression a declared schedule gets its system's clock back. What was due by the old
    clock and not decided is not made up for.

    Raises:
        UsageError: None or several are called so, or the expression or zone is none.
    """
    found = find_kept(workspace, name)
    declared = next(
        (
            one
            for one in find_system(found.system).schedules
            if found.is_declared and one.name == found.schedule.name
        ),
        None,
    )
    if not cron:
        if declared is None:
            raise UsageError(
                f"{found.name} is declared by no system: there is no clock to go back to.",
                hint=f"stocktake schedule change {found.name} --cron '30 2 * * *'",
            )
        cron, zone = declared.cron, declared.zone
    next_fires(cron, zone, after=workspace.clock(), most=1)
    asked = {
        "schedule_id": found.schedule_id,
        "cron": cron,
        "zone": zone,
        "declared": declared is not None and (cron, zone) == (declared.cron, declared.zone),
        "by": by,
        "now": workspace.clock(),
    }
    with workspace.database.connection() as conn:
        conn.execute(SQL.change_clock, asked)
    return find_kept(workspace, found.name)


def add_schedule(workspace: Workspace, system: System, schedule: Schedule, *, by: str) -> Kept:
    """Add a schedule of one's own.

    Raises:
        UsageError: The name is taken, or its expression, zone or datasets are none.
    """
    next_fires(schedule.cron, schedule.zone, after=workspace.clock(), most=1)
    work_for(schedule)
    chosen = [one.name for one in find_datasets(system, schedule.datasets)]
    wanted = replace(schedule, datasets=tuple(chosen) if schedule.datasets else ())
    with workspace.database.connection() as conn:
        write_declared(conn, workspace.systems.values(), now=workspace.clock())
        stored = _stored(wanted)
        stored["options"] = Jsonb(stored["options"])
        names = {"system": system.name, "by": by, "now": workspace.clock()}
        if conn.execute(SQL.add_schedule, stored | names).fetchone() is None:
            raise UsageError(
                f"there is a schedule {system.name}.{schedule.name} already.",
                hint="Choose another --name, or: stocktake schedule remove "
                f"{system.name}.{schedule.name}",
            )
    return find_kept(workspace, f"{system.name}.{schedule.name}")


def remove_schedule(workspace: Workspace, name: str) -> Kept:
    """Remove a schedule that somebody added, with its history; its runs stay.

    Raises:
        UsageError: None or several are called so, or its system declares it.
    """
    found = find_kept(workspace, name)
    with workspace.database.connection() as conn:
        removed = conn.execute(SQL.remove_schedule, {"schedule_id": found.schedule_id}).fetchone()
    if removed is None:
        raise UsageError(
            f"{found.name} is declared by its system and would come back.",
            hint=f"stocktake schedule disable {found.name}",
        )
    return found


def schedule_history(workspace: Workspace, name: str = "", *, limit: int) -> list[FireLine]:
    """Return what became of the times schedules were due, newest first.

    Args:
        name: A schedule's; empty for all.
        limit: Lines at most.

    Raises:
        UsageError: None or several are called so.
    """
    schedule_id = find_kept(workspace, name).schedule_id if name else None
    parameters = {"schedule_id": schedule_id, "system": None, "limit": limit}
    with workspace.database.connection() as conn:
        rows = conn.execute(SQL.list_fires, parameters).fetchall()
    return [FireLine(f"{row[0]}.{row[1]}", *row[2:]) for row in rows]


def queue_now(workspace: Workspace, name: str, *, by: str) -> tuple[Kept, int]:
    """Queue a run of a schedule at once, whatever its clock says; return it and the run's number.

    Its history names who asked. A run before that is not over is no obstacle: this one waits.

    Raises:
        UsageError: None or several are called so, or its run cannot be queued.
    """
    found = find_kept(workspace, name)
    now = workspace.clock()
    system = find_system(found.system)
    with workspace.database.connection() as conn:
        run_id = queue_scheduled(conn, system, found.schedule, by=by, now=now)
        _note(conn, found, at=now, by=by, run_id=run_id)
    return found, run_id


def note_by_hand(workspace: Workspace, kept: Kept, *, at: datetime, by: str) -> None:
    """Add to a schedule's history that somebody ran it here at ``at``.

    The run is the one this program started since, if its verb keeps runs.
    """
    runs = [
        one.run_id
        for one in list_runs(workspace, kept.system, limit=NEWEST)
        if one.owner == owner_name() and one.started_at >= at and one.kind == kept.schedule.verb
    ]
    with workspace.database.connection() as conn:
        _note(conn, kept, at=at, by=by, run_id=min(runs, default=None))


def _note(conn: Connection[Any], kept: Kept, *, at: datetime, by: str, run_id: int | None) -> None:
    conn.execute(
        SQL.add_fires,
        {
            "schedule_id": kept.schedule_id,
            "due": [at],
            "outcome": ["fired"],
            "reason": [""],
            "lateness": [0.0],
            "by": by,
            "now": at,
        },
    )
    if run_id is not None:
        place = {"schedule_id": kept.schedule_id, "due_at": at}
        conn.execute(SQL.name_run, {**place, "run_id": run_id})


def work_for(schedule: Schedule) -> Work:
    """Return what a schedule's runs are to do.

    Raises:
        UsageError: Its verb has no such option.
    """
    work = work_of(schedule.verb, schedule.datasets)
    unknown = [name for name, _ in schedule.options if name not in work.options]
    if unknown:
        known = ", ".join(sorted(work.options.keys() - {"datasets", "plan"})) or "none"
        raise UsageError(
            f"{schedule.verb} has no option {unknown[0]!r}.", hint=f"Its options: {known}."
        )
    return replace(work, options={**work.options, **dict(schedule.options)})


def queue_scheduled(
    conn: Connection[Any], system: System, schedule: Schedule, *, by: str, now: datetime
) -> int:
    """Queue a schedule's run in the caller's transaction and return its number.

    Raises:
        UsageError: A dataset or option it names is none.
    """
    return enqueue(conn, system, work_for(schedule), priority=SCHEDULED, by=by, now=now)


def obstacle(conn: Connection[Any], workspace: Workspace, system: System, verb: str) -> str:
    """Return why a schedule of ``system`` has nothing to work with; empty when it has.

    What fetches needs every source that is not switched off: an address, its own or one that was
    set, and credentials where it asks for any. What works on rows needs only that there was a run.
    """
    lacking = [
        f"source {source.name} has no {what}"
        for source in system.sources
        if source.feeds
        and workspace.enabled(system, source)
        and not _is_served(workspace, system)
        and (what := _lacks(workspace, source))
    ]
    if lacking and verb not in ("sync", "backfill"):
        row = conn.execute(SQL.was_ever_run, {"system": system.name}).fetchone()
        if row == (True,):
            return ""
    return "; ".join(lacking)


def _lacks(workspace: Workspace, source: Source) -> str:
    own = workspace.settings.source(source.name)
    if not (own.get("base_url") or source.base_url):
        return "address"
    return "credentials" if lacking_credentials(source, own) else ""


def _is_served(workspace: Workspace, system: System) -> bool:
    return workspace.kind == "sandbox" and bool(system.sandbox)


def _looked_at(conn: Connection[Any], workspace: Workspace, kept: Kept, *, now: datetime) -> Kept:
    """Return a schedule with why it does not fire, or when it fires next."""
    schedule = kept.schedule
    try:
        due = next(dues_after(schedule, max(now, kept.decided_until)), None)
    except UsageError as error:
        return replace(kept, obstacle=error.message)
    next_at = due.start_at.astimezone(ZoneInfo(schedule.zone)) if due else None
    return replace(kept, obstacle=_why_off(conn, workspace, kept), next_at=next_at)


def _why_off(conn: Connection[Any], workspace: Workspace, kept: Kept) -> str:
    if not kept.is_enabled:
        who = f" by {kept.switched_by}" if kept.switched_by else ""
        return f"disabled{who}"
    if kept.system not in installed_systems():
        return f"system {kept.system} is not installed"
    return obstacle(conn, workspace, find_system(kept.system), kept.schedule.verb)


def _stored(schedule: Schedule) -> dict[str, Any]:
    return asdict(schedule) | {
        "datasets": list(schedule.datasets),
        "options": dict(schedule.options),
    }


def _kept(row: tuple[Any, ...]) -> Kept:
    system, name, cron, zone, verb, datasets, options = row[1:8]
    catch_up, overlap, jitter_seconds = row[8:11]
    schedule = Schedule(
        name,
        cron,
        zone,
        verb,
        datasets=tuple(datasets),
        catch_up=catch_up,
        overlap=overlap,
        jitter_seconds=jitter_seconds,
        options=tuple(sorted(options.items())),
    )
    last = FireLine(f"{system}.{name}", *row[17:25]) if row[17] is not None else None
    is_declared, is_enabled, switched_by, switched_at, decided_until, is_changed = row[11:17]
    return Kept(
        row[0],
        system,
        schedule,
        is_declared=is_declared,
        is_enabled=is_enabled,
        switched_by=switched_by,
        switched_at=switched_at,
        decided_until=decided_until,
        is_changed=is_changed,
        last=last,
    )
