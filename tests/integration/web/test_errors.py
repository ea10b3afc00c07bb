"""Errors as pages: what failed, what to do next; as documents for programs; as parts for htmx."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from stocktake.api.app import make_app
from stocktake.api.guard import Limits
from stocktake.web.app import TITLES, mount_pages
from tests.integration.api.conftest import AT_ONCE
from tests.integration.web.conftest import paged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stocktake.store.cluster import LocalCluster
    from tests.integration.web.conftest import Pages

HTML = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.fixture(scope="module")
def shown(cluster: LocalCluster) -> Iterator[Pages]:
    """Pages that the tests of this module share."""
    with paged(cluster) as found:
        yield found


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (HTML, "text/html"),
        ("text/html", "text/html"),
        ("application/problem+json", "application/problem+json"),
        ("application/json", "application/problem+json"),
        ("*/*", "application/problem+json"),
        ("", "application/problem+json"),
        ("application/json, text/html;q=0.5", "application/problem+json"),
        ("text/html;q=0", "application/problem+json"),
        ("text/html;q=x", "application/problem+json"),
        ("application/json;q=0.4, text/html;q=0.5", "text/html"),
    ],
)
@pytest.mark.parametrize("path", ["/nowhere", "/s/rowing", "/runs/999999"])
def test_an_error_comes_as_it_is_asked_for(shown: Pages, path: str, accept: str, kind: str) -> None:
    answer = shown.client("vera").get(path, headers={"accept": accept})

    assert answer.status_code == 404
    assert answer.headers["content-type"].partition(";")[0] == kind
    if kind.startswith("application"):
        assert answer.json()["code"] == "not_found"


def test_errors_of_the_api_are_documents_whatever_is_asked_for(shown: Pages) -> None:
    answer = shown.client("vera").get("/api/v1/systems/rowing/count", headers={"accept": HTML})

    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("path", "suggested"),
    [
        ("/s/racing/d/ra_race", "/s/racing/d/ra_races"),
        ("/s/racng", "/s/racing"),
        ("/s/racing/ra_runners", "/s/racing/d/ra_runners"),
        ("/run", "/runs"),
        ("/setings/profile", "/settings/profile"),
    ],
)
def test_an_address_with_nothing_at_it_suggests_what_was_meant(
    shown: Pages, path: str, suggested: str
) -> None:
    text = shown.get("vera", path).text

    assert "Did you mean" in text
    assert f'href="{suggested}"' in text
    assert 'action="/search"' in text


def test_an_address_like_nothing_suggests_nothing(shown: Pages) -> None:
    assert "Did you mean" not in shown.get("vera", "/qqqq/" + "z" * 400).text


def test_what_may_not_be_seen_names_the_role_that_may(shown: Pages) -> None:
    answer = shown.get("vera", "/settings/users")

    assert answer.status_code == 403
    assert "role admin" in answer.text
    assert "vera, viewer" in answer.text


def test_a_field_that_does_not_fit_is_named(shown: Pages) -> None:
    answer = shown.get("vera", "/runs/many")

    assert answer.status_code == 422
    assert "path.run_id" in answer.text


def test_an_error_in_a_part_of_a_page_is_a_part_too(shown: Pages) -> None:
    headers = {"hx-request": "true", "hx-request-type": "partial", "hx-target": "div#gap-list"}
    answer = shown.client("vera").get("/s/rowing/gaps", headers=headers)

    assert answer.status_code == 404
    assert "<html" not in answer.text
    assert "<h1" in answer.text


def test_a_session_that_is_over_leads_to_the_login_and_back(shown: Pages) -> None:
    stranger = shown.caller()
    stranger.follow_redirects = False
    answer = stranger.get("/s/racing/gaps?state=missing", headers={"accept": HTML})
    part = stranger.get("/runs", headers={"accept": HTML, "hx-request": "true"})

    assert answer.headers["location"] == "/login?next=%2Fs%2Fracing%2Fgaps%3Fstate%3Dmissing"
    assert part.headers["hx-redirect"] == "/login?next=%2Fruns"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example"}, 421),
        ({"content-length": "99999999"}, 413),
        ({"sec-fetch-site": "cross-site"}, 403),
    ],
)
def test_what_is_refused_at_the_door_is_a_page_for_browsers(
    shown: Pages, headers: dict[str, str], status: int
) -> None:
    answers = [
        shown.caller().post("/login", headers={**headers, "accept": accept})
        for accept in (HTML, "application/json")
    ]

    assert [one.status_code for one in answers] == [status, status]
    assert "<h1>" in answers[0].text
    assert answers[1].json()["status"] == status


def test_a_busy_server_tells_browsers_to_come_again_by_themselves(shown: Pages) -> None:
    serving = replace(AT_ONCE, limits=Limits(at_once=0))
    app = make_app(shown.workspace, serving=serving)
    mount_pages(app, shown.workspace)
    shown.app, former = app, shown.app
    try:
        answer = shown.caller().get("/login", headers={"accept": HTML})
    finally:
        shown.app = former

    assert answer.status_code == 503
    assert answer.headers["refresh"] == answer.headers["retry-after"] == "1"
    assert "This page comes by itself" in answer.text


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 422, 429, 500, 503])
def test_every_kind_of_error_has_a_title_of_its_own(status: int) -> None:
    assert TITLES[status] not in {"", "It did not work"}
