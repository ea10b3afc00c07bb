"""Constructors of checks, so that a declaration reads as a sentence.

Conditions are SQL on the table's columns. Limits are inclusive; shares are fractions 0 to 1.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from stocktake.model.check import Check, Limit

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "aggregate",
    "coverage_at_least",
    "failed_rows",
    "foreign_key",
    "freshness",
    "in_range",
    "in_set",
    "matches",
    "null_rate_at_most",
    "ratio",
    "row_count",
    "rows_per",
    "share",
    "statement",
    "unique_key",
    "volume",
]


def null_rate_at_most(
    dataset: str, column: str, *, warn: float, fail: float, scope: str = "", day: str = ""
) -> Check:
    """Share of NULLs in a column, at most ``warn`` and ``fail``."""
    name = f"{dataset}_{column}_missing"
    check = Check(name, dataset, "missing", column=column, scope=scope, day=day)
    return _at_most(check, warn, fail)


def in_set(
    dataset: str, column: str, *, values: Sequence[str], scope: str = "", day: str = ""
) -> Check:
    """Every value is one of ``values``; NULL is not judged."""
    where = f"{column} in ({', '.join(map(_quoted, values))})"
    return _invalid(dataset, column, where, scope=scope, day=day)


def in_range(
    dataset: str,
    column: str,
    *,
    low: float | None,
    high: float | None,
    scope: str = "",
    day: str = "",
) -> Check:
    """Every value lies between ``low`` and ``high``, both included; ``None`` is open."""
    bounds = []
    if low is not None:
        bounds.append(f"{column} >= {low}")
    if high is not None:
        bounds.append(f"{column} <= {high}")
    return _invalid(dataset, column, " and ".join(bounds) or "true", scope=scope, day=day)


def matches(dataset: str, column: str, *, pattern: str, scope: str = "", day: str = "") -> Check:
    """Every value matches a POSIX regular expression, which also limits length (``^.{1,40}$``)."""
    where = f"{column} ~ {_quoted(pattern)}"
    return _invalid(dataset, column, where, scope=scope, day=day)


def share(
    name: str, dataset: str, *, where: str, scope: str = "", warn: Limit, fail: Limit | None = None
) -> Check:
    """Rows matching ``where`` ÷ rows in ``scope``; the others are the failing keys."""
    return Check(name, dataset, "share", where=where, scope=scope, warn=warn, fail=fail)


def failed_rows(
    name: str, dataset: str, *, where: str, scope: str = "", fail: float = 0.0
) -> Check:
    """Rows matching ``where`` are wrong: any warns, a share above ``fail`` fails."""
    return _at_most(Check(name, dataset, "failed", where=where, scope=scope), 0.0, fail)


def row_count(
    name: str,
    dataset: str,
    *,
    scope: str = "",
    group: str = "",
    warn: Limit,
    fail: Limit | None = None,
) -> Check:
    """Number of rows; an empty table counts 0."""
    return Check(name, dataset, "row_count", scope=scope, group=group, warn=warn, fail=fail)


def unique_key(dataset: str, *columns: str) -> Check:
    """No two rows agree in ``columns``; any that do fail."""
    return Check(
        f"{dataset}_duplicate_{'_'.join(columns)}",
        dataset,
        "duplicate",
        column=", ".join(columns),
        fail=Limit(high=0),
    )


def foreign_key(
    dataset: str, column: str, *, parent: str, key: str, scope: str = "", fail: float = 0.001
) -> Check:
    """Every value of a column is a ``key`` of ``parent``: any orphan warns, a share above fails."""
    value = f"{parent}.{key}"
    name = f"{dataset}_{column}_known"
    check = Check(name, dataset, "foreign_key", column=column, value=value, scope=scope)
    return _at_most(check, 0.0, fail)


def ratio(
    name: str, dataset: str, *, numerator: str, denominator: str, scope: str = "", group: str = ""
) -> Check:
    """Sum of one row expression ÷ sum of another; limits by ``dataclasses.replace``."""
    return Check(
        name, dataset, "ratio", value=numerator, column=denominator, scope=scope, group=group
    )


def rows_per(
    name: str, dataset: str, *, parent: str, warn: Limit, fail: Limit, group: str = ""
) -> Check:
    """Rows per row of ``parent``, by ``group`` (an expression that both tables have).

    A ``scope`` (``dataclasses.replace``) limits the parent's rows only.
    """
    return Check(name, dataset, "rows_per", value=parent, group=group, warn=warn, fail=fail)


def aggregate(
    name: str,
    dataset: str,
    *,
    value: str,
    group: str = "",
    warn: Limit | None = None,
    fail: Limit | None = None,
) -> Check:
    """Any aggregate expression over the rows."""
    return Check(name, dataset, "aggregate", value=value, group=group, warn=warn, fail=fail)


def freshness(dataset: str, column: str, *, warn_hours: float, fail_hours: float) -> Check:
    """Hours since the newest value of an instant's column."""
    check = Check(f"{dataset}_freshness", dataset, "freshness", column=column)
    return _at_most(check, warn_hours, fail_hours)


def volume(dataset: str, day: str, *, warn: float = 6.0, fail: float = 12.0) -> Check:
    """How far the newest day's rows lie from the median of its last eight weekdays of that name.

    Told in median absolute deviations (at least a twentieth of the median).
    """
    return _at_most(Check(f"{dataset}_volume", dataset, "volume", column=day), warn, fail)


def coverage_at_least(dataset: str, *, warn: float, fail: float) -> Check:
    """Units held ÷ units expected, per year."""
    return Check(
        f"{dataset}_coverage", dataset, "coverage", warn=Limit(low=warn), fail=Limit(low=fail)
    )


def statement(
    name: str,
    dataset: str,
    *,
    warn: Limit | None = None,
    fail: Limit | None = None,
    anytime: bool = False,
) -> Check:
    """The statement called ``name`` in the system's ``checks.sql``.

    It gives the columns ``grp``, ``value``, ``measured_rows`` and ``failing_keys`` (a JSON list);
    it may use ``%(since)s``, ``%(until)s`` (dates or NULL) and ``%(now)s``.
    """
    return Check(name, dataset, "sql", value=name, warn=warn, fail=fail, anytime=anytime)


def _invalid(dataset: str, column: str, where: str, *, scope: str, day: str) -> Check:
    name = f"{dataset}_{column}_invalid"
    check = Check(name, dataset, "invalid", column=column, where=where, scope=scope, day=day)
    return _at_most(check, 0.0, 0.0)


def _at_most(check: Check, warn: float, fail: float) -> Check:
    return replace(check, warn=Limit(high=warn), fail=Limit(high=fail))


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
