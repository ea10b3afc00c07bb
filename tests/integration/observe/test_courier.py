"""Messages: each at least once, signed, in order, no more often than the cool-down allows."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from stocktake.observe.alerts import list_alerts, list_events, mute, retry_dead
from stocktake.observe.signature import refusal
from stocktake.run.courier import Courier, deliver
from stocktake.settings import Secret
from tests.integration.observe.conftest import SECRET, START

if TYPE_CHECKING:
    from tests.integration.observe.conftest import Office
    from tests.integration.observe.receivers import Hook


def titles(ops: Hook) -> list[tuple[str, str]]:
    bodies = [json.loads(body) for _, body in ops.got]
    return [(body["type"], body["data"]["status"]) for body in bodies]


@pytest.mark.fault("S11")
def test_a_webhook_is_signed_over_what_arrives(office: Office, ops: Hook) -> None:
    office.tell(value=0.5, reason="naïve ✓")
    office.turn()
    ((headers, body),) = ops.got

    assert refusal(headers, body, secret=Secret(SECRET), now=START) == ""
    assert json.loads(body) == {
        "type": "check.failed",
        "timestamp": "2026-03-01T12:00:00Z",
        "data": {
            "title": "racing: check check:a fails",
            "status": "open",
            "system": "racing",
            "subject": "check:a",
            "details": {"value": 0.5, "reason": "naïve ✓"},
            "alert_id": 1,
            "opened_at": "2026-03-01T12:00:00Z",
            "last_seen_at": "2026-03-01T12:00:00Z",
            "seen": 1,
        },
    }


def test_what_fails_for_hours_is_told_once_an_hour_and_once_when_it_is_well(
    office: Office, ops: Hook
) -> None:
    for _ in range(31):  # every five minutes for two and a half hours
        office.tell()
        office.turn(minutes=5)
    office.tell("check.passed")
    office.turn()

    assert titles(ops) == [
        ("check.failed", "open"),
        ("check.failed", "reminder"),
        ("check.failed", "reminder"),
        ("check.passed", "resolved"),
    ]


def test_what_is_seen_no_more_is_told_no_more(office: Office, ops: Hook) -> None:
    office.tell()
    for _ in range(5):
        office.turn(minutes=60)

    assert titles(ops) == [("check.failed", "open")]


def test_what_comes_and_goes_is_told_once_in_its_cooldown(office: Office, ops: Hook) -> None:
    for _ in range(5):
        office.tell()
        office.turn(minutes=2)
        office.tell("check.passed")
        office.turn(minutes=2)

    assert titles(ops) == [("check.failed", "open"), ("check.passed", "resolved")]
    assert [state for state, _ in office.deliveries].count("skipped") == 4


def test_what_came_back_within_the_cooldown_and_stays_is_told_after_it(
    office: Office, ops: Hook
) -> None:
    office.tell()
    office.turn(minutes=1)
    office.tell("check.passed")
    office.turn(minutes=1)
    office.tell()
    office.turn(minutes=30)
    told_early = len(ops.got)
    office.turn(minutes=31)

    assert told_early == 2
    assert titles(ops)[2:] == [("check.failed", "open")]


def test_alerts_of_other_keys_do_not_wait_for_one_another(office: Office, ops: Hook) -> None:
    for key in ("a", "b", "c"):
        office.tell(key=f"check:{key}")
    office.turn()

    assert len(ops.got) == 3


def test_notes_go_only_where_they_are_asked_for(office: Office, ops: Hook) -> None:
    office.tell("run.finished")
    office.turn()
    office.post(ops, kinds="run.*")
    office.tell("run.finished")
    office.turn()

    assert titles(ops) == [("run.finished", "note")]


def test_a_receiver_that_fails_is_tried_again_with_growing_pauses(
    office: Office, ops: Hook
) -> None:
    ops.statuses = [500, 503, 204]
    office.tell()
    tried = [office.turn(minutes=minutes) for minutes in (0, 0.1, 0.1, 0.4, 0.2)]

    assert tried == [1, 0, 1, 0, 1]
    assert len(set(ops.ids)) == 1
    assert office.deliveries == [("sent", 3)]


def test_what_a_receiver_says_is_kept_as_one_harmless_line(office: Office, ops: Hook) -> None:
    ops.statuses = [500]
    ops.body = f"out of order\r\n\x1b[31m{SECRET}".encode()
    office.tell()
    office.turn()

    assert office.rows("select response from delivery") == [
        ("HTTP 500: out of order\\r\\n\\x1b[31m***",)
    ]


def test_a_redirect_is_not_followed(office: Office, ops: Hook) -> None:
    ops.statuses = [302]
    office.tell()
    office.turn()

    assert office.rows("select state, response from delivery") == [("pending", "HTTP 302")]


def test_a_message_is_given_up_after_its_tries_and_can_be_tried_again(
    office: Office, ops: Hook
) -> None:
    ops.statuses = [500, 500, 500, 204]
    office.post(ops, attempts=3)
    office.tell()
    for _ in range(6):
        office.turn(minutes=60)
    dead = office.deliveries
    with office.database.connection() as conn:
        retried = retry_dead(conn, now=office.now)
    office.turn()

    assert dead == [("dead", 3)]
    assert retried == 1
    assert office.deliveries == [("sent", 1)]


def test_the_end_is_told_after_the_opening_even_if_that_took_longer(
    office: Office, ops: Hook
) -> None:
    ops.statuses = [500, 204]
    office.tell()
    office.turn()
    office.tell("check.passed")
    office.turn()
    early = len(ops.got)
    office.turn(minutes=1)

    assert early == 1
    assert titles(ops) == [
        ("check.failed", "open"),
        ("check.failed", "open"),
        ("check.passed", "resolved"),
    ]


def test_what_was_well_again_before_anybody_was_told_is_not_told(office: Office, ops: Hook) -> None:
    office.tell()
    office.tell("check.passed")
    office.turn()

    assert ops.got == []
    assert office.deliveries == [("skipped", 0)]


def test_a_muted_alert_is_silent_until_then(office: Office, ops: Hook) -> None:
    office.tell()
    office.turn()
    with office.database.connection() as conn:
        (alert,) = list_alerts(conn, include_ended=False, limit=10)
        until = office.now + timedelta(hours=8)
        mute(conn, alert.alert_id, until=until, by="ann", reason="known", now=office.now)
    for _ in range(7):
        office.tell()
        office.turn(minutes=60)
    silent = len(ops.got)
    office.tell()
    office.turn(minutes=61)

    assert silent == 1
    assert titles(ops)[1:] == [("check.failed", "reminder")]


def test_two_couriers_never_send_one_message_twice(office: Office, ops: Hook) -> None:
    for number in range(40):
        office.tell(key=f"check:{number}")
    threads = [threading.Thread(target=office.turn) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(ops.ids) == len(set(ops.ids)) == 40
    assert set(office.deliveries) == {("sent", 1)}


def test_a_message_that_is_being_sent_is_left_alone_by_others(office: Office, ops: Hook) -> None:
    ops.gate.clear()
    office.tell()
    slow = threading.Thread(target=office.turn)
    slow.start()
    ops.arrived.wait(20)
    tried = office.turn(minutes=10)
    ops.gate.set()
    slow.join()

    assert tried == 0
    assert len(ops.got) == 1


PROGRAM = """
import asyncio, sys, tomllib
from datetime import datetime
from pathlib import Path
from stocktake.observe.channels import read_channels
from stocktake.run.courier import Courier
from stocktake.run.workspace import Workspace
from stocktake.settings import Secret, Settings
from stocktake.store.database import Database

now = datetime.fromisoformat(sys.argv[2])
own = {"type": "webhook", "url": sys.argv[3], "secret": sys.argv[4], "allow_private": True}
settings = Settings(home=Path(sys.argv[5]), alerts={"ops": own})
database = Database(sys.argv[1], application="killed")
workspace = Workspace(settings, database, "sandbox", lambda: now)
asyncio.run(Courier(workspace, read_channels(settings)).turn())
"""


@pytest.mark.fault("C02")
@pytest.mark.parametrize(
    ("point", "arrived"), [("delivery_claimed", 0), ("delivery_taken", 1)], ids=["before", "after"]
)
def test_a_courier_that_is_killed_loses_no_message(
    office: Office, ops: Hook, point: str, arrived: int
) -> None:
    office.tell()
    own = (office.database.url, START.isoformat(), ops.url, SECRET, str(office.home))
    killed = subprocess.run(
        [sys.executable, "-c", PROGRAM, *own],
        env={**os.environ, "STOCKTAKE_FAIL_AT": point},
        check=False,
        timeout=60,
    )
    before = len(ops.got)
    leased = office.turn()
    office.rows("update delivery set leased_until = clock_timestamp() returning 1")
    office.turn()

    assert killed.returncode == -signal.SIGKILL
    assert (before, leased) == (arrived, 0)
    assert len(ops.got) == arrived + 1
    assert len(set(ops.ids)) == 1
    assert office.deliveries == [("sent", 2)]


def test_an_address_inside_is_refused_unless_allowed(office: Office, ops: Hook) -> None:
    office.post(ops, allow_private=False)
    office.tell()
    office.turn()

    assert ops.got == []
    assert office.rows("select state, response from delivery") == [
        ("pending", "ops: 127.0.0.1 is not a public address.")
    ]


@pytest.mark.fault("S01")
@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:{port}/hook",
        "http://[::1]:{port}/hook",
        "http://[::ffff:127.0.0.1]:{port}/hook",
        "http://2130706433:{port}/hook",
        "http://0x7f.1:{port}/hook",
        "http://169.254.169.254/latest",
        "file:///etc/passwd",
        "http://user@127.0.0.1:{port}/hook",
    ],
)
def test_no_spelling_of_an_address_inside_is_asked(office: Office, ops: Hook, url: str) -> None:
    port = ops.url.split(":")[2].split("/")[0]
    office.post(ops, allow_private=False, url=url.format(port=port))
    office.tell()
    office.turn()

    assert ops.got == []
    assert office.deliveries == [("pending", 1)]


def test_the_courier_ends_when_it_is_told_to(office: Office, ops: Hook) -> None:
    async def work() -> None:
        stop = asyncio.Event()
        courier = asyncio.create_task(deliver(office.workspace, stop=stop))
        await asyncio.to_thread(ops.arrived.wait, 20)
        stop.set()
        await asyncio.wait_for(courier, 10)

    office.tell()
    asyncio.run(work())

    assert office.deliveries == [("sent", 1)]


def test_an_event_names_how_each_channel_was_told(office: Office, ops: Hook) -> None:
    office.tell()
    office.turn()
    with office.database.connection() as conn:
        (line,) = list_events(conn, limit=5)

    told: dict[str, Any] = line.deliveries[0]
    assert (told["channel"], told["state"], told["attempts"], told["response"]) == (
        "ops",
        "sent",
        1,
        "HTTP 204",
    )


def test_without_channels_events_are_kept_and_nobody_waits(office: Office) -> None:
    office.tell()

    assert office.turn() == 0
    assert office.rows("select routed_at is not null from event") == [(True,)]


def test_a_courier_leaves_channels_it_does_not_know_to_others(office: Office, ops: Hook) -> None:
    office.tell()
    with office.database.connection() as conn:
        conn.execute(
            "insert into delivery (event_id, alert_id, channel, made_at, next_try_at)"
            " values (1, 1, 'elsewhere', now(), '-infinity')"
        )
    asyncio.run(Courier(office.workspace, office.channels).turn())

    assert office.rows("select channel, state from delivery order by channel") == [
        ("elsewhere", "pending"),
        ("ops", "sent"),
    ]
