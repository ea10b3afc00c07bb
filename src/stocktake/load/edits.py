"""Captures that a person made of others: one row changed, with who, when and both texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stocktake.load.tables import QUERIES

if TYPE_CHECKING:
    from datetime import datetime

    import psycopg


@dataclass(frozen=True, slots=True)
class Edit:
    """What a person changed in an answer.

    Attributes:
        edits: Capture it was changed in; that one stays as it is.
        position: Where the row stands there.
        before: The row as it came.
        after: The row as it was typed.
        by: Who changed it.
        reason: Why; empty when nothing was said.
        at: When, ``None`` before it is written down.
    """

    edits: int
    position: str
    before: str
    after: str
    by: str
    reason: str = ""
    at: datetime | None = None


def note_edit(
    conn: psycopg.Connection[Any],
    capture_id: int,
    edit: Edit,
    *,
    reject_id: int,
    now: datetime,
) -> None:
    """Write down that a capture was made by a person, and that its reject ended by that."""
    told = {
        "edits": edit.edits,
        "position": edit.position,
        "before": edit.before,
        "after": edit.after,
        "by": edit.by,
        "reason": edit.reason,
        "now": now,
    }
    facts = {"capture_id": capture_id, "reject_id": reject_id}
    conn.execute(QUERIES.add_edit, {**facts, **told})
    conn.execute(QUERIES.mark_edited, {**facts, **told})


def edit_of(conn: psycopg.Connection[Any], capture_id: int) -> Edit | None:
    """Return what a person changed in a capture; ``None`` when it is as it came."""
    row = conn.execute(QUERIES.edit_of, {"capture_id": capture_id}).fetchone()
    return None if row is None else Edit(*row)
