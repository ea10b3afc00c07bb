"""One page: tried until it is here, or until it is known why it will not come."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING

from stocktake.fetch.answer import Failure
from stocktake.fetch.exchange import Disallowed
from stocktake.fetch.gate import Held
from stocktake.fetch.guard import request_url
from stocktake.fetch.judge import Meaning, Verdict, judge
from stocktake.fetch.login import kept_headers
from stocktake.fetch.relative import as_sent
from stocktake.fetch.retry_after import retry_after_seconds
from stocktake.model import Attempt, Capture, State
from stocktake.observe.failpoints import reach

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from stocktake.fetch.answer import Known
    from stocktake.fetch.exchange import Exchange, Exchanged
    from stocktake.fetch.gate import Sleep
    from stocktake.fetch.login import Login
    from stocktake.fetch.transport import Response
    from stocktake.model import Feed, Request

LONGEST_PAUSE_SECONDS = 3600.0
LONGEST_DELAY = timedelta(days=30)
EVIDENCE_BYTES = 1 << 20
TRY_AGAIN_AFTER = timedelta(minutes=15)
ASK_ABSENT_AGAIN_AFTER = timedelta(days=30)
CONDITIONS = frozenset({"If-None-Match", "If-Modified-Since"})
CLIENT_ERRORS = range(400, 500)


@dataclass(frozen=True, slots=True)
class Retries:
    """How often and how soon a page is asked for again.

    Args:
        tries: Tries of one page that may end in an error of the server or the network.
        waits: Tries of one page that may end in "too many requests".
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
class Talk:
    """One request's exchanges as they go on: what was asked, what came."""

    feed: Feed
    exchange: Exchange
    base_url: str
    headers: Mapping[str, str]
    login: Login
    retries: Retries
    clock: Callable[[], datetime]
    pages: list[Capture] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    evidence: list[Capture] = field(default_factory=list)
    failed: int = 0
    waited: int = 0

    def later(self, reason: str, status: int | None) -> Failure:
        """Return a failure that another try may mend."""
        return Failure(State.FAILED, reason, status, self.clock() + TRY_AGAIN_AFTER)


async def fetch_page(
    talk: Talk, request: Request, *, known: Known | None
) -> Capture | Failure | None:
    """Return the page, why there is none, or ``None`` when it has not changed since ``known``.

    What arrived with a failure is added to the talk's pages; damaged answers of tries that were
    repeated are added to its evidence.
    """
    condition = _condition(known)
    talk.failed = talk.waited = 0
    while True:
        url = request_url(talk.base_url, as_sent(request, talk.feed.endpoint, now=talk.clock()))
        sent = await talk.exchange.send(
            url, endpoint=talk.feed.endpoint, headers={**talk.headers, **condition}
        )
        if isinstance(sent, Held):
            return _held(talk, sent)
        if isinstance(sent, Disallowed):
            return Failure(State.FAILED, sent.reason, next_try_at=sent.until)
        response = replace(sent.response, body=talk.login.redact(sent.response.body))
        verdict = judge(response, talk.feed)
        if verdict.meaning is Meaning.UNCHANGED and not condition.keys() & CONDITIONS:
            verdict = Verdict(Meaning.AGAIN, "HTTP 304 although nothing is stored")
        if verdict.meaning is Meaning.UNCHANGED:
            await talk.exchange.gate.succeeded(sent.permit, seconds=response.seconds)
            return None
        capture = _captured(talk, request, response, verdict)
        if verdict.meaning is Meaning.USE:
            await talk.exchange.gate.succeeded(sent.permit, seconds=response.seconds)
            return capture
        failure = await _react(talk, sent, verdict)
        if failure is not None:
            talk.pages += [capture] if response.status else []
            return failure
        talk.evidence += [capture] if response.flaw and response.body else []
        # The next try asks for everything, past any cache: one may be what went wrong.
        condition = {"Cache-Control": "no-cache"} if verdict.meaning is Meaning.AGAIN else condition


def _condition(known: Known | None) -> dict[str, str]:
    """Return the headers that ask for changes only; a 304 says nothing of later pages."""
    if known is None or len(known.page_hashes) != 1:
        return {}
    found = {"If-None-Match": known.etag, "If-Modified-Since": known.last_modified}
    return {name: value for name, value in found.items() if value}


async def _react(talk: Talk, sent: Exchanged, verdict: Verdict) -> Failure | None:
    """Note a try that failed; return ``None`` when it is worth another one now."""
    response = sent.response
    talk.attempts.append(
        Attempt(
            at=talk.clock(),
            feed=talk.feed.name,
            outcome=verdict.meaning.value,
            reason=verdict.reason,
            capture_id=None,
            seconds=response.seconds,
            status=response.status or None,
        )
    )
    if verdict.meaning is Meaning.WAIT:
        return await _wait(talk, sent, verdict)
    if verdict.meaning is Meaning.AGAIN:
        return await _again(talk, sent, verdict)
    return await _final(talk, sent, verdict)


async def _wait(talk: Talk, sent: Exchanged, verdict: Verdict) -> Failure | None:
    """Hold the gate for everyone as a 429 asks; the last wait, or a huge one, is a failure."""
    talk.waited += 1
    response, gate = sent.response, talk.exchange.gate
    asked = retry_after_seconds(response.headers, now=talk.clock())
    pause = talk.retries.pause(talk.waited) if asked is None else asked
    await gate.hold(
        sent.permit,
        pause_seconds=min(pause, LONGEST_PAUSE_SECONDS),
        reason=verdict.reason,
        seconds=response.seconds,
    )
    if pause > LONGEST_PAUSE_SECONDS:
        reason = f"{verdict.reason}, asked to wait {pause / 3600:.1f} hours"
        await gate.pause_source(talk.exchange.source, reason=reason, by="fetch")
        until = talk.clock() + min(timedelta(seconds=min(pause, 1e9)), LONGEST_DELAY)
        return Failure(State.FAILED, reason, response.status, until, pauses_source=True)
    if talk.waited >= talk.retries.waits:
        return talk.later(f"{verdict.reason} ({talk.waited} tries)", response.status)
    return None


async def _again(talk: Talk, sent: Exchanged, verdict: Verdict) -> Failure | None:
    """Tell the gate and wait a little; the last try is a failure."""
    talk.failed += 1
    response, gate = sent.response, talk.exchange.gate
    await gate.failed(
        sent.permit,
        reason=verdict.reason,
        seconds=response.seconds,
        was_sent=response.was_sent,
    )
    asked = retry_after_seconds(response.headers, now=talk.clock())
    if asked is not None:
        pause = min(asked, LONGEST_PAUSE_SECONDS)
        await gate.pause(sent.permit, pause_seconds=pause, reason=verdict.reason)
    if talk.failed >= talk.retries.tries:
        return talk.later(f"{verdict.reason} ({talk.failed} tries)", response.status or None)
    reach("backing_off")
    await talk.retries.sleep(talk.retries.delay(talk.failed))
    return None


async def _final(talk: Talk, sent: Exchanged, verdict: Verdict) -> Failure:
    """Return what an answer that no repetition will change means."""
    response, gate = sent.response, talk.exchange.gate
    status, seconds = response.status, response.seconds
    if verdict.meaning is Meaning.ABSENT:
        await gate.succeeded(sent.permit, seconds=seconds)
        again_at = talk.clock() + ASK_ABSENT_AGAIN_AFTER
        return Failure(State.UNRECOVERABLE, verdict.reason, status, again_at)
    await gate.succeeded(sent.permit, seconds=seconds, complaint=verdict.reason)
    if verdict.meaning is Meaning.NO_ACCESS:
        await gate.pause_source(talk.exchange.source, reason=verdict.reason, by="fetch")
        return Failure(State.FAILED, verdict.reason, status, pauses_source=True)
    if status in CLIENT_ERRORS:  # our own mistake, which will not heal by itself
        return Failure(State.FAILED, verdict.reason, status)
    return talk.later(verdict.reason, status)


def _held(talk: Talk, held: Held) -> Failure:
    if held.is_paused:
        return Failure(State.MISSING, held.reason, pauses_source=True)
    next_try_at = talk.clock() + timedelta(seconds=held.seconds)
    return Failure(State.MISSING, held.reason, next_try_at=next_try_at)


def _captured(talk: Talk, request: Request, response: Response, verdict: Verdict) -> Capture:
    is_good = verdict.meaning is Meaning.USE
    body = response.body if is_good else response.body[:EVIDENCE_BYTES]
    return Capture(
        request,
        response.status,
        body,
        hashlib.sha256(body).digest(),
        fetched_at=talk.clock(),
        seconds=response.seconds,
        headers=kept_headers(response.headers),
        page=len(talk.pages),
        flaw="" if is_good else verdict.reason,
    )
