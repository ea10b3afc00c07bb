"""Everything the command line can do, the API can too; what it cannot is listed with its reason."""

from __future__ import annotations

import pytest

from stocktake.api.app import openapi_document
from stocktake.cli.main import app
from tools.reference import commands

SYSTEM = "/systems/{system}"
OVER_HTTP: dict[str, tuple[str, ...]] = {
    "accept": (f"POST {SYSTEM}/accept", f"POST {SYSTEM}/withdraw"),
    "alerts": ("GET /alerts",),
    "alerts channels": ("GET /channels",),
    "alerts history": ("GET /alerts/history",),
    "alerts list": ("GET /alerts",),
    "alerts mute": ("POST /alerts/{alert_id}/mute",),
    "alerts retry": ("POST /alerts/retry",),
    "alerts test": ("POST /channels/{name}/test",),
    "ask": (f"POST {SYSTEM}/ask",),
    "backfill": (f"POST {SYSTEM}/backfill",),
    "capture show": ("GET /captures/{capture_id}", "GET /captures/{capture_id}/bytes"),
    "check": (f"POST {SYSTEM}/check", f"GET {SYSTEM}/checks", f"GET {SYSTEM}/gates/{{gate}}"),
    "count": (f"GET {SYSTEM}/count", f"POST {SYSTEM}/recount"),
    "derive": (f"POST {SYSTEM}/derive",),
    "duplicates": (
        f"GET {SYSTEM}/duplicates",
        f"GET {SYSTEM}/duplicates/groups",
        f"POST {SYSTEM}/duplicates/decide",
        f"POST {SYSTEM}/duplicates/preview",
        f"POST {SYSTEM}/duplicates/reopen",
        "POST /duplicates/{duplicate_id}/decide",
    ),
    "export": (f"GET {SYSTEM}/export/{{dataset}}",),
    "gaps": (f"GET {SYSTEM}/gaps",),
    "keys add": ("POST /keys",),
    "keys list": ("GET /keys",),
    "keys revoke": ("DELETE /keys/{key_id}",),
    "load": (f"POST {SYSTEM}/load/{{dataset}}",),
    "plan": (f"POST {SYSTEM}/plans", f"POST {SYSTEM}/plans/preview", "GET /plans/{plan_id}"),
    "rejects": (f"GET {SYSTEM}/rejects",),
    "replay": (f"POST {SYSTEM}/replay",),
    "report": (f"GET {SYSTEM}/report",),
    "run cancel": ("POST /runs/{run_id}/cancel",),
    "run pause": ("POST /runs/{run_id}/pause",),
    "run resume": ("POST /runs/{run_id}/resume",),
    "run show": (
        "GET /runs/{run_id}",
        "GET /runs/{run_id}/failures",
        "GET /runs/{run_id}/log",
        "GET /operations/{run_id}/events",
    ),
    "run undo": ("GET /runs/{run_id}/undo", "POST /runs/{run_id}/undo"),
    "runs": ("GET /runs",),
    "schedule add": (f"POST {SYSTEM}/schedules",),
    "schedule change": ("POST /schedules/{name}/change",),
    "schedule disable": ("POST /schedules/{name}/disable",),
    "schedule enable": ("POST /schedules/{name}/enable",),
    "schedule history": ("GET /schedules/{name}/history",),
    "schedule list": ("GET /schedules",),
    "schedule next": ("GET /schedules/next", "GET /schedules/{name}/next"),
    "schedule remove": ("DELETE /schedules/{name}",),
    "schedule run": ("POST /schedules/{name}/run",),
    "signoff": (f"POST {SYSTEM}/signoffs", f"GET {SYSTEM}/signoffs", "GET /signoffs/{signoff_id}"),
    "sources": (
        f"GET {SYSTEM}/sources",
        "POST /sources/{name}/pause",
        "POST /sources/{name}/resume",
        "POST /sources/{name}/verify",
    ),
    "status": ("GET /status", f"GET {SYSTEM}/status"),
    "sync": (f"POST {SYSTEM}/sync",),
    "systems": ("GET /systems",),
    "tenants add": ("POST /tenants",),
    "tenants change": ("PATCH /tenants/{slug}",),
    "tenants list": ("GET /tenants",),
    "trace": (f"GET {SYSTEM}/trace/{{dataset}}",),
    "train": (f"POST {SYSTEM}/train",),
    "users activate": ("PATCH /users/{name}",),
    "users add": ("POST /users", "POST /users/invite"),
    "users deactivate": ("PATCH /users/{name}",),
    "users factor": ("DELETE /users/{name}/factor",),
    "users list": ("GET /users",),
    "users password": ("POST /users/{name}/invite", "POST /session/password"),
    "users role": ("PATCH /users/{name}",),
    "verify": (f"POST {SYSTEM}/verify",),
    "why": (f"GET {SYSTEM}/why/{{dataset}}/{{unit}}",),
}
NOT_OVER_HTTP = {
    "db backup": "writes a file of the machine it runs on",
    "db captures move": "moves what the server reads; it may take hours",
    "db captures show": "GET /health tells whether the store answers",
    "db captures use": "decides for every host, as the tables' owner, which the server is not",
    "db captures verify": "lists every object of the store; it may take hours",
    "db migrate": "changes tables as their owner, which the server is not",
    "db psql": "opens a terminal",
    "db restore": "replaces the database that the server uses",
    "db rollback": "changes tables as their owner, which the server is not",
    "db upgrade": "stops the database that the server uses",
    "db url": "shows how to pass over every right",
    "db verify": "compares files of the machine it runs on; GET /health tells of it",
    "demo": "makes an installation of its own",
    "doctor": "looks at the machine; GET /health tells what concerns the installation",
    "down": "stops the database that the server uses",
    "init": "comes before there is anything to serve",
    "metrics": "GET /metrics, outside /api/v1 where Prometheus looks",
    "sandbox": "starts another server",
    "serve": "starts the server itself",
    "stocktake": "the command line itself",
    "up": "starts the server itself",
    "users breached": "reads a list of millions of lines from the machine it runs on",
    "worker": "starts another program",
}
GROUPS = {"capture"}


@pytest.fixture(scope="module")
def served() -> set[str]:
    return {
        f"{method.upper()} {path.removeprefix('/api/v1')}"
        for path, methods in openapi_document()["paths"].items()
        for method in methods
    }


def test_every_command_is_served_or_says_why_not() -> None:
    names = {one.name.removeprefix("stocktake ") for one in commands(app)} - GROUPS

    assert names == set(OVER_HTTP) | set(NOT_OVER_HTTP)
    assert not set(OVER_HTTP) & set(NOT_OVER_HTTP)


def test_every_path_that_stands_for_a_command_is_served(served: set[str]) -> None:
    assert {path for paths in OVER_HTTP.values() for path in paths} - served == set()
