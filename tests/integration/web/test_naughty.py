"""Naughty strings in every field of every form and address of the pages come back as text."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from fastapi.routing import APIRoute

from stocktake.web.app import PAGES
from tests.integration.api.test_naughty import OURS, listed_strings
from tests.integration.web.conftest import TOKEN, paged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.testclient import TestClient

    from stocktake.store.cluster import LocalCluster
    from tests.integration.web.conftest import Pages

MARK = "zq"
"""A made-up element: no page has one of its own."""
NASTY = (
    f"<{MARK} src=x onerror=alert(1)>",
    f"'\"><{MARK}/onload=1>{{{{7*7}}}}",
    f"</script><{MARK}>",
    f"\u202e\u200b<{MARK}>",
    f"javascript:alert('<{MARK}>')",
    f"&lt;{MARK}&gt;<!--<{MARK}>-->",
)
PARTS = {"system": "racing", "dataset": "ra_races", "unit": "2024-03-05/gb", "day": "2024-03-05"}
LEFT_OUT = {"/logout", "/settings/password", "/settings/sessions/{session_id}/end"}
"""They end the session that the others need; their own tests try them."""
SLOW = {"/", "/s/{system}", "/s/{system}/months", "/s/{system}/tile.bin", "/events"}
"""What is typed changes nothing of these."""


@pytest.fixture(scope="module")
def shown(cluster: LocalCluster) -> Iterator[Pages]:
    """Pages that the tests of this module share."""
    with paged(cluster) as found:
        yield found


def routes() -> list[APIRoute]:
    """Return every route of the pages."""
    found = [one for module in PAGES for one in module.router.routes]
    return [one for one in found if isinstance(one, APIRoute)]


def places() -> list[tuple[str, str, str, str]]:
    """Return every text that a page takes: method, path, where it stands, its name."""
    found = []
    for route in routes():
        path = re.sub(r":path", "", route.path)
        if path in LEFT_OUT or path in SLOW:
            continue
        (method,) = route.methods or {"GET"}
        kinds = (("path", "path_params"), ("query", "query_params"), ("form", "body_params"))
        for where, name in kinds:
            found += [(method, path, where, one.alias) for one in getattr(route.dependant, name)]
    return found


def send(client: TestClient, place: tuple[str, str, str, str], text: str) -> tuple[int, str]:
    """Put a text where a page takes one; return the status and what came back."""
    method, path, where, name = place
    for part in re.findall(r"\{(\w+)\}", path):
        given = text if (where, name) == ("path", part) else PARTS.get(part, "1")
        path = path.replace("{" + part + "}", quote(given, safe="", errors="surrogatepass"))
    if where == "query":
        path += f"?{name}={quote(text, safe='', errors='surrogatepass')}"
    fields = {"csrf_token": client.headers["X-CSRF-Token"]}
    if where == "form":
        fields[name] = text.encode("utf-8", "replace").decode()
    data = fields if method == "POST" else None
    answer = client.request(method, path, data=data)
    return answer.status_code, answer.text


class Elements(HTMLParser):
    """The elements and attributes of a page, as a browser would find them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.wrong: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element that nobody made, an event handler, a link that runs something."""
        if tag == MARK:
            self.wrong.append(tag)
        for name, value in attrs:
            is_link = name in {"href", "src", "action", "formaction"}
            if name.startswith("on") or (
                is_link and (value or "").strip().lower().startswith("javascript:")
            ):
                self.wrong.append(f"{tag} {name}={value}")


def tried(client: TestClient, texts: list[str], *, share: int) -> list[tuple[object, ...]]:
    """Return what came back as an error of ours or as more than text."""
    wrong: list[tuple[object, ...]] = []
    for number, place in enumerate(places()):
        for text in texts[number % share :: share]:
            status, page = send(client, place, text)
            found = Elements(page).wrong
            if status >= 500 or found or ("49}" in page and "{{7*7" in text):
                wrong.append((*place, text, status, found))
    return wrong


def test_pages_take_texts_in_many_places() -> None:
    found = places()

    assert len(found) > 100
    assert {where for _, _, where, _ in found} == {"path", "query", "form"}


@pytest.mark.fault("S03")
@pytest.mark.fault("S13")
def test_whatever_is_typed_comes_back_as_text(shown: Pages) -> None:
    client = shown.client("ann")
    client.headers["X-CSRF-Token"] = token(client)

    assert tried(client, [*NASTY, *OURS], share=14) == []


@pytest.mark.soak
@pytest.mark.fault("S03")
def test_the_big_list_comes_back_as_text(shown: Pages) -> None:
    client = shown.client("ann")
    client.headers["X-CSRF-Token"] = token(client)

    assert tried(client, [*NASTY, *OURS, *listed_strings()], share=40) == []


@pytest.mark.fault("S03")
def test_what_was_stored_is_shown_as_text(shown: Pages) -> None:
    text = NASTY[0]
    key = shown.post("ann", "/settings/keys", name=text, role="viewer", days="1").text
    shown.post("ann", "/settings/tenants", slug="north", name=text)
    stranger = shown.caller()
    stranger.post("/api/v1/session", json={"name": text, "password": "x" * 12})
    told = [
        shown.get("ann", path).text
        for path in ("/settings/keys", "/settings/tenants", "/settings/audit")
    ]

    assert [Elements(one).wrong for one in (key, *told)] == [[], [], [], []]
    assert all(MARK in one for one in told)


@pytest.mark.fault("S16")
@pytest.mark.parametrize("path", ["/", "/s/racing", "/runs", "/settings/audit", "/help/components"])
def test_a_page_fetches_nothing_from_elsewhere(shown: Pages, path: str) -> None:
    text = shown.get("ann", path).text
    fetched = re.findall(r'(?:\ssrc|<link[^>]*\shref|\sposter|\sdata)="([^"]+)"', text)

    assert fetched
    assert [one for one in fetched if not one.startswith(("/static/", "data:image/"))] == []


@pytest.mark.fault("S16")
def test_a_report_fetches_nothing_and_runs_nothing(shown: Pages) -> None:
    answer = shown.client("ann").get("/api/v1/systems/racing/report?format=html")

    assert answer.status_code == 200, answer.text
    assert "sandbox" in answer.headers["content-security-policy"]
    assert not re.search(r"<(script|iframe|object|embed|link|base|img)\b", answer.text)
    assert not re.search(r"url\(|@import|file:", answer.text)


def token(client: TestClient) -> str:
    """Return what the session's forms send back."""
    found = TOKEN.search(client.get("/runs").text)
    assert found
    return found[1]
