"""Criteria of sign-off lists and gates, measured: the one place both ask."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import psycopg

from stocktake.check.measure import judge, run_checks
from stocktake.check.results import RANK
from stocktake.count.coverage import count
from stocktake.count.gaps import gaps
from stocktake.count.holes import holes
from stocktake.count.states import Looking
from stocktake.derive.leakage import Question, find_leaks
from stocktake.errors import StocktakeError
from stocktake.load.duplicates import list_duplicates
from stocktake.model import Item, ItemLine, PlanOptions, Severity, State
from stocktake.model.criterion import NOT_READY, verdict_of
from stocktake.report.figures import UNITS, figure, percent, threshold
from stocktake.run.checked import check_system
from stocktake.run.counted import count_years
from stocktake.run.derived import verify_system
from stocktake.run.listed import unfinished_runs
from stocktake.run.planned import plan_for
from stocktake.run.registry import find_datasets
from stocktake.run.schedule import schedule_lines
from stocktake.run.stale import find_stale
from stocktake.run.workspace import load_place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from psycopg import Connection

    from stocktake.derive.leakage import Leak
    from stocktake.model import (
        CheckResult,
        Coverage,
        Criterion,
        Dataset,
        Gap,
        GateVerdict,
        Range,
        System,
    )
    from stocktake.run.workspace import Workspace

SHOWN = 3
"""Parts named in an item's one-line detail; its lines hold all."""

ADVICE = {
    "coverage": "stocktake gaps {0} · stocktake backfill {0}",
    "gaps": "stocktake gaps {0} · stocktake backfill {0}",
    "states": "stocktake gaps {0} · stocktake derive {0}",
    "surplus": "stocktake gaps {0} --state surplus",
    "checks": "stocktake check {0}",
    "verified": "stocktake verify {0} · stocktake derive {0} --full",
    "unfinished_runs": "stocktake runs {0} · stocktake run resume ID, or run cancel ID",
    "second_run": "stocktake plan {0} · stocktake backfill {0}",
    "duplicates": "stocktake duplicates {0}",
    "leakage": "the derivation reads rows of later days: bound what it reads by the row's day",
    "schedules": "declare schedules of {0}",
    "gate": "stocktake check {0} --gate {1}",
}


@dataclass(frozen=True, slots=True)
class Found:
    """What measuring a criterion gave: one figure to judge, in words, with its parts."""

    value: float | None
    detail: str
    lines: Sequence[ItemLine] = ()
    severity: Severity | None = None


@dataclass(slots=True)
class Measuring:
    """What the criteria of one list share; checks are run once for all of them.

    Args:
        workspace: Where.
        system: Of which.
        window: Days measured, where a criterion has days.
    """

    workspace: Workspace
    system: System
    window: Range
    _results: list[CheckResult] | None = field(default=None)

    @property
    def looking(self) -> Looking:
        """From where units are counted."""
        return Looking(
            now=self.workspace.clock(),
            window=self.window,
            lifted=self.workspace.lifted(self.system),
        )

    def datasets(self, criterion: Criterion) -> tuple[Dataset, ...]:
        """Return the datasets a criterion is about."""
        return find_datasets(self.system, criterion.datasets)

    def results(self) -> list[CheckResult]:
        """Return what all checks of the system say, kept like those of ``check``."""
        if self._results is None:
            self._results = check_system(
                self.workspace, self.system, self.system.datasets, self.window
            )
        return self._results


def measure(
    workspace: Workspace, system: System, criteria: Iterable[Criterion], window: Range
) -> list[Item]:
    """Measure criteria in the order given; one that cannot be measured is an ``error``."""
    with workspace.database.connection() as conn:
        find_stale(conn, workspace, system)
    measuring = Measuring(workspace, system, window)
    return [_item(measuring, criterion) for criterion in criteria]


def measure_gate(workspace: Workspace, system: System, name: str, window: Range) -> GateVerdict:
    """Return what a gate of the system says of a range.

    Raises:
        KeyError: The system has no such gate.
    """
    gate = system.gate(name)
    return verdict_of(gate.name, measure(workspace, system, gate.criteria, window))


def _item(measuring: Measuring, criterion: Criterion) -> Item:
    try:
        found = KINDS[criterion.kind](measuring, criterion)
    except psycopg.OperationalError:
        raise
    except (psycopg.Error, StocktakeError, LookupError, ValueError, ImportError) as error:
        found = Found(None, f"could not be measured: {error}", severity=Severity.ERROR)
    unit = UNITS.get(criterion.kind, "")
    severity = found.severity or judge(criterion, found.value)
    if severity is Severity.NOT_APPLICABLE and criterion.fail is None and criterion.warn is None:
        severity = Severity.PASS  # a list, which may be empty
    advice = criterion.advice or ADVICE.get(criterion.kind, "").format(
        measuring.system.name, *criterion.words[:1]
    )
    return Item(
        criterion.name,
        criterion.title or criterion.name.replace("_", " ").capitalize(),
        criterion.kind,
        severity,
        found.value,
        threshold(criterion.warn, criterion.fail, unit),
        found.detail,
        sorted(found.lines, key=lambda line: -RANK.index(line.severity)),
        advice,
    )


def _coverage(measuring: Measuring, criterion: Criterion) -> Found:
    lines = []
    with measuring.workspace.database.connection() as conn:
        for dataset in measuring.datasets(criterion):
            years = count_years(
                conn, measuring.workspace, measuring.system, dataset, measuring.window
            )
            for year, one in years:
                if one.coverage is None:
                    continue
                detail = _coverage_text(criterion, one)
                severity = judge(criterion, one.coverage)
                group = f"{dataset.name} {year}".strip()
                lines.append(ItemLine(group, one.coverage, severity, detail))
    if not lines:
        return Found(None, "nothing is expected in this range")
    lowest = min(lines, key=lambda line: line.value or 0)
    short = [line for line in lines if line.severity is not Severity.PASS]
    named = "; ".join(f"{line.group} {percent(line.value)}" for line in short[:SHOWN])
    detail = (
        f"{len(short)} of {len(lines)} below: {named}"
        if short
        else f"lowest of {len(lines)}: {lowest.group} {percent(lowest.value)}"
    )
    return Found(lowest.value, detail, lines)


def _coverage_text(criterion: Criterion, one: Coverage) -> str:
    least = criterion.fail.low if criterion.fail is not None else None
    needed = replace(one, target=one.target if least is None else least).needed_for_target
    parts = {"missing": one.missing, "needed": needed, "surplus": one.surplus}
    told = [f"{count:,} {word}" for word, count in parts.items() if count]
    return ", ".join((f"{one.held:,} of {one.expected:,} held", *told))


def _gaps(measuring: Measuring, criterion: Criterion) -> Found:
    lines, looked = [], 0
    with measuring.workspace.database.connection() as conn:
        for dataset in measuring.datasets(criterion):
            found = holes(conn, measuring.system, dataset, **measuring.looking)
            looked += found is not None
            for hole in found or ():
                severity = judge(criterion, float(hole.days))
                if severity is Severity.PASS:
                    continue
                group = "/".join((dataset.name, *hole.series))
                detail = f"{hole.first} to {hole.last}: {hole.reason or 'missing'}"
                lines.append(ItemLine(group, float(hole.days), severity, detail))
    if not looked:
        return Found(None, "no dataset of days")
    worst = max(lines, key=lambda line: line.value or 0, default=None)
    if worst is None:
        return Found(0.0, "no longer gap")
    detail = f"{len(lines)} longer; longest {worst.group} {figure(worst.value)} days, "
    return Found(worst.value, detail + worst.detail, lines)


def _states(measuring: Measuring, criterion: Criterion) -> Found:
    chosen = measuring.datasets(criterion)
    states = tuple(State(word) for word in criterion.words)
    with measuring.workspace.database.connection() as conn:
        listed = gaps(conn, measuring.system, chosen, states=states, **measuring.looking)
    return _summed(criterion, _by_reason(listed), "none")


def _by_reason(listed: Sequence[Gap]) -> dict[tuple[str, str], tuple[float, str]]:
    """Return units and an example per dataset and state with its reason."""
    found: dict[tuple[str, str], tuple[float, str]] = {}
    for gap in listed:
        key = (gap.dataset, f"{gap.state.value}: {gap.reason}" if gap.reason else gap.state.value)
        example = "/".join((gap.first, *gap.series))
        units, first = found.get(key, (0.0, example))
        found[key] = (units + gap.units, first)
    return found


def _summed(
    criterion: Criterion, parts: Mapping[tuple[str, str], tuple[float, str]], none: str
) -> Found:
    total = sum(units for units, _ in parts.values())
    severity = judge(criterion, total)
    lines = [
        ItemLine(group, units, severity, f"{why}, such as {example}" if example else why)
        for (group, why), (units, example) in parts.items()
    ]
    named = "; ".join(f"{line.group}: {figure(line.value)} {line.detail}" for line in lines[:SHOWN])
    return Found(total, named or none, lines)


def _surplus(measuring: Measuring, criterion: Criterion) -> Found:
    with measuring.workspace.database.connection() as conn:
        counted = count(conn, measuring.system, measuring.datasets(criterion), **measuring.looking)
    parts = {
        (one.dataset, "held, not expected"): (float(one.surplus), "")
        for one in counted
        if one.surplus and one.expected is not None
    }
    return _summed(criterion, parts, "no surplus")


def _checks(measuring: Measuring, criterion: Criterion) -> Found:
    names = {dataset.name for dataset in measuring.datasets(criterion)}
    chosen = [
        one
        for one in measuring.results()
        if one.dataset in names
        and (not criterion.words or any(fnmatchcase(one.check, w) for w in criterion.words))
    ]
    if not chosen:
        raise LookupError(f"no check is called {', '.join(criterion.words) or 'anything'}")
    return _judged(criterion, chosen)


def _judged(criterion: Criterion, results: Sequence[CheckResult]) -> Found:
    """Return how many results fail, the warnings judged by the criterion's own soft limit."""
    counted = {one: [r for r in results if r.severity is one] for one in Severity}
    failing = [*counted[Severity.ERROR], *counted[Severity.FAIL]]
    warning = counted[Severity.WARN]
    lines = [
        ItemLine(" ".join((one.check, one.group)).strip(), one.value, one.severity, one.detail)
        for one in (*failing, *warning)
    ]
    if len(counted[Severity.NOT_APPLICABLE]) == len(results):
        return Found(None, f"{len(results)} checks found nothing to measure")
    severity = judge(replace(criterion, warn=None), float(len(failing)))
    soft = criterion.warn is not None and not criterion.warn.allows(len(warning))
    if severity is Severity.PASS and soft:
        severity = Severity.WARN
    told = [
        f"{len(counted[one])} {one.value}"
        for one in (Severity.PASS, Severity.NOT_APPLICABLE)
        if counted[one]
    ]
    for word, own in (("fail", failing), ("warn", warning)):
        if own:
            first = ", ".join(f"{one.check} {one.group}".strip() for one in own[:SHOWN])
            told.append(f"{len(own)} {word}: {first}{' …' if len(own) > SHOWN else ''}")
    return Found(float(len(failing)), "; ".join(told), lines, severity)


def _measured(measuring: Measuring, criterion: Criterion) -> Found:
    if criterion.check is None:
        raise ValueError(f"{criterion.name} names no check")
    with measuring.workspace.database.connection() as conn:
        results = run_checks(
            conn,
            measuring.system,
            [criterion.check],
            window=measuring.window,
            now=measuring.workspace.clock(),
        )
    lines = [ItemLine(one.group, one.value, one.severity, one.detail) for one in results]
    worst = max(lines, key=lambda line: RANK.index(line.severity))
    detail = f"{worst.group} {figure(worst.value)}".strip() if not worst.detail else worst.detail
    return Found(worst.value, detail, lines, worst.severity)


def _verified(measuring: Measuring, criterion: Criterion) -> Found:
    now = measuring.workspace.clock()
    verdicts = verify_system(
        measuring.workspace,
        measuring.system,
        measuring.datasets(criterion),
        full="full" in criterion.words,
        seed=now.toordinal(),  # another sample every day, the same one again on the same day
    )
    parts = {
        (one.what, "differs"): (float(one.differences), ", ".join(one.examples[:SHOWN]))
        for one in verdicts
        if one.differences
    }
    return _summed(criterion, parts, f"{len(verdicts)} comparisons agree")


def _leakage(measuring: Measuring, criterion: Criterion) -> Found:
    day, rows, own, inputs, besides = criterion.words
    question = Question(
        criterion.datasets,
        tuple(inputs.split(",")),
        day,
        int(rows),
        own,
        tuple(filter(None, besides.split(","))),
    )
    now = measuring.workspace.clock()
    with measuring.workspace.database.connection() as conn:
        leaks = find_leaks(
            conn, measuring.system, question, window=measuring.window, seed=now.toordinal(), now=now
        )
    compared = sum(leak.compared for leak in leaks)
    if not compared:
        return Found(None, "no derived row in this range")
    parts = {
        (leak.dataset, "differ"): (float(len(leak.examples)), _example(leak))
        for leak in leaks
        if leak.examples
    }
    stale = sum(leak.stale for leak in leaks)
    told = f"{compared:,} rows recomputed without what came later are the same"
    return _summed(criterion, parts, told + f"; {stale:,} stale ones left out" * bool(stale))


def _example(leak: Leak) -> str:
    key, why = next(iter(leak.examples.items()))
    return f"{'/'.join(str(value) for _, value in key)}: {why}"


def _unfinished(measuring: Measuring, criterion: Criterion) -> Found:
    parts = {
        (f"run {run.run_id}", f"{run.kind} {run.state}"): (1.0, "")
        for run in unfinished_runs(measuring.workspace, measuring.system.name)
    }
    return _summed(criterion, parts, "every run has ended")


def _second_run(measuring: Measuring, criterion: Criterion) -> Found:
    options = PlanOptions(
        datasets=criterion.datasets, since=measuring.window.since, until=measuring.window.until
    )
    workspace, now = measuring.workspace, measuring.workspace.clock()
    with workspace.database.connection() as conn:
        plan = plan_for(conn, workspace, measuring.system, options, now=now)
    parts: dict[tuple[str, str], tuple[float, str]] = {}
    for part in plan.parts:
        cost = part.units if part.kind == "derive" else part.requests
        word = (
            "units to recompute" if part.kind == "derive" else f"requests for {part.units:,} units"
        )
        if cost:
            key = (f"{part.kind} {part.feed}", f"{word}, {part.label}")
            parts[key] = (float(cost), "")
    return _summed(criterion, parts, "0 requests, nothing to recompute")


def _duplicates(measuring: Measuring, criterion: Criterion) -> Found:
    names = {dataset.name for dataset in measuring.datasets(criterion)}
    parts: dict[tuple[str, str], tuple[float, str]] = {}
    with measuring.workspace.database.connection() as conn:
        for one in list_duplicates(conn, measuring.system.name):
            if one.dataset in names:
                pairs, example = parts.get((one.dataset, "undecided"), (0.0, one.row_key))
                parts[one.dataset, "undecided"] = (pairs + 1, example)
    return _summed(criterion, parts, "none undecided")


def _schedules(measuring: Measuring, criterion: Criterion) -> Found:
    del criterion
    firing = [
        one
        for one in schedule_lines([measuring.system], now=measuring.workspace.clock())
        if one.next_at is not None
    ]
    lines = [
        ItemLine(one.schedule.name, None, Severity.PASS, f"{one.schedule.verb} at {one.next_at}")
        for one in firing
    ]
    first = f"{firing[0].schedule.name} at {firing[0].next_at:%a %Y-%m-%d %H:%M}" if firing else ""
    return Found(float(len(firing)), f"next {first}" if firing else "none declared", lines)


def _gate(measuring: Measuring, criterion: Criterion) -> Found:
    (name,) = criterion.words
    gate = measuring.system.gate(name)
    verdict = verdict_of(name, [_item(measuring, one) for one in gate.criteria])
    severity = (Severity.PASS, Severity.WARN, Severity.FAIL)[verdict.exit_code]
    unmet = [item for item in verdict.items if not item.is_met]
    lines = [ItemLine(item.name, item.value, item.severity, item.detail) for item in verdict.items]
    count_of = len(unmet) if verdict.verdict == NOT_READY else 0
    told = "; ".join((verdict.verdict, *verdict.reasons))
    return Found(float(count_of), told, lines, severity)


def _function(measuring: Measuring, criterion: Criterion) -> Found:
    try:
        place = load_place(criterion.words[0])
    except AttributeError as error:
        raise LookupError(str(error)) from error
    with measuring.workspace.database.connection() as conn:
        value, detail = _undone(conn, place, measuring)
    return Found(None if value is None else float(value), detail)


def _undone(conn: Connection[Any], place: Any, measuring: Measuring) -> tuple[float | None, str]:
    """Call a system's function; nothing it writes stays."""
    with conn.transaction(force_rollback=True):
        window = measuring.window
        found: tuple[float | None, str] = place(
            conn, since=window.since, until=window.until, now=measuring.workspace.clock()
        )
    return found


KINDS: Mapping[str, Callable[[Measuring, Criterion], Found]] = {
    "coverage": _coverage,
    "gaps": _gaps,
    "states": _states,
    "surplus": _surplus,
    "checks": _checks,
    "measured": _measured,
    "verified": _verified,
    "unfinished_runs": _unfinished,
    "second_run": _second_run,
    "duplicates": _duplicates,
    "schedules": _schedules,
    "gate": _gate,
    "leakage": _leakage,
    "function": _function,
}
