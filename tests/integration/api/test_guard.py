"""What stands before every route: sizes, times, load, names, headers; and how errors look."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from stocktake.access.roles import Role
from stocktake.api.app import Serving
from stocktake.api.guard import Limits
from stocktake.store.database import Database
from tests.integration.api.conftest import AT_ONCE, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.testclient import TestClient

    from stocktake.store.cluster import LocalCluster
    from tests.integration.api.conftest import Served

MEMBERS = {"type", "title", "status", "code", "detail", "hint", "request_id"}


@contextmanager
def serving_with(cluster: LocalCluster, **limits: Any) -> Iterator[Served]:
    with serving(cluster, replace(AT_ONCE, limits=Limits(**limits))) as found:
        yield found


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/api/v1/systems/nothing/count", 404),
        ("GET", "/api/v1/systems/racing/why/ra_races/nonsense", 404),
        ("GET", "/api/v1/runs/0", 422),
        ("GET", "/api/v1/runs/99999999", 404),
        ("GET", "/api/v1/runs?limit=-1", 422),
        ("GET", "/api/v1/runs?limit=100000", 422),
        ("GET", "/api/v1/runs?cursor=bm9uc2Vuc2U", 422),
        ("GET", "/api/v1/systems/racing/count?since=2024-02-30", 422),
        ("GET", "/api/v1/systems/racing/count?since=2024-03-01&until=2024-01-01", 422),
        ("GET", "/api/v1/systems/racing/count?dataset=none", 422),
        ("GET", "/api/v1/systems/racing/gaps?state=fine", 422),
        ("PUT", "/api/v1/runs", 405),
        ("GET", "/api/v1/systems/racing/trace/ra_races?key=race_id", 422),
        ("GET", "/api/v1/systems/racing/gates/none", 404),
        ("GET", "/api/v1/schedules/next?cron=often", 422),
    ],
)
def test_an_error_is_a_problem_document(
    reader: TestClient, method: str, path: str, status: int
) -> None:
    answer = reader.request(method, path)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert set(told) >= MEMBERS
    assert told["status"] == status
    assert told["request_id"] == answer.headers["x-request-id"]


@pytest.mark.fault("S10")
def test_a_page_size_beyond_the_limit_names_the_field(reader: TestClient) -> None:
    told = reader.get("/api/v1/runs?limit=201").json()

    assert [(one["field"], one["code"]) for one in told["errors"]] == [
        ("query.limit", "less_than_equal")
    ]


@pytest.mark.fault("S12")
def test_a_refused_body_is_not_repeated(served: Served) -> None:
    canary = "canary-7f3a91"

    answer = served.caller().post(
        "/api/v1/session", json={"name": "ann", "password": 5, "secret": canary}
    )

    assert answer.status_code == 422
    assert canary not in answer.text


@pytest.mark.fault("S12")
def test_an_unforeseen_error_tells_nothing_of_itself(served: Served) -> None:
    async def broken() -> None:
        raise RuntimeError("canary-7f3a91 in select secret from somewhere")

    served.app.add_api_route("/api/v1/broken", broken)

    answer = served.caller().get("/api/v1/broken")

    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert "canary" not in answer.text
    assert "select" not in answer.text


@pytest.mark.fault("S10")
@pytest.mark.parametrize("is_announced", [True, False])
def test_a_body_that_is_too_large_is_refused_early(
    cluster: LocalCluster, is_announced: bool
) -> None:
    with serving_with(cluster, body_bytes=1_000) as served:
        client = served.with_key(Role.ADMIN)
        body = b'{"name": "' + b"x" * 5_000 + b'"}'
        content: Any = body if is_announced else iter([body[:900], body[900:]])

        answer = client.post(
            "/api/v1/keys", content=content, headers={"Content-Type": "application/json"}
        )

    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


@pytest.mark.fault("S10")
def test_a_body_nested_without_end_is_refused(served: Served) -> None:
    client = served.with_key(Role.ADMIN)

    answer = client.post(
        "/api/v1/keys",
        content=b'{"name":' * 100_000,
        headers={"Content-Type": "application/json"},
    )

    assert answer.status_code in {400, 413, 422}


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"name": NaN}', b'{"name": 1e999}', b'"text"'],
)
def test_a_body_that_is_no_document_is_refused(served: Served, content: bytes) -> None:
    client = served.with_key(Role.ADMIN)

    answer = client.post(
        "/api/v1/keys", content=content, headers={"Content-Type": "application/json"}
    )

    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == "application/problem+json"


def test_an_answer_that_takes_too_long_is_given_up(cluster: LocalCluster) -> None:
    with serving_with(cluster, answer_seconds=0.2) as served:

        async def slow() -> None:
            await asyncio.sleep(1)

        served.app.add_api_route("/api/v1/slow", slow)
        begun = time.monotonic()
        answer = served.caller().get("/api/v1/slow")

    assert (answer.status_code, answer.json()["code"]) == (503, "timeout")
    assert answer.headers["retry-after"] == "5"
    assert time.monotonic() - begun >= 0.2


def test_requests_beyond_the_limit_are_shed_at_once(cluster: LocalCluster) -> None:
    with serving_with(cluster, at_once=1) as served:

        async def slow() -> None:
            await asyncio.sleep(1.5)

        served.app.add_api_route("/api/v1/slow", slow)
        with served.caller() as client, ThreadPoolExecutor(2) as pool:
            first = pool.submit(client.get, "/api/v1/slow")
            time.sleep(0.5)
            shed = client.get("/api/v1/slow")
            alive = client.get("/livez")
            assert first.result().status_code == 200

    assert (shed.status_code, shed.json()["code"]) == (503, "overloaded")
    assert shed.headers["retry-after"] == "1"
    assert alive.status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "10.0.0.1", ""])
def test_a_name_the_server_is_not_known_by_is_refused(served: Served, host: str) -> None:
    answer = served.caller().get("/api/v1/systems", headers={"Host": host})

    assert (answer.status_code, answer.json()["code"]) == (421, "wrong_host")


@pytest.mark.parametrize("host", ["localhost", "localhost:8321", "127.0.0.1:80", "[::1]:8321"])
def test_names_of_this_machine_are_let_in(served: Served, host: str) -> None:
    answer = served.caller().get("/livez", headers={"Host": host})

    assert answer.status_code == 200


def test_the_public_address_is_let_in_and_makes_cookies_secure(cluster: LocalCluster) -> None:
    how = Serving(public_url="https://stocktake.example", fresh_seconds=0, identity_seconds=0)
    with serving(cluster, how) as served:
        client = served.caller(base_url="http://stocktake.example")

        answer = client.post("/api/v1/setup", json={"name": "ann", "password": "four words then"})

    assert answer.status_code == 201
    assert answer.headers["set-cookie"].startswith("__Host-stocktake=")
    assert answer.headers["strict-transport-security"].startswith("max-age=")


def test_every_answer_carries_the_safe_headers(reader: TestClient) -> None:
    for answer in (reader.get("/api/v1/systems"), reader.get("/nothing")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert "server" not in answer.headers
        assert "access-control-allow-origin" not in answer.headers


def test_an_answer_the_caller_has_already_is_not_sent_again(reader: TestClient) -> None:
    first = reader.get("/api/v1/systems")

    second = reader.get("/api/v1/systems", headers={"If-None-Match": first.headers["etag"]})

    assert (second.status_code, second.content) == (304, b"")


def test_a_capture_is_sent_as_a_file_that_nothing_runs(served: Served) -> None:
    reader = served.with_key(Role.VIEWER)
    reader.get("/api/v1/systems/nba/count")  # loads the files that come with it

    answer = reader.get("/api/v1/captures/1/bytes")

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert answer.headers["content-security-policy"].startswith("sandbox")
    assert len(answer.content) == reader.get("/api/v1/captures/1").json()["bytes"]


def test_a_count_over_http_is_the_command_lines(served: Served) -> None:
    told = served.with_key(Role.VIEWER).get(
        "/api/v1/systems/nba/count", params={"dataset": "schedule", "period": "2024-25"}
    )

    (line,) = told.json()["datasets"]
    assert line["expected"] == line["held"] + line["missing"]
    assert line["dataset"] == "schedule"


def test_gaps_come_in_pages_that_leave_none_out(served: Served) -> None:
    reader = served.with_key(Role.VIEWER)
    asked: dict[str, Any] = {"since": "2025-01-01", "limit": 4}
    seen: list[Any] = []
    cursor: str | None = ""
    while cursor is not None:
        told = reader.get("/api/v1/systems/racing/gaps", params={**asked, "cursor": cursor}).json()
        seen += told["items"]
        cursor = told["next_cursor"]

    whole = reader.get("/api/v1/systems/racing/gaps", params={**asked, "limit": 200}).json()
    assert seen == whole["items"]


def test_a_database_that_is_away_is_a_503_and_not_ready(served: Served) -> None:
    gone = Database("postgresql://nobody@127.0.0.1:9/none", application="tests")
    object.__setattr__(served.workspace, "database", gone)
    caller = served.caller()
    caller.headers["X-API-Key"] = "stk_abcdefgh_" + "x" * 32

    answer, ready, alive = (
        caller.get("/api/v1/systems"),
        caller.get("/readyz"),
        caller.get("/livez"),
    )

    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert (ready.status_code, alive.status_code) == (503, 200)


def test_health_and_metrics_are_for_those_who_may_read(served: Served) -> None:
    nobody, reader = served.caller(), served.with_key(Role.VIEWER)

    assert [nobody.get(path).status_code for path in ("/health", "/metrics")] == [401, 401]
    assert reader.get("/health").json()["status"] in {"pass", "warn", "fail"}
    assert "stocktake_units" in reader.get("/metrics").text or reader.get("/metrics").text == ""
    assert nobody.get("/readyz").json() == {"status": "pass"}


@pytest.mark.fault("S10")
def test_a_caller_who_asks_too_often_is_told_when_to_come_again(cluster: LocalCluster) -> None:
    slow = Serving(fresh_seconds=0, identity_seconds=60, limits=Limits(caller_per_second=0.5))
    with serving(cluster, slow) as served:
        eager, calm = served.with_key(Role.VIEWER), served.with_key(Role.VIEWER)

        answers = [eager.get("/api/v1/systems") for _ in range(8)]

        assert [one.status_code for one in answers] == [200] * 6 + [429] * 2
        assert answers[-1].json()["code"] == "too_many_requests"
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 2
        assert calm.get("/api/v1/systems").status_code == 200
        assert served.caller().get("/livez").status_code == 200


@pytest.mark.fault("S09")
def test_keys_nobody_made_are_counted_by_the_address_they_come_from(cluster: LocalCluster) -> None:
    slow = Serving(fresh_seconds=0, limits=Limits(address_per_second=0.5))
    with serving(cluster, slow) as served:
        guesses = [
            served.caller()
            .get("/api/v1/systems", headers={"X-API-Key": f"stk_abcdefgh_{n:032}"})
            .status_code
            for n in range(7)
        ]
        elsewhere = served.caller(address="198.51.100.7").get("/api/v1/systems").status_code

    assert guesses == [401] * 5 + [429] * 2
    assert elsewhere == 401
