"""Rejects: rows refused, kept with their reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stocktake.errors import UsageError
from stocktake.load.rows import storable
from stocktake.load.tables import QUERIES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
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


@dataclass(frozen=True, slots=True)
class RejectKind:
    """Which open rejects are meant.

    Attributes:
        datasets: Only these, empty for all.
        code: Only this code, ``None`` for all.
        shape: Only reasons that read so without their figures and quoted words, ``None`` for all.
    """

    datasets: tuple[str, ...] = ()
    code: str | None = None
    shape: str | None = None

    @property
    def facts(self) -> dict[str, Any]:
        """As parameters of statements."""
        return {"datasets": list(self.datasets), "code": self.code, "shape": self.shape}


EVERY = RejectKind()


@dataclass(frozen=True, slots=True)
class RejectGroup:
    """Open rejects alike.

    Attributes:
        dataset: Where they would have gone.
        code: Their code.
        shape: Their reason without its figures and quoted words, which are ``…``.
        count: How many are open.
        this_week: Refused in the last seven days, open or not.
        last_week: Refused in the seven days before.
        newest: Number of the newest open one.
    """

    dataset: str
    code: str
    shape: str
    count: int
    this_week: int
    last_week: int
    newest: int

    @property
    def change(self) -> int:
        """How many more than in the week before; negative for fewer."""
        return self.this_week - self.last_week


@dataclass(frozen=True, slots=True)
class RejectEnd:
    """A reject, and how it ended.

    Attributes:
        reject: The reject.
        system: Its system.
        resolution: ``loaded``, ``edited``, ``dismissed``, ``undone`` with the run that had refused
            it; empty while it is open.
        by: Who ended it.
        why: The reason given.
    """

    reject: StoredReject
    system: str
    resolution: str
    by: str
    why: str


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
    kind: RejectKind = EVERY,
    run_id: int | None = None,
    before: int | None = None,
    limit: int | None = None,
) -> Iterator[StoredReject]:
    """Yield open rejects, newest first, as lists and exports show them.

    Args:
        system: Of which system.
        kind: Which.
        run_id: Only this run's, ``None`` for all.
        before: Only those with a smaller number, ``None`` for all.
        limit: At most so many, ``None`` for all.
    """
    rows = conn.execute(
        QUERIES.list_rejects,
        {
            "system": system,
            **kind.facts,
            "run_id": run_id,
            "before": before,
            "limit": limit,
        },
    )
    for row in rows:
        yield StoredReject(*row)


def find_reject(conn: psycopg.Connection[Any], reject_id: int) -> RejectEnd:
    """Return one reject, open or not.

    Raises:
        UsageError: There is none of this number.
    """
    row = conn.execute(QUERIES.one_reject, {"reject_id": reject_id}).fetchone()
    if row is None:
        raise UsageError(f"There is no reject {reject_id}.", hint="stocktake rejects SYSTEM")
    return RejectEnd(StoredReject(*row[:9]), *row[9:])


def about_rejects(conn: psycopg.Connection[Any]) -> int:
    """Return about how many rejects there are in all; the server's estimate costs nothing."""
    row = conn.execute(QUERIES.about_rejects).fetchone()
    return int(row[0]) if row else 0


def reject_groups(
    conn: psycopg.Connection[Any],
    system: str,
    *,
    datasets: Sequence[str],
    now: datetime,
    newest: int | None = None,
) -> list[RejectGroup]:
    """Return the open rejects of a system, alike ones together, most first.

    Args:
        newest: Look only at so many of the newest rejects, ``None`` at all.
    """
    asked = {"system": system, "datasets": list(datasets), "now": now, "newest": newest}
    return [RejectGroup(*row) for row in conn.execute(QUERIES.reject_groups, asked)]


def count_rejects(conn: psycopg.Connection[Any], system: str, kind: RejectKind) -> int:
    """Return how many open rejects of a kind there are."""
    row = conn.execute(QUERIES.count_rejects, {"system": system, **kind.facts}).fetchone()
    return int(row[0]) if row else 0


def captures_of_rejects(conn: psycopg.Connection[Any], system: str, kind: RejectKind) -> list[int]:
    """Return the answers that hold open rejects of a kind: their first pages, oldest first."""
    rows = conn.execute(QUERIES.captures_of_rejects, {"system": system, **kind.facts})
    return [number for (number,) in rows]


def dismiss_rejects(
    conn: psycopg.Connection[Any],
    system: str,
    kind: RejectKind,
    *,
    by: str,
    reason: str,
    now: datetime,
) -> int:
    """End all open rejects of a kind, with a reason; return how many."""
    told = {"by": by, "reason": reason, "now": now}
    return conn.execute(QUERIES.dismiss_rejects, {"system": system, **kind.facts, **told}).rowcount


def dismiss_reject(
    conn: psycopg.Connection[Any], reject_id: int, *, by: str, reason: str, now: datetime
) -> None:
    """End one open reject, with a reason.

    Raises:
        UsageError: It is not open.
    """
    told = {"resolution": "dismissed", "by": by, "reason": reason, "run_id": None, "now": now}
    if not conn.execute(QUERIES.resolve_rejects, {"reject_ids": [reject_id], **told}).rowcount:
        raise UsageError(f"Reject {reject_id} is not open.", hint="stocktake rejects SYSTEM")


def still_untold(
    conn: psycopg.Connection[Any],
    rejects: Sequence[tuple[int, Reject]],
    *,
    retold: Mapping[int, int],
    run_id: int,
    now: datetime,
) -> list[tuple[int, Reject]]:
    """Return the rejects that nobody knows yet, of answers some of which are loaded again.

    What such an answer does not refuse any more ends as ``loaded``; what it refuses again stays as
    it is: open, edited or dismissed.

    Args:
        rejects: Capture and reject.
        retold: Captures of answers that are loaded again → the capture that was loaded before.
        run_id: The run that loads them.
        now: Written on what ends.
    """
    known: dict[tuple[object, ...], tuple[int, str]] = {}
    rows = conn.execute(QUERIES.retold_rejects, {"captures": sorted(set(retold.values()))})
    for reject_id, *told, resolution in rows:
        known[tuple(told)] = reject_id, resolution
    fresh = []
    for capture_id, reject in rejects:
        words = map(storable, (reject.position, reject.code, reject.raw))
        if known.pop((retold.get(capture_id), reject.dataset, *words), None) is None:
            fresh.append((capture_id, reject))
    ended = [reject_id for reject_id, resolution in known.values() if not resolution]
    if ended:
        facts = {"resolution": "loaded", "by": f"run {run_id}", "reason": "", "run_id": run_id}
        conn.execute(QUERIES.resolve_rejects, {"reject_ids": ended, "now": now, **facts})
    return fresh
