"""What an answer means, from its status and the look of its body; parsers decide the rest."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stocktake.fetch.transport import Response
    from stocktake.model import Feed

DETAIL_CHARACTERS = 120
_HTML_STARTS = (b"<!doctype html", b"<html", b"<head", b"<body", b"<!doctype\thtml")
_BLANKS = b" \t\r\n\xef\xbb\xbf\x00"


class Meaning(Enum):
    """What to do with an answer."""

    USE = "use"
    UNCHANGED = "unchanged"
    AGAIN = "again"
    WAIT = "wait"
    ABSENT = "absent"
    REFUSED = "refused"
    NO_ACCESS = "no access"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A meaning with its reason, for users."""

    meaning: Meaning
    reason: str = ""


def judge(response: Response, feed: Feed) -> Verdict:
    """Return what ``response`` to a request of ``feed`` means.

    A 200 is used unless its body is empty, or an HTML page where none is due: login and error
    pages often come as 200, and must never look like an empty day.
    """
    status = response.status
    meaning = _MEANINGS.get(status, Meaning.REFUSED)
    if response.flaw and meaning not in _MEANT_WHATEVER_THE_BODY:
        is_silent = feed.endpoint.silence and response.seconds >= feed.endpoint.timeout_seconds
        meant = f": {feed.endpoint.silence}" if is_silent else ""
        return Verdict(Meaning.AGAIN, response.flaw + meant)
    if status in feed.absent_statuses:
        reason = feed.absent_reason or "the source does not have it"
        return Verdict(Meaning.ABSENT, f"{reason} (HTTP {status})")
    if meaning is Meaning.USE:
        return _judge_body(response.body, feed)
    detail = _detail(response.body) if meaning is Meaning.REFUSED else _DETAILS.get(meaning, "")
    return Verdict(meaning, f"HTTP {status}{detail}")


LOGIN_REFUSED = "the login was refused"
_DETAILS = {Meaning.WAIT: ", too many requests", Meaning.NO_ACCESS: f", {LOGIN_REFUSED}"}
_MEANT_WHATEVER_THE_BODY = frozenset(_DETAILS)
_MEANINGS = {
    200: Meaning.USE,
    203: Meaning.USE,
    304: Meaning.UNCHANGED,
    401: Meaning.NO_ACCESS,
    403: Meaning.NO_ACCESS,
    429: Meaning.WAIT,
    **dict.fromkeys((202, 408, 425, *range(500, 600)), Meaning.AGAIN),
}


def _judge_body(body: bytes, feed: Feed) -> Verdict:
    start = body[:256].lstrip(_BLANKS).lower()
    if not start and not body.strip(_BLANKS):
        return Verdict(Meaning.REFUSED, "empty body where an answer is due")
    if feed.endpoint.media_type != "text/html" and start.startswith(_HTML_STARTS):
        due = feed.endpoint.media_type or "none"
        return Verdict(Meaning.REFUSED, f"an HTML page where {due} is due: login or error page")
    return Verdict(Meaning.USE)


def _detail(body: bytes) -> str:
    """Return the beginning of an error's text, on one line, printable characters only."""
    text = " ".join(body[: 4 * DETAIL_CHARACTERS].decode("utf-8", "replace").split())
    shown = "".join(character for character in text if character.isprintable())
    return f": {shown[:DETAIL_CHARACTERS]}" if shown else ""
