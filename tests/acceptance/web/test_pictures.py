"""Pictures of every page, to be looked at: wide, narrow, light, dark, full, empty, refused.

``./do pictures`` compares them with those somebody accepted.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tools.pictures import compare

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.acceptance.web.world import Crawl, World

pytestmark = pytest.mark.browser
SIZES = {"1440": {"width": 1440, "height": 900}, "390": {"width": 390, "height": 844}}
EMPTY = (
    *("/", "/runs", "/schedules", "/s/racing", "/s/racing/d/ra_races", "/s/racing/gaps"),
    *("/s/racing/plans", "/s/racing/plans/new", "/s/racing/sources", "/s/racing/checks"),
    *("/s/racing/rejects", "/s/racing/duplicates", "/s/racing/signoff", "/s/nba"),
    "/s/racing/leaders",
)
REFUSED = (
    *("/nowhere", "/runs/x", "/runs/999999", "/s/racing/gaps?since=2026-02-30"),
    *("/s/racing/d/ra_races/u/2026-02-30/gb", "/schedules?cron=often", "/search?q=zzz"),
)


STILL = r"""() => {
  const told = [[/\b\d{4}-\d{2}-\d{2}\b/g, "2026-01-01"], [/\b\d{1,2}:\d{2}(:\d{2})?\b/g, "00:00"],
    [/\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun)\b/g, "Mon"], [/\b[0-9a-f]{8,}\b/g, "00000000"],
    [/\b[\d.,]+ (ms|s|min|h|d)\b( [\d.]+ (s|min|h)\b)?/g, "1 s"],
    [/\b[\d.,]+ (kB|MB|GB|KiB|MiB)\b/g, "1 MB"], [/127\.0\.0\.1:\d+/g, "127.0.0.1:80"]];
  for (const part of document.querySelectorAll("[data-live]")) {
    const copy = part.cloneNode(true);
    copy.removeAttribute("data-live");
    part.replaceWith(copy);
  }
  document.querySelectorAll("progress:not([value])").forEach(one => { one.value = 0; });
  document.querySelectorAll("time").forEach(one => { one.textContent = "a time"; });
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode())
    for (const [from, to] of told)
      texts.currentNode.data = texts.currentNode.data.replace(from, to);
}"""
"""Makes times, durations, sizes and numbers of requests the same in every picture. Live parts are
copies from then on: what comes for them later changes nothing."""

SETTLED = """async () => {
  let was = "";
  for (let tries = 0, calm = 0; tries < 75 && calm < 3; tries += 1) {
    await new Promise(done => setTimeout(done, 200));
    const now = document.body.innerText + document.querySelectorAll("*").length;
    calm = now === was && !document.querySelector("progress:not([value])") ? calm + 1 : 0;
    was = now;
  }
}"""
"""Waits until the parts that come late are there: nothing changes any more."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where pictures are kept: ``STOCKTAKE_PICTURES``, else a folder of this test."""
    kept = Path(os.environ.get("STOCKTAKE_PICTURES") or tmp_path)
    kept.mkdir(parents=True, exist_ok=True)
    return kept


def pictured(page: Page, paths: tuple[str, ...] | list[str], folder: Path, *, kind: str) -> int:
    """Take the pictures of some pages in every size and theme; return how many pages."""
    page.goto("/runs")
    at_work = page.locator("#run-list .pill").filter(has_text=re.compile("running|queued"))
    expect(at_work).to_have_count(0)
    for path in paths:
        page.goto(path)
        page.evaluate(SETTLED)
        for name, size in SIZES.items():
            page.set_viewport_size(size)  # type: ignore[arg-type]
            for theme in ("light", "dark"):
                page.emulate_media(color_scheme=theme)
                page.wait_for_load_state("load")
                page.wait_for_timeout(150)
                words = re.sub(r"[^a-z0-9]+", "-", path.lower()).strip("-")[:80] or "overview"
                still(page, folder / f"{kind}-{words}-{name}-{theme}.png")
    return len(paths)


def still(page: Page, path: Path) -> Path:
    """Take a picture in which nothing is told that passes by itself; return where it is."""
    page.evaluate(STILL)
    page.screenshot(path=path, full_page=True, animations="disabled")
    return path


def test_a_changed_style_is_seen_and_a_changed_time_is_not(
    world: World, visit: Callable[..., Page], folder: Path
) -> None:
    page = visit("ann", bypass_csp=True)
    page.goto("/runs/1")
    before = still(page, folder / "before.png")

    page.goto("/runs/1")
    page.evaluate("document.querySelectorAll('time').forEach(one => one.textContent = '9 h ago')")
    later = still(page, folder / "later.png")
    page.add_style_tag(content=".pill { border-radius: 0 }")
    changed = still(page, folder / "changed.png")

    assert compare(before, later) is None
    assert compare(before, changed) is not None


@pytest.mark.soak
def test_every_page_is_pictured(
    world: World, pages: Crawl, visit: Callable[..., Page], folder: Path
) -> None:
    shown = pictured(visit("ann"), pages.found, folder, kind="full")
    shown_refused = pictured(visit("ann"), REFUSED, folder, kind="refused")

    taken = len([*folder.glob("full-*.png"), *folder.glob("refused-*.png")])
    assert taken >= 2 * len(SIZES) * (shown + shown_refused) - 40  # long addresses share a name
    assert shown > len(REFUSED)


@pytest.mark.soak
def test_every_page_is_pictured_while_nothing_is_held(
    empty: World, visit: Callable[..., Page], folder: Path
) -> None:
    pictured(visit("ann", at=empty.url), EMPTY, folder, kind="empty")

    assert len([*folder.glob("empty-*.png")]) == 2 * len(SIZES) * len(EMPTY)
