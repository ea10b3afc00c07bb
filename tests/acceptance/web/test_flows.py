"""What people do on the pages, from beginning to end, in the machine's own Chromium."""

from __future__ import annotations

import re
from contextlib import contextmanager
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from stocktake.testing import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Page

    from tests.acceptance.web.world import World

pytestmark = pytest.mark.browser
MOST_TABS = 160


@contextmanager
def slow(world: World, seconds: float) -> Iterator[None]:
    """Let the source take its time, so that a run can be watched."""
    world.sandbox.rules.add([Fault("slow", value=seconds)])
    try:
        yield
    finally:
        world.sandbox.rules.clear()


def plan_page(page: Page, since: date, until: date) -> None:
    """Keep a plan for some days of races."""
    page.goto(f"/s/racing/plans/new?dataset=ra_races&since={since}&until={until}")
    page.get_by_role("button", name="Keep this plan").click()
    expect(page.get_by_role("heading", name=re.compile("Plan [0-9]+"))).to_be_visible()


def badge(page: Page) -> str:
    """Return the state that a unit's page tells."""
    return str(page.locator("main .badge").first.text_content()).strip()


def test_a_run_is_tried_on_a_sample_watched_paused_cancelled_and_finished(
    world: World, visit: Callable[..., Page]
) -> None:
    until = world.since - timedelta(days=2)
    since = until - timedelta(days=11)
    page = visit("olaf")
    state = page.locator("#run .pill").first
    plan_page(page, since, until)
    plan = page.url
    page.get_by_label("Newest").fill("1")
    page.get_by_role("button", name="Run this sample first").click()
    expect(state).to_contain_text("done")

    page.goto(plan)
    with slow(world, 1.0):
        page.get_by_role("button", name=re.compile("^Start")).click()
        expect(page.locator("#run progress").first).to_be_visible()
        expect(page).to_have_title(re.compile("^[0-9.]+ % · racing backfill"))
        page.get_by_role("button", name="Pause").click()
        expect(state).to_contain_text("paused")
        page.get_by_role("button", name="Resume").click()
        expect(state).to_contain_text(re.compile("queued|running"))
        page.get_by_role("button", name=re.compile("^Cancel")).click()
        expect(state).to_contain_text("cancelled")
    page.get_by_role("link", name="Start its plan again").click()
    page.get_by_role("button", name=re.compile("^Start")).click()

    expect(state).to_contain_text("done")
    page.goto(f"/s/racing/d/ra_races/u/{since}/gb")
    assert badge(page).endswith(("complete", "empty"))


def test_a_gap_is_accepted_with_a_reason_and_made_a_gap_again(
    world: World, visit: Callable[..., Page]
) -> None:
    page = visit("olaf")
    page.goto(f"/s/racing/d/ra_races/u/{world.since.replace(year=2018)}/gb")
    page.get_by_label("Reason").fill("the course burnt down")
    page.get_by_role("button", name="Accept 1 unit").click()
    expect(page.locator("main .badge").first).to_contain_text("accepted")
    expect(page.get_by_text("The gap is waived: the course burnt down")).to_be_visible()

    page.get_by_role("button", name=re.compile("^Withdraw")).click()

    expect(page.locator("main .badge").first).to_contain_text("missing")


def test_a_run_is_undone_after_its_effect_was_shown_in_numbers(
    world: World, visit: Callable[..., Page]
) -> None:
    day = world.since.replace(year=2019, month=5, day=4)
    page = visit("olaf")
    plan_page(page, day, day)
    page.get_by_role("button", name=re.compile("^Start")).click()
    expect(page.locator("#run .pill").first).to_contain_text("done")
    page.get_by_role("link", name=re.compile("^Undo")).click()
    shown = page.get_by_role("region", name="What undoing would change")
    expect(shown).to_contain_text("ra_races")

    with page.expect_navigation():
        page.get_by_role("button", name=re.compile("^Undo [1-9][0-9,]* rows")).click()

    expect(page.locator("#run .pill").first).to_contain_text("done")
    page.goto(f"/s/racing/d/ra_races/u/{day}/gb")
    assert badge(page).endswith("missing")


def tab_to(page: Page, name: str, *, skipping: str = "") -> None:
    """Press Tab until what has the focus is called so; ``skipping`` is a link to follow first."""
    if skipping:
        tab_to(page, skipping)
        page.keyboard.press("Enter")
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        at = page.evaluate("document.activeElement.textContent.trim()")
        if re.match(name, at):
            return
    pytest.fail(f"no {name} within {MOST_TABS} tabs")


def test_a_gap_is_found_explained_and_filled_with_the_keyboard_alone(
    world: World, visit: Callable[..., Page]
) -> None:
    page = visit("olaf")
    page.goto("/s/racing/d/ra_races?since=2016-03-01&until=2016-03-20")
    page.wait_for_selector("figure[data-ready=yes]")
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.tagName") == "CANVAS":
            break
    page.keyboard.press("Home")
    expect(page.locator("#said")).to_contain_text("2016-03-01")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#said")).to_contain_text("2016-03-02")
    expect(page.locator("#said")).to_contain_text("missing")

    page.keyboard.press("Enter")
    expect(page.locator("#drawer [data-close]")).to_be_focused()
    tab_to(page, "Plan to fill it")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Time at the allowed rate")).to_be_visible()
    tab_to(page, "Keep this plan", skipping="Skip to content")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=re.compile("Plan [0-9]+"))).to_be_visible()
    tab_to(page, "Start", skipping="Skip to content")
    page.keyboard.press("Enter")

    expect(page.locator("#run .pill").first).to_contain_text("done")


def test_keys_lead_to_pages_and_can_be_switched_off(
    world: World, visit: Callable[..., Page]
) -> None:
    page = visit("vera")
    page.goto("/s/racing")
    page.keyboard.press("g")
    page.keyboard.press("g")
    expect(page).to_have_url(re.compile("/s/racing/gaps$"))
    page.keyboard.press("/")
    expect(page.locator("#search")).to_be_focused()
    page.goto("/settings/profile")
    page.get_by_label("Single keys as shortcuts").uncheck()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved")).to_be_visible()

    page.goto("/runs")
    page.keyboard.press("?")

    expect(page.locator("#keys")).to_be_hidden()
