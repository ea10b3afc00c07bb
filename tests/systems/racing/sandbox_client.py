"""A small client of the racing sandbox for its tests."""

import http.client
import json
from base64 import b64encode
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from typing import Any

from stocktake.testing import SandboxServer

UNTIL = date(2026, 11, 21)
FAST = 10_000.0


@dataclass(frozen=True)
class Answer:
    status: int
    json: Any


def ask(server: SandboxServer, target: str, *, login: str = "sandbox:not-a-secret") -> Answer:
    """Ask for a path and query; the answer's body is decoded JSON."""
    host = server.base_url.removeprefix("http://")
    token = b64encode(login.encode()).decode()
    with closing(http.client.HTTPConnection(host, timeout=20)) as connection:
        connection.request("GET", target, headers={"Authorization": f"Basic {token}"})
        with connection.getresponse() as response:
            return Answer(response.status, json.loads(response.read()))


def results(server: SandboxServer, day: str, *, paging: str = "limit=100&skip=0") -> Any:
    """Ask for one day's results of both regions."""
    query = f"start_date={day}&end_date={day}&region=gb&region=ire&{paging}"
    return ask(server, f"/v1/results?{query}").json


def cards(server: SandboxServer, day: str) -> Any:
    """Ask for one day's racecards of both regions."""
    return ask(server, f"/v1/racecards/pro?date={day}&region_codes=gb&region_codes=ire").json
