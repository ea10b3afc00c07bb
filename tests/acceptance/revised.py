"""The racing sandbox with another word to say: answers revised, or too large to be held."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from stocktake.systems.racing.sandbox import create
from stocktake.testing import Asked, Fault, Reply, Route, SandboxServer

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    Rewrite = Callable[[Asked, Reply], Reply]

LATER = "Later "
"""What revised names begin with."""
NAMES = frozenset(
    {
        *("name", "horse", "jockey", "trainer", "owner", "sire", "dam", "damsire", "breeder"),
        *("course", "race_name", "comment", "comments", "bookmaker"),
    }
)
REGIONS = "/v1/courses/regions"
CARDS = "/v1/racecards/pro"


@dataclass(slots=True)
class Revision:
    """A sandbox and its switch: from when that is on, every answer is revised."""

    server: SandboxServer
    is_on: bool = False

    def begin(self) -> None:
        """Revise every answer from now on; first and second of every race change places."""
        self.is_on = True
        self.server.rules.add([Fault("changed_result")])


def revised_sandbox(today: date, *, rate_factor: float) -> Revision:
    """Return the racing sandbox, not yet started, and the switch that revises it."""
    revision = Revision(create(1, "year", until=today, rate_factor=rate_factor))

    def revise(asked: Asked, reply: Reply) -> Reply:
        if not revision.is_on or reply.status != 200:
            return reply
        names = NAMES | {"region"} if asked.endpoint == REGIONS else NAMES
        return replace(reply, body=json.dumps(_renamed(json.loads(reply.body), names)).encode())

    rewrite(revision.server, revise)
    return revision


def swollen_sandbox(today: date, *, day: date, runners: int, rate_factor: float) -> SandboxServer:
    """Return the racing sandbox, not yet started; the first race of one day has many runners."""
    server = create(1, "year", until=today, rate_factor=rate_factor)

    def swell(asked: Asked, reply: Reply) -> Reply:
        if asked.endpoint != CARDS or ("date", day.isoformat()) not in asked.query:
            return reply
        told = json.loads(reply.body)
        one = told["racecards"][0]["runners"][0]
        told["racecards"][0]["runners"] = [{**one, "horse_id": f"hrs_{n}"} for n in range(runners)]
        return replace(reply, body=json.dumps(told).encode())

    rewrite(server, swell)
    return server


def rewrite(server: SandboxServer, change: Rewrite) -> None:
    """Let every answer of a server that has not started pass through ``change``."""

    def changed(route: Route) -> Route:
        return replace(route, answer=lambda asked: change(asked, route.answer(asked)))

    server.routes = tuple(changed(route) for route in server.routes)


def _renamed(value: Any, names: frozenset[str]) -> Any:
    if isinstance(value, list):
        return [_renamed(one, names) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        key: LATER + kept
        if key in names and kept and isinstance(kept, str)
        else _renamed(kept, names)
        for key, kept in value.items()
    }
