"""Traces of a run as an OpenTelemetry collector receives them."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.acceptance.installation import backfill
from tests.integration.observe.receivers import hook

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from tests.acceptance.installation import Installation
    from tests.integration.observe.receivers import Hook


def plain(headers: dict[str, str], body: bytes) -> bytes:
    return gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body


def spans(collector: Hook) -> Iterable[tuple[str, dict[str, str]]]:
    for headers, body in collector.got:
        told = ExportTraceServiceRequest.FromString(plain(headers, body))
        for of_program in told.resource_spans:
            for of_scope in of_program.scope_spans:
                for span in of_scope.spans:
                    facts = {one.key: str(one.value).strip() for one in span.attributes}
                    yield span.name, facts


def test_a_run_is_traced_where_the_environment_names_a_collector(
    installation: Installation, settled: date
) -> None:
    with hook() as collector:
        installation.environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.url
        done = installation.run(*backfill(settled, settled, "ra_races"))

    found = list(spans(collector))
    assert done.code in {0, 1, 2}, done.said
    assert {"run", "GET", "capture", "parse", "merge", "derive"} <= {name for name, _ in found}
    asked = next(facts for name, facts in found if name == "GET")
    assert asked["http.response.status_code"] == "int_value: 200"
    sent = b"".join(plain(headers, body) for headers, body in collector.got)
    assert b"not-a-secret" not in sent
    assert b"region_codes" not in sent  # what a query asks is nobody's business


def test_a_collector_that_is_away_stops_no_run(installation: Installation, settled: date) -> None:
    installation.environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:9"
    installation.environment["OTEL_EXPORTER_OTLP_TIMEOUT"] = "1"

    done = installation.run(*backfill(settled, settled, "ra_races"))

    assert done.document["state"] == "done", done.said
