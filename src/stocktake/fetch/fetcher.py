"""From a request to an answer: all its pages, or why there are none."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING

import structlog

from stocktake.errors import ConfigurationError, RequestRefused, SourceChanged
from stocktake.fetch.answer import Answer, Failure, Known
from stocktake.fetch.exchange import Exchange
from stocktake.fetch.login import login_of
from stocktake.fetch.robots import agent_of
from stocktake.fetch.rules import Robots
from stocktake.fetch.tries import Retries, Talk, fetch_page
from stocktake.model import State

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from stocktake.fetch.gate import RateGate
    from stocktake.fetch.guard import Guard
    from stocktake.fetch.transport import Transport
    from stocktake.model import Capture, Feed, Request, Source

__all__ = ["Answer", "Failure", "Fetcher", "Known", "Retries"]

LOG = structlog.get_logger(__name__)

MOST_PAGES = 1000
USER_AGENT = f"Stocktake/{version('stocktake')}"


class Fetcher:
    """Fetches for all sources of an installation; any number of fetches may be under way."""

    def __init__(
        self,
        transport: Transport,
        gate: RateGate,
        *,
        guard: Guard,
        settings: Mapping[str, Mapping[str, object]],
        clock: Callable[[], datetime],
        retries: Retries | None = None,
    ) -> None:
        """Keep the parts.

        Args:
            transport: Gets one address.
            gate: Lets requests pass.
            guard: Made from the same ``settings``.
            settings: Per source: ``base_url``; ``user`` and ``password``, or ``token``;
                ``user_agent`` and ``allowed_hosts`` if wanted.
            clock: The present instant, aware, in UTC; dates captures.
            retries: How failures are repeated.
        """
        self._transport = transport
        self._gate = gate
        self._guard = guard
        self._settings = settings
        self._clock = clock
        self._retries = retries or Retries()
        self._robots: dict[str, Robots] = {}

    async def fetch(
        self, source: Source, feed: Feed, *, request: Request, known: Known | None = None
    ) -> Answer:
        """Return the answer to ``request`` with all its pages; a source's failures never raise.

        Args:
            source: Where to ask.
            feed: What it is for.
            request: What to ask.
            known: What is stored of it; asks only for what changed, and recognises the same
                pages. ``None`` fetches anew.

        Raises:
            ConfigurationError: The source has no address, lacks credentials, or does not say in
                its User-Agent who reads its robots.txt.
            DatabaseUnavailable: The gate lost its database.
        """
        talk = self._begin(source, feed)
        try:
            outcome = await _fetch_pages(talk, request, known)
        except (RequestRefused, SourceChanged) as error:
            outcome = Failure(State.FAILED, error.message)
        failure = outcome if isinstance(outcome, Failure) else None
        if failure is not None:
            LOG.info(
                "fetch_failed",
                source=source.name,
                feed=feed.name,
                state=failure.state.value,
                reason=failure.reason,
            )
        return Answer(
            request,
            _pages(talk, failure),
            unchanged=outcome is True,
            failure=failure,
            attempts=tuple(talk.attempts),
            requests=talk.exchange.requests,
            evidence=tuple(talk.evidence),
            tries=tuple(talk.exchange.tries),
        )

    def _begin(self, source: Source, feed: Feed) -> Talk:
        own = self._settings.get(source.name, {})
        base_url = str(own.get("base_url") or source.base_url)
        if not base_url:
            raise ConfigurationError(f"{source.name} has no base_url.")
        login = login_of(source, own)
        headers = _headers(source, feed, own)
        agent = agent_of(source, own, user_agent=headers["User-Agent"])
        if agent and source.name not in self._robots:
            self._robots[source.name] = Robots(agent, clock=self._clock, retries=self._retries)
        return Talk(
            feed,
            Exchange(
                self._transport,
                self._gate,
                self._guard,
                source.name,
                login.authorization,
                rules=self._robots[source.name] if agent else None,
            ),
            base_url,
            headers=headers,
            login=login,
            retries=self._retries,
            clock=self._clock,
        )


def _headers(source: Source, feed: Feed, own: Mapping[str, object]) -> dict[str, str]:
    """Return what every request to the source carries, as the settings say."""
    declared = {
        "User-Agent": USER_AGENT,
        "Accept": feed.endpoint.media_type or "*/*",
        **source.headers,
    }
    found = {
        name: str(own.get(f"header_{name.lower().replace('-', '_')}", value))
        for name, value in declared.items()
    }
    if own.get("user_agent"):
        found["User-Agent"] = str(own["user_agent"])
    return found


async def _fetch_pages(talk: Talk, request: Request, known: Known | None) -> Failure | bool:
    """Fill the talk's pages; return a failure, or whether the answer equals what is known."""
    following: Request | None = request
    while following is not None:
        page = await fetch_page(talk, following, known=None if talk.pages else known)
        if isinstance(page, Failure):
            return page
        if page is None:
            return True
        LOG.debug("page_fetched", feed=talk.feed.name, page=page.page, bytes=len(page.body))
        repeated = _repeated_page(talk.pages, page)
        talk.pages.append(page)
        if repeated is not None:
            return talk.later(f"page {len(talk.pages)} repeats page {repeated}", page.status)
        if known is not None and known.page_hashes == tuple(one.sha256 for one in talk.pages):
            return True
        following = _next_page(talk, following)
        if following is not None and len(talk.pages) >= MOST_PAGES:
            return talk.later(f"more than {MOST_PAGES} pages", page.status)
    return False


def _next_page(talk: Talk, latest: Request) -> Request | None:
    if talk.feed.next_page is None:
        return None
    return talk.feed.next_page(latest, [page.body for page in talk.pages])


def _repeated_page(pages: list[Capture], latest: Capture) -> int | None:
    """Return the number, from 1, of the page that ``latest`` equals."""
    for number, page in enumerate(pages, start=1):
        if page.sha256 == latest.sha256:
            return number
    return None


def _pages(talk: Talk, failure: Failure | None) -> tuple[Capture, ...]:
    """Return the pages; after a failure, also the good ones are marked as not to be parsed."""
    if failure is None:
        return tuple(talk.pages)
    flaw = f"incomplete: {failure.reason}"
    return tuple(page if page.flaw else replace(page, flaw=flaw) for page in talk.pages)
