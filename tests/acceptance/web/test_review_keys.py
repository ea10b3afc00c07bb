"""Pairs of rows decided by keyboard, in the machine's own Chromium."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from stocktake.run.decided import list_duplicates
from tests.acceptance.web.world import served
from tests.integration.run.test_reviewed import PAIRS, card, load, twins
from tests.integration.web.conftest import RACING, Pages, paged
from tests.systems.racing.test_hkjc import line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Page

    from stocktake.store.cluster import LocalCluster

pytestmark = pytest.mark.browser


@pytest.fixture
def desk(cluster: LocalCluster, tmp_path: Path) -> Iterator[Pages]:
    """Pages with two pairs of runners to decide."""
    with paged(cluster) as found:
        second = [line(2, "1"), line(2, "1", draw="9"), line(2, "2")]
        load(found.workspace, tmp_path, [*twins()[:2], *card()[1:2], *second])
        yield found


def states(desk: Pages) -> list[str]:
    listed = list_duplicates(desk.workspace, RACING, PAIRS, limit=9, state=None)
    return sorted(pair.state for pair in listed)


def test_m_k_and_n_decide_the_pair_that_has_the_focus(
    desk: Pages, visit: Callable[..., Page]
) -> None:
    with served(desk.workspace) as url:
        page = visit("olaf", at=url)
        page.goto("/s/racing/duplicates?dataset=ra_runners")
        pairs = page.locator("[data-pair]")
        expect(pairs).to_have_count(2)

        pairs.nth(1).get_by_role("radio").nth(1).check()
        pairs.nth(1).get_by_role("radio").nth(1).press("m")
        expect(pairs).to_have_count(1)
        page.keyboard.press("n")
        expect(page.get_by_text("Nothing to review")).to_be_visible()

    assert states(desk) == ["distinct", "merged"]


def test_keys_do_nothing_where_somebody_types(desk: Pages, visit: Callable[..., Page]) -> None:
    with served(desk.workspace) as url:
        page = visit("olaf", at=url)
        page.goto("/s/racing/duplicates?dataset=ra_runners")

        page.get_by_role("searchbox").press_sequentially("kn")

        expect(page.locator("[data-pair]")).to_have_count(2)
    assert states(desk) == []
