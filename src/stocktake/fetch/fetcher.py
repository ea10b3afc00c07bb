"""From a request to an answer: pages, tries, and what every kind of failure means."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, field, replace
from datetime import timedelta
from importlib.metadata import version
from random import Random
from typing import TYPE_CHECKING

import structlog

from stocktake.errors import ConfigurationError, RequestRefused, SourceChanged
from stocktake.fetch.answer import Answer, Failure, Known
from stocktake.fetch.exchange import Exchange
from stocktake.fetch.gate import Held
from stocktake.fetch.guard import request_url
from stocktake.fetch.judge import Meaning, Verdict, judge
from stocktake.fetch.login import kept_headers, login_of
from stocktake.fetch.retry_after import retry_after_seconds
from stocktake.model import Attempt, Capture, State

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from stocktake.fetch.exchange import Exchanged
    from stocktake.fetch.gate import RateGate, Sleep
    from stocktake.fetch.guard import Guard
    from stocktake.fetch.login import Login
    from stocktake.fetch.transport import Response, Transport
    from stocktake.model import Feed, Request, Source

__all__ = ["Answer", "Failure", "Fetcher", "Known", "Retries"]

LOG = structlog.get_logger(__name__)

MOST_PAGES = 1000
LONGEST_PAUSE_SECONDS = 3600.0
EVIDENCE_BYTES = 1 << 20
TRY_AGAIN_AFTER = timedelta(minutes=15)
ASK_ABSENT_AGAIN_AFTER = timedelta(days=30)
USER_AGENT = f"Stocktake/{version('stocktake')}"


@dataclass(frozen=True, slots=True)
class Retries:
    """How often and how soon a request is repeated.

    Args:
        tries: Tries of one page that end in an error of the server or the network.
        waits: Tries of one page that end in "too many requests".
        first_seconds: Delay after the first error; doubles each time, jittered by half.
        longest_seconds: Largest delay before jitter.
        first_wait_seconds: Pause after a 429 without Retry-After; doubles each time.
        random: Where jitter comes from.
        sleep: How delays pass.
    """

    tries: int = 5
    waits: int = 8
    first_seconds: float = 1.0
    longest_seconds: float = 60.0
    first_wait_seconds: float = 5.0
    random: Random = field(default_factory=Random)
    sleep: Sleep = asyncio.sleep

    def delay(self, tried: int) -> float:
        """Return the seconds to wait after the ``tried``-th error, 1 for the first."""
        full = min(self.longest_seconds, self.first_seconds * 2.0 ** (tried - 1))
        return full * self.random.uniform(0.5, 1.5)

    def pause(self, waited: int) -> float:
        """Return the seconds that everyone waits after the ``waited``-th 429 that names none."""
        full = self.first_wait_seconds * 2.0 ** (waited - 1) * self.random.uniform(1.0, 1.2)
        return min(LONGEST_PAUSE_SECONDS, full)


@dataclass(slots=True)
class _Talk:
    """One request's exchanges as they go on."""

    source: Source
    feed: Feed
    exchange: Exchange
    base_url: str
    headers: Mapping[str, str]
    login: Login
    pages: list[Capture] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    evidence: list[Capture] = field(default_factory=list)
    requests: int = 0


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

    async def fetch(
        self, source: Source, feed: Feed, request: Request, *, known: Known | None = None
    ) -> Answer:
        """Return the answer to ``request`` with all its pages; a source's failures never raise.

        Args:
            source: Where to ask.
            feed: What it is for.
            request: What to ask.
            known: What is stored of it; asks only for what changed, and recognises the same
                pages. ``None`` fetches anew.

        Raises:
            ConfigurationError: The source has no address or lacks credentials.
            DatabaseUnavailable: The gate lost its database.
        """
        talk = self._begin(source, feed)
        try:
            outcome = await self._fetch_pages(talk, request, known)
        except RequestRefused as error:
            outcome = Failure(State.FAILED, error.message)
        except SourceChanged as error:
            outcome = Failure(State.FAILED, error.message)
        captures = tuple(talk.pages)
        failure = outcome if isinstance(outcome, Failure) else None
        if failure is not None:
            LOG.info(
                "fetch_failed",
                source=source.name,
                feed=feed.name,
                state=failure.state.value,
                reason=failure.reason,
            )
            captures = tuple(
                page if page.flaw else replace(page, flaw=f"incomplete: {failure.reason}")
                for page in captures
            )
        return Answer(
            request,
            captures,
            unchanged=outcome is True,
            failure=failure,
            attempts=tuple(talk.attempts),
            requests=talk.requests,
            evidence=tuple(talk.evidence),
        )

    def _begin(self, source: Source, feed: Feed) -> _Talk:
        own = self._settings.get(source.name, {})
        base_url = str(own.get("base_url") or source.base_url)
        if not base_url:
            raise ConfigurationError(f"{source.name} has no base_url.")
        login = login_of(source, own)
        exchange = Exchange(
            self._transport, self._gate, self._guard, source.name, login.authorization
        )
        headers = {
            "User-Agent": str(own.get("user_agent") or USER_AGENT),
            "Accept": feed.endpoint.media_type or "*/*",
        }
        return _Talk(source, feed, exchange, base_url, headers, login)

    async def _fetch_pages(
        self, talk: _Talk, request: Request, known: Known | None
    ) -> Failure | bool:
        """Fill ``talk.pages``; return a failure, or whether the answer equals what is known."""
        following: Request | None = request
        while following is not None:
            is_first = not talk.pages
            outcome = await self._fetch_page(talk, following, known if is_first else None)
            if isinstance(outcome, Failure):
                return outcome
            if outcome is None:
                return True
            repeated = _repeated_page(talk.pages, outcome)
            talk.pages.append(outcome)
            if repeated is not None:
                reason = f"page {len(talk.pages)} repeats page {repeated}"
                return self._later(reason, outcome.status)
            following = self._next_page(talk, following)
            if following is not None and len(talk.pages) >= MOST_PAGES:
                return self._later(f"more than {MOST_PAGES} pages", outcome.status)
        hashes = tuple(page.sha256 for page in talk.pages)
        return known is not None and hashes == known.page_hashes

    def _next_page(self, talk: _Talk, latest: Request) -> Request | None:
        if talk.feed.next_page is None:
            return None
        return talk.feed.next_page(latest, [page.body for page in talk.pages])

    async def _fetch_page(
        self, talk: _Talk, request: Request, known: Known | None
    ) -> Capture | Failure | None:
        """Return the page, why there is none, or ``None`` when it has not changed."""
        url = request_url(talk.base_url, request)
        condition = _condition(known)
        failed = waited = 0
        while True:
            sent = await talk.exchange.send(
                url, endpoint=talk.feed.endpoint, headers={**talk.headers, **condition}
            )
            if isinstance(sent, Held):
                return self._held(sent)
            talk.requests += sent.requests
            response = replace(sent.response, body=talk.login.redact(sent.response.body))
            verdict = judge(response, talk.feed)
            if verdict.meaning is Meaning.UNCHANGED and not condition:
                verdict = Verdict(Meaning.AGAIN, "HTTP 304 although nothing is stored")
            if verdict.meaning is Meaning.AGAIN:
                # A cache in between may be what went wrong.
                condition = {"Cache-Control": "no-cache"}
            capture = self._captured(talk, request, response, verdict)
            if verdict.meaning in {Meaning.USE, Meaning.UNCHANGED}:
                await self._gate.succeeded(sent.permit, seconds=response.seconds)
                return capture if verdict.meaning is Meaning.USE else None
            self._note(talk, verdict, response)
            if verdict.meaning is Meaning.WAIT:
                waited += 1
                failure = await self._wait(talk, sent, waited)
            elif verdict.meaning is Meaning.AGAIN:
                failed += 1
                failure = await self._again(sent, verdict, failed)
            else:
                failure = await self._final(talk, sent, verdict)
            if failure is not None:
                if response.status:
                    talk.pages.append(capture)
                return failure
            if response.flaw and response.body:
                talk.evidence.append(capture)

    async def _wait(self, talk: _Talk, sent: Exchanged, waited: int) -> Failure | None:
        """Hold the gate for everyone as a 429 asks; the last wait, or a huge one, is a failure."""
        response = sent.response
        asked = retry_after_seconds(response.headers, now=self._clock())
        pause = self._retries.pause(waited) if asked is None else asked
        reason = "HTTP 429, too many requests"
        await self._gate.hold(
            sent.permit,
            pause_seconds=min(pause, LONGEST_PAUSE_SECONDS),
            reason=reason,
            seconds=response.seconds,
            learns=True,
        )
        if pause > LONGEST_PAUSE_SECONDS:
            reason = f"{reason}: asked to wait {pause / 3600:.1f} hours"
            await self._gate.pause_source(talk.source.name, reason=reason, by="fetch")
            return Failure(
                State.FAILED,
                reason,
                response.status,
                self._clock() + timedelta(seconds=min(pause, timedelta(days=30).total_seconds())),
                pauses_source=True,
            )
        if waited < self._retries.waits:
            return None
        return self._later(f"{reason} ({waited} tries)", response.status)

    async def _again(self, sent: Exchanged, verdict: Verdict, failed: int) -> Failure | None:
        """Tell the gate and wait a little; the last try is a failure."""
        response = sent.response
        asked = retry_after_seconds(response.headers, now=self._clock())
        await self._gate.failed(
            sent.permit,
            reason=verdict.reason,
            seconds=response.seconds,
            was_sent=response.was_sent,
        )
        if asked is not None:
            await self._gate.pause(
                sent.permit,
                pause_seconds=min(asked, LONGEST_PAUSE_SECONDS),
                reason=verdict.reason,
            )
        if failed >= self._retries.tries:
            return self._later(f"{verdict.reason} ({failed} tries)", response.status or None)
        await self._retries.sleep(self._retries.delay(failed))
        return None

    async def _final(self, talk: _Talk, sent: Exchanged, verdict: Verdict) -> Failure:
        """Return what an answer that no repetition will change means."""
        response, now = sent.response, self._clock()
        if verdict.meaning is Meaning.ABSENT:
            await self._gate.succeeded(sent.permit, seconds=response.seconds)
            again_at = now + ASK_ABSENT_AGAIN_AFTER
            return Failure(State.UNRECOVERABLE, verdict.reason, response.status, again_at)
        await self._gate.succeeded(sent.permit, seconds=response.seconds, complaint=verdict.reason)
        if verdict.meaning is Meaning.NO_ACCESS:
            await self._gate.pause_source(talk.source.name, reason=verdict.reason, by="fetch")
            return Failure(State.FAILED, verdict.reason, response.status, pauses_source=True)
        # Our own mistake (4xx) will not heal; a login page instead of an answer may.
        again = now + TRY_AGAIN_AFTER if response.status < 400 else None  # noqa: PLR2004 -- HTTP
        return Failure(State.FAILED, verdict.reason, response.status, again)

    def _later(self, reason: str, status: int | None) -> Failure:
        return Failure(State.FAILED, reason, status, self._clock() + TRY_AGAIN_AFTER)

    def _held(self, held: Held) -> Failure:
        if held.is_paused:
            return Failure(State.MISSING, held.reason, pauses_source=True)
        return Failure(
            State.MISSING,
            held.reason,
            next_try_at=self._clock() + timedelta(seconds=held.seconds),
        )

    def _note(self, talk: _Talk, verdict: Verdict, response: Response) -> None:
        talk.attempts.append(
            Attempt(
                at=self._clock(),
                feed=talk.feed.name,
                outcome=verdict.meaning.value,
                reason=verdict.reason,
                capture_id=None,
                seconds=response.seconds,
                status=response.status or None,
            )
        )

    def _captured(
        self, talk: _Talk, request: Request, response: Response, verdict: Verdict
    ) -> Capture:
        is_good = verdict.meaning is Meaning.USE
        body = response.body if is_good else response.body[:EVIDENCE_BYTES]
        return Capture(
            request,
            response.status,
            body,
            hashlib.sha256(body).digest(),
            fetched_at=self._clock(),
            seconds=response.seconds,
            headers=kept_headers(response.headers),
            page=len(talk.pages),
            flaw="" if is_good else verdict.reason,
        )


def _condition(known: Known | None) -> dict[str, str]:
    """Return the headers that ask for changes only; a 304 says nothing of later pages."""
    if known is None or len(known.page_hashes) != 1:
        return {}
    found = {"If-None-Match": known.etag, "If-Modified-Since": known.last_modified}
    return {name: value for name, value in found.items() if value}


def _repeated_page(pages: list[Capture], latest: Capture) -> int | None:
    """Return the number, from 1, of the page that ``latest`` equals."""
    for number, page in enumerate(pages, start=1):
        if page.sha256 == latest.sha256:
            return number
    return None
