"""Replies: canned ones, the ones a fault puts in their place, and who gives them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from hashlib import blake2b
from http import HTTPStatus
from typing import Final, Self

import msgspec

from stocktake.testing.faults import Fault

JSON_TYPE: Final = "application/json"

_STATUS_DETAIL: Final[Mapping[str, str]] = {
    "401": "Incorrect username or password",
    "403": "Forbidden",
    "429": "Rate limit exceeded",
    "500": "Internal Server Error",
    "502": "Bad Gateway",
    "503": "Service Unavailable",
    "504": "Gateway Timeout",
}
_HTML: Final = (
    b"<!doctype html><html><head><title>Sign in</title></head><body>Sign in</body></html>"
)


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer: status, body bytes and headers (``Content-Type`` defaults to JSON).

    A ``fault`` spoils this one reply, as a rule in force would.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    fault: Fault | None = None

    @classmethod
    def of_json(cls, value: object, *, status: int = 200) -> Self:
        """Return a reply whose body is ``value`` as JSON."""
        return cls(status, msgspec.json.encode(value))


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as an answer function sees it.

    Attributes:
        endpoint: Route pattern that matched.
        path: Path as asked, without the query.
        parts: Values of the pattern's ``{names}``.
        query: Query parameters in the order given; names may repeat.
        headers: Header names are lower case.
    """

    endpoint: str
    path: str
    parts: Mapping[str, str]
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint: its pattern, what answers it, and its limit.

    Attributes:
        pattern: Path with ``{names}``, such as ``/v1/results/{race_id}``.
        answer: Called in one worker thread, one request at a time.
        per_second: Most requests admitted in a sliding second; None is unlimited.
        gate: Routes of one gate share one limit, as the addresses of one host do; their
            requests are counted under its name too. None gives the route a limit of its own.
    """

    pattern: str
    answer: Callable[[Asked], Reply]
    per_second: float | None = None
    gate: str | None = None


class Play:
    """The entries of one scripted route and how far they were played."""

    def __init__(self, entries: Sequence[Reply | Fault]) -> None:
        if not any(isinstance(entry, Reply) for entry in entries):
            message = "A scripted route needs at least one reply."
            raise ValueError(message)
        self._turns = [_turn(entries, position) for position in range(len(entries))]
        self._played = 0

    def answer(self, _asked: Asked) -> Reply:
        """Return the next reply; the last one repeats."""
        turn = self._turns[min(self._played, len(self._turns) - 1)]
        self._played += 1
        return turn


def _turn(entries: Sequence[Reply | Fault], position: int) -> Reply:
    """Return the reply of one turn; a fault spoils the reply behind it, else the one before."""
    entry = entries[position]
    if isinstance(entry, Reply):
        return entry
    behind = [other for other in entries[position:] if isinstance(other, Reply)]
    before = [other for other in entries[:position] if isinstance(other, Reply)]
    return replace((behind or before[-1:])[0], fault=entry)


def spoiled_reply(fault: Fault, raw_path: str, *, now: datetime) -> Reply | None:
    """Return the well-formed reply a fault puts in place of the true one, if it does."""
    if fault.kind == "429":
        headers = (
            {} if fault.value is None else {"Retry-After": _retry_after(str(fault.value), now)}
        )
        return replace(detail("429"), headers=headers)
    if fault.kind in _STATUS_DETAIL:
        return detail(fault.kind)
    if fault.kind == "redirect_loop":
        return Reply(HTTPStatus.FOUND, headers={"Location": raw_path})
    if fault.kind == "redirect_host":
        target = "http://elsewhere.invalid/" if fault.value is None else str(fault.value)
        return Reply(HTTPStatus.FOUND, headers={"Location": target})
    bodies = {"empty_object": b"{}", "empty_body": b"", "null": b"null", "html": _HTML}
    if fault.kind not in bodies:
        return None
    kind = "text/html; charset=utf-8" if fault.kind == "html" else JSON_TYPE
    return Reply(body=bodies[fault.kind], headers={"Content-Type": kind})


def _retry_after(value: str, now: datetime) -> str:
    """Return the header's text; ``http-date:7`` becomes the date seven seconds from now."""
    if not value.startswith("http-date:"):
        return value
    at = now + timedelta(seconds=float(value.partition(":")[2]))
    return format_datetime(at, usegmt=True)


def with_etag(reply: Reply, asked_for: str | None) -> Reply:
    """Add an ``ETag``; an equal ``If-None-Match`` turns the reply into a 304."""
    tag = f'"{blake2b(reply.body, digest_size=12).hexdigest()}"'
    headers = {**reply.headers, "ETag": tag}
    if asked_for == tag:
        return Reply(HTTPStatus.NOT_MODIFIED, headers=headers)
    return replace(reply, headers=headers)


def detail(status: str) -> Reply:
    """Return the JSON error body the server gives with a status."""
    return Reply.of_json({"detail": _STATUS_DETAIL[status]}, status=int(status))


def not_found(_asked: Asked) -> Reply:
    """Answer as for an endpoint or id that does not exist."""
    return Reply.of_json({"detail": "Not Found"}, status=404)
