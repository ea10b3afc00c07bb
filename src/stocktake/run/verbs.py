"""Verbs that workers do in one piece: all but those that fetch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from stocktake.model import Range, Severity, State, System
from stocktake.model.criterion import NOT_READY
from stocktake.run.batch import BatchLoader
from stocktake.run.checked import check_system
from stocktake.run.derived import Deriving, derive_all, verify_system
from stocktake.run.files import queued_files
from stocktake.run.measured import measure_gate
from stocktake.run.progress import Meter, silent
from stocktake.run.registry import find_datasets
from stocktake.run.reload import load_arrivals
from stocktake.run.replay import answers_of, replayed, stored_answers
from stocktake.run.trained import GATE, train
from stocktake.run.undone import require_undoable, undo_claimed, undo_message

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stocktake.run.errands import Fetched
    from stocktake.run.steps import Step
    from stocktake.run.workspace import Workspace

WRONG = (Severity.WARN, Severity.FAIL, Severity.ERROR)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a verb came to.

    Args:
        message: One line for people.
        units: Units per state, for verbs that decide any.
        result: What the command's ``--json`` would tell, in short.
    """

    message: str
    units: Mapping[State, int] = field(default_factory=Counter)
    result: Any = None


def _derive(workspace: Workspace, system: System, step: Step) -> Outcome:
    asked = step.options
    names = frozenset(one.name for one in find_datasets(system, asked["datasets"]))
    units = derive_all(
        workspace,
        system,
        step.claim,
        work=Deriving(
            names if asked["datasets"] else frozenset(),
            full=asked["full"],
            parameters=asked["parameters"],
        ),
    )
    return Outcome(f"{sum(units.values()):,} units recomputed", units)


def _check(workspace: Workspace, system: System, step: Step) -> Outcome:
    chosen = find_datasets(system, step.options["datasets"])
    window = _window(step.options)
    results = check_system(workspace, system, chosen, window, run_id=step.claim.run_id)
    counted = Counter(result.severity.value for result in results)
    wrong = [
        {
            "check": one.check,
            "dataset": one.dataset,
            "group": one.group,
            "severity": one.severity.value,
            "value": one.value,
            "detail": one.detail,
        }
        for one in results
        if one.severity in WRONG
    ]
    told = ", ".join(f"{several} {name}" for name, several in counted.items())
    return Outcome(
        f"{len(results)} checks: {told or 'none declared'}",
        result={"counts": dict(counted), "results": wrong},
    )


def _verify(workspace: Workspace, system: System, step: Step) -> Outcome:
    asked = step.options
    chosen = find_datasets(system, asked["datasets"])
    verdicts = verify_system(workspace, system, chosen, full=asked["full"], seed=asked["seed"])
    differ = sum(one.differences for one in verdicts)
    return Outcome(
        f"{len(verdicts)} comparisons: " + (f"{differ:,} differences" if differ else "all agree"),
        result={"is_clean": not differ, "verified": [asdict(one) for one in verdicts]},
    )


def _train(workspace: Workspace, system: System, step: Step) -> Outcome:
    asked = step.options
    if asked.get("only_if_ready"):
        gate = measure_gate(workspace, system, GATE, _window(asked))
        if gate.verdict == NOT_READY:
            return Outcome(
                f"not trained: the gate {GATE} says {gate.verdict}",
                result={"gate": gate.verdict, "reasons": list(gate.reasons)},
            )
    trained, verdict, folder = train(
        workspace,
        system,
        _window(asked),
        target=asked["target"],
        seed=asked["seed"],
        out=None,
        is_forced=asked["is_forced"],
    )
    return Outcome(
        f"{trained.name}: {trained.verdict}",
        result={
            "model": trained.name,
            "verdict": trained.verdict,
            "gate": verdict.verdict,
            "folder": str(folder),
        },
    )


def _replay(workspace: Workspace, system: System, step: Step) -> Outcome:
    chosen = find_datasets(system, step.options["datasets"])
    numbers = step.options.get("captures")
    found = (
        answers_of(workspace, system, numbers)
        if numbers
        else stored_answers(workspace, system, chosen)
    )
    arrivals = replayed(workspace, system, found, _window(step.options))
    return _reloaded(workspace, system, step, arrivals=arrivals, total=len(found))


def _load(workspace: Workspace, system: System, step: Step) -> Outcome:
    (dataset,) = find_datasets(system, step.options["datasets"])
    run_id, source = step.claim.run_id, step.options["source"]
    waiting = queued_files(workspace, system, dataset, source=source, run_id=run_id)
    return _reloaded(workspace, system, step, arrivals=waiting, total=len(waiting))


def _reloaded(
    workspace: Workspace, system: System, step: Step, *, arrivals: Iterable[Fetched], total: int
) -> Outcome:
    loader = BatchLoader(workspace, system, step.claim)
    meter = Meter(step.claim.run_id, total=total, planned_seconds=0)
    load_arrivals(loader, arrivals, meter=meter, report=silent)
    units = loader.tally.units
    units.update(derive_all(workspace, system, step.claim))
    result = {"notes": loader.tally.note_lines()} if loader.tally.notes else None
    return Outcome(f"{loader.tally.rows:,} rows read", units, result)


def _undo(workspace: Workspace, system: System, step: Step) -> Outcome:
    run_id = int(step.options["undoes"])
    require_undoable(workspace, system, run_id, by=step.claim.run_id)
    units, tables = undo_claimed(workspace, system, run_id, step.claim)
    told = {one.dataset: {"removed": one.removed, "restored": one.restored} for one in tables}
    return Outcome(undo_message(run_id, tables), units, {"undoes": run_id, "tables": told})


def _window(asked: Mapping[str, Any]) -> Range:
    since, until = asked["since"], asked["until"]
    return Range(
        date.fromisoformat(since) if since else None, date.fromisoformat(until) if until else None
    )


VERBS: Mapping[str, Callable[[Workspace, System, Step], Outcome]] = {
    "derive": _derive,
    "check": _check,
    "verify": _verify,
    "train": _train,
    "replay": _replay,
    "load": _load,
    "undo": _undo,
}
"""What a worker does for each verb that is not cut into chunks."""
