"""Probes and figures over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from stocktake.store.migrate import ENGINE, rollback

if TYPE_CHECKING:
    from starlette.testclient import TestClient

    from tests.integration.api.conftest import Served


@pytest.mark.parametrize("path", ["/health", "/metrics"])
def test_how_things_are_is_told_to_those_who_may_look(shared_served: Served, path: str) -> None:
    assert shared_served.caller().get(path).status_code == 401


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_probes_are_answered_to_anybody(shared_served: Served, path: str) -> None:
    answer = shared_served.caller().get(path)

    assert (answer.status_code, answer.json()["status"]) == (200, "pass")


def test_a_server_before_a_database_that_lacks_migrations_is_not_ready(served: Served) -> None:
    rollback(served.workspace.database, ENGINE, to=ENGINE.migrations[-2].number)

    answer = served.caller().get("/readyz")

    assert (answer.status_code, answer.json()) == (503, {"status": "fail"})
    assert answer.headers["retry-after"] == "5"


def test_health_names_what_it_was_judged_by(reader: TestClient) -> None:
    answer = reader.get("/health")
    checks = answer.json()["checks"]

    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/health+json"
    assert {"disk:free", "database:migrations", "worker:heartbeat", "source:paused"} <= set(checks)
    assert checks["database:migrations"][0]["status"] == "pass"


def test_metrics_are_what_prometheus_reads(reader: TestClient) -> None:
    answer = reader.get("/metrics")
    names = {family.name for family in text_string_to_metric_families(answer.text)}

    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert {"stocktake_units", "stocktake_rows_merged"} <= names
