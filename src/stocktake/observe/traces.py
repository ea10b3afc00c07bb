"""Traces for OpenTelemetry: what took how long in a run, over all programs that take part.

Off, and free, unless the environment names a collector as OpenTelemetry's own variables do. Spans
carry what things are called and how many there were; never keys of rows, queries of addresses or
secrets.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal

import structlog

from stocktake.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from opentelemetry.trace import Tracer

    Note = Callable[[str, str | int | float], None]

LOG = structlog.get_logger(__name__)

COLLECTORS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
DISABLED = "OTEL_SDK_DISABLED"
_tracers: list[Tracer] = []


def start_tracing() -> bool:
    """Send spans where the environment says; return whether it says so.

    Raises:
        ConfigurationError: It does, and the packages for it are absent.
    """
    is_wanted = any(os.environ.get(name) for name in COLLECTORS)
    if not is_wanted or os.environ.get(DISABLED, "").lower() == "true" or _tracers:
        return bool(_tracers)
    if find_spec("opentelemetry.sdk") is None:
        raise ConfigurationError(
            f"{' or '.join(COLLECTORS)} asks for traces, which need packages more.",
            hint=f"pip install 'stocktake[otel]', or set {DISABLED}=true.",
        )
    # An extra that takes half a second to import.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
        OTLPSpanExporter,
    )
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    name = os.environ.get("OTEL_SERVICE_NAME", "stocktake")
    provider = TracerProvider(resource=Resource.create({"service.name": name}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    _tracers.append(provider.get_tracer("stocktake"))
    LOG.debug("traces are sent", service=name)
    return True


@contextmanager
def span(
    name: str,
    *,
    kind: Literal["INTERNAL", "CLIENT", "SERVER"] = "INTERNAL",
    **facts: str | int | float,
) -> Iterator[Note]:
    """Trace a block; yields what takes further facts, by name and value.

    Names of facts are OpenTelemetry's where it has one (``http.request.method``); dots are written
    as two underscores here. An error that leaves the block is kept with its span.
    """
    if not _tracers:
        yield _nothing
        return
    from opentelemetry.trace import SpanKind  # noqa: PLC0415 -- imported already when tracing

    told = {key.replace("__", "."): value for key, value in facts.items()}
    with _tracers[0].start_as_current_span(name, kind=SpanKind[kind], attributes=told) as current:
        yield lambda key, value: current.set_attribute(key.replace("__", "."), value)


def _nothing(_name: str, _value: str | float, /) -> None:
    """Keep nothing: nobody traces."""
