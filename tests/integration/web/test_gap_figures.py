"""One list of gaps for page, command line and API: figures, orders, filters, several picked."""

from __future__ import annotations

import csv
import html
import re
from datetime import date
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from stocktake.access.roles import Role
from stocktake.model import PlanOptions, Range
from stocktake.run.chosen import chosen_text
from stocktake.run.counted import list_gaps
from stocktake.run.planned import make_and_save
from tests.acceptance.cli.command import stocktake
from tests.integration.web.conftest import RACING, paged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stocktake.model import Gap
    from stocktake.store.cluster import LocalCluster
    from tests.integration.web.conftest import Pages

DAYS = {"dataset": "ra_races", "since": "2026-02-01", "until": "2026-02-05"}
RANGE = urlencode(DAYS)
WINDOW = Range(date(2026, 2, 1), date(2026, 2, 5))
LOST = "/s/racing/d/ra_races/u/2026-02-03/gb"


@pytest.fixture(scope="module")
def seen(cluster: LocalCluster) -> Iterator[Pages]:
    """Pages over a system of which nothing is held, and one unit was given up."""
    with paged(cluster) as found:
        found.post("olaf", f"{LOST}/give-up", reason="the archive burned")
        yield found


@pytest.fixture
def typed(seen: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line looks at the same database, at the same instant."""
    address = seen.workspace.settings.database_url
    assert address
    monkeypatch.setenv("STOCKTAKE_DATABASE_URL", address.reveal())
    monkeypatch.setenv("STOCKTAKE_HOME", str(seen.workspace.settings.home))


def told(seen: Pages, **asked: Any) -> dict[str, Any]:
    """What the API says of gaps."""
    answer = seen.with_key(Role.VIEWER).get(
        "/api/v1/systems/racing/gaps", params={**DAYS, "limit": 200, **asked}
    )
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.usefixtures("typed")
@pytest.mark.parametrize("asked", [{}, {"sort": "size"}, {"reason": "burned"}, {"sort": "age"}])
def test_command_line_and_api_tell_the_same_list_and_figures(
    seen: Pages, asked: dict[str, str]
) -> None:
    over_http = told(seen, **asked)
    options = [part for name, value in asked.items() for part in (f"--{name}", value)]
    window = ("--since", DAYS["since"], "--until", DAYS["until"])
    printed = stocktake("gaps", "racing", "ra_races", *window, *options, "--json").json

    assert printed.pop("gaps") == over_http.pop("items")
    printed.pop("is_truncated")
    over_http.pop("next_cursor")
    assert printed == over_http


def test_the_page_shows_the_figures_of_the_api(seen: Pages) -> None:
    figures = told(seen)
    page = seen.get("vera", f"/s/racing/gaps?{RANGE}").text

    shown = re.findall(r"<dt>([^<]+)</dt><dd[^>]*>(?:<a [^>]*>)?([\d,]+)", page)
    assert dict(shown) == {
        "Missing": f"{figures['missing']:,}",
        "Needed for target": f"{figures['needed_for_target']:,}",
        "Reachable now": f"{figures['reachable']:,}",
        "unrecoverable": "1",
    }
    assert figures["reachable"] == figures["missing"] - 1
    assert figures["unreachable"][0]["reason"] == "the archive burned (olaf)"


def test_every_range_says_since_when_it_is_a_gap(seen: Pages) -> None:
    first = min(gap["noticed_at"] for gap in told(seen)["items"])
    page = seen.get("vera", f"/s/racing/gaps?{RANGE}").text

    assert first == "2026-02-01T00:00:00Z"
    assert "First noticed" in page
    assert '<time datetime="2026-02-01T00:00:00Z"' in page


def test_what_is_blocked_leads_to_the_gaps_in_its_way(seen: Pages) -> None:
    asked = "dataset=ra_runner_statistics&state=blocked"
    page = html.unescape(seen.get("vera", f"/s/racing/gaps?{asked}").text)
    found = told(seen, dataset="ra_runner_statistics", state="blocked")["items"]

    assert found
    above = found[0]["blocked_by"]
    assert above in {dataset.name for dataset in RACING.datasets}
    assert f"/s/racing/gaps?dataset={above}&since=2026-02-01&until" in html.unescape(
        seen.get("vera", f"/s/racing/gaps?{asked}&since=2026-02-01&until=2026-02-05").text
    )
    assert "Blocked by" in page


def test_the_first_noticed_come_first_when_asked_for(seen: Pages) -> None:
    found = [gap["noticed_at"] for gap in told(seen, sort="age")["items"]]

    assert found == sorted(found)


def test_an_order_that_does_not_exist_is_refused(seen: Pages) -> None:
    client = seen.with_key(Role.VIEWER)

    assert client.get("/api/v1/systems/racing/gaps?sort=colour").status_code == 422


def some_gaps(seen: Pages) -> list[Gap]:
    dataset = RACING.dataset("ra_races")
    found = list_gaps(seen.workspace, RACING, [dataset], WINDOW, states=(), limit=None)
    return [gap for gap in found if gap.state == "missing"]


def test_several_ranges_of_the_list_make_one_plan_of_exactly_them(seen: Pages) -> None:
    page = seen.get("vera", f"/s/racing/gaps?{RANGE}").text
    boxes = [html.unescape(one) for one in re.findall(r'name="only" value="([^"]+)"', page)]
    chosen = [one for one in boxes if one.endswith("/gb")]

    kept = seen.client("olaf").get("/s/racing/plans/new", params={"only": chosen}).text
    made = make_and_save(seen.workspace, RACING, PlanOptions(only=tuple(chosen)), save=False)

    assert chosen == [
        "ra_races:2026-02-01..2026-02-02/gb",
        "ra_races:2026-02-04..2026-02-05/gb",
    ]
    assert "ra_races 2026-02-01 to 2026-02-02, gb" in kept
    fetched = [part for part in made.parts if part.kind == "fetch"]
    assert {tuple(part.ordinals) for part in fetched} == {(("gb",),)}
    assert max(part.units for part in fetched) == 4
    assert not any(part.dynamic for part in fetched)


def test_the_text_of_a_gap_picks_it_and_nothing_else(seen: Pages) -> None:
    for gap in some_gaps(seen):
        made = make_and_save(
            seen.workspace, RACING, PlanOptions(only=(chosen_text(gap),)), save=False
        )
        units = {part.units for part in made.parts if part.kind == "fetch"}

        assert units == {gap.units}


def test_nothing_of_a_paused_source_is_reachable_and_the_pause_is_why(seen: Pages) -> None:
    seen.post("olaf", "/s/racing/sources/theracingapi/pause", reason="new contract")
    try:
        figures = told(seen)
        page = seen.get("vera", f"/s/racing/gaps?{RANGE}").text
    finally:
        seen.post("olaf", "/s/racing/sources/theracingapi/resume")

    assert figures["reachable"] == 0
    assert figures["unreachable"][0]["reason"] == "theracingapi is paused: new contract (olaf)"
    assert "theracingapi is paused: new contract (olaf)" in page
    assert told(seen)["reachable"] > 0


def test_the_file_of_the_list_has_its_filter_and_order(seen: Pages) -> None:
    asked = f"{RANGE}&state=missing&sort=size"
    page = html.unescape(seen.get("vera", f"/s/racing/gaps?{asked}").text)
    link = re.search(r'href="(/s/racing/gaps\.csv[^"]*)"', page)
    assert link

    lines = list(csv.DictReader(seen.get("vera", link[1]).text.splitlines()))
    burned = seen.get("vera", f"{link[1]}&reason=burned").text.splitlines()

    items = told(seen, state="missing", sort="size")["items"]
    assert [(line["first"], int(line["units"])) for line in lines] == [
        (gap["first"], gap["units"]) for gap in items
    ]
    assert len(burned) == 1
