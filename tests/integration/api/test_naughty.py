"""Naughty strings in every text a request may carry: refused or stored, never an error of ours."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from stocktake.access.roles import Role
from tests.integration.api.test_roles import PARTS

if TYPE_CHECKING:
    from starlette.testclient import TestClient

    from tests.integration.api.conftest import Served

BESIDE = [parent / "shared" for parent in Path(__file__).parents]
SHARED = Path(
    os.environ.get("STOCKTAKE_SHARED") or next((one for one in BESIDE if one.is_dir()), "none")
)
OURS = (
    "\0",
    "a\0b",
    "../../../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "%2e%2e/",
    "C:\\windows\\win.ini",
    "'; drop table run; --",
    "{0.__class__}",
    "%(name)s %s",
    "<img src=x onerror=alert(1)>",
    "\u202e right to left",
    "x" * 900,
    "\ud800",
    "2024-03-05/../../x",
    "=cmd|'/c calc'!A1",
    "\r\nSet-Cookie: a=b",
    "١٢٣",
    "9" * 400,
    "-1",
    "NaN",
    "true",
)
# What starts real work that asks the network, or measures everything: tried elsewhere.
LEFT_OUT = {"/sources/{name}/verify", "/systems/{system}/report", "/systems/{system}/status"}


def listed_strings() -> list[str]:
    """The big list, where it lies beside the repository."""
    path = SHARED / "data" / "corpora" / "blns" / "blns.json"
    found: list[str] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
    return found


def texts(schema: dict[str, Any]) -> bool:
    """Whether a parameter or member takes text."""
    kinds = [schema, *schema.get("anyOf", ()), schema.get("items", {})]
    return any(one.get("type") == "string" for one in kinds)


def resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    reference = schema.get("$ref")
    if reference is None:
        return schema
    found: dict[str, Any] = document["components"]["schemas"][reference.rpartition("/")[2]]
    return found


def places(document: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    """Every text a request may carry: method, path, where it stands, its name."""
    found = []
    for path, methods in document["paths"].items():
        for method, route in methods.items():
            found += [
                (method, path, one["in"], one["name"])
                for one in route.get("parameters", ())
                if texts(resolved(document, one["schema"]))
            ]
            body = route.get("requestBody", {}).get("content", {}).get("application/json")
            if body:
                members = resolved(document, body["schema"]).get("properties", {})
                found += [
                    (method, path, "body", name)
                    for name, one in members.items()
                    if texts(resolved(document, one))
                ]
    return [one for one in found if one[1].removeprefix("/api/v1") not in LEFT_OUT]


def sent(client: TestClient, place: tuple[str, str, str, str], text: str) -> Any:
    method, path, where, name = place
    for part in [one.partition("}")[0] for one in path.split("{")[1:]]:
        given = text if (where, name) == ("path", part) else PARTS.get(part, "1")
        path = path.replace("{" + part + "}", quote(given, safe="", errors="surrogatepass"))
    asked: dict[str, Any] = {}
    if where == "query":
        path += f"?{name}={quote(text, safe='', errors='surrogatepass')}"
    if where == "header":
        asked["headers"] = {name: text.encode("utf-8", "surrogatepass").replace(b"\0", b" ")}
    if method == "post" and where == "body":
        asked["content"] = json.dumps({"dataset": "ra_races", "unit": "2024-03-05/ire", name: text})
        asked["headers"] = {"Content-Type": "application/json"}
    return client.request(method, path, **asked)


def failures(client: TestClient, found: list[str], *, share: int) -> list[tuple[object, ...]]:
    """What answers to strings in every place were errors of ours; each place tries a share."""
    wrong: list[tuple[object, ...]] = []
    listed = places(client.get("/api/v1/openapi.json").json())
    assert len(listed) > 60
    for number, place in enumerate(listed):
        for text in found[number % share :: share]:
            if place[2] == "header" and any(letter in text for letter in "\r\n"):
                continue  # no client can send it
            answer = sent(client, place, text)
            if answer.status_code >= 500 or "set-cookie" in answer.headers:
                wrong.append((*place, text, answer.status_code, answer.text[:200]))
    return wrong


@pytest.mark.fault("S10")
@pytest.mark.fault("S13")
def test_no_string_in_any_place_is_an_error_of_ours(shared_served: Served) -> None:
    assert failures(shared_served.with_key(Role.ADMIN), list(OURS), share=5) == []


@pytest.mark.soak
@pytest.mark.fault("S10")
def test_no_string_of_the_big_list_in_any_place_is_an_error_of_ours(
    shared_served: Served,
) -> None:
    found = [*OURS, *listed_strings()]

    assert failures(shared_served.with_key(Role.ADMIN), found, share=2) == []


@pytest.mark.fault("S03")
def test_what_an_answer_repeats_is_never_html(shared_served: Served) -> None:
    client = shared_served.with_key(Role.ADMIN)
    text = "<script>alert(1)</script>"

    answer = client.get(f"/api/v1/systems/{quote(text, safe='')}/count")

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-content-type-options"] == "nosniff"
