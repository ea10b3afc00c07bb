"""Every form of the pages: sent by its own session, from its own site, or not at all."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from stocktake.web.words import own_path, preferences_of
from tests.integration.web.conftest import TOKEN, paged
from tests.integration.web.test_naughty import PARTS, routes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stocktake.store.cluster import LocalCluster
    from tests.integration.web.conftest import Pages

OPEN = {"/login", "/login/code", "/setup", "/invitation/{token}", "/settings/theme"}
"""Sent by people nobody knows yet, and a preference; foreign sites are refused all the same."""


@pytest.fixture(scope="module")
def shown(cluster: LocalCluster) -> Iterator[Pages]:
    """Pages that the tests of this module share."""
    with paged(cluster) as found:
        yield found


def forms() -> list[str]:
    """Return the address of every form."""
    found = [one.path.replace(":path", "") for one in routes() if "POST" in (one.methods or ())]
    return [re.sub(r"\{(\w+)\}", lambda part: PARTS.get(part[1], "1"), one) for one in found]


@pytest.mark.fault("S08")
def test_no_form_is_taken_without_the_token_of_its_session(shown: Pages) -> None:
    client, other = shown.log_in("ann"), shown.log_in("ann")
    foreign = TOKEN.search(other.get("/runs", headers={"accept": "text/html"}).text)
    assert foreign
    del client.headers["X-CSRF-Token"]
    client.follow_redirects = False
    tokens: tuple[dict[str, str], ...] = (
        {},
        {"csrf_token": ""},
        {"csrf_token": foreign[1]},
        {"csrf_token": "é" * 64},
    )
    taken = [
        (path, fields, answer.status_code)
        for path in forms()
        if path not in OPEN and not path.startswith("/invitation/")
        for fields in tokens
        if (answer := client.post(path, data=fields)).status_code != 403
    ]

    assert len(forms()) > 30
    assert taken == []


@pytest.mark.fault("S08")
def test_no_form_is_taken_from_another_site(shown: Pages) -> None:
    client = shown.log_in("ann")
    for header in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
        answers = {path: client.post(path, headers=header).status_code for path in forms()}

        assert set(answers.values()) == {403}


@pytest.mark.fault("S08")
def test_a_session_ended_by_logging_out_lets_nobody_in_again(shown: Pages) -> None:
    client = shown.log_in("vera")
    cookies = dict(client.cookies)
    client.follow_redirects = False
    client.post("/logout")
    again = shown.caller()
    again.cookies.update(cookies)

    assert again.get("/api/v1/session").status_code == 401


@pytest.mark.fault("S08")
@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "///evil.example/",
        "/\\evil.example/",
        "\\\\evil.example",
        "/\tevil",
        "javascript:alert(1)",
        "evil.example",
        " //evil.example",
        "/\n/evil.example",
        "http:evil.example",
    ],
)
def test_a_login_leads_to_own_paths_alone(shown: Pages, target: str) -> None:
    client = shown.client("vera")

    answer = client.get(f"/login?next={quote(target, safe='')}")

    assert own_path(target) == "/"
    assert answer.headers["location"] == "/"


@pytest.mark.fault("S13")
@pytest.mark.parametrize(
    "path",
    [
        "/static/../site.py",
        "/static/..%2f..%2fweb%2fsite.py",
        "/static/%2e%2e/%2e%2e/settings.py",
        "/static//etc/passwd",
        "/static/vendor/../../app.py",
        "/static/app.css%00.js",
    ],
)
def test_no_file_but_the_pages_own_is_served(shown: Pages, path: str) -> None:
    answer = shown.caller().get(path)

    assert answer.status_code == 404
    assert "import" not in answer.text
    assert "root:" not in answer.text


def test_a_half_session_opens_nothing(shown: Pages) -> None:
    with shown.workspace.database.connection() as conn:
        conn.execute(
            "insert into second_factor (user_id, secret, confirmed_at, created_at)"
            " select user_id, 'x', now(), now() from user_account where name = 'olaf'"
        )
    browser = shown.caller()
    browser.follow_redirects = False
    answer = browser.post(
        "/login", data={"name": "olaf", "password": "four words in a row", "back": "/runs"}
    )

    assert answer.headers["location"] == "/login/code?next=%2Fruns"
    assert browser.get("/api/v1/session").status_code == 401
    assert browser.get("/runs", headers={"accept": "text/html"}).status_code == 303
    wrong = browser.post("/login/code", data={"code": "000000", "back": "/runs"})
    assert wrong.status_code == 401
    assert "code is wrong" in wrong.text


@pytest.mark.fault("S08")
def test_every_answer_carries_the_safe_headers(shown: Pages) -> None:
    client = shown.client("ann")
    wanted = {
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
    }
    for path in ("/", "/nowhere", "/login", "/api/v1/systems", "/settings/audit.csv", "/livez"):
        found = client.get(path).headers

        assert {name: found.get(name) for name in wanted} == wanted, path
        assert "camera=()" in found["permissions-policy"]
        assert "default-src 'none'" in found["content-security-policy"]
        assert "unsafe" not in found["content-security-policy"]


@pytest.mark.fault("S08")
def test_browsers_are_told_to_keep_to_https_where_it_is(shown: Pages) -> None:
    plain = shown.caller().get("/login").headers
    safe = shown.caller(base_url="https://localhost").get("/login").headers

    assert "strict-transport-security" not in plain
    assert safe["strict-transport-security"].startswith("max-age=31536000")


@pytest.mark.parametrize(
    ("numbers", "shown_as"),
    [("en", "1,200 units"), ("de", "1.200 units"), ("fr", "1\u202f200 units")],
)
def test_counts_are_written_as_the_visitor_chose(shown: Pages, numbers: str, shown_as: str) -> None:
    site = shown.app.router.default.state.site
    template = site.templates.from_string("{{ 1200 | plural('unit') }}, {{ 0.5 | duration }}")
    prefs = preferences_of({"stocktake-numbers": numbers})

    text = template.render(prefs=prefs)

    assert text == f"{shown_as}, {'0.5 s' if numbers == 'en' else '0,5 s'}"
