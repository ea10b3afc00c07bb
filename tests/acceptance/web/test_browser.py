"""The pages in the machine's own Chromium: from a gap to a filled day, by mouse and by keyboard."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.acceptance.web.conftest import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.acceptance.web.world import World

pytestmark = pytest.mark.browser


def test_a_gap_is_seen_explained_planned_filled_and_closed(
    world: World, visit: Callable[..., Page]
) -> None:
    page = visit("olaf")
    page.get_by_role("link", name="racing", exact=True).first.click()
    page.get_by_role("link", name="ra_race_results", exact=True).first.click()
    page.wait_for_selector("figure[data-ready=yes]")
    page.goto(f"/s/racing/d/ra_race_results/u/{world.broken}/gb")
    expect(page.get_by_text("502").first).to_be_visible()
    page.get_by_role("link", name="Plan to fill it").click()
    expect(page.get_by_text("Time at the allowed rate")).to_be_visible()
    page.get_by_role("button", name="Keep this plan").click()
    expect(page.get_by_role("heading", name=re.compile("Plan [0-9]+"))).to_be_visible()
    world.sandbox.rules.clear()

    page.get_by_role("button", name=re.compile("^Start")).click()

    expect(page.locator("#run .pill").first).to_contain_text("done", timeout=PATIENCE)
    expect(page.locator("#run")).to_have_count(1)
    expect(page.get_by_role("banner")).to_have_count(1)
    page.goto(f"/s/racing/d/ra_race_results/u/{world.broken}/gb")
    expect(page.locator("main .badge").first).to_contain_text("complete")


def test_the_heatmap_is_walked_by_keyboard_alone(world: World, visit: Callable[..., Page]) -> None:
    page = visit("vera")
    page.goto(f"/s/racing/d/ra_races?since={world.since}&until={world.until}")
    page.wait_for_selector("figure[data-ready=yes]")
    page.locator("canvas").first.focus()

    page.keyboard.press("End")
    page.keyboard.press("ArrowUp")
    said = page.locator("#said")
    expect(said).to_contain_text("gb, complete")
    page.keyboard.press("Enter")

    drawer = page.locator("#drawer")
    expect(drawer).to_contain_text("Promised by")
    page.keyboard.press("Escape")
    expect(drawer).to_be_hidden()


def test_days_selected_in_the_heatmap_lead_to_a_plan(
    world: World, visit: Callable[..., Page]
) -> None:
    page = visit("vera")
    page.goto("/s/racing/d/ra_races?since=2026-01-01&until=2026-01-31")
    page.wait_for_selector("figure[data-ready=yes]")
    page.locator("canvas").first.focus()
    for _ in range(3):
        page.keyboard.press("Shift+ArrowRight")

    link = page.get_by_role("link", name=re.compile("Plan these 8 units"))

    expect(link).to_be_visible()
    assert "since=2026-01-01&until=2026-01-04" in str(link.get_attribute("href"))


def test_a_plans_cost_follows_what_is_chosen(world: World, visit: Callable[..., Page]) -> None:
    page = visit("vera")
    page.goto("/s/racing/plans/new?dataset=ra_races&since=2026-01-01&until=2026-01-10")
    figure = page.locator("#estimate dd.big")
    expect(figure).to_have_text("20")

    page.get_by_label("To", exact=True).fill("2026-01-20")
    page.get_by_label("To", exact=True).dispatch_event("change")

    expect(figure).to_have_text("40")
