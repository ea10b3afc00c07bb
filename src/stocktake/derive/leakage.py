"""Prove that derived rows of a day were not made of what came later: take it away and recompute."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from psycopg.sql import SQL, Composable, Identifier

from stocktake.derive.changes import count_touched, create_touched_keys
from stocktake.derive.recompute import in_order
from stocktake.derive.target import QUERIES, columns_of
from stocktake.derive.verification import compare, last_target

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from psycopg import Connection

    from stocktake.derive.target import Target
    from stocktake.model import Range, System

DAYS = 5
"""Days taken of each list, at most."""
RowKey = tuple[tuple[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Question:
    """What must not depend on later things, and what is taken away.

    Args:
        datasets: Derived tables.
        inputs: Tables of which later rows are deleted.
        day: Column of the day; inputs without it stay whole.
        rows: Rows recomputed of each dataset, at most.
        own: Column of what happens on a day; empty: the rest of the day may be known.
        besides: Columns not compared.
    """

    datasets: tuple[str, ...]
    inputs: tuple[str, ...]
    day: str
    rows: int
    own: str = ""
    besides: tuple[str, ...] = ()


@dataclass(slots=True)
class Leak:
    """Rows of one dataset that read what came later.

    Args:
        dataset: Table.
        compared: Rows recomputed with something taken away; one may count twice.
        stale: Rows that differed before; they prove nothing.
        examples: Per differing row its key, and what was taken away.
    """

    dataset: str
    compared: int = 0
    stale: int = 0
    examples: dict[RowKey, str] = field(default_factory=dict)


def find_leaks(
    conn: Connection[Any],
    system: System,
    question: Question,
    *,
    window: Range,
    seed: int,
    now: datetime,
) -> list[Leak]:
    """Recompute rows of random days without later rows of their inputs; nothing stays changed.

    Rows that are deleted for a moment are locked for that time: a run that writes them waits.

    Args:
        window: Days of which rows are taken, both ends included.
        seed: The same seed takes the same days and rows.
        now: UTC.
    """
    with conn.transaction(force_rollback=True):
        return _Search(conn, system, question, seed, now).search(window)


@dataclass(slots=True)
class _Search:
    conn: Connection[Any]
    system: System
    question: Question
    seed: int
    now: datetime
    targets: list[Target] = field(default_factory=list)
    leaks: dict[str, Leak] = field(default_factory=dict)
    stale: set[tuple[str, RowKey]] = field(default_factory=set)

    def search(self, window: Range) -> list[Leak]:
        self._look_up()
        days = self._days(window)
        self._remember_stale(days)
        # Latest first: what is deleted for one day is later than every day that follows.
        for day in days:
            self._delete(QUERIES.delete_later, day=day)
            self._compare(day, own=None, what=f"after {day}")
            own = self._one_of(day) if self.question.own else None
            if own is not None:
                self._delete(QUERIES.delete_beside, day=day, own=own)
                self._compare(day, own=own, what=f"on {day} besides {own}")
        return list(self.leaks.values())

    def _look_up(self) -> None:
        wanted = {self.system.dataset(name).name for name in self.question.datasets}
        for derivation in in_order(self.system.derivations):
            if derivation.dataset in wanted and not derivation.columns:
                stamps = (*derivation.stamps, *self.question.besides)
                target = last_target(self.conn, self.system, replace(derivation, stamps=stamps))
                self.targets.append(target)
                self.leaks[derivation.dataset] = Leak(derivation.dataset)
        missing = wanted - self.leaks.keys()
        if missing:
            message = f"nothing derives {', '.join(sorted(missing))}"
            raise LookupError(message)

    def _days(self, window: Range) -> list[date]:
        found: set[tuple[int, date]] = set()
        values = {"since": window.since, "until": window.until, "seed": self.seed}
        for target in self.targets:
            statement = QUERIES.days_stored.format(
                day=Identifier(self.question.day), target=target.table
            )
            found |= set(self.conn.execute(statement, values).fetchall())
        return sorted((day for _, day in sorted(found)[:DAYS]), reverse=True)

    def _remember_stale(self, days: Sequence[date]) -> None:
        for day in days:
            for target in self.targets:
                self._choose(target, day, None)
                for key, _ in compare(self.conn, target, now=self.now):
                    self.stale.add((target.derivation.dataset, tuple(key.items())))
        for name, _ in self.stale:
            self.leaks[name].stale += 1

    def _compare(self, day: date, *, own: str | None, what: str) -> None:
        for target in self.targets:
            name = target.derivation.dataset
            leak = self.leaks[name]
            self._choose(target, day, own)
            leak.compared += count_touched(self.conn)
            for key, _ in compare(self.conn, target, now=self.now):
                row = tuple(key.items())
                if (name, row) not in self.stale:
                    leak.examples.setdefault(row, f"reads rows {what}")

    def _choose(self, target: Target, day: date, own: str | None) -> None:
        create_touched_keys(self.conn, target)
        chosen: Composable = SQL("true")
        if own is not None:
            chosen = QUERIES.is_own.format(own=Identifier(self.question.own))
        statement = QUERIES.touch_stored.format(
            scope=target.scope,
            target=target.table,
            day=Identifier(self.question.day),
            chosen=chosen,
        )
        most = max(1, self.question.rows // DAYS)
        values = {"on": day, "own": own, "seed": self.seed, "most": most}
        self.conn.execute(statement, values, prepare=False)
        self.conn.execute(QUERIES.analyze_touched_keys)

    def _one_of(self, day: date) -> str | None:
        for target in self.targets:
            statement = QUERIES.own_of_day.format(
                own=Identifier(self.question.own),
                target=target.table,
                day=Identifier(self.question.day),
            )
            row = self.conn.execute(statement, {"on": day, "seed": self.seed}).fetchone()
            if row is not None:
                return str(row[0])
        return None

    def _delete(self, query: SQL, *, day: date, own: str | None = None) -> None:
        for name in self.question.inputs:
            dataset = self.system.dataset(name).name
            table = Identifier(self.system.name, dataset)
            columns = columns_of(self.conn, self.system, [dataset])[dataset]
            if not {self.question.day, self.question.own} - {""} <= columns.keys():
                continue
            statement = query.format(
                target=table,
                day=Identifier(self.question.day),
                own=Identifier(self.question.own or self.question.day),
            )
            self.conn.execute(statement, {"on": day, "own": own})
