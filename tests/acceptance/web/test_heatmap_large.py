"""A large heatmap in the browser: tiles in sight only, pixels of tiles, place kept, cells told."""

from __future__ import annotations

import json
import random
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from stocktake.count.packed import CODES
from stocktake.model import State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Page, Route

    from tests.acceptance.web.world import World

pytestmark = pytest.mark.browser
RACES = "/s/racing/d/ra_races"
DONE, MISSING = CODES[State.COMPLETE], CODES[State.MISSING]
TILE_ROWS, TILE_COLUMNS = 512, 4_096
PIXELS = """async address => {
  const { Heatmap } = await import(address);
  const figure = document.querySelector("figure[data-map]");
  figure.replaceChildren();
  delete figure.dataset.ready;
  const one = new Heatmap(figure);
  await one.load();
  do await new Promise(done => setTimeout(done, 100)); while (one.cells.includes(126));
  const found = [];
  const picture = one.context.getImageData(0, 0, one.canvas.width, one.canvas.height);
  const hex = getComputedStyle(document.documentElement).getPropertyValue("--missing").trim();
  const wanted = [1, 3, 5].map(at => parseInt(hex.slice(at, at + 2), 16));
  for (const line of one.lines.slice(0, 30)) {
    for (let column = 0; column < line.count;) {
      const [begin, next] = one.span(column), end = Math.min(next, line.count);
      const [left, right] = [column, end].map(at => Math.round(at * one.cell));
      let most = 0; // of its columns of pixels: marks of years may cover one
      for (let x = one.margin + left; x < one.margin + Math.max(right, left + 1); x += 1) {
        let painted = 0;
        for (let y = line.y; y < line.y + 14; y += 1) {
          const at = (y * one.canvas.width + x) * 4;
          if (wanted.every((part, i) => Math.abs(picture.data[at + i] - part) < 12)) painted += 1;
        }
        most = Math.max(most, painted);
      }
      const base = line.row * one.width;
      const lacks = one.cells.subarray(base + column, base + end).includes(132);
      found.push([one.step, lacks, most / 14]);
      column = next;
    }
  }
  return found;
}"""


@pytest.fixture(scope="module")
def page(visiting: Callable[..., Page]) -> Iterator[Page]:
    """A page of a viewer, without routes after each test."""
    found = visiting("vera", bypass_csp=True)
    yield found
    found.unroute_all()


def pictured(page: Page, *, rows: int, width: int, versions: str = "a") -> list[tuple[int, int]]:
    """Answer for the server with a picture so large; return where tiles will have been asked for.

    Args:
        versions: Of the first answer, the second and so on; the last of all others.
    """
    page.unroute_all()
    chance, asked = random.Random(7), list[tuple[int, int]]()
    cells = bytes(chance.choices([DONE] * 97 + [MISSING] * 3, k=rows * width))
    told = {"axis": "day", "rows": rows, "of": rows, "width": width, "origin": "2016-01-01"}

    def answer(route: Route) -> None:
        query = parse_qs(urlsplit(route.request.url).query)
        if "agg" in query:
            route.fulfill(status=404)
            return
        row, column = int(query["row"][0]), int(query["column"][0])
        version = versions[min(len(asked), len(versions) - 1)]
        asked.append((row, column))
        lines = range(row, min(rows, row + TILE_ROWS))
        end = min(width, column + TILE_COLUMNS)
        body = b"".join(cells[line * width + column : line * width + end] for line in lines)
        header = {**told, "tile": [TILE_ROWS, TILE_COLUMNS], "version": version}
        route.fulfill(body=body, headers={"x-tile": json.dumps(header)})

    page.route("**/tile.bin*", answer)
    return asked


def looked_at(page: Page, path: str = RACES) -> None:
    """Open a dataset's page and wait for its picture."""
    page.goto(path)
    page.wait_for_selector("figure[data-ready=yes]")


def scrolled(page: Page, top: int) -> None:
    """Scroll the picture down and wait for what that asks for."""
    page.evaluate("top => { document.querySelector('figure .scroll').scrollTop = top; }", top)
    page.wait_for_timeout(400)


@pytest.mark.parametrize(
    ("width", "step"), [(1_800, 7), (3_900, 31), (30_000, 366)], ids=["weeks", "months", "years"]
)
def test_a_tile_that_lacks_something_shows_it_over_a_quarter_in_pixels(
    page: Page, width: int, step: int
) -> None:
    pictured(page, rows=20, width=width)
    looked_at(page)
    address = page.locator("script[src*=heatmap]").get_attribute("src")

    found: list[tuple[int, bool, float]] = page.evaluate(PIXELS, address)

    assert {one[0] for one in found} == {step}
    lacking = [part for _, lacks, part in found if lacks]
    assert len(lacking) > 100
    assert min(lacking) >= 0.25, [one for one in enumerate(found) if one[1][1] and one[1][2] < 0.25]
    assert max((part for _, lacks, part in found if not lacks), default=0) == 0


def test_tiles_are_fetched_as_they_come_into_sight(page: Page) -> None:
    asked = pictured(page, rows=1_300, width=5_000)

    looked_at(page)
    page.wait_for_timeout(300)
    first = set(asked)
    scrolled(page, 600 * 16)

    assert first == {(0, 0), (0, 4_096)}
    assert set(asked) - first == {(512, 0), (512, 4_096)}
    assert len(asked) == 4


def test_a_picture_that_changed_meanwhile_is_loaded_anew_once(page: Page) -> None:
    asked = pictured(page, rows=1_300, width=2_000, versions="abcd")

    looked_at(page)
    scrolled(page, 600 * 16)
    scrolled(page, 0)
    scrolled(page, 1_100 * 16)

    assert asked == [(0, 0), (512, 0), (0, 0), (1_024, 0)]


def test_the_address_keeps_zoom_place_and_days_for_somebody_else(page: Page, world: World) -> None:
    page.unroute_all()
    looked_at(page)
    page.locator("figure canvas").focus()
    page.keyboard.press("Home")
    for key in ("+", "+", "ArrowUp", "Shift+ArrowRight", "Shift+ArrowRight"):
        page.keyboard.press(key)
    page.wait_for_url(re.compile("pick="))
    told = page.locator("figure .tip").inner_text()
    address = page.url

    page.goto("about:blank")
    looked_at(page, address)

    assert "zoom=4.00" in address
    day = str(re.match(r"[\d-]+", told)[0])  # type: ignore[index]
    expect(page.locator("figure .tip")).to_contain_text(f"{day}, ire, missing")
    expect(page.get_by_role("link", name=re.compile("Plan these 6 units"))).to_be_visible()


def test_a_cell_pointed_at_tells_its_rows_once_asked(page: Page, world: World) -> None:
    page.unroute_all()
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url) if "/said?" in one.url else None)
    looked_at(page, f"{RACES}?since={world.since}&until={world.until}&rows=gb")
    page.locator("figure canvas").focus()

    page.keyboard.press("Home")
    expect(page.locator("figure .tip")).to_contain_text("rows")
    expect(page.locator("#said")).to_contain_text("rows")
    for key in ("ArrowRight", "ArrowLeft"):
        page.keyboard.press(key)
        page.wait_for_timeout(300)
    page.keyboard.press("Home")
    expect(page.locator("figure .tip")).to_contain_text("rows")

    assert len(asked) == len(set(asked)) == 2


def test_the_strip_of_months_has_the_line_of_the_target(page: Page) -> None:
    page.unroute_all()
    looked_at(page)

    strip: Any = page.get_by_role("img", name=re.compile("the dashed line is the target, 100 %"))

    expect(strip.locator("path.goal")).to_have_attribute("d", re.compile(r"^M0 0h\d+$"))
