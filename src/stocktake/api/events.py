"""Server-sent events: one look at the database per run and beat, however many listen."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from stocktake.api.server import ENDLESS
from stocktake.api.shared import shared
from stocktake.run.encoded import JSON
from stocktake.run.followed import LogLine, log_since
from stocktake.run.operations import find_operation, operation_json
from stocktake.run.workspace import Workspace

BEAT_SECONDS = 0.5
SILENCE_SECONDS = 15.0
"""A comment is sent after so long without news, so that nobody between closes the connection."""
LONGEST_SECONDS = 600.0
"""Then the listener must come again, which is when its rights are looked at again."""
MOST_LINES = 500
RECONNECT_MILLISECONDS = 2_000


@dataclass(slots=True)
class Look:
    """What one run was seen to be, shared by all who listen to it.

    Args:
        at: When (monotonic).
        document: The operation.
        log_seq: Number of its last log line.
    """

    at: float
    document: dict[str, Any]
    log_seq: int


@dataclass(slots=True)
class Looks:
    """The last look at each run that somebody listens to."""

    found: dict[int, Look] = field(default_factory=dict)
    turns: dict[int, asyncio.Lock] = field(default_factory=dict)
    listeners: dict[int, int] = field(default_factory=dict)

    async def at(self, workspace: Workspace, run_id: int) -> Look:
        """Return the operation as it was at most a beat ago."""
        async with self.turns.setdefault(run_id, asyncio.Lock()):
            found = self.found.get(run_id)
            if found is None or time.monotonic() - found.at >= BEAT_SECONDS:
                found = await run_in_threadpool(_look, workspace, run_id)
                self.found[run_id] = found
        return found

    def join(self, run_id: int) -> None:
        """Count a listener."""
        self.listeners[run_id] = self.listeners.get(run_id, 0) + 1

    def part(self, run_id: int) -> None:
        """Forget a run that nobody listens to any more."""
        self.listeners[run_id] -= 1
        if not self.listeners[run_id]:
            del self.listeners[run_id]
            self.found.pop(run_id, None)
            self.turns.pop(run_id, None)


class EventStream(StreamingResponse):
    """Events until the listener leaves, or the server does."""

    def __init__(self, events: AsyncIterator[bytes]) -> None:
        """Send ``events`` as they come, kept by nobody on the way."""
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        super().__init__(events, media_type="text/event-stream", headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Mark the request, so that a server that stops does not wait for its end."""
        scope.setdefault("state", {})[ENDLESS] = True
        await super().__call__(scope, receive, send)


def last_seen(request: Request) -> int:
    """Return the number a browser saw last, 0 when it comes for the first time."""
    text = request.headers.get("last-event-id", "")
    return int(text) if text.isdecimal() and len(text) < len(str(2**63)) else 0


async def watched(
    request: Request, workspace: Workspace, run_id: int, *, after: int
) -> AsyncIterator[bytes]:
    """Yield a run's events until it is done, the listener leaves, or ten minutes have passed."""
    looks = shared(request).looks
    looks.join(run_id)
    told: dict[str, Any] | None = None
    begun = quiet_since = time.monotonic()
    try:
        yield f"retry: {RECONNECT_MILLISECONDS}\n\n".encode()
        while time.monotonic() - begun < LONGEST_SECONDS:
            look = await looks.at(workspace, run_id)
            document, lines = look.document, list[LogLine]()
            if look.log_seq > after:
                lines = await run_in_threadpool(_lines, workspace, run_id, after)
            for line in lines:
                yield event("log", line, number=line.seq)
                after = line.seq
            if document != told:
                yield event("operation", document, number=after)
                told, quiet_since = document, time.monotonic()
            if document["done"] and len(lines) < MOST_LINES:
                yield event("done", {"name": document["name"]}, number=after)
                return
            if time.monotonic() - quiet_since >= SILENCE_SECONDS:
                yield b": still here\n\n"
                quiet_since = time.monotonic()
            if await request.is_disconnected():
                return
            await asyncio.sleep(BEAT_SECONDS)
    finally:
        looks.part(run_id)


def event(name: str, document: Any, *, number: int) -> bytes:
    """Return one event; JSON has no line ends, so its text is one line."""
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (number, name.encode(), JSON.encode(document))


def _look(workspace: Workspace, run_id: int) -> Look:
    begun = time.monotonic()
    found = find_operation(workspace, run_id)
    return Look(begun, operation_json(found), found.log_seq)


def _lines(workspace: Workspace, run_id: int, after: int) -> list[LogLine]:
    return log_since(workspace, run_id, after, limit=MOST_LINES)
