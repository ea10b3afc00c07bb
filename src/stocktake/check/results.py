"""Keep results, show how they went, and write them for other programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape, quoteattr

from psycopg.types.json import Jsonb

from stocktake.check.compiled import QUERIES
from stocktake.model import CheckResult, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from psycopg import Connection

RANK = (
    Severity.NOT_APPLICABLE,
    Severity.PASS,
    Severity.WARN,
    Severity.FAIL,
    Severity.ERROR,
)


@dataclass(frozen=True, slots=True)
class Standing:
    """The newest result of a check, and since when it has not passed.

    Args:
        result: What was measured last.
        first_seen_at: First of the unbroken row of results that did not pass; ``None`` when the
            newest one passes.
    """

    result: CheckResult
    first_seen_at: datetime | None


def store_results(
    conn: Connection[Any], system: str, results: Sequence[CheckResult], *, run_id: int | None
) -> None:
    """Append results to the history."""
    lines = [
        {
            "run_id": run_id,
            "system": system,
            "dataset": result.dataset,
            "name": result.check,
            "grp": result.group,
            "severity": result.severity.value,
            "value": result.value,
            "measured_rows": result.measured_rows,
            "failing_keys": Jsonb(list(result.failing_keys)),
            "detail": result.detail,
            "since": result.since,
            "until": result.until,
            "at": result.at,
        }
        for result in results
    ]
    with conn.cursor() as cursor:
        cursor.executemany(QUERIES.store_result, lines)


def latest_results(conn: Connection[Any], system: str) -> list[Standing]:
    """Return the newest result of each check and group, by dataset, check and group."""
    return [
        Standing(
            CheckResult(
                name,
                dataset,
                group,
                Severity(severity),
                value,
                rows or 0,
                keys,
                detail,
                at,
                since,
                until,
            ),
            first_seen_at,
        )
        for (
            name,
            dataset,
            group,
            severity,
            value,
            rows,
            keys,
            detail,
            at,
            since,
            until,
            first_seen_at,
        ) in conn.execute(QUERIES.latest, {"system": system})
    ]


def trend(
    conn: Connection[Any], system: str, *, check: str, group: str = "", latest: int = 30
) -> list[tuple[datetime, Severity, float | None]]:
    """Return the latest results of a check in one group, newest first."""
    named = {"system": system, "name": check, "grp": group, "latest": latest}
    return [
        (at, Severity(severity), value)
        for at, severity, value, _ in conn.execute(QUERIES.trend, named)
    ]


def trends(
    conn: Connection[Any], system: str, *, latest: int = 30
) -> dict[tuple[str, str], list[float | None]]:
    """Return the latest values of every check and group, oldest first."""
    rows = conn.execute(QUERIES.trends, {"system": system, "latest": latest})
    return {(name, group): values for name, group, values in rows}


def first_bad(
    conn: Connection[Any], system: str, *, names: Sequence[str], since: datetime, until: datetime
) -> tuple[datetime, str] | None:
    """Return when one of these checks first warned or failed in a time, and which."""
    named = {"system": system, "names": list(names), "since": since, "until": until}
    row = conn.execute(QUERIES.first_bad, named).fetchone()
    return (row[0], row[1]) if row else None


def worst(results: Iterable[CheckResult]) -> Severity:
    """Return the gravest severity; ``n/a`` when there is no result or nothing was measured."""
    return max((result.severity for result in results), key=RANK.index, default=RANK[0])


def exit_code(results: Iterable[CheckResult]) -> int:
    """Return the command line's exit code: 0 pass, 1 warn, 2 fail, 3 error."""
    return max(0, RANK.index(worst(results)) - 1)


def junit(system: str, results: Sequence[CheckResult]) -> str:
    """Return results as a JUnit XML document, one test case a check and group.

    ``fail`` is a failure, ``error`` an error, ``n/a`` is skipped; ``warn`` passes and says so.
    """
    bad = [result.severity for result in results]
    cases = "".join(map(_case, results))
    counts = (
        f'tests="{len(results)}" failures="{bad.count(Severity.FAIL)}" '
        f'errors="{bad.count(Severity.ERROR)}" skipped="{bad.count(Severity.NOT_APPLICABLE)}"'
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<testsuites>\n<testsuite name={quoteattr(system)} {counts}>\n{cases}</testsuite>\n"
        "</testsuites>\n"
    )


def _case(result: CheckResult) -> str:
    name = f"{result.check} [{result.group}]" if result.group else result.check
    head = f"<testcase classname={quoteattr(result.dataset)} name={quoteattr(name)}"
    text = f"measured {result.value} over {result.measured_rows} rows. {result.detail}".strip()
    if result.failing_keys:
        text += f" Failing: {list(result.failing_keys[:10])}"
    tag = {
        Severity.FAIL: "failure",
        Severity.ERROR: "error",
        Severity.NOT_APPLICABLE: "skipped",
        Severity.WARN: "system-out",
    }.get(result.severity)
    if tag is None:
        return f"{head}/>\n"
    if tag == "system-out":
        return f"{head}><{tag}>{escape(_printable('warn: ' + text))}</{tag}></testcase>\n"
    message = quoteattr(_printable(text))
    return f"{head}><{tag} message={message}/></testcase>\n"


def _printable(text: str) -> str:
    """XML 1.0 forbids most control characters, even escaped."""
    return "".join(one if one >= " " or one in "\t\n" else "�" for one in text)
