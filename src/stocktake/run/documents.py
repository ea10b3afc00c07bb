"""What is told of things, as JSON objects: the same from the command line and over HTTP."""

from __future__ import annotations

import dataclasses
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from stocktake.model import State
from stocktake.report.sections import verdict_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from stocktake.fetch.captures import StoredCapture
    from stocktake.load.duplicates import Duplicate
    from stocktake.load.rehearsal import Rehearsal
    from stocktake.load.rejects import StoredReject
    from stocktake.load.undo import TableBack
    from stocktake.model import Coverage, GateVerdict, Item, Plan, SignOff, System
    from stocktake.report.health import Health
    from stocktake.run.foreseen import FirstRequest, Leaves
    from stocktake.run.paired import Settled, Trial
    from stocktake.run.reviewed import Retrial
    from stocktake.run.scheduled import FireLine, Kept


def system_json(system: System) -> dict[str, Any]:
    """Return the JSON object of one installed system."""
    return {
        "system": system.name,
        "summary": system.summary,
        "datasets": [dataset.name for dataset in system.datasets],
        "sources": [source.name for source in system.sources],
    }


def up_to_today(coverage: Coverage) -> Coverage:
    """Return a coverage without its future units, which nobody asked about."""
    states = dict(coverage.states)
    states.pop(State.FUTURE, None)
    return dataclasses.replace(coverage, states=states)


def coverage_json(coverage: Coverage) -> dict[str, Any]:
    """Return the contract's JSON object of one dataset."""
    return {
        "dataset": coverage.dataset,
        "expected": coverage.expected,
        "held": coverage.held,
        "coverage": coverage.coverage,
        "missing": coverage.missing,
        "needed_for_target": coverage.needed_for_target,
        "target": coverage.target,
        "surplus": coverage.surplus,
        "states": {state.value: units for state, units in coverage.states.items()},
        "rows": coverage.rows,
    }


def plan_json(
    made: Plan, *, first: Sequence[FirstRequest] = (), leaves: Sequence[Leaves] = ()
) -> dict[str, Any]:
    """Return the plan as the JSON document of ``plan --json``; ordinals are left out.

    Args:
        first: Its first requests, as they will be sent.
        leaves: What it leaves missing.
    """
    return {
        "plan_id": made.plan_id,
        "system": made.system,
        "requests": made.requests,
        "seconds": made.seconds,
        "naive_seconds": made.naive_seconds,
        "rows": made.rows,
        "bytes": made.bytes,
        "estimated_from": made.estimated_from,
        "endpoints": made.costs,
        "parts": [
            {
                "wave": part.wave,
                "label": part.label,
                "kind": part.kind,
                "feed": part.feed,
                "units": part.units,
                "requests": part.requests,
                "dynamic": part.dynamic,
                "reason": part.reason,
            }
            for part in made.parts
        ],
        "unreachable": [
            {"reason": reason, "dataset": dataset, "units": units}
            for reason, dataset, units in made.unreachable
        ],
        "stays_missing": leaves,
        "first_requests": first,
    }


def capture_json(stored: StoredCapture) -> dict[str, Any]:
    """Return everything about a capture but its bytes."""
    capture = stored.capture
    return {
        "capture_id": capture.capture_id,
        "system": stored.system,
        "source": stored.source,
        "feed": capture.request.feed,
        "path": capture.request.path,
        "params": capture.request.params,
        "units": ["/".join(key) for key in capture.request.units],
        "status": capture.status,
        "headers": dict(capture.headers),
        "bytes": len(capture.body),
        "sha256": capture.sha256.hex(),
        "fetched_at": capture.fetched_at,
        "run_id": stored.run_id,
        "is_loaded": stored.is_loaded,
        "flaw": capture.flaw,
    }


def item_json(item: Item) -> dict[str, Any]:
    """Return the JSON object of one criterion."""
    return {
        "name": item.name,
        "title": item.title,
        "kind": item.kind,
        "severity": item.severity.value,
        "is_met": item.is_met,
        "value": item.value,
        "threshold": item.threshold,
        "detail": item.detail,
        "waived": item.waived or None,
        "lines": item.lines,
    }


def _items_json(items: Sequence[Item]) -> dict[str, Any]:
    return {"items": [item_json(item) for item in items]}


def gate_json(system: System, verdict: GateVerdict) -> dict[str, Any]:
    """Return the JSON object of a measured gate."""
    return {
        "system": system.name,
        "gate": verdict.gate,
        "verdict": verdict.verdict,
        "reasons": verdict.reasons,
        "exit_code": verdict.exit_code,
        **_items_json(verdict.items),
    }


def signoff_json(signed: SignOff) -> dict[str, Any]:
    """Return the JSON object of a sign-off, recorded or only measured."""
    return {
        "signoff_id": signed.signoff_id,
        "system": signed.system,
        "since": signed.since,
        "until": signed.until,
        "by": signed.by,
        "at": signed.at,
        "is_signed": signed.signoff_id is not None,
        "refused": [item.name for item in signed.refused],
        "waived": {item.name: item.waived for item in signed.items if item.waived},
        **_items_json(signed.items),
    }


def health_json(health: Health) -> dict[str, Any]:
    """Return the JSON object of a report."""
    return {
        "system": health.system,
        "kind": health.kind,
        "at": health.at,
        "since": health.since,
        "until": health.until,
        "verdict": verdict_of(health),
        "exit_code": health.exit_code,
        "datasets": [
            {
                **coverage_json(one.whole),
                "table_rows": one.rows,
                "final_rows": one.final_rows,
                "years": [{"year": year, **coverage_json(counted)} for year, counted in one.years],
            }
            for one in health.datasets
        ],
        "gaps": health.holes,
        "gap_count": health.hole_count,
        "checks": health.checks,
        "unfinished_runs": health.open_runs,
        "requests": health.requests,
        "notices": [
            {
                **dataclasses.asdict(one.loss),
                "noticed_at": one.at,
                "noticed_by": one.by,
                "noticed_after_days": one.days,
            }
            for one in health.notices
        ],
        "notice_count": health.notice_count,
    }


def schedule_json(one: Kept) -> dict[str, Any]:
    """Return the JSON object of one schedule."""
    chosen = one.schedule
    return {
        "name": one.name,
        "system": one.system,
        "cron": chosen.cron,
        "zone": chosen.zone,
        "verb": chosen.verb,
        "datasets": list(chosen.datasets),
        "options": dict(chosen.options),
        "catch_up": chosen.catch_up,
        "overlap": chosen.overlap,
        "jitter_seconds": chosen.jitter_seconds,
        "is_declared": one.is_declared,
        "is_enabled": one.is_enabled,
        "is_changed": one.is_changed,
        "is_on": not one.obstacle,
        "why_off": one.obstacle or None,
        "next_at": one.next_at,
        "last": fire_json(one.last) if one.last else None,
    }


def fire_json(one: FireLine) -> dict[str, Any]:
    """Return the JSON object of one time a schedule was due."""
    return {
        "name": one.name,
        "due_at": one.due_at,
        "outcome": one.outcome,
        "reason": one.reason,
        "run_id": one.run_id,
        "run_state": one.run_state,
        "by": one.by,
        "decided_at": one.decided_at,
        "lateness_seconds": one.lateness_seconds,
    }


def rehearsal_json(told: Rehearsal) -> dict[str, Any]:
    """Return the JSON object of what loading something would change."""
    return {
        "rows": {name: dataclasses.asdict(counts) for name, counts in told.rows.items()},
        "changed": told.changed,
        "changes": [{**dataclasses.asdict(one), "is_new": one.is_new} for one in told.changes],
        "is_cut": told.is_cut,
        "rejects": told.rejects,
        "problem": told.problem or None,
    }


REJECT_COLUMNS = (
    *("reject_id", "dataset", "capture_id", "run_id", "position", "code", "reason", "raw"),
)
"""Columns of a file of rejects."""


def reject_cells(listed: Iterable[StoredReject]) -> Iterator[tuple[object, ...]]:
    """Yield the lines of a file of rejects."""
    return map(attrgetter(*REJECT_COLUMNS), listed)


def retrial_json(told: Retrial) -> dict[str, Any]:
    """Return the JSON object of what retrying rejects would change."""
    return {
        "answers": told.answers,
        "tried": told.tried,
        "refused": told.refused,
        "left": told.left,
        **rehearsal_json(told.told),
    }


def pair_json(pair: Duplicate) -> dict[str, Any]:
    """Return the JSON object of two rows with one key."""
    told = {"differing": list(pair.differing), "alike": round(pair.alike, 4)}
    return {**dataclasses.asdict(pair), **told}


def trial_json(told: Trial) -> dict[str, Any]:
    """Return the JSON object of what deciding pairs together would change."""
    return {
        "pairs": told.pairs,
        "left": told.left,
        "answers": told.answers,
        **rehearsal_json(told.told),
    }


def settled_json(settled: Settled) -> dict[str, Any]:
    """Return the JSON object of pairs decided, or opened again, together."""
    return {
        "at": settled.at,
        "pairs": settled.pairs,
        "left": settled.left,
        "run_id": settled.done.run_id if settled.done else None,
        "rows": settled.done.rows if settled.done else {},
    }


def tables_json(tables: Sequence[TableBack]) -> dict[str, Any]:
    """Return the JSON object of what taking a run back does, by table."""
    return {
        one.dataset: {"removed": one.removed, "restored": one.restored, "kept": one.kept}
        for one in tables
    }
