"""The heatmap in the machine's own Chromium: tiles, shares, the strip of months, days decided."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect, sync_playwright

from stocktake.count.packed import CODES, UNKNOWN
from stocktake.model import State
from tests.acceptance.web.world import PASSWORD, chromium

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

    from tests.acceptance.web.world import World

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        chromium() is None,
        reason="no Chromium on this machine: apt-get install chromium, or set STOCKTAKE_CHROMIUM",
    ),
]
DONE, THIN = CODES[State.COMPLETE], CODES[State.THIN]
MISSING, FAILED, OUTSIDE = (
    *(CODES[State.MISSING], CODES[State.FAILED]),
    CODES[State.NOT_EXPECTED],
)
RACES = "/s/racing/d/ra_races"
TILE = """async ([address, cells, byShare]) => {
    const { Heatmap } = await import(address);
    const one = Object.create(Heatmap.prototype);
    Object.assign(one, { cells: Uint8Array.from(cells), byShare, tally: new Int32Array(256) });
    return one.tile(0, cells.length);
}"""


@pytest.fixture(scope="module")
def page(world: World) -> Iterator[Page]:
    """A page of an operator who looks at a dataset."""
    with sync_playwright() as playwright:
        program = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        found = program.new_page(base_url=world.url, bypass_csp=True)
        found.goto("/login")
        found.get_by_label("Name").fill("olaf")
        found.get_by_label("Password").fill(PASSWORD)
        found.get_by_role("button", name="Sign in").click()
        found.wait_for_url("**/")
        found.goto(RACES)
        yield found
        program.close()


def tile(page: Page, cells: list[int], *, by_share: bool = False) -> dict[str, float]:
    """Return what the heatmap makes of cells that share a tile."""
    if not page.locator("script[src*=heatmap]").count():
        page.goto(RACES)
    address = page.locator("script[src*=heatmap]").get_attribute("src")
    found: dict[str, float] = page.evaluate(TILE, [address, cells, by_share])
    return found


@pytest.mark.parametrize(
    ("cells", "code", "grave", "part"),
    [
        ([DONE] * 4, DONE, DONE, 1.0),
        ([DONE] * 99 + [MISSING], DONE, MISSING, 0.01),
        ([DONE, MISSING, FAILED, DONE], DONE, FAILED, 0.25),
        ([UNKNOWN, DONE, MISSING], DONE, MISSING, 1 / 3),
        ([UNKNOWN] * 3, UNKNOWN, UNKNOWN, 1.0),
        ([100, 100, 40], 40, 40, 1.0),
    ],
    ids=["whole", "one gap of many", "the gravest", "partly unknown", "unknown", "shares"],
)
def test_a_tile_with_a_gap_shows_it_over_at_least_a_quarter(
    page: Page, cells: list[int], code: int, grave: int, part: float
) -> None:
    found = tile(page, cells)

    assert (found["code"], found["grave"]) == (code, grave)
    assert found["part"] == pytest.approx(part)


@pytest.mark.parametrize(
    ("cells", "share"),
    [
        ([DONE] * 4, 100),
        ([DONE] * 3 + [MISSING], 75),
        ([DONE] * 999 + [MISSING], 99),
        ([DONE, THIN], 99),
        ([MISSING, OUTSIDE], 0),
    ],
)
def test_a_share_is_whole_only_when_nothing_lacks(page: Page, cells: list[int], share: int) -> None:
    assert tile(page, cells, by_share=True)["code"] == share


def test_dragging_over_the_strip_of_months_shows_their_days(page: Page) -> None:
    page.goto(RACES)
    strip = page.locator("svg.brush")
    strip.scroll_into_view_if_needed()
    box = strip.bounding_box()
    assert box
    months = strip.locator("rect").count()

    page.mouse.move(box["x"] + box["width"] * 12.5 / months, box["y"] + 8)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 14.5 / months, box["y"] + 8, steps=4)
    page.mouse.up()
    page.wait_for_url(re.compile("since="))

    assert "since=2016-01-01" in page.url
    assert "until=2016-03-31" in page.url


def test_days_chosen_by_keyboard_are_accepted_beside_the_picture_and_taken_back(
    page: Page,
) -> None:
    page.goto(f"{RACES}?since=2021-02-01&until=2021-02-20")
    page.wait_for_selector("figure[data-ready=yes]")
    page.locator("figure canvas").focus()
    page.keyboard.press("Home")
    for _ in range(2):
        page.keyboard.press("Shift+ArrowRight")
    page.get_by_role("button", name="Accept or recheck").click()
    drawer = page.locator("#drawer")
    drawer.get_by_label("Reason").fill("a test")

    drawer.get_by_role("button", name="Accept 6 units").click()

    expect(page.get_by_role("status").first).to_contain_text("6 accepted")
    page.get_by_role("button", name="Take 6 acceptances back").click()
    expect(page.get_by_role("button", name="Accept 6 units")).to_be_visible()


def test_colours_switch_between_states_and_shares_by_link(page: Page) -> None:
    page.goto(RACES)

    page.get_by_role("link", name="Coverage", exact=True).click()
    page.wait_for_selector("figure[data-colour=coverage][data-ready=yes]")

    expect(page.get_by_text("under 25 %")).to_be_visible()
