"""Every page in the browser: its weight, its barriers in both themes and when narrow, its parts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tools.vendor import AXE

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.acceptance.web.world import Crawl, World

pytestmark = pytest.mark.browser
MOST_BYTES, MOST_CHART_BYTES, MOST_AGAIN = 60_000, 85_000, 15_000
MOST_REQUESTS = 14
STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 320, "height": 900}
WEIGHT = """() => {
  const all = [...performance.getEntriesByType("navigation"),
               ...performance.getEntriesByType("resource")];
  return {bytes: all.reduce((sum, one) => sum + one.transferSize, 0), requests: all.length,
          charts: document.querySelectorAll("figure[data-chart]").length};
}"""
RUN = "told => axe.run(document, told)"
CANVASES = """() => [...document.querySelectorAll("canvas")].filter(one => {
  const table = document.getElementById(one.getAttribute("aria-describedby") || "");
  return one.getAttribute("role") === "img" && !(one.getAttribute("aria-label")
    && table && table.querySelector("table"));
}).length"""
NAMELESS = """() => [...document.querySelectorAll("button, a[href], input, select, textarea")]
  .filter(one => one.type !== "hidden" && one.checkVisibility() && !(one.textContent.trim()
    || one.getAttribute("aria-label") || one.title || (one.labels && one.labels.length)))
  .map(one => one.outerHTML.slice(0, 120))"""

SPACING = """* { line-height: 1.5 !important; letter-spacing: .12em !important;
  word-spacing: .16em !important } p { margin-bottom: 2em !important }"""
"""Text as WCAG 1.4.12 lets readers space it."""
CUT = """() => [...document.querySelectorAll("main *, header *, nav *")].filter(one => {
  const style = getComputedStyle(one);
  const cuts = /hidden|clip/.test(style.overflow);
  return cuts && !one.closest(".sr") && one.checkVisibility() && one.textContent.trim()
    && one.clientWidth > 4
    && (one.scrollWidth > one.clientWidth + 1 || one.scrollHeight > one.clientHeight + 1);
}).map(one => one.outerHTML.slice(0, 120))"""


@dataclass
class Seen:
    """What was measured on the pages."""

    pages: int = 0
    weights: dict[str, dict[str, Any]] = field(default_factory=dict)
    again: dict[str, int] = field(default_factory=dict)
    barriers: list[str] = field(default_factory=list)
    sideways: list[str] = field(default_factory=list)
    bare: list[str] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)


def some(request: pytest.FixtureRequest) -> list[str]:
    """Return pages that between them have every component."""
    world: World = request.getfixturevalue("world")
    chosen = ("/", "/s/racing", "/runs", "/runs/1", "/s/racing/gaps", "/s/racing/plans/new")
    unit = f"/s/racing/d/ra_races/u/{world.broken}/gb"
    table = "/s/racing/d/ra_races?view=table"
    return [*chosen, "/s/racing/d/ra_races", unit, table, "/settings/users", "/nowhere"]


def every(request: pytest.FixtureRequest) -> list[str]:
    """Return every kind of page there is, and one that is not."""
    pages: Crawl = request.getfixturevalue("pages")
    return [*pages.found, "/nowhere"]


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(some, id="some"),
        pytest.param(every, id="every", marks=pytest.mark.soak),
    ],
)
def seen(request: pytest.FixtureRequest, visiting: Callable[..., Page]) -> Seen:
    """What a walk through the pages found."""
    page = visiting("ann", bypass_csp=True, viewport=WIDE)
    program = AXE.read_text(encoding="utf-8")
    found = Seen()
    for path in request.param(request):
        found.pages += 1
        weigh(page, path, found)
        page.evaluate(program)
        look(page, path, found, how="light")
        page.emulate_media(color_scheme="dark")
        look(page, path, found, how="dark", rules=["color-contrast", "link-in-text-block"])
        page.emulate_media(color_scheme="light")
        page.set_viewport_size(NARROW)  # type: ignore[arg-type]
        look(page, path, found, how="narrow")
        if page.evaluate("document.documentElement.scrollWidth > innerWidth + 1"):
            found.sideways.append(path)
        page.set_viewport_size(WIDE)  # type: ignore[arg-type]
        page.add_style_tag(content=SPACING)
        found.cut += [f"{path}: {one}" for one in page.evaluate(CUT)]
    return found


def weigh(page: Page, path: str, found: Seen) -> None:
    """Measure a page's first load, and what it costs to come again."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("Network.enable")
    for is_first in (True, False):
        devtools.send("Network.setCacheDisabled", {"cacheDisabled": is_first})
        page.goto(path)
        for late in page.locator("figure[data-map]").all():
            expect(late).to_have_attribute("data-ready", "yes")
        told = page.evaluate(WEIGHT)
        if is_first:
            found.weights[path] = told
        else:
            found.again[path] = told["bytes"]
    devtools.detach()


def look(page: Page, path: str, found: Seen, *, how: str, rules: list[str] | None = None) -> None:
    """Look for barriers, with all rules or some."""
    chosen = {"type": "rule", "values": rules} if rules else {"type": "tag", "values": STANDARDS}
    told = page.evaluate(RUN, {"runOnly": chosen, "resultTypes": ["violations"]})
    found.barriers += [
        f"{path}, {how}: {one['id']}: {one['nodes'][0]['html'][:200]}" for one in told["violations"]
    ]
    found.bare += [f"{path}, {how}: {one}" for one in page.evaluate(NAMELESS)]
    if page.evaluate(CANVASES):
        found.bare.append(f"{path}: a picture without a table")


def test_no_page_weighs_more_than_its_budget(seen: Seen) -> None:
    heavy = {
        path: told
        for path, told in seen.weights.items()
        if told["bytes"] > (MOST_CHART_BYTES if told["charts"] else MOST_BYTES)
        or told["requests"] > MOST_REQUESTS
    }
    for path, told in sorted(seen.weights.items(), key=lambda one: -one[1]["bytes"]):
        line = f"{told['bytes']:>7,} bytes {told['requests']:>3} requests  {path}"
        print(line)  # noqa: T201 -- the figures

    assert not heavy


def test_coming_again_costs_little(seen: Seen) -> None:
    assert {path: size for path, size in seen.again.items() if size > MOST_AGAIN} == {}


def test_no_page_has_a_barrier(seen: Seen) -> None:
    assert not seen.barriers, "\n".join(seen.barriers)


def test_no_page_scrolls_sideways_when_narrow(seen: Seen) -> None:
    assert not seen.sideways


def test_every_control_has_a_name_and_every_picture_a_table(seen: Seen) -> None:
    assert not seen.bare, "\n".join(seen.bare)


def test_no_text_is_cut_off_when_readers_space_it(seen: Seen) -> None:
    assert not seen.cut, "\n".join(seen.cut)
