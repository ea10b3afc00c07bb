"""Settings: alerts and channels, quotas, what is set by whom, integrations, sessions, audit."""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING

import httpx2
import pytest

from stocktake.observe.events import emit
from stocktake.run.alerted import alert_list
from tests.acceptance.web.world import PASSWORD, Outline

if TYPE_CHECKING:
    from tests.acceptance.web.world import World

PAGES = ("alerts", "quotas", "flags", "integrations", "sessions", "audit", "profile")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_of_settings_has_its_landmarks_and_tabs(world: World, name: str) -> None:
    answer = world.client("ann").get(f"/settings/{name}")

    outline = Outline(answer.text)
    assert answer.status_code == 200
    assert outline.tags.count("h1") == 1
    assert {f"/settings/{one}" for one in PAGES} <= set(outline.links)


@pytest.mark.parametrize(
    ("name", "who", "status"),
    [
        ("flags", "olaf", 403),
        ("integrations", "olaf", 403),
        ("audit.csv", "olaf", 403),
        ("alerts", "vera", 403),
        ("alerts", "olaf", 200),
        ("quotas", "vera", 200),
        ("sessions", "vera", 200),
    ],
)
def test_a_page_of_settings_is_open_to_whom_it_concerns(
    world: World, name: str, who: str, status: int
) -> None:
    assert world.client(who).get(f"/settings/{name}").status_code == status


def test_settings_tell_values_defaults_and_origins_but_no_secret(world: World) -> None:
    page = world.client("ann").get("/settings/flags").text

    address = world.workspace.settings.database_url
    assert address
    assert address.reveal() not in page
    assert "not-a-secret" not in page
    own = page[page.index("theracingapi") :]
    line = own[own.index("<code>base_url</code>") :].partition("</tr>")[0]
    assert world.sandbox.base_url in line
    assert ">file<" in line
    assert "set, not shown" in own[own.index("<code>password</code>") :].partition("</tr>")[0]


def test_an_alert_is_muted_with_a_reason_and_told_again(world: World) -> None:
    workspace = world.workspace
    with workspace.database.connection() as conn:
        emit(
            conn,
            "disk.low",
            system="",
            subject="a host",
            details={},
            now=workspace.clock(),
            dedupe="disk:a host",
        )
    (alert,) = [
        one
        for one in alert_list(workspace, include_ended=False, limit=100)
        if one.subject == "a host"
    ]

    world.post("olaf", f"/settings/alerts/{alert.alert_id}/mute", hours="4", reason="known")
    muted = world.client("olaf").get("/settings/alerts").text
    world.post("olaf", f"/settings/alerts/{alert.alert_id}/mute", hours="0")
    loud = world.client("olaf").get("/settings/alerts").text

    assert "the disk of a host is nearly full" in muted
    assert "by olaf: known" in muted
    assert "by olaf: known" not in loud


def test_an_alert_that_is_none_cannot_be_muted(world: World) -> None:
    assert world.post("olaf", "/settings/alerts/999999/mute", hours="1").status_code == 404


def test_a_channel_that_is_none_cannot_be_tried(world: World) -> None:
    answer = world.post("olaf", "/settings/alerts/channels/nowhere/test")

    assert answer.status_code == 404
    assert "nowhere" in answer.text


def test_integrations_tell_whether_secrets_are_set_and_offer_a_test(world: World) -> None:
    page = world.client("ann").get("/settings/integrations").text

    line = page[page.index(">theracingapi</a>") :].partition("</tr>")[0]
    assert "basic: set" in line
    assert "/s/racing/sources/theracingapi/verify" in line


def test_quotas_tell_what_the_sources_page_tells(world: World) -> None:
    page = world.client("vera").get("/settings/quotas").text

    assert "theracingapi /v1/results<" in page
    assert re.search(r"The database takes [\d.]+ MB", page)


def test_a_session_is_listed_and_ended_by_whose_it_is(world: World) -> None:
    with httpx2.Client(
        base_url=world.url, headers={"accept": "text/html", "user-agent": "another browser"}
    ) as other:
        other.post("/login", data={"name": "vera", "password": PASSWORD, "back": "/"})
        page = other.get("/settings/sessions").text
        theirs = world.client("vera").get("/settings/sessions").text
        line = theirs[theirs.index("another browser") :]
        number = re.search(r"/settings/sessions/(\d+)/end", line)
        assert number
        foreign = world.post("olaf", f"/settings/sessions/{number[1]}/end")
        ended = world.post("vera", f"/settings/sessions/{number[1]}/end")
        after = other.get("/runs")

    assert "this one" in page
    assert foreign.status_code == 404
    assert ended.status_code == 303
    assert after.status_code == 303
    assert "/login" in after.headers["location"]


def test_the_audit_is_sent_as_a_file_as_it_is_filtered(world: World) -> None:
    world.post("olaf", "/s/racing/sources/theracingapi/pause", reason="for the audit")
    world.post("olaf", "/s/racing/sources/theracingapi/resume")

    answer = world.client("ann").get("/settings/audit.csv?actor=olaf&action=source.pause")

    lines = list(csv.DictReader(answer.text.splitlines()))
    assert {line["who"] for line in lines} == {"olaf"}
    assert {line["action"] for line in lines} == {"source.pause"}
