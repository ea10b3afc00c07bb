"""The OpenAPI document is complete, and what it promises holds for made-up requests."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_schema_conformance,
    status_code_conformance,
)

from stocktake.access.roles import Role
from tests.integration.api.conftest import AT_ONCE, serving
from tests.integration.api.test_roles import ANYBODY, ROLES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stocktake.store.cluster import LocalCluster
    from tests.integration.api.conftest import Served

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
# They ask a network, or measure everything: their own tests do.
SLOW = ("/sources/{name}/verify", "/report", "/status", "/events", "/recount", "/signoffs", "/gate")


@pytest.fixture(scope="module")
def document(shared_served: Served) -> dict[str, Any]:
    found: dict[str, Any] = shared_served.caller().get("/api/v1/openapi.json").json()
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, route in methods.items():
            yield method, path, route


def test_every_route_says_what_it_does(document: dict[str, Any]) -> None:
    silent = [
        (method, path)
        for method, path, route in operations(document)
        if not (route.get("summary") and route.get("description") and route.get("tags"))
    ]

    assert silent == []


def test_every_route_tells_how_it_fails(document: dict[str, Any]) -> None:
    wrong: list[tuple[str, ...]] = []
    for method, path, route in operations(document):
        failures = {
            status: told for status, told in route["responses"].items() if int(status) >= 400
        }
        if not {"401", "403", "422", "503"} <= set(failures):
            wrong.append((method, path))
        wrong += [
            (method, path, status)
            for status, told in failures.items()
            if list(told["content"]) != ["application/problem+json"]
        ]

    assert wrong == []


def test_every_route_but_the_doors_asks_for_a_credential(document: dict[str, Any]) -> None:
    asked = {
        f"{method.upper()} {path.removeprefix('/api/v1')}"
        for method, path, route in operations(document)
        if not route["security"]
    }

    assert asked == {route for route, role in ROLES.items() if role == ANYBODY}


def test_the_answers_have_examples(document: dict[str, Any]) -> None:
    shapes = document["components"]["schemas"]
    for name in ("SystemLine", "CoverageLine", "GapLine", "Operation", "ProblemDocument"):
        assert shapes[name]["example"]


def test_every_body_and_every_answer_has_an_example_that_fits(document: dict[str, Any]) -> None:
    wrong = []
    for method, path, route in operations(document):
        for one in [route.get("requestBody", {}), *route["responses"].values()]:
            for kind, content in one.get("content", {}).items():
                if not kind.endswith("json") or kind == "application/jsonl":
                    continue
                schema = {**content.get("schema", {}), "components": document["components"]}
                try:
                    jsonschema_rs.validate(schema, content["example"])
                except (KeyError, ValueError) as error:
                    wrong.append((method, path, str(error)[:200]))

    assert wrong == []


def tried(served: Served, *, examples: int) -> list[str]:
    """Send made-up requests to every route; return what was answered otherwise than promised."""
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", served.app)
    key = served.with_key(Role.ADMIN).headers["Authorization"]
    wrong: list[str] = []
    for found in schema.get_all_operations():
        operation: Any = found.ok()  # type: ignore[union-attr]
        if operation.path.endswith(SLOW) or "session" in operation.path:
            continue

        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def attempt(case: Any) -> None:
            answer = case.call(headers={"Authorization": key})
            case.validate_response(answer, checks=CHECKS)

        try:
            attempt()
        except Exception as error:  # noqa: BLE001 -- every kind of failure is listed
            wrong.append(f"{operation.method} {operation.path}: {error}"[:1_500])
    return wrong


@pytest.fixture
def any_host(cluster: LocalCluster) -> Iterator[Served]:
    """An application that lets itself be asked by any name, as made-up requests do."""
    with serving(cluster, replace(AT_ONCE, hosts=None)) as found:
        yield found


@pytest.mark.fault("S10")
def test_made_up_requests_are_answered_as_promised(any_host: Served) -> None:
    assert tried(any_host, examples=3) == []


@pytest.mark.soak
@pytest.mark.fault("S10")
def test_many_made_up_requests_are_answered_as_promised(any_host: Served) -> None:
    assert tried(any_host, examples=30) == []
