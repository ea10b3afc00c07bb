"""What runs, checks and counts tell of: one function for each, called where the result is known."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date
from typing import TYPE_CHECKING, Any

from stocktake.model import Severity
from stocktake.observe.events import QUERIES, emit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from psycopg import Connection

    from stocktake.model import CheckResult, Coverage, Dataset, Drift, Lag, Loss, RowCounts, System
    from stocktake.run.ending import Ending

FAILS = frozenset({Severity.FAIL, Severity.ERROR})
MOST_NAMED = 10
WORDS = {"done": "run.finished", "failed": "run.failed", "cancelled": "run.cancelled"}


def tell_start(
    conn: Connection[Any], run_id: int, system: str, kind: str, *, now: datetime
) -> None:
    """Tell that a run began."""
    emit(
        conn,
        "run.started",
        system=system,
        subject=f"run {run_id} ({kind})",
        details={"run_id": run_id, "kind": kind},
        now=now,
    )


def tell_end(
    conn: Connection[Any],
    line: Sequence[Any],
    ending: Ending,
    *,
    rows: Mapping[str, RowCounts],
    now: datetime,
) -> None:
    """Tell how a run ended; a run that failed, or stopped by itself, is an alert until one is done.

    Args:
        conn: In the transaction that writes the ending.
        line: The run as ``one_run`` of run.sql has it.
        ending: How it ended.
        rows: What it did per table.
        now: When.
    """
    run_id, system, kind, requests = line[0], line[1], line[2], line[4]
    is_done = ending.state == "done"
    has_stopped = not is_done and bool(ending.error) and not _is_told(conn, ending)
    key = f"run:{system}:{kind}"
    told = {
        "system": system,
        "subject": f"run {run_id} ({kind})",
        "details": {
            "run_id": run_id,
            "kind": kind,
            "state": ending.state,
            "message": ending.message,
            "error": ending.error,
            "requests": requests,
            "units": {str(state): units for state, units in ending.units.items()},
            "rows": {table: counts.inserted + counts.updated for table, counts in rows.items()},
            "seconds": round(ending.seconds, 1),
        },
        "now": now,
    }
    word = WORDS.get(ending.state, "run.paused")
    emit(conn, word, **told, dedupe=key if has_stopped else "")
    if has_stopped:  # an alert tells of the first of several; whoever draws runs wants each
        emit(conn, "lineage.failed", **told)
    if is_done:
        emit(conn, "run.recovered", **told, dedupe=key, resolves=True)


def check_key(system: str, dataset: str, check: str) -> str:
    """Return the key of the alert that a check opens, whatever its groups."""
    return f"check:{system}:{dataset}:{check}"


def tell_checks(
    conn: Connection[Any], system: System, results: Sequence[CheckResult], *, now: datetime
) -> None:
    """Tell of checks that fail or could not be measured, and of those that pass again.

    One alert a check, whatever its groups; it ends when the check is measured over at least the
    days it failed on, and passes.
    """
    groups: dict[str, list[CheckResult]] = defaultdict(list)
    for result in results:
        if result.check == f"{result.dataset}_fresh":
            continue  # lateness has an alert of its own, which needs no check to notice it
        groups[check_key(system.name, result.dataset, result.check)].append(result)
    failing = _open(conn, f"check:{system.name}:")
    for key, told in groups.items():
        bad = [result for result in told if result.severity in FAILS]
        if bad:
            emit(
                conn,
                "check.failed",
                system=system.name,
                subject=f"{bad[0].dataset}: {bad[0].check}",
                details=_told_check(bad),
                now=now,
                dedupe=key,
            )
        elif key in failing and _covers(told, failing[key]):
            emit(
                conn,
                "check.passed",
                system=system.name,
                subject=f"{told[0].dataset}: {told[0].check}",
                details={"value": told[0].value},
                now=now,
                dedupe=key,
                resolves=True,
            )


def tell_freshness(
    conn: Connection[Any], system: System, lags: Iterable[Lag], *, now: datetime
) -> None:
    """Tell of datasets that are later than their promise allows, and of those that are not."""
    slices: dict[str, list[Lag]] = defaultdict(list)
    for lag in lags:
        slices[lag.dataset].append(lag)
    for name, own in slices.items():
        late = [lag for lag in own if lag.severity is Severity.FAIL]
        worst = max(late, key=lambda lag: lag.behind_hours or 0.0, default=None)
        details: dict[str, Any] = {}
        if worst is not None:
            details = {
                "behind_hours": worst.behind_hours,
                "fail_hours": worst.fail_hours,
                "reason": worst.reason,
                "slices": ["/".join(lag.series) for lag in late if lag.series][:MOST_NAMED],
            }
        emit(
            conn,
            "freshness.late" if late else "freshness.met",
            system=system.name,
            subject=name,
            details=details,
            now=now,
            dedupe=f"freshness:{system.name}:{name}",
            resolves=not late,
        )


def tell_coverage(
    conn: Connection[Any], system: System, counted: Iterable[Coverage], *, now: datetime
) -> None:
    """Tell of datasets below their target, and of those that meet it again."""
    for one in counted:
        is_met = not one.needed_for_target
        emit(
            conn,
            "coverage.met" if is_met else "coverage.below",
            system=system.name,
            subject=one.dataset,
            details={
                "coverage": one.coverage,
                "target": one.target,
                "missing": one.missing,
                "needed_for_target": one.needed_for_target,
            },
            now=now,
            dedupe=f"coverage:{system.name}:{one.dataset}",
            resolves=is_met,
        )


def tell_gaps(
    conn: Connection[Any],
    system: System,
    datasets: Iterable[Dataset],
    lost: Sequence[Loss],
    *,
    now: datetime,
) -> None:
    """Tell of datasets with units that were let go of or did not come, and of those without."""
    for dataset in datasets:
        own = sorted(
            (loss for loss in lost if loss.dataset == dataset.name), key=lambda one: one.lost_at
        )
        emit(
            conn,
            "gap.opened" if own else "gap.closed",
            system=system.name,
            subject=dataset.name,
            details={
                "units": sum(loss.units for loss in own),
                "since": own[0].lost_at.isoformat() if own else None,
                "named": [_told_loss(loss) for loss in own[-MOST_NAMED:]],
            },
            now=now,
            dedupe=f"gap:{system.name}:{dataset.name}",
            resolves=not own,
        )


def tell_drift(
    conn: Connection[Any],
    system: System,
    datasets: Iterable[Dataset],
    drift: Iterable[Drift],
    *,
    now: datetime,
) -> None:
    """Tell of datasets whose ledger did not agree with their rows, and of those where it does."""
    units = Counter(one.dataset for one in drift)
    for dataset in datasets:
        differs = units[dataset.name]
        emit(
            conn,
            "drift.found" if differs else "drift.gone",
            system=system.name,
            subject=dataset.name,
            details={"units": differs},
            now=now,
            dedupe=f"drift:{system.name}:{dataset.name}",
            resolves=not differs,
        )


def _is_told(conn: Connection[Any], ending: Ending) -> bool:
    """Return whether what stopped a run is told by the alert of a paused source."""
    paused = (key.removeprefix("source:") for key in _open(conn, "source:"))
    return ending.is_told or any(source in (ending.error or "") for source in paused)


def _open(conn: Connection[Any], prefix: str) -> Mapping[str, Mapping[str, Any]]:
    """Return the details of open alerts whose key begins so."""
    return dict(conn.execute(QUERIES.open_details, {"prefix": prefix}).fetchall())


def _told_check(bad: Sequence[CheckResult]) -> dict[str, Any]:
    worst = bad[0]
    days = [day for result in bad for day in (result.since, result.until)]
    return {
        "severity": worst.severity.value,
        "value": worst.value,
        "detail": worst.detail,
        "groups": [result.group for result in bad if result.group][:MOST_NAMED],
        "failing": len(bad),
        "since": None if None in days[::2] else min(map(str, days[::2])),
        "until": None if None in days[1::2] else max(map(str, days[1::2])),
    }


def _covers(passed: Sequence[CheckResult], failed: Mapping[str, Any]) -> bool:
    """Return whether checks that pass looked at all days on which they had failed."""
    since, until = failed.get("since"), failed.get("until")
    first = min((result.since or date.min for result in passed), default=date.max)
    last = max((result.until or date.max for result in passed), default=date.min)
    return (first == date.min or (since is not None and first <= date.fromisoformat(since))) and (
        last == date.max or (until is not None and last >= date.fromisoformat(until))
    )


def _told_loss(loss: Loss) -> str:
    span = loss.first if loss.first == loss.last else f"{loss.first} to {loss.last}"
    series = "/".join(loss.series)
    return f"{series} {span}: {loss.units} units".strip()
