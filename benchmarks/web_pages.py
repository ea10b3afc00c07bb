"""What do pages weigh, how soon are they there, and how fast is a heatmap of 70,200 cells drawn?"""

import json
import random
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
from playwright.sync_api import Browser, Route, sync_playwright

from benchmarks.measure import text_table
from stocktake.count.packed import CODES
from stocktake.model import State
from stocktake.testing.database import temporary_cluster, temporary_home
from tests.acceptance.web.world import PASSWORD, World, chromium, opened

ROWS, DAYS = 18, 3_900
BUDGETS = {
    "first load, KB": 60.0,
    "requests": 14.0,
    "ready, s": 1.0,
    "LCP, s": 0.8,
    "layout shift": 0.02,
    "longest task, ms": 150.0,
}
PATHS = (
    *("/", "/s/racing", "/s/racing/d/ra_races", "/s/racing/d/ra_races?view=table"),
    *("/s/racing/gaps", "/s/racing/plans/new", "/s/racing/checks", "/s/racing/sources"),
    *("/s/racing/sources/theracingapi", "/s/racing/months", "/s/nba", "/runs", "/runs/1"),
    *("/schedules", "/settings/users", "/nowhere"),
)
CALLS = 40
OBSERVE = """() => new Promise(done => {
  const seen = {lcp: 0, shift: 0, task: 0};
  const drawn = performance.now();
  new PerformanceObserver(list => {
    for (const one of list.getEntries()) seen.task = Math.max(seen.task, one.duration);
  }).observe({type: "longtask", buffered: true});
  new PerformanceObserver(list => {
    for (const one of list.getEntries()) seen.lcp = one.startTime;
  }).observe({type: "largest-contentful-paint", buffered: true});
  new PerformanceObserver(list => {
    for (const one of list.getEntries()) seen.shift += one.value;
  }).observe({type: "layout-shift", buffered: true});
  setTimeout(() => {
    const all = [...performance.getEntriesByType("navigation"),
                 ...performance.getEntriesByType("resource")];
    done({...seen, bytes: all.reduce((sum, one) => sum + one.transferSize, 0),
          requests: all.length, ready: document.querySelector("figure[data-map]") ? drawn
            : performance.getEntriesByType("navigation")[0].loadEventEnd});
  }, 800);
})"""


def main() -> None:
    """Print a table per question, with the budget beside each figure."""
    if chromium() is None:
        sys.exit("no Chromium: apt-get install chromium, or set STOCKTAKE_CHROMIUM")
    home = temporary_home("bench-pages")
    with (
        tempfile.TemporaryDirectory() as folder,
        temporary_cluster(home, application="bench") as cluster,
        opened(cluster, datetime.now(UTC).date(), Path(folder)) as world,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        print(text_table(("page", *BUDGETS), [weigh(browser, world, path) for path in PATHS]))
        print(text_table(("page", "median ms", "p95 ms"), [ask(world, path) for path in PATHS]))
        print(text_table(("70,200 cells", "ms", "budget"), draw(browser, world)))
        browser.close()


def signed_in(browser: Browser, world: World) -> Any:
    """Return a page of a fresh browser that is logged in."""
    context = browser.new_context(base_url=world.url, viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto("/login")
    page.get_by_label("Name").fill("ann")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/")
    page.goto("/?wait=1")
    session = context.cookies()
    context.close()
    fresh = browser.new_context(base_url=world.url, viewport={"width": 1440, "height": 900})
    fresh.add_cookies(session)  # type: ignore[arg-type]
    return fresh.new_page()


def weigh(browser: Browser, world: World, path: str) -> tuple[str, ...]:
    """Return a page's weight and times, with an empty cache."""
    page = signed_in(browser, world)
    page.goto(path)
    for picture in page.locator("figure[data-map]").all():
        picture.locator("canvas").first.wait_for()
        page.wait_for_selector("figure[data-ready=yes]")
    told = page.evaluate(OBSERVE)
    found = (
        told["bytes"] / 1000,
        float(told["requests"]),
        told["ready"] / 1000,
        told["lcp"] / 1000,
        told["shift"],
        told["task"],
    )
    page.context.close()
    return (
        path,
        *(
            f"{value:.2f} {'' if value <= most else 'over'}".strip()
            for value, most in zip(found, BUDGETS.values(), strict=True)
        ),
    )


def ask(world: World, path: str) -> tuple[str, ...]:
    """Return how long the server takes for a page, once it has counted."""
    client = world.client("ann")
    client.get(path)
    times = []
    for _ in range(CALLS):
        began = time.perf_counter()
        assert client.get(path).status_code in {httpx2.codes.OK, httpx2.codes.NOT_FOUND}
        times.append(1000 * (time.perf_counter() - began))
    return path, f"{statistics.median(times):.0f}", f"{statistics.quantiles(times, n=20)[-1]:.0f}"


def draw(browser: Browser, world: World) -> list[tuple[str, ...]]:
    """Return how long a large heatmap takes from the first byte to the last pixel."""
    chance = random.Random(1)
    states = [CODES[State.COMPLETE]] * 90 + [CODES[State.MISSING]] * 8 + [CODES[State.THIN]] * 2
    cells = bytes(chance.choices(states, k=ROWS * DAYS))
    described = {"axis": "day", "rows": ROWS, "of": ROWS, "width": DAYS, "origin": "2016-01-01"}

    def answer(route: Route) -> None:
        route.fulfill(body=cells, headers={"x-tile": json.dumps(described)})

    page = signed_in(browser, world)
    page.route("**/tile.bin*", answer)
    page.goto("/s/racing/d/ra_races")
    page.wait_for_selector("figure[data-ready=yes]")
    whole = page.evaluate(
        """() => { const one = performance.getEntriesByType("resource")
          .find(entry => entry.name.includes("tile.bin"));
          return one.duration + Number(document.querySelector("figure").dataset.draw); }"""
    )
    page.get_by_role("button", name="Zoom in").click()
    page.wait_for_timeout(200)
    again = float(page.locator("figure").get_attribute("data-draw") or 0)
    page.context.close()
    return [("fetch and draw", f"{whole:.0f}", "150"), ("zoom", f"{again:.0f}", "32")]


if __name__ == "__main__":
    main()
