"""Sessions that end while somebody types: told before, and nothing typed is lost."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.acceptance.web.conftest import sign_in
from tests.acceptance.web.world import SQL

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.acceptance.web.world import World

pytestmark = pytest.mark.browser
IDENTITY_KEPT = 1_100
"""Milliseconds after which the server looks a session up again."""


def age(world: World, name: str, *, seconds: float) -> None:
    """Leave so many seconds to the open sessions of an account."""
    with world.workspace.database.connection() as conn:
        conn.execute(SQL.age_session, {"name": name, "seconds": seconds})


def end(world: World, name: str) -> None:
    """End the open sessions of an account, as an admin does."""
    with world.workspace.database.connection() as conn:
        conn.execute(SQL.end_sessions, {"name": name})


def test_the_end_of_a_session_is_told_two_minutes_before(
    empty: World, visit: Callable[..., Page]
) -> None:
    page = visit("vera", at=empty.url)
    expect(page.locator("#session")).to_be_hidden()
    age(empty, "vera", seconds=110)
    page.wait_for_timeout(IDENTITY_KEPT)
    page.goto("/s/racing/plans/new")

    notice = page.locator("#session")
    expect(notice).to_contain_text("Your session ends at")
    page.get_by_role("button", name="Stay signed in").click()
    expect(notice).to_contain_text("No session lasts longer than seven days")


def test_what_was_typed_outlives_the_session(empty: World, visit: Callable[..., Page]) -> None:
    page = visit("olaf", at=empty.url)
    page.goto("/s/racing/plans/new?since=2026-01-01&until=2026-01-02")
    page.get_by_label("At most so many requests").fill("17")
    end(empty, "olaf")
    page.wait_for_timeout(IDENTITY_KEPT)

    page.get_by_role("button", name="Keep this plan").click()
    notice = page.locator("#session")
    expect(notice).to_contain_text("You are signed out")
    expect(page.get_by_label("At most so many requests")).to_have_value("17")
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Sign in in a new tab").click()
    sign_in(opened.value, "olaf")

    expect(notice).to_be_hidden()
    page.get_by_role("button", name="Keep this plan").click()
    expect(page.get_by_role("heading", name=re.compile("Plan [0-9]+"))).to_be_visible()


def test_a_part_of_a_page_does_not_lead_to_the_login_while_somebody_types(
    empty: World, visit: Callable[..., Page]
) -> None:
    page = visit("ann", at=empty.url)
    page.goto("/s/racing/plans/new")
    end(empty, "ann")
    page.wait_for_timeout(IDENTITY_KEPT)

    field = page.get_by_label("At most so many requests")
    field.press_sequentially("23")

    expect(page.locator("#session")).to_contain_text("You are signed out")
    expect(page).to_have_url(re.compile("/plans/new"))
    expect(field).to_have_value("23")
