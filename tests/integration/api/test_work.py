"""Long work: queued once, followed as an operation, done by a real worker, taken back."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from stocktake.access.roles import Role
from stocktake.run.clock import system_clock
from stocktake.run.worker import Shift, work
from stocktake.settings import Secret, SettingValue
from stocktake.systems.racing.sandbox import create
from tests.systems.racing.test_hkjc import full_card, written

if TYPE_CHECKING:
    from starlette.testclient import TestClient

    from tests.integration.api.conftest import Served

RACING = "/api/v1/systems/racing"


@contextmanager
def working(served: Served) -> Iterator[None]:
    """A worker on the same database and a sandbox, for the length of a block."""
    stop = asyncio.Event()
    loop = asyncio.new_event_loop()
    with create(1, "week", until=system_clock().date(), rate_factor=2000.0) as sandbox:
        source: dict[str, SettingValue] = {
            "base_url": sandbox.base_url,
            "user": "sandbox",
            "password": Secret("not-a-secret"),
            "rate_factor": 2000.0,
        }
        settings = replace(served.workspace.settings, sources={"theracingapi": source})
        workspace = replace(served.workspace, settings=settings, clock=system_clock)
        thread = threading.Thread(
            target=lambda: loop.run_until_complete(work(workspace, stop=stop, shift=Shift()))
        )
        thread.start()
        try:
            yield
        finally:
            loop.call_soon_threadsafe(stop.set)
            thread.join(30)
            loop.close()


def followed(client: TestClient, place: str) -> list[tuple[str, dict[str, Any]]]:
    """Listen to an operation to its end; return its events as name and document."""
    found = []
    with client.stream("GET", f"{place}/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        name = ""
        for line in answer.iter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                found.append((name, msgspec.json.decode(line.removeprefix("data: "))))
    return found


def test_work_is_queued_and_told_where_to_ask(served: Served) -> None:
    operator = served.with_key(Role.OPERATOR)

    answer = operator.post(f"{RACING}/backfill", json={"sample": 1})

    assert answer.status_code == 202
    assert answer.headers["retry-after"] == "2"
    told = operator.get(answer.headers["location"]).json()
    assert (told["done"], told["metadata"]["state"], told["metadata"]["verb"]) == (
        False,
        "queued",
        "backfill",
    )
    assert not {"error", "response"} & set(told)


def test_a_worker_does_what_was_asked_and_the_listener_sees_its_end(served: Served) -> None:
    operator = served.with_key(Role.OPERATOR)
    with working(served):
        place = operator.post(f"{RACING}/backfill", json={"datasets": ["ra_mst_regions"]}).headers[
            "location"
        ]
        events = followed(operator, place)

    assert events[-1] == ("done", {"name": place.removeprefix("/api/v1/")})
    told = operator.get(place).json()
    assert (told["done"], told["metadata"]["state"]) == (True, "done")
    assert told["response"]["units"]["complete"] == 1
    assert "error" not in told
    assert {name for name, _ in events} == {"operation", "log", "done"}


def test_a_run_is_taken_back_by_a_worker(served: Served) -> None:
    operator = served.with_key(Role.OPERATOR)
    with working(served):
        place = operator.post(f"{RACING}/backfill", json={"datasets": ["ra_mst_regions"]}).headers[
            "location"
        ]
        followed(operator, place)
        run_id = place.rpartition("/")[2]
        preview = operator.get(f"/api/v1/runs/{run_id}/undo").json()
        undo = operator.post(f"/api/v1/runs/{run_id}/undo")
        followed(operator, undo.headers["location"])

    told = operator.get(undo.headers["location"]).json()
    foreseen = {
        table: {word: rows for word, rows in counts.items() if word != "kept"}
        for table, counts in preview["tables"].items()
    }
    assert told["response"]["result"]["tables"] == foreseen
    assert preview["tables"]["ra_mst_regions"]["removed"] > 0
    counted = operator.get(f"{RACING}/count", params={"dataset": "ra_mst_regions"}).json()
    assert counted["datasets"][0]["held"] == 0


def test_stored_captures_are_replayed_by_a_worker(served: Served) -> None:
    operator = served.with_key(Role.OPERATOR)
    asked = {"datasets": ["ra_mst_regions"]}
    with working(served):
        followed(operator, operator.post(f"{RACING}/backfill", json=asked).headers["location"])
        place = operator.post(f"{RACING}/replay", json=asked).headers["location"]
        followed(operator, place)

    told = operator.get(place).json()["response"]["rows"]["ra_mst_regions"]
    assert told["read"] == told["unchanged"] > 0


def test_an_uploaded_file_is_loaded_by_a_worker(served: Served) -> None:
    operator = served.with_key(Role.OPERATOR)
    with working(served):
        answer = operator.post(
            f"{RACING}/load/ra_race_results?source=hkjc",
            files={"files": ("../../etc/results.csv", written(full_card()), "text/csv")},
        )
        assert answer.status_code == 202, answer.text
        followed(operator, answer.headers["location"])

    told = operator.get(answer.headers["location"]).json()
    assert told["metadata"]["state"] == "done", told
    assert told["response"]["rows"]["ra_race_results"]["inserted"] == len(full_card())
    assert told["metadata"]["state"] == "done"


def test_a_paused_run_is_handed_to_workers_again(served: Served) -> None:
    operator = served.with_key(Role.OPERATOR)
    place = operator.post(f"{RACING}/sync", json={}).headers["location"]
    run = f"/api/v1/runs/{place.rpartition('/')[2]}"

    states = [
        operator.post(f"{run}/pause").json()["state"],
        operator.post(f"{run}/resume").json()["metadata"]["state"],
        operator.post(f"{run}/cancel").json()["state"],
    ]

    assert states == ["paused", "queued", "cancelled"]
    told = operator.get(place).json()
    assert (told["done"], told["error"]["code"]) == (True, "cancelled")
    assert operator.post(f"{run}/resume").status_code == 409


def test_the_same_key_starts_work_once_and_answers_the_same(served: Served) -> None:
    operator = served.with_key(Role.OPERATOR)
    once = {"Idempotency-Key": "monday"}

    answers = [operator.post(f"{RACING}/sync", json={"days": 3}, headers=once) for _ in range(3)]

    assert {(one.status_code, one.text, one.headers["location"]) for one in answers} == {
        (202, answers[0].text, answers[0].headers["location"])
    }
    assert [one.headers.get("idempotent-replayed") for one in answers] == [None, "true", "true"]
    assert len(operator.get("/api/v1/runs").json()["items"]) == 1


def test_one_key_for_two_requests_is_a_conflict(served: Served) -> None:
    operator = served.with_key(Role.OPERATOR)
    once = {"Idempotency-Key": "monday"}
    operator.post(f"{RACING}/sync", json={"days": 3}, headers=once)

    answer = operator.post(f"{RACING}/sync", json={"days": 4}, headers=once)

    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_mismatch")


def test_keys_of_two_callers_do_not_meet(served: Served) -> None:
    once = {"Idempotency-Key": "monday"}

    places = {
        served.with_key(Role.OPERATOR)
        .post(f"{RACING}/sync", json={"days": 3}, headers=once)
        .headers["location"]
        for _ in range(2)
    }

    assert len(places) == 2


def test_a_key_may_be_used_again_after_a_refusal(served: Served) -> None:
    operator = served.with_key(Role.OPERATOR)
    once = {"Idempotency-Key": "monday"}
    refused = operator.post(f"{RACING}/sync", json={"datasets": ["none"]}, headers=once)

    answer = operator.post(f"{RACING}/sync", json={"days": 3}, headers=once)

    assert (refused.status_code, answer.status_code) == (422, 202)


def test_a_key_is_forgotten_after_a_day(served: Served) -> None:
    operator = served.with_key(Role.OPERATOR)
    once = {"Idempotency-Key": "monday"}
    first = operator.post(f"{RACING}/sync", json={"days": 3}, headers=once)
    served.clock.move(hours=24, seconds=1)

    second = operator.post(f"{RACING}/sync", json={"days": 3}, headers=once)

    assert first.headers["location"] != second.headers["location"]


@pytest.mark.parametrize("verb", ["backfill", "sync", "derive", "check", "verify", "replay"])
def test_every_verb_of_workers_can_be_queued(served: Served, verb: str) -> None:
    answer = served.with_key(Role.OPERATOR).post(f"{RACING}/{verb}", json={})

    assert (answer.status_code, answer.json()["metadata"]["verb"]) == (202, verb)


def test_a_listener_goes_on_after_the_last_line_it_saw(served: Served) -> None:
    operator = served.with_key(Role.OPERATOR)
    with working(served):
        place = operator.post(f"{RACING}/backfill", json={"datasets": ["ra_mst_regions"]}).headers[
            "location"
        ]
        events = followed(operator, place)
    lines = [told["seq"] for name, told in events if name == "log"]

    with operator.stream(
        "GET", f"{place}/events", headers={"Last-Event-ID": str(lines[0])}
    ) as answer:
        text = "".join(answer.iter_text())

    again = [
        msgspec.json.decode(line.removeprefix("data: "))["seq"]
        for line in text.splitlines()
        if line.startswith('data: {"seq"')
    ]
    assert again == lines[1:]


def test_events_of_a_run_that_never_was_are_not_found(served: Served) -> None:
    assert served.with_key(Role.VIEWER).get("/api/v1/operations/99/events").status_code == 404


def test_plans_are_kept_listed_and_approved_once(served: Served) -> None:
    ann, bob = served.logged_in("ann", Role.OPERATOR), served.logged_in("bob", Role.OPERATOR)
    made = ann.post(f"{RACING}/plans", json={"sample": 2})
    place = made.headers["location"]

    first = ann.post(f"{place}/approve").json()
    second = bob.post(f"{place}/approve").json()

    assert made.status_code == 201
    assert (first["approved_by"], second["approved_by"]) == ("ann", "ann")
    (line,) = ann.get("/api/v1/plans").json()["items"]
    assert (line["plan_id"], line["requests"]) == (made.json()["plan_id"], made.json()["requests"])


def test_a_plan_of_the_most_urgent_has_nothing_else(served: Served) -> None:
    operator = served.with_key(Role.OPERATOR)

    made = operator.post(f"{RACING}/plans", json={"sample": 2, "priorities": ["P0"]})
    refused = operator.post(f"{RACING}/plans", json={"priorities": ["P9"]})

    labels = {part["label"] for part in made.json()["parts"] if part["kind"] == "fetch"}
    assert labels
    assert {label.split()[0] for label in labels} == {"P0"}
    assert refused.status_code == 422
    assert "Known: P0, P1, P2." in refused.text


def test_lists_go_on_where_the_page_before_ended(served: Served) -> None:
    operator = served.with_key(Role.OPERATOR)
    for days in range(1, 8):
        operator.post(f"{RACING}/sync", json={"days": days})
    seen: list[int] = []
    cursor: str | None = ""
    while cursor is not None:
        told = operator.get("/api/v1/runs", params={"limit": 3, "cursor": cursor}).json()
        seen += [one["run_id"] for one in told["items"]]
        cursor = told["next_cursor"]

    assert len(seen) == 7
    assert seen == sorted(seen, reverse=True)


def test_workers_do_not_start_what_somebody_must_approve_first(served: Served) -> None:
    limited = replace(served.workspace.settings, approve_above_requests=0)
    served.workspace = replace(served.workspace, settings=limited)
    operator = served.with_key(Role.OPERATOR)
    with working(served):
        place = operator.post(f"{RACING}/backfill", json={"datasets": ["ra_mst_regions"]}).headers[
            "location"
        ]
        followed(operator, place)

    ended = operator.get(place).json()
    (kept,) = operator.get("/api/v1/plans").json()["items"]
    assert ended["metadata"]["state"] == "failed"
    assert "somebody must approve it" in ended["error"]["detail"]
    assert (kept["requests"], kept["approved_by"]) == (1, None)
