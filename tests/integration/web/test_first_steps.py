"""Where nothing is held yet: the demo by a button, what is not set, counting anew."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from stocktake.run.operations import find_operation
from stocktake.run.workspace import load_place
from tests.integration.web.conftest import RACING

if TYPE_CHECKING:
    from stocktake.testing import Story
    from tests.integration.web.conftest import Pages


@pytest.fixture
def real(pages: Pages) -> Pages:
    """The same pages, of an installation for real rows."""
    pages.workspace = replace(pages.workspace, kind="real")
    pages.change()
    return pages


def test_a_sandbox_without_data_offers_its_demos(pages: Pages) -> None:
    page = pages.get("olaf", "/?wait=1").text

    assert "No system has data yet" in page
    assert "stocktake demo racing" in page
    assert 'action="/s/racing/demo"' in page
    assert 'action="/s/nba/demo"' in page


def test_the_button_queues_what_the_demo_fills(pages: Pages) -> None:
    story: Story = load_place(RACING.story)(pages.clock().date())

    answer = pages.post("olaf", "/s/racing/demo")

    run = find_operation(pages.workspace, int(answer.headers["location"].rpartition("/")[2])).line
    assert (run.kind, run.state) == ("backfill", "queued")
    assert tuple(run.options["datasets"]) == tuple(sorted(story.datasets))
    assert run.options["since"] == story.since.isoformat()


def test_a_viewer_sees_why_the_demo_does_not_start(pages: Pages) -> None:
    page = pages.get("vera", "/?wait=1").text

    assert "Starting a demo needs the role operator" in page
    assert 'action="/s/racing/demo"' not in page
    assert pages.post("vera", "/s/racing/demo").status_code == 403


def test_an_installation_for_real_rows_says_why_it_starts_no_demo(real: Pages) -> None:
    page = real.get("olaf", "/?wait=1").text
    refused = real.post("olaf", "/s/racing/demo")

    assert '<button disabled aria-describedby="why-no-demo">Start demo: racing' in page
    assert "a demo would put made-up ones among them" in page
    assert refused.status_code == 409
    assert "stocktake demo racing" in refused.text


def test_a_system_names_the_settings_its_sources_lack(real: Pages) -> None:
    page = real.get("vera", "/s/racing").text

    assert "STOCKTAKE_SOURCE_THERACINGAPI_USER and STOCKTAKE_SOURCE_THERACINGAPI_PASSWORD" in page
    assert "use the sandbox" in page


def test_count_now_counts_anew(pages: Pages) -> None:
    site = pages.app.router.default.state.site
    pages.get("vera", "/s/racing")
    before = site.standings.of(RACING)

    pages.get("vera", "/s/racing?count=now")

    assert site.standings.of(RACING) is not before


def test_an_expectation_nobody_knows_is_called_unknown_and_never_whole(pages: Pages) -> None:
    page = pages.get("vera", "/s/racing").text

    row = page[page.index("hk_race_days</a>") :].partition("</tr>")[0]
    assert "expectation unknown" in row
    assert "n/a" in row
    assert "100" not in row.partition("expectation unknown")[0]
