"""One stream of what changed, for every open page: names of parts, never their content."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from fastapi.responses import Response

from stocktake.api.events import EventStream
from stocktake.web.access import Viewer
from stocktake.web.pulse import BEAT_SECONDS, Pulse
from stocktake.web.site import site_of

router = APIRouter()
SILENCE_BEATS = 15
LONGEST_BEATS = 600
RECONNECT_MILLISECONDS = 2_000


@router.get("/events")
async def events(request: Request, visitor: Viewer) -> Response:
    """Stream the names of what changes; the parts are fetched, so rights are checked there."""
    del visitor
    return EventStream(_stream(request, site_of(request).pulse))


async def _stream(request: Request, pulse: Pulse) -> AsyncIterator[bytes]:
    yield b"retry: %d\n: connected\n\n" % RECONNECT_MILLISECONDS
    silent = 0
    for topic in pulse.lately():  # changed between the making of the page and now
        yield _event(topic)
    async with pulse.listening() as queue:
        for _ in range(LONGEST_BEATS):
            topics: set[str] = set()
            with contextlib.suppress(TimeoutError):
                topics.add(await asyncio.wait_for(queue.get(), BEAT_SECONDS))
            while not queue.empty():
                topics.add(queue.get_nowait())
            for topic in sorted(topics):
                yield _event(topic)
            silent = 0 if topics else silent + 1
            if silent >= SILENCE_BEATS:
                yield b"event: beat\ndata:\n\n"  # a comment would not reach the page
                silent = 0
            if await request.is_disconnected():
                return


def _event(topic: str) -> bytes:
    return f"event: change\ndata: {topic}\n\n".encode()
