"""Rejects: rows refused, kept with their reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stocktake.load.rows import storable
from stocktake.load.tables import QUERIES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    import psycopg

    from stocktake.model import Reject


@dataclass(frozen=True, slots=True)
class StoredReject:
    """A reject as kept; the fields are those of ``Reject``, and where it came from.

    Attributes:
        reject_id: Its number.
        capture_id: Capture that held the row.
        run_id: Run that loaded it.
        at: When it was refused.
    """

    reject_id: int
    dataset: str
    capture_id: int | None
    run_id: int
    position: str
    code: str
    reason: str
    raw: str
    at: datetime


def store_rejects(
    conn: psycopg.Connection[Any],
    system: str,
    *,
    rejects: Sequence[tuple[int, Reject]],
    run_id: int,
    now: datetime,
) -> None:
    """Keep rejects, each with its capture; characters that no text can hold become escapes."""
    if not rejects:
        return
    found = [reject for _, reject in rejects]
    conn.execute(
        QUERIES.add_rejects,
        {
            "run_id": run_id,
            "at": now,
            "system": system,
            "capture": [capture_id for capture_id, _ in rejects],
            "dataset": [reject.dataset for reject in found],
            "position": [storable(reject.position) for reject in found],
            "code": [storable(reject.code) for reject in found],
            "reason": [storable(reject.reason) for reject in found],
            "raw": [storable(reject.raw) for reject in found],
        },
    )


def list_rejects(
    conn: psycopg.Connection[Any],
    system: str,
    *,
    datasets: Sequence[str] = (),
    run_id: int | None = None,
    before: int | None = None,
    limit: int | None = None,
) -> Iterator[StoredReject]:
    """Yield open rejects, newest first, as lists and exports show them.

    Args:
        system: Of which system.
        datasets: Only these, empty for all.
        run_id: Only this run's, ``None`` for all.
        before: Only those with a smaller number, ``None`` for all.
        limit: At most so many, ``None`` for all.
    """
    rows = conn.execute(
        QUERIES.list_rejects,
        {
            "system": system,
            "datasets": list(datasets),
            "run_id": run_id,
            "before": before,
            "limit": limit,
        },
    )
    for row in rows:
        yield StoredReject(*row)
