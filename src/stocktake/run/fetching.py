"""The fetch stage of one run: transport, gate, credentials, and what is already stored."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from typing import TYPE_CHECKING, Any

from stocktake.fetch.answer import Answer
from stocktake.fetch.captures import unloaded_captures
from stocktake.fetch.fetcher import Fetcher
from stocktake.fetch.gate import RateGate
from stocktake.fetch.guard import Guard
from stocktake.fetch.transport import AiohttpTransport
from stocktake.run.workspace import RATE_FACTOR

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from stocktake.model import Capture, Feed
    from stocktake.run.claim import Claim
    from stocktake.run.clock import Clock
    from stocktake.run.errands import Errand
    from stocktake.run.kept import KeptAnswers
    from stocktake.store.database import Database

Stored = dict[tuple[str, tuple[tuple[str, ...], ...]], list["Capture"]]


class Fetching:
    """Fetches errands; what it brings is neither stored nor parsed yet."""

    def __init__(
        self,
        sources: Mapping[str, Mapping[str, Any]],
        fetcher: Fetcher,
        *,
        stored: Stored,
        kept: KeptAnswers | None = None,
    ) -> None:
        """Fetch with ``fetcher``, whose settings are ``sources``; take what is there first.

        Args:
            stored: What this run had captured before it was interrupted.
            kept: What runs that were taken back had captured.
        """
        self._sources = sources
        self._fetcher = fetcher
        self._stored = stored
        self._kept = kept
        self._feeds: dict[tuple[str, str], Feed] = {}

    async def fetch(self, errand: Errand) -> Answer:
        """Return the answer to an errand; failures are part of the answer.

        What an interrupted run, or one taken back, had captured is taken from there: no request
        is sent twice.
        """
        pages = self._stored.pop((errand.feed.name, errand.request.units), [])
        if pages and is_whole(errand, pages):
            return Answer(errand.request, tuple(pages), requests=len(pages))
        if self._kept is not None and self._kept.has(errand):
            pages = list(await asyncio.to_thread(self._kept.take, errand))
            if pages and is_whole(errand, pages):
                return Answer(errand.request, tuple(pages))
        feed = self._paced(errand.feed, errand.source.name)
        return await self._fetcher.fetch(
            errand.source, feed, request=errand.request, known=errand.known
        )

    def over(self, *, stored: Stored, kept: KeptAnswers | None) -> Fetching:
        """Return one that sends through the same connections, and takes other answers first."""
        return Fetching(self._sources, self._fetcher, stored=stored, kept=kept)

    def _paced(self, feed: Feed, source: str) -> Feed:
        paced = self._feeds.get((source, feed.name))
        if paced is None:
            paced = self._feeds[source, feed.name] = self._at_its_pace(feed, source)
        return paced

    def _at_its_pace(self, feed: Feed, source: str) -> Feed:
        factor = float(str(self._sources[source].get(RATE_FACTOR) or 1))
        if factor == 1:
            return feed
        endpoint = dataclasses.replace(feed.endpoint, per_second=feed.endpoint.per_second * factor)
        return dataclasses.replace(feed, endpoint=endpoint)


@contextlib.asynccontextmanager
async def open_fetching(
    database: Database,
    sources: Mapping[str, Mapping[str, Any]],
    *,
    stored: Stored,
    clock: Clock,
    kept: KeptAnswers | None = None,
) -> AsyncIterator[Fetching]:
    """Open connections to sources and to the rate gate for the length of a block."""
    gate = RateGate(database.async_connect)
    guard = Guard(sources)
    try:
        async with AiohttpTransport(guard) as transport:
            fetcher = Fetcher(transport, gate, guard=guard, settings=sources, clock=clock)
            yield Fetching(sources, fetcher, stored=stored, kept=kept)
    finally:
        await gate.close()


def stored_pages(database: Database, claim: Claim, *, feed: str | None = None) -> Stored:
    """Return what an interrupted run had captured but not loaded, by feed and units."""
    found: Stored = {}
    if claim.resumed:
        with database.connection() as conn:
            for capture in unloaded_captures(conn, claim.run_id, feed=feed):
                request = capture.request
                found.setdefault((request.feed, request.units), []).append(capture)
    return found


def is_whole(errand: Errand, pages: Sequence[Capture]) -> bool:
    """Return whether no page follows the last of those an interrupted run had captured."""
    if errand.feed.next_page is None:
        return len(pages) == 1
    return errand.feed.next_page(pages[-1].request, [page.body for page in pages]) is None
