"""Measured promises."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


class Severity(StrEnum):
    """Result of a check, mildest first; ``error`` means it could not be measured."""

    PASS = "pass"  # noqa: S105 -- a verdict, not a password
    NOT_APPLICABLE = "n/a"
    WARN = "warn"
    FAIL = "fail"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Limit:
    """An allowed range, both ends included; ``None`` means open."""

    low: float | None = None
    high: float | None = None

    def allows(self, value: float) -> bool:
        """Return whether ``value`` lies within the range."""
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)


@dataclass(frozen=True, slots=True)
class Check:
    """One measured promise about a dataset.

    Args:
        name: Unique within the system, a sentence's words joined by ``_``.
        dataset: Table measured.
        kind: What is measured. One pass over the table gives ``missing`` (share of NULLs),
            ``invalid`` (share of values not matching ``where``), ``failed`` (share of rows
            matching ``where``), ``share`` (the same, but the others are wrong), ``row_count``,
            ``ratio`` (sum of ``value`` ÷ sum of ``column``) and ``freshness`` (hours since
            ``column``). A statement each: ``aggregate`` (``value``), ``duplicate``,
            ``foreign_key``, ``rows_per``, ``volume`` and ``sql`` (of ``checks.sql``).
            ``coverage`` is handed in by the caller. ``stocktake.checks`` constructs them.
        column: Column measured, where the kind needs one.
        where: SQL condition of the kind, on columns of the table.
        scope: SQL condition that limits the rows measured (starters only, since a day).
        value: Expression, parent table or statement, as the kind needs.
        group: SQL expression; one result per group (year, region). Empty for one result.
        warn: Outside this range warns.
        fail: Outside this range fails.
        day: Column that ``--since`` and ``--until`` apply to; empty when the table has no day.
        anytime: Whether a part of a history can be judged by it, not only whole years: runs
            measure it on the days they loaded and stop when it fails.
        title: For people.
        owner: Who is told.
    """

    name: str
    dataset: str
    kind: str
    column: str = ""
    where: str = ""
    scope: str = ""
    value: str = ""
    group: str = ""
    warn: Limit | None = None
    fail: Limit | None = None
    day: str = ""
    anytime: bool = False
    title: str = ""
    owner: str = ""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What a check measured.

    ``value`` is ``None`` when nothing was there to measure (``n/a``) or it could not be measured
    (``error``, see ``detail``). ``failing_keys`` holds up to 100 row keys.
    """

    check: str
    dataset: str
    group: str
    severity: Severity
    value: float | None
    measured_rows: int
    failing_keys: Sequence[dict[str, Any]]
    detail: str
    at: datetime
    since: date | None = None
    until: date | None = None
