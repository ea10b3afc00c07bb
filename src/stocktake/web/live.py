"""One stream of what changed, for every open page: names of parts, never their content."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from fastapi.responses import Response

from stocktake.api.events import EventStream
from stocktake.web.access import Viewer
from stocktake.web.pulse import Pulse
from stocktake.web.site import site_of

router = APIRouter()
SILENCE_SECONDS = 15.0
LONGEST_SECONDS = 600.0
"""Then the listener must come again, which is when its rights are looked at again."""
RECONNECT_MILLISECONDS = 2_000


@router.get("/events")
async def events(request: Request, visitor: Viewer) -> Response:
    """Stream the names of what changes; the parts are fetched, so rights are checked there."""
    del visitor
    return EventStream(_stream(site_of(request).pulse))


async def _stream(pulse: Pulse) -> AsyncIterator[bytes]:
    """Yield what changes; it sleeps while nothing does, and is cancelled when the listener goes."""
    yield b"retry: %d\n: connected\n\n" % RECONNECT_MILLISECONDS
    begun = time.monotonic()
    for topic in pulse.lately():  # changed between the making of the page and now
        yield _event(topic)
    async with pulse.listening() as queue:
        while time.monotonic() - begun < LONGEST_SECONDS:
            topics: set[str] = set()
            with contextlib.suppress(TimeoutError):
                topics.add(await asyncio.wait_for(queue.get(), SILENCE_SECONDS))
            while not queue.empty():
                topics.add(queue.get_nowait())
            for topic in sorted(topics):
                yield _event(topic)
            if not topics:
                yield b"event: beat\ndata:\n\n"  # a comment would not reach the page


def _event(topic: str) -> bytes:
    return f"event: change\ndata: {topic}\n\n".encode()
