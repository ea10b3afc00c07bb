"""Checks of one table compiled to one SELECT.

Every kind that adds up (counts, sums, maxima) becomes a few aggregates; equal ones are computed
once. With groups, the finest groups are computed in the one pass and added up to each check's own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from stocktake.store import load_queries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from stocktake.model import Check, Range

QUERIES = load_queries("stocktake.store", "sql/check.sql")
COMMA = SQL(", ")
TRUE = SQL("true")
ADDING_UP = frozenset({"missing", "invalid", "failed", "share", "row_count", "ratio", "freshness"})


class Measured(NamedTuple):
    """One number: of which group, its value (``None``: nothing there), from how many rows."""

    group: str
    value: float | None
    rows: int


@dataclass(slots=True)
class TableMeasures:
    """The checks of one table (and day column) that are measured in one pass.

    Args:
        table: The table.
        checks: Checks of the kinds in ``ADDING_UP``.
        in_range: Condition that limits the days.
        now: When it is measured, for ages.
    """

    table: Identifier
    checks: Sequence[Check]
    in_range: Composable
    now: datetime
    _aggregates: dict[str, str] = field(default_factory=dict)

    def statement(self) -> Composed:
        """Return the SELECT that measures all checks."""
        for check in self.checks:
            self._terms(check)
        groups = self._groups()
        aggregates = COMMA.join(
            SQL("{} as {}").format(expression(text), Identifier(f"a{place}"))
            for place, text in enumerate(self._aggregates)
        )
        parts = {"aggregates": aggregates, "target": self.table, "in_range": self.in_range}
        if not groups:
            return QUERIES.measure.format(**parts)
        names = [Identifier(f"g{place}") for place in range(len(groups))]
        return QUERIES.measure_groups.format(
            **parts,
            names=COMMA.join(names),
            labels=COMMA.join(SQL("{}::text").format(name) for name in names),
            totals=COMMA.join(
                SQL("{}({})").format(SQL(how), Identifier(f"a{place}"))
                for place, how in enumerate(self._aggregates.values())
            ),
            groups=COMMA.join(
                SQL("{} as {}").format(expression(text), name)
                for text, name in zip(groups, names, strict=True)
            ),
            positions=COMMA.join(Literal(place + 1) for place in range(len(groups))),
            sets=COMMA.join(SQL("({})").format(name) for name in names),
        )

    def read(self, rows: Sequence[Sequence[Any]]) -> dict[str, list[Measured]]:
        """Return per check what the statement's rows say, one entry a group."""
        groups = self._groups()
        measured: dict[str, list[Measured]] = {check.name: [] for check in self.checks}
        for row in rows:
            place, label, values = self._split(row, len(groups))
            for check in self.checks:
                if check.group == (groups[place] if place is not None else ""):
                    measured[check.name].append(self._measure(check, label, values))
        return measured

    def _split(
        self, row: Sequence[Any], group_count: int
    ) -> tuple[int | None, str, Mapping[str, Any]]:
        """Return which group the row is of, its label, and the aggregates by their text."""
        if not group_count:
            return None, "", dict(zip(self._aggregates, row, strict=True))
        mask, labels = row[0], row[1 : 1 + group_count]
        values = dict(zip(self._aggregates, row[1 + group_count :], strict=True))
        for place in range(group_count):
            if not mask >> (group_count - 1 - place) & 1:
                return place, "none" if labels[place] is None else str(labels[place]), values
        return None, "", values

    def _measure(self, check: Check, label: str, values: Mapping[str, Any]) -> Measured:
        count, part = (values[text] for text in self._terms(check))
        rows = int(count or 0)
        if check.kind == "row_count":
            return Measured(label, float(rows), rows)
        if part is None or not count:
            return Measured(label, None, rows)
        if check.kind == "freshness":
            return Measured(label, (self.now.timestamp() - float(part)) / 3600, rows)
        measured = count - part if check.kind == "missing" else part
        return Measured(label, float(measured) / float(count), rows)

    def _terms(self, check: Check) -> tuple[str, str]:
        """Return the two aggregates of a check, remembered so that equal ones are computed once."""
        filtered = f" filter (where {check.scope})" if check.scope else ""
        total, part, how = f"count(*){filtered}", "", "sum"
        both = " and ".join(f"({one})" for one in (check.scope, check.where) if one)
        if check.kind == "missing":
            part = f"count({check.column}){filtered}"
        elif check.kind == "invalid":
            total = f"count({check.column}){filtered}"
            wrong = f"({check.where}) is false"
            part = f"count(*) filter (where {_both(check.scope, wrong)})"
        elif check.kind in ("failed", "share"):
            part = f"count(*) filter (where {both})"
        elif check.kind == "ratio":
            total = f"sum({check.column}){filtered}"
            part = f"sum({check.value}){filtered}"
        elif check.kind == "freshness":
            how = "max"
            part = f"extract(epoch from max({check.column}){filtered})"
        else:
            part = total
        self._aggregates.setdefault(total, "sum")
        self._aggregates.setdefault(part, how)
        return total, part

    def _groups(self) -> list[str]:
        return list(dict.fromkeys(check.group for check in self.checks if check.group))


def expression(text: str) -> SQL:
    """Return a declared expression as SQL; statements with one are run without parameters."""
    return SQL(text)


def condition(text: str) -> Composable:
    """Return a declared condition in brackets, ``true`` when there is none."""
    return SQL("({})").format(expression(text)) if text else TRUE


def days_between(column: str, window: Range) -> Composable:
    """Return the condition that a day lies in a range, both ends included."""
    bounds: list[Composable] = []
    if column and window.since is not None:
        bounds.append(SQL("{} >= {}").format(Identifier(column), Literal(window.since)))
    if column and window.until is not None:
        bounds.append(SQL("{} <= {}").format(Identifier(column), Literal(window.until)))
    return SQL(" and ").join(bounds) if bounds else TRUE


def _both(first: str, second: str) -> str:
    return f"({first}) and ({second})" if first else second
