"""Answers to reads kept for a moment: a thousand readers of one page cost one count of it."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from stocktake.api.answers import page, read_cursor
from stocktake.api.shared import shared
from stocktake.run.encoded import JSON

MOST_KEPT = 500
LARGEST_KEPT = 1 << 20
WHILE_MADE = 3
"""How many times as old as fresh an answer may be while a new one is made."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An encoded answer, its tag, and when it was made (monotonic)."""

    body: bytes
    tag: str
    at: float


class RecentAnswers:
    """Documents by address; whoever asks while one is being made waits for it."""

    def __init__(self, seconds: float) -> None:
        """Keep each for ``seconds``; 0 keeps none."""
        self._seconds = seconds
        self._kept: dict[str, Kept] = {}
        self._making: dict[str, asyncio.Future[Kept]] = {}

    def another(self) -> RecentAnswers:
        """Return an empty one that keeps answers as long."""
        return RecentAnswers(self._seconds)

    async def get(self, key: str, make: Callable[[], Any]) -> Kept:
        """Return the answer of a key, made in a thread unless a recent one is there.

        One that is no longer fresh is given a little longer while a new one is made: whoever asks
        often never waits for a count.
        """
        if self._seconds <= 0:
            return await run_in_threadpool(_made, make)
        found = self._kept.get(key)
        age = time.monotonic() - found.at if found else 0.0
        if found is not None and age < self._seconds:
            return found
        under_way = self._making.get(key)
        if under_way is None:
            under_way = asyncio.ensure_future(run_in_threadpool(_made, make))
            self._making[key] = under_way
            under_way.add_done_callback(lambda done: self._finish(key, done))
        if found is not None and age < self._seconds * WHILE_MADE:
            return found
        return await asyncio.shield(under_way)

    def clear(self) -> None:
        """Forget all: something changed. What is being made now is not kept either."""
        self._kept.clear()
        self._making.clear()

    def _finish(self, key: str, done: asyncio.Future[Kept]) -> None:
        if self._making.get(key) is not done:
            return
        del self._making[key]
        if done.cancelled() or done.exception() is not None:
            return
        if len(self._kept) >= MOST_KEPT:
            self._kept.clear()
        if len(done.result().body) <= LARGEST_KEPT:
            self._kept[key] = done.result()


async def served(request: Request, make: Callable[[], Any]) -> Response:
    """Return what ``make`` tells as JSON with an ETag, or 304 when the caller has it already.

    The document may depend on the address only, not on who asks.
    """
    kept = await shared(request).recent.get(f"{request.url.path}?{request.url.query}", make)
    headers = {"ETag": kept.tag, "Cache-Control": "private, no-cache"}
    known = request.headers.get("if-none-match", "")
    if kept.tag in (one.strip().removeprefix("W/") for one in known.split(",")):
        return Response(status_code=304, headers=headers)
    return Response(kept.body, headers=headers, media_type="application/json")


async def served_page(
    request: Request,
    rows: Callable[[int, int | None], Sequence[Any]],
    number: Callable[[Any], Any],
    *,
    limit: int,
    cursor: str,
    **head: Any,
) -> Response:
    """Return a page of a list that goes by descending numbers.

    Args:
        request: As it came.
        rows: Returns at most so many lines below a number.
        number: The number of a line.
        limit: Lines of a page.
        cursor: Where the page before ended; empty for the first.
        head: What the document tells besides its items.
    """
    before = read_cursor(cursor, int)
    return await served(request, lambda: {**head, **page(rows(limit + 1, before), limit, number)})


def _made(make: Callable[[], Any]) -> Kept:
    begun = time.monotonic()
    body = JSON.encode(make())
    return Kept(body, f'"{hashlib.sha256(body).hexdigest()[:32]}"', begun)
