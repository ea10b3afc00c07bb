"""Public fakes for tests and sandboxes: a scripted HTTP server with switchable faults."""

from stocktake.testing.faults import TRANSPORT_FAULTS, Fault, FaultRules
from stocktake.testing.replies import Asked, Reply, Route
from stocktake.testing.requests import LoggedRequest, RequestLog
from stocktake.testing.server import SandboxServer
from stocktake.testing.story import Story

__all__ = [
    "TRANSPORT_FAULTS",
    "Asked",
    "Fault",
    "FaultRules",
    "LoggedRequest",
    "Reply",
    "RequestLog",
    "Route",
    "SandboxServer",
    "Story",
]
