"""Open pages while things happen: restarts, outages, other tabs. None stays silent or frozen."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.acceptance.web.conftest import sign_in
from tests.acceptance.web.world import database_away, served, worked

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    import httpx2
    from playwright.sync_api import Page

    from stocktake.store.cluster import LocalCluster
    from tests.acceptance.web.world import World

pytestmark = pytest.mark.browser
STREAMS = """() => performance.getEntriesByType("resource")
  .filter(one => one.name.endsWith("/events")).length"""


def queued(world: World, day: date) -> int:
    """Queue a run that fills one day of races, as the plan page would; return its number."""
    fields = {"dataset": "ra_races", "since": str(day), "until": str(day)}
    kept = world.post("olaf", "/s/racing/plans", **fields)
    started = world.post("olaf", f"{kept.headers['location']}/start")
    assert started.status_code == 303, started.text
    return int(started.headers["location"].rpartition("/")[2])


def test_a_run_without_a_worker_says_so_and_goes_on_once_one_comes(
    empty: World, visit: Callable[..., Page]
) -> None:
    run_id = queued(empty, empty.until)
    page = visit("vera", at=empty.url)
    page.goto(f"/runs/{run_id}")
    expect(page.get_by_text("No worker is at work")).to_be_visible()

    with worked(empty.workspace):
        expect(page.locator("#run .pill").first).to_contain_text("done")

    expect(page.get_by_text("No worker is at work")).to_be_hidden()
    expect(page).to_have_title(re.compile("done · racing backfill"))


FAR = """
  Object.defineProperty(document, "hidden", { get: () => true });
  window.Notification = class { constructor(text) { window.told = text; } };
  window.Notification.permission = "granted";
"""
"""A tab nobody looks at, of somebody who wants to be told; a browser under test has neither."""


def test_the_end_of_a_run_is_told_in_a_tab_that_nobody_looks_at(
    empty: World, visit: Callable[..., Page]
) -> None:
    run_id = queued(empty, empty.until - timedelta(days=2))
    page = visit("vera", at=empty.url)
    page.add_init_script(FAR)
    page.goto(f"/runs/{run_id}")
    icon = page.locator("link[rel=icon]")
    before = icon.get_attribute("href")

    with worked(empty.workspace):
        page.wait_for_function("() => window.told")

    assert page.evaluate("window.told") == f"Run {run_id} of racing is done"
    assert page.title().startswith("done")
    assert icon.get_attribute("href") != before
    assert page.locator("[data-notify]").count() == 0


def test_a_run_page_outlives_a_restart_of_the_server(
    empty: World, visit: Callable[..., Page]
) -> None:
    run_id = queued(empty, empty.until - timedelta(days=1))
    with served(empty.workspace) as url:
        port = int(url.rpartition(":")[2])
        page = visit("vera", at=url)
        page.goto(f"/runs/{run_id}")
        expect(page.locator("#run .pill").first).to_contain_text("queued")
    link = page.locator("#link")
    expect(link).to_contain_text("reconnecting")
    expect(page.locator("html")).to_have_attribute("data-old", "")
    expect(page.locator("#run .pill").first).to_contain_text("queued")

    with served(empty.workspace, port=port), worked(empty.workspace):
        expect(page.locator("#run .pill").first).to_contain_text("done")
        expect(link).to_be_empty()


def test_a_page_says_that_the_database_is_away_and_comes_back(
    cluster: LocalCluster, empty: World, visit: Callable[..., Page]
) -> None:
    page = visit("vera", at=empty.url)
    page.goto("/runs")
    other = page.context.new_page()
    with database_away(cluster, empty.workspace):
        expect(page.locator("#link")).to_contain_text("The database is away")
        answer = other.goto("/runs")
        assert answer
        assert answer.status == 503
        expect(other.get_by_role("heading", level=1)).to_contain_text("database is away")

    expect(page.locator("#link")).to_be_empty()
    expect(other.get_by_role("heading", level=1)).to_have_text("Runs")


def test_two_tabs_share_one_stream_and_the_second_takes_over(
    world: World, visit: Callable[..., Page]
) -> None:
    first = visit("olaf")
    first.goto("/runs")
    first.wait_for_function(f"({STREAMS})() === 0 && navigator.locks")
    second = first.context.new_page()
    second.goto("/runs")
    held = "async () => (await navigator.locks.query()).held.length"
    waits = "async () => (await navigator.locks.query()).pending.length"
    assert (second.evaluate(held), second.evaluate(waits)) == (1, 1)

    run_id = queued(world, world.since - timedelta(days=30))
    for page in (first, second):
        expect(page.locator(f'#run-list a[href="/runs/{run_id}"]')).to_be_visible()
    first.close()
    second.wait_for_function("async () => !(await navigator.locks.query()).pending.length")
    later = queued(world, world.since - timedelta(days=31))

    expect(second.locator(f'#run-list a[href="/runs/{later}"]')).to_be_visible()


def test_a_part_that_is_renewed_keeps_the_focus_in_it(
    world: World, visit: Callable[..., Page]
) -> None:
    page = visit("olaf")
    run_id = queued(world, world.since - timedelta(days=32))
    page.goto(f"/runs/{run_id}")
    expect(page.locator("#run .pill").first).to_contain_text("done")
    undo = page.get_by_role("link", name="Undo: show what would change")
    undo.focus()

    page.evaluate("new BroadcastChannel('stocktake').postMessage({topic: '*'})")
    page.wait_for_timeout(1500)

    expect(undo).to_be_focused()


def test_a_stream_tells_a_late_listener_what_just_changed(world: World) -> None:
    client = world.client("vera")
    run_id = queued(world, world.since - timedelta(days=33))
    with client.stream("GET", "/events") as early:
        assert early.status_code == 200
        wait_for(early, f"data: run:{run_id}")

    with client.stream("GET", "/events") as late:
        wait_for(late, f"data: run:{run_id}")


def wait_for(answer: httpx2.Response, line: str) -> None:
    """Read a stream until it says a line."""
    assert any(one == line for one in answer.iter_lines())


def test_another_persons_login_in_a_second_tab_is_told(
    world: World, visit: Callable[..., Page]
) -> None:
    page = visit("olaf")
    page.goto("/s/racing/plans/new")
    page.context.clear_cookies()
    sign_in(page.context.new_page(), "ann")

    page.get_by_role("button", name="Keep this plan").click()

    expect(page.locator("#session")).to_contain_text("signed in as ann")
    expect(page).to_have_url(re.compile("/plans/new"))


def test_a_picture_that_does_not_come_says_so_and_comes_when_asked_again(
    world: World, visit: Callable[..., Page]
) -> None:
    page = visit("vera")
    page.route("**/tile.bin*", lambda route: route.abort())
    page.goto("/s/racing/d/ra_races")
    expect(page.locator("figure .tip")).to_contain_text("could not be loaded")
    page.unroute("**/tile.bin*")

    page.get_by_role("button", name="Try again").click()

    expect(page.locator("figure[data-map]")).to_have_attribute("data-ready", "yes")
