"""Pictures of every page, to be looked at: wide, narrow, light, dark, full, empty, refused."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.acceptance.web.world import Crawl, World

pytestmark = [pytest.mark.browser, pytest.mark.soak]
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


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where pictures are kept: ``STOCKTAKE_PICTURES``, else a folder of this test."""
    kept = Path(os.environ.get("STOCKTAKE_PICTURES") or tmp_path)
    kept.mkdir(parents=True, exist_ok=True)
    return kept


def pictured(page: Page, paths: tuple[str, ...] | list[str], folder: Path, *, kind: str) -> int:
    """Take the pictures of some pages in every size and theme; return how many pages."""
    for path in paths:
        page.goto(path)
        for name, size in SIZES.items():
            page.set_viewport_size(size)  # type: ignore[arg-type]
            for theme in ("light", "dark"):
                page.emulate_media(color_scheme=theme)
                page.wait_for_load_state("load")
                page.wait_for_timeout(150)
                words = re.sub(r"[^a-z0-9]+", "-", path.lower()).strip("-")[:80] or "overview"
                page.screenshot(path=folder / f"{kind}-{words}-{name}-{theme}.png", full_page=True)
    return len(paths)


def test_every_page_is_pictured(
    world: World, pages: Crawl, visit: Callable[..., Page], folder: Path
) -> None:
    shown = pictured(visit("ann"), pages.found, folder, kind="full")
    shown_refused = pictured(visit("ann"), REFUSED, folder, kind="refused")

    taken = len([*folder.glob("full-*.png"), *folder.glob("refused-*.png")])
    assert taken >= 2 * len(SIZES) * (shown + shown_refused) - 40  # long addresses share a name
    assert shown > len(REFUSED)


def test_every_page_is_pictured_while_nothing_is_held(
    empty: World, visit: Callable[..., Page], folder: Path
) -> None:
    pictured(visit("ann", at=empty.url), EMPTY, folder, kind="empty")

    assert len([*folder.glob("empty-*.png")]) == 2 * len(SIZES) * len(EMPTY)
