"""Measure checks, judge them by their limits, and keep the failing rows' keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from stocktake.check.compiled import (
    ADDING_UP,
    COMMA,
    QUERIES,
    Measured,
    TableMeasures,
    condition,
    days_between,
    expression,
)
from stocktake.model import CheckResult, Range, Severity
from stocktake.store import load_queries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from psycopg import Connection

    from stocktake.model import Check, Coverage, Criterion, System

# Kinds whose failing rows a condition names.
FAILING = {
    "missing": "{column} is null",
    "invalid": "({where}) is false",
    "failed": "({where})",
    "share": "({where}) is not true",
}
EVERY_DAY = Range()
Finding = tuple[list[Measured], list[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Measuring:
    """What all checks of one call share.

    Args:
        conn: Connection, inside a transaction.
        system: Whose checks these are.
        window: Days measured, where a check names a day column.
        now: UTC, when it is measured.
        coverages: What counting found, per dataset: group (a year) and its coverage.
    """

    conn: Connection[Any]
    system: System
    window: Range
    now: datetime
    coverages: Mapping[str, Sequence[tuple[str, Coverage]]]

    def table(self, dataset: str) -> Identifier:
        """Return the table of a dataset."""
        return Identifier(self.system.name, dataset)

    def in_range(self, check: Check) -> Composable:
        """Return the condition of the range on the check's day column."""
        return days_between(check.day, self.window)

    def key_pairs(self, dataset: str) -> Composable:
        """Return the row key as arguments of ``jsonb_build_object``."""
        return pairs(self.system.dataset(dataset).key)


def run_checks(
    conn: Connection[Any],
    system: System,
    checks: Sequence[Check],
    *,
    window: Range = EVERY_DAY,
    now: datetime,
    coverages: Mapping[str, Sequence[tuple[str, Coverage]]] | None = None,
) -> list[CheckResult]:
    """Measure checks in the order given, one result a group; a check never raises.

    Checks of one table that add up are measured in one pass. One that cannot be measured (a table
    missing, a timeout) gets severity ``error`` with the reason, and the others go on.

    Args:
        window: Days measured, where a check names a day column.
        now: UTC.
        coverages: What counting found, for checks of kind ``coverage``.

    Raises:
        psycopg.OperationalError: The connection broke.
    """
    conn.execute(QUERIES.begin)
    measuring = Measuring(conn, system, window, now, coverages or {})
    found: dict[str, list[CheckResult]] = {}
    for batch in batches(checks):
        found.update(_run_batch(measuring, batch))
    return [result for check in checks for result in found[check.name]]


def batches(checks: Iterable[Check]) -> list[list[Check]]:
    """Return checks measured together: those of one table and day column that add up."""
    together: dict[tuple[str, ...], list[Check]] = {}
    for check in checks:
        alone = () if check.kind in ADDING_UP else (check.name,)
        together.setdefault((check.dataset, check.day, *alone), []).append(check)
    return list(together.values())


def judge(check: Check | Criterion, value: float | None) -> Severity:
    """Return the verdict on a value; ``None`` is nothing to measure, never a pass."""
    if value is None:
        return Severity.NOT_APPLICABLE
    if check.fail is not None and not check.fail.allows(value):
        return Severity.FAIL
    if check.warn is not None and not check.warn.allows(value):
        return Severity.WARN
    return Severity.PASS


def pairs(columns: Sequence[str]) -> Composable:
    """Return columns as arguments of ``jsonb_build_object``."""
    return COMMA.join(
        SQL("{}, {}").format(Literal(column), Identifier(column)) for column in columns
    )


def _run_batch(measuring: Measuring, batch: list[Check]) -> dict[str, list[CheckResult]]:
    try:
        with measuring.conn.transaction():
            return _measure_batch(measuring, batch)
    except (psycopg.Error, LookupError, ValueError, OSError) as error:
        if measuring.conn.closed:
            raise
        if len(batch) == 1:
            return {batch[0].name: [_error(measuring, batch[0], str(error))]}
    # One of several cannot be measured: ask them one by one.
    found: dict[str, list[CheckResult]] = {}
    for check in batch:
        found.update(_run_batch(measuring, [check]))
    return found


def _measure_batch(measuring: Measuring, batch: list[Check]) -> dict[str, list[CheckResult]]:
    first = batch[0]
    if first.kind in ADDING_UP:
        together = TableMeasures(
            measuring.table(first.dataset), batch, measuring.in_range(first), measuring.now
        )
        rows = measuring.conn.execute(together.statement()).fetchall()
        measured = together.read(rows)
        return {check.name: _results(measuring, check, measured[check.name]) for check in batch}
    found, keys = SEPARATE[first.kind](measuring, first)
    return {first.name: _results(measuring, first, found, keys)}


def _results(
    measuring: Measuring,
    check: Check,
    measured: Sequence[Measured],
    keys: list[dict[str, Any]] | None = None,
) -> list[CheckResult]:
    results = []
    for one in measured or [Measured("", None, 0)]:
        severity = judge(check, one.value)
        failing = keys or []
        if severity in (Severity.WARN, Severity.FAIL) and check.kind in FAILING:
            failing = _failing_keys(measuring, check, one.group)
        results.append(
            CheckResult(
                check.name,
                check.dataset,
                one.group,
                severity,
                one.value,
                one.rows,
                failing,
                "" if one.value is not None else "nothing to measure",
                measuring.now,
                measuring.window.since,
                measuring.window.until,
            )
        )
    return results


def _error(measuring: Measuring, check: Check, reason: str) -> CheckResult:
    return CheckResult(
        check.name,
        check.dataset,
        "",
        Severity.ERROR,
        None,
        0,
        (),
        reason.strip(),
        measuring.now,
        measuring.window.since,
        measuring.window.until,
    )


def _failing_keys(measuring: Measuring, check: Check, group: str) -> list[dict[str, Any]]:
    failing = FAILING[check.kind].format(column=check.column, where=check.where)
    parts: list[Composable] = [expression(failing)]
    if check.group:
        label = SQL("coalesce(({})::text, 'none') = {}")
        parts.append(label.format(expression(check.group), Literal(group)))
    statement = QUERIES.failing_keys.format(
        pairs=measuring.key_pairs(check.dataset),
        target=measuring.table(check.dataset),
        scope=condition(check.scope),
        in_range=measuring.in_range(check),
        failing=SQL(" and ").join(parts),
    )
    row = measuring.conn.execute(statement).fetchone()
    return list(row[0]) if row else []


def _aggregate(measuring: Measuring, check: Check) -> Finding:
    statement = QUERIES.measure_one.format(
        group=expression(check.group) if check.group else SQL("''::text"),
        value=expression(check.value),
        target=measuring.table(check.dataset),
        scope=condition(check.scope),
        in_range=measuring.in_range(check),
    )
    return _grouped(measuring.conn.execute(statement).fetchall()), []


def _duplicate(measuring: Measuring, check: Check) -> Finding:
    columns = [column.strip() for column in check.column.split(",")]
    statement = QUERIES.duplicates.format(
        pairs=pairs(columns),
        target=measuring.table(check.dataset),
        scope=condition(check.scope),
        in_range=measuring.in_range(check),
        columns=COMMA.join(map(Identifier, columns)),
    )
    extra, rows, keys = _one(measuring, statement)
    return [Measured("", float(extra) if rows else None, int(rows))], keys


def _foreign_key(measuring: Measuring, check: Check) -> Finding:
    parent, key = check.value.split(".")
    statement = QUERIES.orphans.format(
        key=COMMA.join(map(Identifier, measuring.system.dataset(check.dataset).key)),
        pairs=measuring.key_pairs(check.dataset),
        target=measuring.table(check.dataset),
        column=Identifier(check.column),
        parent=measuring.table(parent),
        parent_key=Identifier(key),
        scope=condition(check.scope),
        in_range=measuring.in_range(check),
    )
    orphans, rows, keys = _one(measuring, statement)
    return [Measured("", orphans / rows if rows else None, rows)], keys


def _rows_per(measuring: Measuring, check: Check) -> Finding:
    statement = QUERIES.rows_per.format(
        group=expression(check.group) if check.group else SQL("''::text"),
        target=measuring.table(check.dataset),
        parent=measuring.table(check.value),
        scope=condition(check.scope),
        in_range=measuring.in_range(check),
    )
    return _grouped(measuring.conn.execute(statement).fetchall()), []


def _volume(measuring: Measuring, check: Check) -> Finding:
    statement = QUERIES.volume.format(
        column=Identifier(check.column),
        target=measuring.table(check.dataset),
        scope=condition(check.scope),
        in_range=days_between(check.column, measuring.window),
    )
    return _grouped(measuring.conn.execute(statement).fetchall()), []


def _statement(measuring: Measuring, check: Check) -> Finding:
    queries = load_queries(measuring.system.package, "checks.sql")
    values = {
        "since": measuring.window.since,
        "until": measuring.window.until,
        "now": measuring.now,
    }
    cursor = measuring.conn.execute(queries[check.value], values)
    columns = [column.name for column in cursor.description or ()]
    measured: list[Measured] = []
    keys: list[dict[str, Any]] = []
    for row in cursor.fetchall():
        named = dict(zip(columns, row, strict=True))
        value = named["value"]
        measured.append(
            Measured(
                str(named.get("grp") or ""),
                None if value is None else float(value),
                int(named.get("measured_rows") or 0),
            )
        )
        keys += named.get("failing_keys") or []
    return measured, keys[:100]


def _coverage(measuring: Measuring, check: Check) -> Finding:
    if check.dataset not in measuring.coverages:
        msg = f"{check.dataset} was not counted, so its coverage is not known"
        raise LookupError(msg)
    return [
        Measured(group, coverage.coverage, coverage.expected or 0)
        for group, coverage in measuring.coverages[check.dataset]
    ], []


SEPARATE: Mapping[str, Callable[[Measuring, Check], Finding]] = {
    "aggregate": _aggregate,
    "duplicate": _duplicate,
    "foreign_key": _foreign_key,
    "rows_per": _rows_per,
    "volume": _volume,
    "sql": _statement,
    "coverage": _coverage,
}


def _grouped(rows: Sequence[tuple[Any, Any, Any]]) -> list[Measured]:
    return [
        Measured(
            "none" if group is None else str(group),
            None if value is None else float(value),
            int(rows_measured),
        )
        for group, value, rows_measured in rows
    ]


def _one(measuring: Measuring, statement: Composed) -> tuple[Any, ...]:
    row = measuring.conn.execute(statement).fetchone()
    if row is None:
        raise LookupError("an aggregate gave no row")
    return tuple(row)
