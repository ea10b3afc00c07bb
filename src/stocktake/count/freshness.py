"""How far each dataset is behind its promise of freshness: the one place that measures it.

A unit is due once its day is final at the source. What is not complete then is late, for as long as
the promise fails and two days more; afterwards it is a gap, which counting tells. What is derived
is late from the first change of an input that it has not followed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from psycopg.sql import Identifier

from stocktake.count.routes import end_of_day, today_in, zone_of
from stocktake.count.states import QUERIES, Question, View, question, ranges_in
from stocktake.model import Days, FromDataset, Lag, Severity, State, day_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from psycopg import Connection

    from stocktake.model import Dataset, Derivation, Freshness, System

FINAL = (State.COMPLETE, State.EMPTY)
LATE = (State.MISSING, State.FAILED, State.BLOCKED, State.THIN, State.STALE)
REMEMBERED = timedelta(days=2)
"""So much longer than a promise fails its breach is told of, unless nothing newer came."""
HOUR = timedelta(hours=1)
SHORT = "rows "
"""Reasons that begin so tell of a final answer with too few rows: a gap, not lateness."""

Series = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Days:
    """Days of one series in ascending order: final ones, and what is late of others."""

    final: list[int]
    late: list[tuple[int, str]]


def freshness(
    conn: Connection[Any], system: System, *, now: datetime, lifted: frozenset[str]
) -> list[Lag]:
    """Return how far every slice with a promise is behind it, in the system's order of datasets.

    What is stale must have been noted before (``find_stale``).

    Args:
        now: UTC; ages of what is derived are told by the server's own clock.
        lifted: Source settings that are true.
    """
    found: list[Lag] = []
    for dataset in system.datasets:
        promises = [one for one in system.freshness if dataset.name in one.datasets]
        if not promises:
            continue
        behind = _behind_inputs(conn, system, dataset)
        days = _days(conn, system, dataset, View(now, lifted=lifted))
        if not days:
            promise = _promise_for(promises, ())
            found += [_lag(dataset, (), promise, behind)] if promise else []
        for series, told in sorted(days.items()):
            promise = _promise_for(promises, series)
            if promise is not None:
                late = _late_days(system, dataset, told, promise, now=now)
                settled = day_of(told.final[-1]) if told.final else None
                worst = max((one for one in (behind, late) if one), default=(0.0, ""))
                known = worst if worst[0] or told.final else None
                found.append(_lag(dataset, series, promise, known, settled=settled))
    return found


def _promise_for(promises: Sequence[Freshness], series: Series) -> Freshness | None:
    """Return the promise of a slice: its own, else that of every slice."""
    own = [one for one in promises if one.series == series]
    return next(iter([*own, *(one for one in promises if not one.series)]), None)


def _lag(
    dataset: Dataset,
    series: Series,
    promise: Freshness,
    behind: tuple[float, str] | None,
    *,
    settled: Any = None,
) -> Lag:
    hours, reason = behind or (None, "")
    within, limit = promise.within / HOUR, promise.limit / HOUR
    if hours is None:
        severity = Severity.NOT_APPLICABLE
    elif hours > limit:
        severity = Severity.FAIL
    else:
        severity = Severity.WARN if hours > within else Severity.PASS
    return Lag(dataset.name, series, hours, within, limit, severity, settled, reason)


def _days(
    conn: Connection[Any], system: System, dataset: Dataset, view: View
) -> dict[Series, _Days]:
    """Return the days of each series; nothing where units have none."""
    asked = question(conn, system, dataset, view=view)
    found: dict[Series, _Days] = {}
    if isinstance(asked.axis, Days):
        found = _days_themselves(conn, asked)
    elif isinstance(asked.axis, FromDataset) and asked.axis.day and asked.member_series is not None:
        found = _days_of_members(conn, asked)
    for days in found.values():
        days.final.sort()
        days.late.sort()
    return found


def _days_themselves(conn: Connection[Any], asked: Question) -> dict[Series, _Days]:
    found: dict[Series, _Days] = {}
    for key, _, state, reason, first, last in ranges_in(conn, asked, states=(*FINAL, *LATE)):
        days = found.setdefault(tuple(key), _Days([], []))
        if State(state) in FINAL:
            days.final.append(last - 1)
        elif not (state == State.THIN and reason.startswith(SHORT)):
            days.late.extend((at, reason or state) for at in range(first, last))
    return found


def _days_of_members(conn: Connection[Any], asked: Question) -> dict[Series, _Days]:
    parameters = {
        **asked.parameters,
        "series_id": asked.member_series,
        "held": [state.value for state in FINAL],
        "lacking": [state.value for state in LATE],
    }
    found: dict[Series, _Days] = {}
    for key, day, held, lacking, reason in conn.execute(QUERIES.member_days, parameters):
        days = found.setdefault(tuple(key), _Days([], []))
        if lacking:
            days.late.append((day, reason or f"{lacking} of {held + lacking} units"))
        elif held:
            days.final.append(day)
    return found


def _late_days(
    system: System, dataset: Dataset, told: _Days, promise: Freshness, *, now: datetime
) -> tuple[float, str] | None:
    """Return for how many hours the oldest late day is due, and why it is late."""
    if not told.final:
        return None
    zone = zone_of(system, dataset)
    after = _settles_after(system, dataset)
    first = today_in(zone, now - promise.limit - REMEMBERED)
    newest = told.final[-1]
    for at, reason in told.late:
        day = day_of(at)
        if day < first and at < newest:
            continue
        due_at = end_of_day(day, zone) + after
        if due_at > now.astimezone(UTC):
            return None
        return (now - due_at) / HOUR, f"{day}: {reason}"
    return None


def _settles_after(system: System, dataset: Dataset) -> timedelta:
    """Return how long after its day a unit is final: by its feeds, else by what it is made of."""
    own = [feed.settle.after for feed in system.feeds_of(dataset.name) if feed.settle is not None]
    above = [_settles_after(system, system.dataset(name)) for name in dataset.after if not own]
    return max((*own, *above), default=timedelta(0))


def _behind_inputs(
    conn: Connection[Any], system: System, dataset: Dataset
) -> tuple[float, str] | None:
    """Return since how many hours inputs changed that what is derived here has not followed.

    ``None`` when nothing is derived here.
    """
    derivations = [one for one in system.derivations if one.dataset == dataset.name]
    if not derivations:
        return None
    ages = [age for one in derivations for age in _unseen(conn, system, one)]
    return max(ages, default=(0.0, ""))


def _unseen(
    conn: Connection[Any], system: System, derivation: Derivation
) -> Iterable[tuple[float, str]]:
    for name in derivation.inputs:
        statement = QUERIES.oldest_unseen.format(input=Identifier(system.name, name))
        names = {
            "system": system.name,
            "dataset": derivation.dataset,
            "sql": derivation.sql,
            "input": name,
        }
        (hours,) = conn.execute(statement, names).fetchone() or (None,)
        if hours is not None:
            yield float(hours), f"{derivation.sql} has not followed {name}"
