"""Schedules in the database: what is due is decided once, on a clock that tests set."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Composed, Identifier

from stocktake.errors import UsageError
from stocktake.model import Schedule
from stocktake.run.courier import deliver
from stocktake.run.fires import due_fires
from stocktake.run.registry import find_system, installed_systems
from stocktake.run.scheduled import (
    add_schedule,
    find_kept,
    kept_schedules,
    list_schedules,
    obstacle,
    remove_schedule,
    schedule_history,
    switch_schedule,
    write_declared,
)
from stocktake.run.scheduler import fire_due, keep_schedule, next_start
from stocktake.run.workspace import Workspace, components
from stocktake.settings import Settings
from stocktake.store.database import Database
from stocktake.store.installation import init
from stocktake.testing.database import temporary_database
from tests.unit.run.test_fires import CHANGES, cron_loop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.synchronize import Barrier
    from pathlib import Path

    from stocktake.store.cluster import LocalCluster

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
RACING = find_system("racing")
HOURLY = Schedule("hourly", "0 * * * *", "UTC", "sync", ("ra_races",))
EACH = Schedule("each", "0 * * * *", "UTC", "sync", catch_up="each", overlap="queue")


@dataclass(slots=True)
class Clockroom:
    """An installation whose clock tests move."""

    database: Database
    home: Path
    kind: str = "sandbox"
    now: datetime = NOON

    @property
    def workspace(self) -> Workspace:
        """The installation as the scheduler sees it."""
        return Workspace(Settings(home=self.home), self.database, self.kind, lambda: self.now)

    def add(self, schedule: Schedule) -> str:
        """Add a schedule of racing's and leave it alone with its clock."""
        self.execute("update stocktake.schedule set is_enabled = false")
        name = add_schedule(self.workspace, RACING, schedule, by="ann").name
        self.execute("update stocktake.schedule set is_enabled = false where is_declared")
        return name

    def tick(self, **later: float) -> list[tuple[str, str]]:
        """Move the clock and let the scheduler decide; return due time and outcome of each."""
        self.now += timedelta(**later)
        return [(f"{one.due_at:%d %H:%M}", one.outcome) for one in fire_due(self.workspace)]

    def execute(self, statement: str | Composed, values: Any = None) -> list[Any]:
        """Run a statement as the database's owner."""
        with self.database.login() as session:
            found = session.execute(statement, values)
            return found.fetchall() if found.description else []

    def end_runs(self) -> None:
        """End every run, as workers would."""
        self.execute("update stocktake.run set state = 'done', finished_at = now()")


@pytest.fixture
def room(cluster: LocalCluster, tmp_path: Path) -> Iterator[Clockroom]:
    with temporary_database(cluster, components=components()) as database:
        init(database, "sandbox")
        yield Clockroom(database, tmp_path)


def test_declared_schedules_are_kept_as_they_are_declared(room: Clockroom) -> None:
    kept = list_schedules(room.workspace)

    declared = {(system.name, one) for system in installed_systems().values()
                for one in system.schedules}  # fmt: skip
    assert {(one.system, one.schedule) for one in kept} == declared
    assert all(one.is_declared and one.is_enabled and not one.obstacle for one in kept)
    assert kept[0].next_at == min(one.next_at for one in kept if one.next_at)


def test_writing_declarations_again_writes_nothing(room: Clockroom) -> None:
    list_schedules(room.workspace)
    before = room.execute("select schedule_id, xmin::text from stocktake.schedule order by 1")

    list_schedules(room.workspace)

    assert (
        room.execute("select schedule_id, xmin::text from stocktake.schedule order by 1") == before
    )


def test_a_schedule_that_is_no_longer_declared_goes_and_own_ones_stay(room: Clockroom) -> None:
    room.add(HOURLY)
    room.execute(
        "insert into stocktake.schedule (system, name, cron, zone, verb, is_declared,"
        " decided_until, changed_at)"
        " values ('racing', 'old', '0 0 * * *', 'UTC', 'sync', true, now(), now()),"
        " ('elsewhere', 'other', '0 0 * * *', 'UTC', 'sync', true, now(), now())"
    )

    names = {one.name for one in list_schedules(room.workspace)}

    assert "racing.old" not in names
    assert {"racing.hourly", "elsewhere.other"} <= names


def test_what_a_person_switched_off_stays_off_whatever_is_declared(room: Clockroom) -> None:
    switch_schedule(room.workspace, "racing.people", is_enabled=False, by="ann")
    room.execute("update stocktake.schedule set cron = '1 1 * * *' where name = 'people'")

    kept = find_kept(room.workspace, "racing.people")

    assert (kept.is_enabled, kept.obstacle, kept.schedule.cron) == (
        False,
        "disabled by ann",
        "0 13 * * 0",
    )


def test_a_fire_queues_its_run_and_says_how_late_it_was(room: Clockroom) -> None:
    name = room.add(HOURLY)

    assert room.tick(minutes=59) == []
    assert room.tick(minutes=1, seconds=3) == [("01 13:00", "fired")]
    assert room.tick(seconds=1) == []

    (fire,) = schedule_history(room.workspace, name, limit=9)
    (run,) = room.execute("select run_id, kind, state, options, asked_by from stocktake.run")
    assert (fire.run_id, fire.lateness_seconds, fire.by) == (run[0], 3.0, "schedule")
    assert run[1:3] == ("sync", "queued")
    assert run[3]["datasets"] == ["ra_races"]
    assert run[4] == "schedule racing.hourly"


def test_options_of_a_schedule_reach_its_run(room: Clockroom) -> None:
    room.add(Schedule("wide", "0 * * * *", "UTC", "sync", options=(("days", 30),)))

    room.tick(hours=1)

    ((options,),) = room.execute("select options from stocktake.run")
    assert options["days"] == 30


def test_a_fire_is_skipped_while_the_run_before_is_not_over(room: Clockroom) -> None:
    name = room.add(HOURLY)
    room.tick(hours=1)

    assert room.tick(hours=1) == [("01 14:00", "skipped")]
    assert schedule_history(room.workspace, name, limit=1)[0].reason.endswith("is still queued")
    room.end_runs()
    assert room.tick(hours=1) == [("01 15:00", "fired")]


def test_a_fire_of_a_schedule_that_queues_waits_behind_the_run_before(room: Clockroom) -> None:
    room.add(Schedule("queue", "0 * * * *", "UTC", "sync", overlap="queue"))
    room.tick(hours=1)

    assert room.tick(hours=1) == [("01 14:00", "fired")]


PAUSES = [0, 1, 59, 60, 61, 12 * 60, 24 * 60, 7 * 24 * 60, 30 * 24 * 60]
"""Minutes nobody was there."""


@pytest.mark.fault("T02")
@pytest.mark.parametrize("minutes", PAUSES)
def test_what_was_missed_is_made_up_for_by_the_latest_fire(room: Clockroom, minutes: int) -> None:
    name = room.add(HOURLY)
    dues = due_fires(HOURLY, NOON, NOON + timedelta(minutes=minutes))

    room.tick(minutes=minutes)

    history = schedule_history(room.workspace, name, limit=10_000)
    assert [one.due_at for one in reversed(history)] == [due.at for due in dues]
    assert Counter(one.outcome for one in history) == Counter(
        ["fired"] * bool(dues) + ["coalesced"] * (len(dues) - 1)
    )
    assert [one.outcome for one in history[:1]] == ["fired"] * bool(dues)
    assert len(room.execute("select 1 from stocktake.run")) == bool(dues)


@pytest.mark.fault("T02")
@pytest.mark.parametrize("minutes", [0, 61, 7 * 24 * 60, 30 * 24 * 60])
def test_what_was_missed_is_made_up_for_one_by_one(room: Clockroom, minutes: int) -> None:
    name = room.add(EACH)
    dues = due_fires(EACH, NOON, NOON + timedelta(minutes=minutes))

    room.tick(minutes=minutes)

    history = schedule_history(room.workspace, name, limit=10_000)
    assert [one.due_at for one in reversed(history)] == [due.at for due in dues]
    assert {one.outcome for one in history} <= {"fired"}
    assert len({one.run_id for one in history}) == len(dues)


def test_what_was_due_while_it_was_off_is_not_made_up_for(room: Clockroom) -> None:
    name = room.add(HOURLY)
    switch_schedule(room.workspace, name, is_enabled=False, by="ann")
    assert room.tick(hours=5) == []

    switch_schedule(room.workspace, name, is_enabled=True, by="ann")

    assert room.tick(minutes=59) == []
    assert room.tick(minutes=1) == [("01 18:00", "fired")]


def test_a_run_that_cannot_be_queued_is_a_missed_fire_with_its_reason(room: Clockroom) -> None:
    name = room.add(HOURLY)
    room.execute("update stocktake.schedule set datasets = '{ra_unicorns}' where not is_declared")

    assert room.tick(hours=1) == [("01 13:00", "missed")]

    (fire,) = schedule_history(room.workspace, name, limit=1)
    assert (fire.reason, fire.run_id) == ("racing has no dataset 'ra_unicorns'.", None)


def test_a_source_without_credentials_keeps_its_schedules_off(room: Clockroom) -> None:
    room.kind = "real"
    by_name = {one.name: one.obstacle for one in list_schedules(room.workspace)}

    assert by_name["racing.transactions"] == "source theracingapi has no credentials"
    assert by_name["racing.daily_review"] == "source theracingapi has no credentials"
    assert by_name["nba.box_scores"] == ""
    assert [name for name, _ in _fired(room, days=1) if name.startswith("racing.")] == []


def test_a_source_needs_an_address_and_what_is_public_needs_nothing_else(room: Clockroom) -> None:
    room.kind = "real"
    racing = find_system("racing")
    (source, *_) = racing.sources
    public = replace(source, auth="none")
    homeless = replace(public, base_url="")

    told = {}
    with room.database.connection() as conn:
        for name, one in (("public", public), ("homeless", homeless)):
            told[name] = obstacle(conn, room.workspace, replace(racing, sources=(one,)), "sync")

    assert told == {"public": "", "homeless": f"source {source.name} has no address"}


def test_credentials_that_come_later_start_no_flood(room: Clockroom) -> None:
    room.kind = "real"
    _fired(room, days=30)
    room.kind = "sandbox"

    assert [name for name, _ in _fired(room, minutes=1) if name.startswith("racing.")] == []


def _fired(room: Clockroom, **later: float) -> list[tuple[str, str]]:
    room.now += timedelta(**later)
    return [(one.name, one.outcome) for one in fire_due(room.workspace)]


def test_a_schedule_of_a_system_that_is_gone_waits_without_waking_anybody(room: Clockroom) -> None:
    name = room.add(HOURLY)
    room.execute("update stocktake.schedule set system = 'gone' where name = 'hourly'")

    assert room.tick(hours=2) == []
    assert next_start(room.workspace) is None
    (kept,) = [one for one in list_schedules(room.workspace) if one.schedule.name == "hourly"]
    assert (name, kept.obstacle) == ("racing.hourly", "system gone is not installed")


@pytest.mark.fault("T01")
@pytest.mark.parametrize(("zone", "day"), CHANGES)
def test_a_day_of_schedules_whose_clock_changes_fires_as_debians_cron(
    room: Clockroom, zone: str, day: str
) -> None:
    start = datetime.fromisoformat(f"{day}T00:00").replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    end, room.now = start + timedelta(hours=25), start - timedelta(seconds=1)
    with room.database.connection() as conn:
        write_declared(conn, installed_systems().values(), now=room.now)

    found: dict[str, list[datetime]] = {}
    while (due := next_start(room.workspace)) is not None and due < end:
        room.now = due
        for one in fire_due(room.workspace):
            found.setdefault(one.name, []).append(one.due_at)
        room.end_runs()

    expected = {
        f"{system.name}.{one.name}": cron_loop(one.cron, one.zone, start, minutes=25 * 60)
        for system in installed_systems().values()
        for one in system.schedules
    }
    assert {name: found.get(name, []) for name in expected} == expected


def test_a_schedule_of_ones_own_is_removed_with_its_history(room: Clockroom) -> None:
    name = room.add(HOURLY)
    room.tick(hours=1)

    remove_schedule(room.workspace, name)

    with pytest.raises(UsageError, match="no schedule is called"):
        find_kept(room.workspace, name)
    assert room.execute("select 1 from stocktake.schedule_fire") == []
    assert len(room.execute("select 1 from stocktake.run")) == 1


def test_a_declared_schedule_is_not_removed(room: Clockroom) -> None:
    with pytest.raises(UsageError, match="declared by its system") as refused:
        remove_schedule(room.workspace, "racing.people")

    assert refused.value.hint == "stocktake schedule disable racing.people"


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (Schedule("odd", "often", "UTC", "sync"), "'often' is not a cron expression."),
        (Schedule("odd", "0 0 * * *", "Mars", "sync"), "there is no time zone 'Mars'."),
        (Schedule("odd", "0 0 * * *", "UTC", "sync", ("nope",)), "racing has no dataset 'nope'."),
        (Schedule("odd", "0 0 * * *", "UTC", "check", options=(("days", 1),)),
         "check has no option 'days'."),
        (Schedule("people", "0 0 * * *", "UTC", "sync"),
         "there is a schedule racing.people already."),
    ],
)  # fmt: skip
def test_a_schedule_that_could_never_run_is_refused(
    room: Clockroom, wanted: Schedule, said: str
) -> None:
    with pytest.raises(UsageError) as refused:
        add_schedule(room.workspace, RACING, wanted, by="ann")

    assert refused.value.message == said


def test_the_loop_fires_on_time_and_ends_when_told(room: Clockroom) -> None:
    room.now = datetime.now(tz=UTC)
    name = room.add(
        Schedule("second", "* * * * * *", "UTC", "check", catch_up="each", overlap="queue")
    )
    workspace = Workspace(Settings(home=room.home), room.database, "sandbox")

    async def keep_a_while() -> None:
        stop = asyncio.Event()
        loop = asyncio.create_task(keep_schedule(workspace, stop=stop))
        await asyncio.sleep(2.6)
        stop.set()
        await asyncio.wait_for(loop, 5)

    asyncio.run(keep_a_while())

    late = [one.lateness_seconds for one in schedule_history(workspace, name, limit=99)]
    assert len(late) >= 2
    assert sorted(late)[len(late) // 2] < 0.5


@pytest.mark.fault("C05")
def test_scheduler_and_courier_wait_while_the_server_accepts_no_writes(room: Clockroom) -> None:
    name = room.add(HOURLY)
    room.now += timedelta(hours=1)
    read_only = "alter database {} set default_transaction_read_only = {}"
    place = Identifier(str(conninfo_to_dict(room.database.url)["dbname"]))
    room.execute(SQL(read_only).format(place, SQL("on")))
    room.database.close()  # sessions begin anew, as after a failover

    async def keep_a_while() -> list[bool]:
        stop = asyncio.Event()
        parts = [
            asyncio.create_task(part(room.workspace, stop=stop))
            for part in (keep_schedule, deliver)
        ]
        await asyncio.sleep(0.5)
        alive = [not part.done() for part in parts]
        stop.set()
        await asyncio.gather(*parts)
        return alive

    alive = asyncio.run(keep_a_while())
    with room.database.login() as session:
        session.execute("set default_transaction_read_only = off")
        session.execute(SQL(read_only).format(place, SQL("off")))
    room.database.close()

    assert alive == [True, True]
    assert [one.outcome for one in schedule_history(room.workspace, name, limit=9)] == []
    assert (name, "fired") in _fired(room, seconds=1)


def race(url: str, home: Path, races: int, barrier: Barrier) -> None:
    """Decide about one hour after the other, each time together with the other processes."""
    now = [NOON]
    database = Database(url, application="race", pool_size=2)
    workspace = Workspace(Settings(home=home), database, "sandbox", lambda: now[0])
    for _ in range(races):
        now[0] += timedelta(hours=1)
        barrier.wait(60)
        fire_due(workspace)
    database.close()


def run_races(room: Clockroom, *, races: int, schedulers: int) -> tuple[list[str], int, int]:
    """Let schedulers race; return the outcomes, how many runs they name, how many there are."""
    name = room.add(Schedule("race", "0 * * * *", "UTC", "check", overlap="queue"))
    spawn = multiprocessing.get_context("spawn")
    barrier = spawn.Barrier(schedulers)
    arguments = (room.database.url, room.home, races, barrier)
    racers = [spawn.Process(target=race, args=arguments) for _ in range(schedulers)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join(600)

    ends = [racer.exitcode for racer in racers]
    if any(ends):
        pytest.fail(f"a scheduler broke down: {ends}")
    history = schedule_history(room.workspace, name, limit=races + 1)
    runs = room.execute("select 1 from stocktake.run")
    return [one.outcome for one in history], len({one.run_id for one in history}), len(runs)


@pytest.mark.fault("C07")
def test_schedulers_that_run_at_once_start_each_run_once(room: Clockroom) -> None:
    outcomes, named, started = run_races(room, races=50, schedulers=3)

    assert outcomes == ["fired"] * 50
    assert (named, started) == (50, 50)


@pytest.mark.soak
@pytest.mark.fault("C07")
@pytest.mark.parametrize(("races", "schedulers"), [(400, 2), (300, 4), (300, 8)])
def test_a_thousand_races_of_schedulers_start_each_run_once(
    room: Clockroom, races: int, schedulers: int
) -> None:
    outcomes, named, started = run_races(room, races=races, schedulers=schedulers)

    assert outcomes == ["fired"] * races
    assert (named, started) == (races, races)


def test_the_key_of_a_fire_alone_keeps_a_second_scheduler_from_starting_it(
    room: Clockroom,
) -> None:
    """Whatever a scheduler read before: it takes back what it decided on."""
    name = room.add(HOURLY)
    room.tick(hours=1)
    room.execute("update stocktake.schedule set decided_until = %s", (NOON,))
    room.end_runs()

    assert room.tick() == []
    assert len(schedule_history(room.workspace, name, limit=9)) == 1
    with room.database.connection() as conn:
        (kept,) = [one for one in kept_schedules(conn) if one.name == name]
    assert kept.decided_until == NOON + timedelta(hours=1)


def test_a_missed_fire_opens_an_alert_that_the_next_run_ends(room: Clockroom) -> None:
    room.add(HOURLY)
    room.execute("update stocktake.schedule set datasets = '{ra_unicorns}' where not is_declared")
    room.tick(hours=1)
    room.execute("update stocktake.schedule set datasets = '{}' where not is_declared")
    room.tick(hours=1)

    told = room.execute(
        "select kind, system, subject from stocktake.event where kind like 'schedule.%'"
        " order by event_id"
    )
    assert told == [
        ("schedule.missed", "racing", "hourly"),
        ("schedule.kept", "racing", "hourly"),
    ]
