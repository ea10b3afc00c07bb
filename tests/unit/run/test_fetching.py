"""What an interrupted run had captured: used only when no page is missing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from stocktake.model import Capture, Endpoint, Feed, Parsed, Request
from stocktake.run.errands import Errand
from stocktake.run.fetching import is_whole
from stocktake.run.registry import find_system

if TYPE_CHECKING:
    from collections.abc import Sequence

SOURCE, _ = find_system("racing").feed("results")
FIRST = Request("letters", "/letters", (("page", "1"),), (("a",),))
LAST_PAGE = 3


def by_number(request: Request, bodies: Sequence[bytes]) -> Request | None:
    """Say which page follows by the request alone: the answers do not tell."""
    del bodies
    number = int(dict(request.params)["page"])
    if number == LAST_PAGE:
        return None
    return replace(request, params=(("page", str(number + 1)),))


def unparsed(bodies: Sequence[bytes], request: Request, at: datetime) -> Parsed:
    return Parsed()


LETTERS = Feed(
    "letters", Endpoint("letters", 5), ("letters",), lambda _: (), unparsed, next_page=by_number
)
ERRAND = Errand(0, SOURCE, LETTERS, FIRST, ())


def pages(count: int) -> list[Capture]:
    """Return the first pages as they were captured, each with its own request."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return [
        Capture(replace(FIRST, params=(("page", str(number)),)), 200, b"", b"", at, 0.1)
        for number in range(1, count + 1)
    ]


def test_an_answer_is_whole_when_its_last_page_was_captured() -> None:
    assert is_whole(ERRAND, pages(LAST_PAGE))


def test_an_answer_that_lacks_its_last_page_is_fetched_again() -> None:
    assert not is_whole(ERRAND, pages(LAST_PAGE - 1))
