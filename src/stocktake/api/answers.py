"""Answers as JSON, and lists in pages with a cursor."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

import msgspec
from fastapi import Query
from fastapi.responses import Response

from stocktake.api.problems import FieldError, Problem
from stocktake.run.encoded import JSON

MOST_ITEMS, USUAL_ITEMS = 200, 50
MOST_CURSOR = 500

Limit = Annotated[int, Query(ge=1, le=MOST_ITEMS, description="Most items of a page.")]
Cursor = Annotated[
    str,
    Query(max_length=MOST_CURSOR, description="`next_cursor` of the page before; empty: first."),
]
Item = TypeVar("Item")


def answer(document: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return a document as JSON."""
    kind = (headers or {}).get("Content-Type", "application/json")
    return Response(JSON.encode(document), status, headers=headers, media_type=kind)


def page(items: Sequence[Item], limit: int, key: Callable[[Item], Any]) -> dict[str, Any]:
    """Return a page of ``limit`` items out of up to one more, with the cursor of the next.

    Args:
        items: Up to ``limit + 1``: the one more says that there is a next page.
        limit: Items of a page.
        key: What of the last item the next page begins after.
    """
    shown = list(items[:limit])
    more = len(items) > limit
    return {"items": shown, "next_cursor": cursor_of(key(shown[-1])) if more else None}


def cursor_of(key: Any) -> str:
    """Return a cursor; callers pass it back as it is."""
    return base64.urlsafe_b64encode(JSON.encode(key)).decode().rstrip("=")


def read_cursor(text: str, kind: type[Item]) -> Item | None:
    """Return what a cursor holds; ``None`` for an empty one.

    Raises:
        Problem: 422, it is none of ours.
    """
    if not text:
        return None
    try:
        raw = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        return msgspec.json.decode(raw, type=kind)
    except (ValueError, binascii.Error, UnicodeEncodeError, msgspec.DecodeError) as error:
        wrong = FieldError("query.cursor", "cursor", "Not a cursor of this list.")
        raise Problem(422, "invalid", "The cursor is not one.", errors=(wrong,)) from error
