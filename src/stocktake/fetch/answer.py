"""What the fetch stage hands on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from stocktake.model import Attempt, Capture, Request, State


@dataclass(frozen=True, slots=True)
class Known:
    """What is already stored of a request's latest whole answer.

    Args:
        capture_id: Its first page.
        page_hashes: SHA-256 of each page's body, in order.
        etag: ETag of the first page, empty when it had none.
        last_modified: Last-Modified of the first page, empty when it had none.
    """

    capture_id: int
    page_hashes: tuple[bytes, ...]
    etag: str = ""
    last_modified: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a request brought nothing that may be parsed.

    Args:
        state: ``failed``; ``unrecoverable`` when the source proved that it does not have it;
            ``missing`` when it was never asked (paused, quota used up, circuit open).
        reason: For users; without addresses or secrets.
        status: HTTP status of the last answer, ``None`` when there was none.
        next_try_at: When another try is worth it, ``None`` when only a change on our side helps.
        pauses_source: Whether nothing more can be had from the source until somebody resumes it.
    """

    state: State
    reason: str
    status: int | None = None
    next_try_at: datetime | None = None
    pauses_source: bool = False


@dataclass(frozen=True, slots=True)
class Try:
    """One request as it was sent, redirects too.

    Args:
        code: HTTP status of the answer, or what failed where none came: ``timeout``, ``dns``,
            ``unreachable``, ``tls``, ``broken``.
        seconds: From asking for a connection to the last byte.
        bytes: Size of the body, decoded.
        waited: Seconds it waited for the rate gate before.
    """

    code: str
    seconds: float
    bytes: int
    waited: float


@dataclass(frozen=True, slots=True)
class Answer:
    """All that one request brought, over all its pages.

    Args:
        request: What was asked.
        captures: Pages in order, to be stored and parsed. After a ``failure`` they are all flawed:
            what had arrived until then, to be stored only.
        unchanged: Whether it equals what is stored; ``captures`` is empty after a 304.
        failure: Set when there is nothing to parse.
        attempts: Tries that did not succeed.
        requests: Requests sent, with redirects, pages and tries.
        evidence: Damaged answers of tries that were repeated, to be stored only.
        tries: Every request that was sent for it now.
        edits: Capture of which a person made this answer, ``None`` when it came from a source.
    """

    request: Request
    captures: tuple[Capture, ...] = ()
    unchanged: bool = False
    failure: Failure | None = None
    attempts: tuple[Attempt, ...] = ()
    requests: int = 0
    evidence: tuple[Capture, ...] = ()
    tries: tuple[Try, ...] = ()
    edits: int | None = None
