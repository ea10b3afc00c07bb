"""What do pages weigh, how soon are they there, and how fast are large heatmaps drawn and moved?"""

import json
import os
import random
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
from playwright.sync_api import Browser, Route, sync_playwright

from benchmarks.measure import text_table
from stocktake.count.packed import CODES
from stocktake.model import State
from stocktake.testing.database import temporary_cluster, temporary_home
from stocktake.web.tiles import TILE_COLUMNS, TILE_ROWS
from tests.acceptance.web.world import PASSWORD, World, chromium, opened

ROUNDS = 5
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
DRAWING = {
    "70,200 cells: fetch and draw, ms": "at most 150",
    "zoom, ms": "at most 32",
    "1 M cells: pan of months, frames a second": "at least 30",
    "1 M cells: pan of days, frames a second": "at least 30",
}
FETCH_AND_DRAW = """async address => {
  const { Heatmap } = await import(address), figure = document.querySelector("figure[data-map]");
  figure.replaceChildren();
  delete figure.dataset.ready;
  const began = performance.now();
  await new Heatmap(figure).load();
  return performance.now() - began;
}"""
"""From the request to the last call that draws, on a page that is there."""
ZOOM = """name => new Promise(done => {
  const began = performance.now();
  document.querySelector(`figure button[aria-label="${name}"]`).click();
  requestAnimationFrame(() => setTimeout(() => done(performance.now() - began)));
})"""
"""From the click to after the frame in which the picture is drawn anew."""
PAN = """() => new Promise(done => {
  const scroll = document.querySelector("figure .scroll"), began = performance.now();
  let frames = 0;
  const move = () => {
    const passed = performance.now() - began;
    if (passed > 2000) { done(1000 * frames / passed); return; }
    frames += 1;
    scroll.scrollTop = (passed * 2) % 3000;
    scroll.scrollLeft = (passed * 1.5) % 3000;
    requestAnimationFrame(move);
  };
  requestAnimationFrame(move);
})"""
NOTE_DRAWN = """new MutationObserver(() => {
  if (document.querySelector("figure[data-ready=yes]")) window.drawnAt ||= performance.now();
}).observe(document, {subtree: true, attributes: true, attributeFilter: ["data-ready"]})"""
"""When the first heatmap stands, by the page's own clock."""
OBSERVE = """() => new Promise(done => {
  const seen = {lcp: 0, shift: 0, task: 0};
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
          requests: all.length, ready: window.drawnAt
          || performance.getEntriesByType("navigation")[0].loadEventEnd});
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
        print(f"load {os.getloadavg()[0]:.1f}")
        print(text_table(("page", *BUDGETS), weighed(browser, world)))
        print(text_table(("page", "median ms", "p95 ms"), [ask(world, path) for path in PATHS]))
        print(text_table(("heatmap", "found", "budget"), draw(browser, world)))
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


def weighed(browser: Browser, world: World) -> list[tuple[str, ...]]:
    """Return each page's weight and times: medians, the pages asked for by turns."""
    found: dict[str, list[tuple[float, ...]]] = {path: [] for path in PATHS}
    for _ in range(ROUNDS):
        for path, taken in found.items():
            taken.append(weigh(browser, world, path))
    return [
        (
            path,
            *(
                f"{(value := statistics.median(one)):.2f}{'' if value <= most else ' over'}"
                for one, most in zip(zip(*taken, strict=True), BUDGETS.values(), strict=True)
            ),
        )
        for path, taken in found.items()
    ]


def weigh(browser: Browser, world: World, path: str) -> tuple[float, ...]:
    """Return a page's weight and times, with an empty cache."""
    page = signed_in(browser, world)
    page.add_init_script(NOTE_DRAWN)
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
    return found


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
    """Return how long large heatmaps take from the first byte to the last pixel, and to pan."""
    found: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        for name, value in (*_drawn(browser, world), *_panned(browser, world)):
            found.setdefault(name, []).append(value)
    return [
        (name, f"{statistics.median(values):.1f}", DRAWING[name]) for name, values in found.items()
    ]


def _drawn(browser: Browser, world: World) -> list[tuple[str, float]]:
    page = _pictured(browser, world, rows=18, width=3_900)
    address = page.locator("script[src*=heatmap]").get_attribute("src")
    whole = page.evaluate(FETCH_AND_DRAW, address)
    again = [page.evaluate(ZOOM, name) for name in ("Zoom in", "Zoom in", "Zoom in", "Zoom out")]
    page.context.close()
    return [("70,200 cells: fetch and draw, ms", float(whole)), ("zoom, ms", float(max(again)))]


def _panned(browser: Browser, world: World) -> list[tuple[str, float]]:
    """Return frames a second while 450 rows of 2,222 days are panned, at two sizes of cells."""
    page = _pictured(browser, world, rows=450, width=2_222)
    found = [("1 M cells: pan of months, frames a second", float(page.evaluate(PAN)))]
    for _ in range(4):
        page.get_by_role("button", name="Zoom in").click()
    found.append(("1 M cells: pan of days, frames a second", float(page.evaluate(PAN))))
    page.context.close()
    return found


def _pictured(browser: Browser, world: World, *, rows: int, width: int) -> Any:
    """Return a page whose heatmap has so many cells, answered in tiles as the server does."""
    chance = random.Random(1)
    states = [CODES[State.COMPLETE]] * 90 + [CODES[State.MISSING]] * 8 + [CODES[State.THIN]] * 2
    cells = bytes(chance.choices(states, k=rows * width))
    told: dict[str, Any] = {
        "axis": "day",
        "rows": rows,
        "of": rows,
        "width": width,
        "origin": "2016-01-01",
    }
    told["tile"] = [TILE_ROWS, TILE_COLUMNS]

    def answer(route: Route) -> None:
        asked = parse_qs(urlsplit(route.request.url).query)
        if "agg" in asked:
            route.fulfill(body=b"", headers={"x-tile": json.dumps({**told, "width": 0})})
            return
        row, column = (int(asked[name][0]) for name in ("row", "column"))
        lines = range(row, min(rows, row + TILE_ROWS))
        end = min(width, column + TILE_COLUMNS)
        body = b"".join(cells[line * width + column : line * width + end] for line in lines)
        route.fulfill(body=body, headers={"x-tile": json.dumps(told)})

    page = signed_in(browser, world)
    page.route("**/tile.bin*", answer)
    page.goto("/s/racing/d/ra_races")
    page.wait_for_selector("figure[data-ready=yes]")
    return page


if __name__ == "__main__":
    main()
