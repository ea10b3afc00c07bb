"""Duplicates: rows of one answer that share a key and differ, kept for a person to decide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from stocktake.errors import UsageError
from stocktake.load.tables import QUERIES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    import psycopg

Decision = Literal["kept", "replaced", "both"]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two rows with one key.

    Attributes:
        dataset: Their dataset.
        row_key: The key as text, ``race_id=rac_1,horse_id=hrs_7``.
        kept: JSON of the row that was merged, by column.
        other: JSON of the row set aside.
        capture_id: Capture that held both.
    """

    dataset: str
    row_key: str
    kept: str
    other: str
    capture_id: int


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A pair as kept; ``state`` is ``open`` until someone decides."""

    duplicate_id: int
    dataset: str
    row_key: str
    kept: Mapping[str, Any]
    other: Mapping[str, Any]
    capture_id: int | None
    run_id: int
    state: str
    at: datetime

    @property
    def differences(self) -> str:
        """Names of the columns that differ, separated by commas."""
        return ", ".join(name for name, value in self.kept.items() if value != self.other.get(name))


def store_duplicates(
    conn: psycopg.Connection[Any],
    system: str,
    *,
    pairs: Sequence[Pair],
    run_id: int,
    now: datetime,
) -> None:
    """Keep pairs; the same pair found again is not kept twice."""
    if not pairs:
        return
    conn.execute(
        QUERIES.add_duplicates,
        {
            "run_id": run_id,
            "at": now,
            "system": system,
            "capture": [pair.capture_id for pair in pairs],
            "dataset": [pair.dataset for pair in pairs],
            "row_key": [pair.row_key for pair in pairs],
            "kept": [pair.kept for pair in pairs],
            "other": [pair.other for pair in pairs],
        },
    )


def list_duplicates(
    conn: psycopg.Connection[Any],
    system: str,
    *,
    datasets: Sequence[str] = (),
    state: str = "open",
    before: int | None = None,
    limit: int | None = None,
) -> Iterator[Duplicate]:
    """Yield duplicates in one state below number ``before``, newest first."""
    rows = conn.execute(
        QUERIES.list_duplicates,
        {
            "system": system,
            "datasets": list(datasets),
            "state": state,
            "before": before,
            "limit": limit,
        },
    )
    for row in rows:
        yield Duplicate(*row)


def decide(
    conn: psycopg.Connection[Any],
    duplicate_id: int,
    *,
    decision: Decision,
    by: str,
    now: datetime,
) -> None:
    """Write down what a person decided about an open duplicate; no row changes.

    Raises:
        UsageError: There is no such duplicate, or it was decided before.
    """
    decided = conn.execute(
        QUERIES.decide_duplicate,
        {"duplicate_id": duplicate_id, "decision": decision, "by": by, "at": now},
    )
    if decided.rowcount != 1:
        msg = f"There is no open duplicate {duplicate_id}."
        raise UsageError(msg, hint="See stocktake duplicates SYSTEM for the open ones.")
