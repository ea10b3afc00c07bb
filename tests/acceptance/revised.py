"""The racing sandbox whose source revises what it has told: names, comments, winners, odds."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from stocktake.systems.racing.sandbox import create
from stocktake.testing import Asked, Fault, Reply, Route, SandboxServer

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

LATER = "Later "
"""What revised names begin with."""
NAMES = frozenset(
    {
        *("name", "horse", "jockey", "trainer", "owner", "sire", "dam", "damsire", "breeder"),
        *("course", "race_name", "comment", "comments", "bookmaker"),
    }
)
REGIONS = "/v1/courses/regions"


@dataclass(slots=True)
class Revision:
    """A switch: from when it is on, answers are revised."""

    server: SandboxServer
    is_on: bool = False

    def begin(self) -> None:
        """Revise every answer from now on; first and second of every race change places."""
        self.is_on = True
        self.server.rules.add([Fault("changed_result")])


def revised_sandbox(today: date, *, rate_factor: float) -> Revision:
    """Return the racing sandbox, not yet started, and the switch that revises it."""
    server = create(1, "year", until=today, rate_factor=rate_factor)
    revision = Revision(server)
    routes = server.routes
    server.routes = tuple(replace(one, answer=_revised(one, revision)) for one in routes)
    return revision


def _revised(route: Route, revision: Revision) -> Callable[[Asked], Reply]:
    names = NAMES | {"region"} if route.pattern == REGIONS else NAMES

    def answer(asked: Asked) -> Reply:
        reply = route.answer(asked)
        if not revision.is_on or reply.status != 200:
            return reply
        return replace(reply, body=json.dumps(renamed(json.loads(reply.body), names)).encode())

    return answer


def renamed(value: Any, names: frozenset[str]) -> Any:
    """Return a JSON value in which texts under ``names`` begin with another word."""
    if isinstance(value, list):
        return [renamed(one, names) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        key: LATER + kept
        if key in names and kept and isinstance(kept, str)
        else renamed(kept, names)
        for key, kept in value.items()
    }
