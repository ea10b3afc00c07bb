"""The sources as the gates see them: pauses, health, limits; and the tries that failed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from stocktake.fetch.captures import QUERIES, unit_text
from stocktake.fetch.judge import LOGIN_REFUSED

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    import psycopg

    from stocktake.model import Attempt, Source, System


@dataclass(frozen=True, slots=True)
class EndpointState:
    """What is known of one endpoint, over all processes and runs.

    Args:
        source: Its source.
        endpoint: Its name.
        per_second: Declared limit, requests per second.
        learned_per_second: Lower limit learned from 429s, ``None`` when none was learned.
        requests: Requests sent, redirects and failures included.
        errors: Answers that were no use: network and server errors, and requests found wrong.
        refusals: 429s.
        mean_seconds: Mean time of a request, ``None`` before the first.
        circuit: ``closed`` (working), ``open`` (resting after failures), ``half-open`` (the next
            request is a probe).
        paused_until: Until when everyone waits, ``None`` when nobody does.
        pause_reason: Why, empty when nobody does.
        per_day: Quota of requests per UTC day, ``None`` for none.
        used_today: Requests of this UTC day.
        quota_resets_at: When the quota begins anew.
        last_success_at: Last good answer.
        last_error_at: Last error or refusal.
        last_error: What it was, empty for none.
        source_pause: Why the whole source is paused, empty when it is not.
        last_minute: Answers and failed tries kept of the last minute, ``None`` when not looked up.
        per_minute: Requests that the limit in force allows a minute, ``None`` likewise.
        units_waiting: Units its feeds could be asked for now, ``None`` likewise.
        state: In a word: ``ok``, ``slow`` (a lower limit was learned), ``waiting``, ``half-open``,
            ``circuit open``, ``paused``, ``unauthorised`` (the login was refused) or ``not asked
            yet``.
    """

    source: str
    endpoint: str
    per_second: float
    learned_per_second: float | None = None
    requests: int = 0
    errors: int = 0
    refusals: int = 0
    mean_seconds: float | None = None
    circuit: str = "closed"
    paused_until: datetime | None = None
    pause_reason: str = ""
    per_day: int | None = None
    used_today: int = 0
    quota_resets_at: datetime | None = None
    last_success_at: datetime | None = None
    last_error_at: datetime | None = None
    last_error: str = ""
    source_pause: str = ""
    last_minute: int | None = None
    per_minute: float | None = None
    units_waiting: int | None = None
    state: str = ""


@dataclass(frozen=True, slots=True)
class FailedTry:
    """One try that did not succeed.

    Args:
        attempt_id: Its number.
        at: When it ended.
        feed: What it was for.
        outcome: What kind of failure.
        reason: Why, for users.
        status: HTTP status, ``None`` without an answer.
        seconds: How long it took.
        units: Units it was for.
        run_id: Run that tried.
        capture_id: The answer kept as evidence, ``None`` for none.
    """

    attempt_id: int
    at: datetime
    feed: str
    outcome: str
    reason: str
    status: int | None
    seconds: float | None
    units: list[str]
    run_id: int | None
    capture_id: int | None


@dataclass(frozen=True, slots=True)
class RequestLine:
    """One request that was sent: its answer as kept, or why none was.

    Args:
        at: When it ended.
        feed: What it was for.
        endpoint: Where it went, empty without an answer.
        path: Its path, empty without an answer.
        params: Its parameters, ``name=value``.
        status: HTTP status, ``None`` when no answer arrived.
        bytes: Size of the answer, ``None`` without one.
        seconds: How long it took.
        reason: Why it is no good, empty when it is.
        run_id: Run that asked.
        capture_id: The answer, ``None`` when none was kept.
        unit: The first unit it was for.
    """

    at: datetime
    feed: str
    endpoint: str
    path: str
    params: list[str]
    status: int | None
    bytes: int | None
    seconds: float | None
    reason: str
    run_id: int | None
    capture_id: int | None
    unit: str | None


def latest_requests(
    conn: psycopg.Connection[Any], system: str, source: Source, *, limit: int
) -> list[RequestLine]:
    """Return the latest requests sent to a source, newest first."""
    feeds = [feed.name for feed in source.feeds]
    asked = {"system": system, "source": source.name, "feeds": feeds, "limit": limit}
    return [RequestLine(*row) for row in conn.execute(QUERIES.latest_requests, asked)]


def failed_tries(
    conn: psycopg.Connection[Any], system: str, source: Source, *, limit: int
) -> list[FailedTry]:
    """Return the latest tries of a source that did not succeed, newest first."""
    feeds = [feed.name for feed in source.feeds]
    asked = {"system": system, "feeds": feeds, "limit": limit}
    return [FailedTry(*row) for row in conn.execute(QUERIES.failed_tries, asked)]


def asked_since(
    conn: psycopg.Connection[Any], system: System, *, since: datetime
) -> Counter[tuple[str, str]]:
    """Return how many answers and failed tries were kept since an instant, per endpoint.

    Of the newest few thousand: what is asked within a minute.
    """
    places = {feed.name: (source.name, feed.endpoint.name) for source, feed in system.feeds()}
    asked = {"system": system.name, "since": since}
    found: Counter[tuple[str, str]] = Counter()
    for feed, requests in conn.execute(QUERIES.asked_since, asked):
        found[places.get(feed, ("", ""))] += requests
    return found


def pause_source(
    conn: psycopg.Connection[Any], source: str, *, reason: str, by: str, now: datetime
) -> bool:
    """Stop all requests to ``source`` until it is resumed; return whether that was news."""
    parameters = {"source": source, "at": now, "reason": reason, "by": by}
    return conn.execute(QUERIES.pause_source, parameters).fetchone() is not None


def resume_source(
    conn: psycopg.Connection[Any], source: str, *, now: datetime | None = None
) -> bool:
    """Let requests pass again and forget pauses, open circuits and learned limits.

    Returns:
        Whether the source was paused.
    """
    resumed = conn.execute(QUERIES.resume_source, {"source": source, "at": now}).fetchone()
    conn.execute(QUERIES.reset_gates, {"source": source})
    return resumed is not None


def endpoint_states(
    conn: psycopg.Connection[Any], sources: Sequence[Source]
) -> list[EndpointState]:
    """Return the state of every declared endpoint, used or not, in the order of declaration."""
    names = {"sources": [source.name for source in sources]}
    pauses = {row[0]: row[2] for row in conn.execute(QUERIES.source_pauses, names)}
    found = {(row[0], row[1]): row[2:] for row in conn.execute(QUERIES.endpoint_states, names)}
    states: list[EndpointState] = []
    for source in sources:
        endpoints = {feed.endpoint.name: feed.endpoint for feed in source.feeds}
        for name, endpoint in endpoints.items():
            states.append(
                EndpointState(
                    source.name,
                    name,
                    endpoint.per_second,
                    per_day=endpoint.per_day,
                    source_pause=pauses.get(source.name, ""),
                    **_measured(found.get((source.name, name))),
                )
            )
    return [replace(one, state=_word(one)) for one in states]


def _word(one: EndpointState) -> str:
    if one.source_pause:
        return "unauthorised" if LOGIN_REFUSED in one.source_pause else "paused"
    if one.circuit == "open" or not one.requests or one.paused_until is not None:
        resting = "waiting" if one.paused_until is not None else "not asked yet"
        return "circuit open" if one.circuit == "open" else resting
    if one.circuit == "half-open":
        return one.circuit
    return "slow" if one.learned_per_second else "ok"


def record_attempts(
    conn: psycopg.Connection[Any],
    system: str,
    attempts: Iterable[Attempt],
    *,
    units: Iterable[Sequence[str]],
    run_id: int | None,
) -> None:
    """Keep tries that failed, so that ``why`` can tell of them."""
    keys = [unit_text(key) for key in units]
    rows = [
        {
            "run_id": run_id,
            "system": system,
            "feed": attempt.feed,
            "units": keys,
            "at": attempt.at,
            "outcome": attempt.outcome,
            "reason": attempt.reason,
            "status": attempt.status,
            "seconds": attempt.seconds,
            "capture_id": attempt.capture_id,
        }
        for attempt in attempts
    ]
    if rows:
        with conn.cursor() as cursor:
            cursor.executemany(QUERIES.add_attempt, rows)


def _measured(row: Sequence[Any] | None) -> dict[str, Any]:
    if row is None:
        return {}
    names = (
        *("learned_per_second", "requests", "errors", "refusals", "mean_seconds", "circuit"),
        *("paused_until", "pause_reason", "used_today", "quota_resets_at"),
        *("last_success_at", "last_error_at", "last_error"),
    )
    found = dict(zip(names, row, strict=True))
    return {**found, **{name: found[name] or "" for name in ("pause_reason", "last_error")}}
