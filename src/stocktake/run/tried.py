"""One small sample from a source, parsed before anybody's eyes and not stored."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from stocktake.errors import SourceChanged, UsageError
from stocktake.fetch.usage import record_tries
from stocktake.model import Days, Values, axis_index, dimensions
from stocktake.run.errands import Errand
from stocktake.run.fetching import open_fetching
from stocktake.run.workspace import reachable_sources

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from stocktake.fetch.answer import Answer
    from stocktake.model import Feed, Parsed, Request, Source, System
    from stocktake.run.workspace import Workspace

SAMPLE_AGE_DAYS = 3
"""A day that every source should have, and that is over everywhere."""
SHOWN_BYTES = 2_000
NO_PLAN = -1
REFUSED_STATUSES = frozenset({401, 403})
TOO_MANY = 429
LEFT_HEADERS = ("ratelimit-remaining", "x-ratelimit-remaining")
RATE_HEADERS = (
    *("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"),
    *("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "retry-after"),
)


@dataclass(frozen=True, slots=True)
class SampleRows:
    """Rows of one type that came out of a sample: how many, and the first as a mapping."""

    table: str
    rows: int
    first: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sample:
    """What one request of a feed brought.

    Args:
        feed: Which feed.
        path: What was asked, without credentials.
        params: Its parameters.
        status: HTTP status, ``None`` without an answer.
        bytes: Decoded size over all pages.
        problem: Why nothing could be parsed; empty when all is well.
        body: Beginning of the first page, as text.
        rows: What the parser made of it.
        notes: The parser's remarks.
        login: ``accepted``, ``refused`` (401 or 403), ``not needed``, or ``not judged`` when no
            answer came.
        shape: ``as expected``, ``broken``, or ``not judged`` when there was nothing to parse.
        limits: What the answer's headers say of rates, and whether the declared limit fits.
    """

    feed: str
    path: str
    params: tuple[tuple[str, str], ...]
    status: int | None
    bytes: int
    problem: str
    body: str
    rows: tuple[SampleRows, ...]
    notes: tuple[str, ...]
    login: str
    shape: str
    limits: tuple[str, ...]


def verify_source(workspace: Workspace, system: System, source: Source) -> list[Sample]:
    """Ask each feed of a source whose units are days or listed values once; nothing is stored.

    The request goes through the same gate, guard and login as any other. Feeds whose units are
    members (a horse) are left out: which member exists is not known beforehand.

    Raises:
        UsageError: The source has no such feed.
        ConfigurationError: Its credentials are missing.
    """
    day = workspace.clock().astimezone(ZoneInfo(system.zone)).date()
    asked = [
        (feed, request)
        for feed in source.feeds
        if feed.enabled_by in {"", *workspace.lifted(system)}
        and (request := _request(system, feed, day - _sample_age(feed))) is not None
    ]
    if not asked:
        raise UsageError(
            f"{source.name} has no feed that can be tried.", hint=f"stocktake sources {system.name}"
        )
    with reachable_sources(workspace, system) as settings:
        return asyncio.run(_ask(workspace, source, asked=asked, settings=settings))


def _sample_age(feed: Feed) -> timedelta:
    return timedelta(days=SAMPLE_AGE_DAYS if feed.window.days_back != 1 else 0)


def _request(system: System, feed: Feed, day: date) -> Request | None:
    dims = dimensions(system.dataset(feed.fills[0]).partitions)
    axis = axis_index(system.dataset(feed.fills[0]).partitions)
    choices: list[Sequence[str]] = []
    for index, dim in enumerate(dims):
        if isinstance(dim, Days):
            choices.append((day.isoformat(),))
        elif isinstance(dim, Values):
            served = [key[0] for key in feed.only] if feed.only and index != axis else dim.values
            choices.append(served)
        else:
            return None
    keys: list[tuple[str, ...]] = [()]
    for values in choices:
        keys = [(*key, value) for key in keys for value in values]
    return next(iter(feed.requests(keys)), None)


async def _ask(
    workspace: Workspace,
    source: Source,
    *,
    asked: Sequence[tuple[Feed, Request]],
    settings: Mapping[str, Mapping[str, Any]],
) -> list[Sample]:
    found = []
    async with open_fetching(
        workspace.database, settings, stored={}, clock=workspace.clock
    ) as fetching:
        for feed, request in asked:
            answer = await fetching.fetch(Errand(NO_PLAN, source, feed, request, ()))
            await asyncio.to_thread(_count, workspace, source, feed, answer)
            found.append(_sample(source, feed, answer))
    return found


def _count(workspace: Workspace, source: Source, feed: Feed, answer: Answer) -> None:
    """Count the requests like any others; they were sent."""
    with workspace.database.connection() as conn:
        tries = {(source.name, feed.endpoint.name): answer.tries}
        record_tries(conn, tries, day=workspace.clock().date())


def _sample(source: Source, feed: Feed, answer: Answer) -> Sample:
    parsed: Parsed | None = None
    problem = answer.failure.reason if answer.failure else ""
    if not problem:
        bodies = [page.body for page in answer.captures]
        try:
            parsed = feed.parse(bodies, answer.request, answer.captures[0].fetched_at)
        except SourceChanged as error:
            problem = error.message
    status = answer.failure.status if answer.failure else answer.captures[0].status
    body = answer.captures[0].body if answer.captures else b""
    return Sample(
        feed=feed.name,
        path=answer.request.path,
        params=answer.request.params,
        status=status,
        bytes=sum(len(page.body) for page in answer.captures),
        problem=problem,
        body=body[:SHOWN_BYTES].decode("utf-8", "replace"),
        rows=() if parsed is None else _rows(parsed),
        notes=() if parsed is None else tuple(parsed.notes),
        login=_login(source, status),
        shape=_shape(answer, parsed),
        limits=_limits(feed, answer),
    )


def _login(source: Source, status: int | None) -> str:
    if status in REFUSED_STATUSES:
        return "refused"
    if source.auth in {"", "none"}:
        return "not needed"
    return "not judged" if status is None else "accepted"


def _shape(answer: Answer, parsed: Parsed | None) -> str:
    if parsed is not None:
        return "as expected"
    return "not judged" if answer.failure is not None else "broken"


def _limits(feed: Feed, answer: Answer) -> tuple[str, ...]:
    """Return what rate headers say, and a warning where the declared limit is above theirs."""
    headers = answer.captures[0].headers if answer.captures else {}
    told = [f"{name}: {headers[name]}" for name in RATE_HEADERS if name in headers]
    declared = feed.endpoint.per_second
    if any(attempt.status == TOO_MANY for attempt in answer.attempts):
        told.append(f"answered 429 to one request; declared are {declared:g} a second")
    left = {headers.get(name, "").strip() for name in LEFT_HEADERS}
    told += ["nothing is left of the present allowance"] if "0" in left else []
    return tuple(told)


def _rows(parsed: Parsed) -> tuple[SampleRows, ...]:
    return tuple(
        SampleRows(kind.__name__, len(rows), dict(zip(kind._fields, rows[0], strict=True)))  # type: ignore[attr-defined]
        for kind, rows in parsed.rows.items()
        if rows
    )
