"""From the one command of the README to an answer, by clicking only."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from stocktake.store.cluster import LocalCluster
from stocktake.testing.database import temporary_home
from tests.acceptance.installation import PROGRAM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.soak]
LINK = re.compile(r"See it:\S* *(http://127\.0\.0\.1:\d+/enter/[\w-]+)")
COLOURS = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
DEMO_SECONDS = 180


DATASETS = {"racing": "ra_races", "nba": "raw_box_score"}


@pytest.fixture(params=DATASETS)
def system(request: pytest.FixtureRequest) -> str:
    """Whose demo it is."""
    return str(request.param)


@pytest.fixture
def link(system: str) -> Iterator[str]:
    """The link that a demo on a terminal prints."""
    folder = temporary_home()
    kept = {name: text for name, text in os.environ.items() if "STOCKTAKE" not in name}
    mine, its = pty.openpty()
    demo = subprocess.Popen(
        [*PROGRAM, "--home", str(folder / "home"), "demo", system],
        env={**kept, "COLUMNS": "200", "TERM": "xterm"},
        stdin=its,
        stdout=its,
        stderr=its,
        close_fds=True,
    )
    os.close(its)
    try:
        yield said_link(mine, time.monotonic() + DEMO_SECONDS)
    finally:
        demo.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            demo.wait(30)
        demo.kill()
        os.close(mine)
        LocalCluster(folder / "home-demo", application="tests").stop()
        shutil.rmtree(folder, ignore_errors=True)


def said_link(terminal: int, until: float) -> str:
    """Read a terminal until the demo has told its link."""
    said = ""
    while time.monotonic() < until:
        if select.select([terminal], [], [], 1.0)[0]:
            said += os.read(terminal, 65_536).decode(errors="replace")
            found = LINK.search(COLOURS.sub("", said))
            if found:
                return found[1]
    pytest.fail(f"the demo told no link: {said[-2000:]}")


def test_a_newcomer_learns_what_is_missing_why_and_what_filling_costs(
    system: str, link: str, visit: Callable[..., Page]
) -> None:
    page = visit(at=link.rpartition("/enter")[0])
    page.goto(link)

    page.get_by_role("main").get_by_role("link", name=system, exact=True).click()
    page.get_by_role("link", name=DATASETS[system], exact=True).first.click()
    page.wait_for_selector("figure[data-ready=yes]")
    expect(page.locator(".legend [data-state=missing]")).to_contain_text(re.compile("[1-9]"))
    page.get_by_role("link", name="List gaps").click()
    first = page.locator("#gap-list tbody tr").first
    expect(first).to_contain_text("not asked for yet")
    first.get_by_role("link").nth(1).click()
    expect(page.get_by_text("Promised by")).to_be_visible()
    page.get_by_role("link", name="Plan to fill it").click()

    cost = page.locator("#estimate")
    expect(cost).to_contain_text(re.compile("Time at the (allowed|assumed) rate"))
    expect(cost).to_contain_text("Requests")
    expect(page.get_by_text("Nothing is fetched by planning")).to_be_visible()
