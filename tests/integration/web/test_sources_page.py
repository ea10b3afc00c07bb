"""Sources as they are asked now: rate used, quota left, what blocks them, what waits."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from stocktake.access.roles import Role
from stocktake.fetch.sources import pause_source, record_attempts
from stocktake.model import Attempt, PlanOptions
from stocktake.plan.cost import SPACING
from stocktake.run.planned import make_and_save
from stocktake.run.sourced import sources_now
from tests.acceptance.cli.command import stocktake
from tests.integration.web.conftest import RACING

if TYPE_CHECKING:
    from tests.integration.web.conftest import Pages

RATES = "/s/racing/rates"


def over_http(pages: Pages) -> dict[tuple[str, str], dict[str, Any]]:
    """What the API says of each endpoint."""
    told = pages.with_key(Role.VIEWER).get("/api/v1/systems/racing/sources").json()
    return {(one["source"], one["endpoint"]): one for one in told["endpoints"]}


def tried(pages: Pages, times: int, *, seconds_ago: float) -> None:
    """Let requests for results have failed."""
    at = pages.clock() - timedelta(seconds=seconds_ago)
    one = Attempt(at, "results", "server", "HTTP 502", None, 0.2, 502)
    with pages.workspace.database.connection() as conn:
        record_attempts(conn, "racing", [one] * times, units=[("2026-02-01", "gb")], run_id=None)


def test_units_waiting_are_those_a_plan_would_fetch(pages: Pages) -> None:
    made = make_and_save(pages.workspace, RACING, PlanOptions(), save=False)
    _, results = RACING.feed("results")
    planned = sum(
        part.units for part in made.parts if part.feed == "results" and part.kind == "fetch"
    )

    waiting = over_http(pages)["theracingapi", results.endpoint.name]["units_waiting"]

    assert waiting == planned > 0


def test_only_requests_of_the_last_minute_use_the_rate(pages: Pages) -> None:
    tried(pages, 3, seconds_ago=10)
    tried(pages, 5, seconds_ago=90)
    _, results = RACING.feed("results")

    one = over_http(pages)["theracingapi", results.endpoint.name]

    assert one["last_minute"] == 3
    assert one["per_minute"] == pytest.approx(60 * results.endpoint.per_second / SPACING)


def test_the_page_shows_what_the_api_tells(pages: Pages) -> None:
    tried(pages, 3, seconds_ago=10)
    page = pages.get("vera", RATES).text
    rows = re.findall(
        r'<tr><th scope="row"><a [^>]*>(\w+)</a></th><td>([^<]+)</td>(.*?)</tr>', page
    )

    found = over_http(pages)
    assert {(source, endpoint) for source, endpoint, _ in rows} == set(found)
    for source, endpoint, row in rows:
        one = found[source, endpoint]
        assert f"{one['last_minute']:,} of {round(one['per_minute']):,}" in row
        assert f"{one['units_waiting']:,}" in row


def test_the_command_line_tells_the_same(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    address = pages.workspace.settings.database_url
    assert address
    monkeypatch.setenv("STOCKTAKE_DATABASE_URL", address.reveal())
    monkeypatch.setenv("STOCKTAKE_HOME", str(pages.workspace.settings.home))

    printed = stocktake("sources", "racing", "--json").json["endpoints"]
    monkeypatch.setenv("COLUMNS", "80")
    table = stocktake("sources", "racing").out

    assert [one["per_minute"] for one in printed] == [
        one["per_minute"] for one in over_http(pages).values()
    ]
    assert "waiting" in table
    assert "…" not in table, "nothing is cut off in a terminal of the usual width"


def test_a_paused_source_says_what_must_happen(pages: Pages) -> None:
    pages.post("olaf", "/s/racing/sources/theracingapi/pause", reason="new contract")

    assert "resumed by hand: new contract (olaf)" in pages.get("vera", RATES).text


def test_a_lower_rate_learned_is_what_is_allowed(pages: Pages) -> None:
    _, results = RACING.feed("results")
    with pages.workspace.database.connection() as conn:
        conn.execute(
            "insert into gate (source, endpoint, spacing_us, learned_per_second)"
            " values ('theracingapi', %s, 1, 0.5)",
            (results.endpoint.name,),
        )

    (one,) = [
        one
        for one in sources_now(pages.workspace, RACING)
        if (one.source, one.endpoint) == ("theracingapi", results.endpoint.name)
    ]

    assert one.per_minute == pytest.approx(60 * 0.5 / SPACING)


def test_the_list_of_sources_asks_for_the_rates_later(pages: Pages) -> None:
    page = pages.get("vera", "/s/racing/sources").text

    assert f'hx-get="{RATES}"' in page
    assert f'<a href="{RATES}">' in page


def test_a_refused_login_says_what_to_renew_and_what_waits(pages: Pages) -> None:
    source = "/s/racing/sources/theracingapi"
    reason = "HTTP 401, the login was refused"
    with pages.workspace.database.connection() as conn:
        pause_source(conn, "theracingapi", reason=reason, by="a run", now=pages.clock())

    states = {one["state"] for one in over_http(pages).values() if one["source"] == "theracingapi"}
    page = pages.get("vera", source).text

    assert states == {"unauthorised"}
    assert "unauthorised" in pages.get("vera", "/s/racing/sources").text
    assert "STOCKTAKE_SOURCE_THERACINGAPI_USER STOCKTAKE_SOURCE_THERACINGAPI_PASSWORD" in page


def test_an_endpoint_with_a_lower_limit_is_slow(pages: Pages) -> None:
    with pages.workspace.database.connection() as conn:
        conn.execute(
            "insert into gate (source, endpoint, spacing_us, learned_per_second, requests)"
            " values ('theracingapi', '/v1/results', 1, 0.5, 3)"
        )

    assert over_http(pages)["theracingapi", "/v1/results"]["state"] == "slow"
