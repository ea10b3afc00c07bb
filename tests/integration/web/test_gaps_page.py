"""The list of gaps: what can be had, what cannot and why, filters that stay in the address."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.web.conftest import paged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stocktake.store.cluster import LocalCluster
    from tests.integration.web.conftest import Pages

RANGE = "dataset=ra_races&since=2026-02-01&until=2026-02-05"
LOST = "/s/racing/d/ra_races/u/2026-02-03/gb"


@pytest.fixture(scope="module")
def seen(cluster: LocalCluster) -> Iterator[Pages]:
    """Pages over a system of which nothing is held, and one unit was given up."""
    with paged(cluster) as found:
        found.post("olaf", f"{LOST}/give-up", reason="the archive burned")
        yield found


def test_what_is_out_of_reach_stands_beside_what_can_be_had(seen: Pages) -> None:
    shown = seen.get("vera", f"/s/racing/gaps?{RANGE}").text

    assert "Out of reach" in shown
    assert "1 unit" in shown
    assert "the archive burned (olaf)" in shown
    assert f"/s/racing/plans/new?{RANGE}".replace("&", "&amp;") in shown


def test_gaps_are_found_by_a_part_of_their_reason(seen: Pages) -> None:
    shown = seen.get("vera", f"/s/racing/gaps?{RANGE}&reason=BURNED").text

    assert "2026-02-03" in shown
    assert "1 range, 1 unit" in shown
    assert 'value="BURNED"' in shown


def test_a_filter_that_finds_nothing_says_until_when_that_is_proven(seen: Pages) -> None:
    shown = seen.get("vera", f"/s/racing/gaps?{RANGE}&reason=flood").text

    assert "No gap in this selection" in shown
    assert "rows up to 2026-02-05" in shown
