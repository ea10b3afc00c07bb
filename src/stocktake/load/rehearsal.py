"""What loading answers would do: they are merged, looked at, and taken back at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg.sql import Identifier, Literal

from stocktake.load.known import KeyCache
from stocktake.load.merge import merge
from stocktake.load.rejects import StoredReject, list_rejects
from stocktake.load.tables import COMMA, FRAGMENTS, QUERIES

if TYPE_CHECKING:
    from datetime import datetime

    import psycopg

    from stocktake.load.rows import Load
    from stocktake.model import Dataset, RowCounts, System

REHEARSED_RUN = -1
"""Number under which rows are merged that are taken back at once."""
MOST_CHANGES = 200


@dataclass(frozen=True, slots=True)
class Change:
    """What would become of one row.

    Attributes:
        dataset: Its table.
        key: Its key by column.
        before: The values that would change, empty for a new row.
        after: What they would be; of a new row all that are not NULL.
    """

    dataset: str
    key: Mapping[str, Any]
    before: Mapping[str, Any]
    after: Mapping[str, Any]

    @property
    def is_new(self) -> bool:
        """Whether there is no such row yet."""
        return not self.before

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that would change, in their order."""
        return tuple(dict.fromkeys([*self.before, *self.after]))


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What loading would do.

    Attributes:
        rows: Counts by table.
        changes: Rows that would be new or others, at most ``MOST_CHANGES``.
        rejects: Rows that would be refused, and are not refused now.
        problem: Why nothing can be read from it; empty when it can.
    """

    rows: Mapping[str, RowCounts]
    changes: Sequence[Change] = ()
    rejects: Sequence[StoredReject] = ()
    problem: str = ""

    @property
    def changed(self) -> int:
        """Rows that would be new or others."""
        return sum(one.inserted + one.updated for one in self.rows.values())

    @property
    def is_cut(self) -> bool:
        """Whether not all changes are told."""
        return self.changed > len(self.changes)


def rehearse(
    conn: psycopg.Connection[Any], system: System, loads: Sequence[Load], *, now: datetime
) -> Rehearsal:
    """Merge answers and tell what that does; the caller takes its transaction back.

    Derived tables are left out: they follow the rows.
    """
    merged = merge(conn, system, loads, run_id=REHEARSED_RUN, now=now, known=KeyCache())
    changes: list[Change] = []
    for dataset in system.datasets:
        counts = merged.rows.get(dataset.name)
        if counts is not None and counts.inserted + counts.updated:
            room = MOST_CHANGES - len(changes)
            changes += _changes(conn, system, dataset, limit=room) if room > 0 else []
    rejects = list(list_rejects(conn, system.name, run_id=REHEARSED_RUN, limit=MOST_CHANGES))
    return Rehearsal(merged.rows, changes, rejects)


def _changes(
    conn: psycopg.Connection[Any], system: System, dataset: Dataset, *, limit: int
) -> list[Change]:
    names = {"run_id": REHEARSED_RUN, "system": system.name, "dataset": dataset.name}
    former: dict[str, dict[str, Any]] = {}
    for key, before in conn.execute(QUERIES.versions_of_run, names):
        former[_text(key)] = {**before, **former.get(_text(key), {})}  # the earliest is what it was
    pairs = COMMA.join(
        FRAGMENTS.held_pair.format(name=Literal(name), column=Identifier(name))
        for name in dataset.key
    )
    statement = QUERIES.touched_rows.format(
        table=Identifier(system.name, dataset.name), pairs=pairs
    )
    rows = conn.execute(statement, {"run_id": REHEARSED_RUN, "limit": limit}).fetchall()
    found = [_change(dataset, key, row, former.get(_text(key))) for key, row in rows]
    return [one for one in found if one.after]


def _change(
    dataset: Dataset,
    key: Mapping[str, Any],
    row: Mapping[str, Any],
    former: Mapping[str, Any] | None,
) -> Change:
    own = {name: value for name, value in row.items() if not _is_engine(name)}
    if former is None:
        told = {name: value for name, value in own.items() if value is not None}
        return Change(dataset.name, key, {}, told)
    before = {name: former[name] for name in own if name in former and former[name] != own[name]}
    return Change(dataset.name, key, before, {name: own[name] for name in before})


def _is_engine(name: str) -> bool:
    return name.startswith("_") or name in {"created_at", "updated_at"}


def _text(key: Mapping[str, Any]) -> str:
    return str(sorted(key.items()))
