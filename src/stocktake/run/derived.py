"""Derived tables as part of runs and on their own, and the proof that they are right."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from stocktake.count.dated import redate
from stocktake.count.needs import member_keys
from stocktake.count.record import empty_above, follows_units, record
from stocktake.count.recount import recount
from stocktake.count.states import Looking
from stocktake.derive.recompute import derive, in_order, unit_column
from stocktake.derive.verification import verify
from stocktake.model import PlanOptions, Range, State, UnitOutcome
from stocktake.model.ordinals import members
from stocktake.observe.failpoints import reach
from stocktake.run import claim as claims
from stocktake.run.again import again
from stocktake.run.claim import SQL
from stocktake.run.ranked import ranked_needs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from psycopg import Connection

    from stocktake.derive.recompute import Derived
    from stocktake.model import Dataset, Derivation, RunReport, System
    from stocktake.run.claim import Claim
    from stocktake.run.workspace import Workspace

EXAMPLES = 5
SAMPLE = 0.01
"""Share of the keys that ``verify`` recomputes unless asked for all."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Result of one comparison: how much was compared, how much differs, and examples."""

    what: str
    compared: int
    differences: int
    examples: Sequence[str]


def untold(dataset: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Deriving:
    """What is to be derived.

    Args:
        datasets: Only derivations that write one of these; empty means all.
        full: Recompute every key.
        parameters: Overrides of declared parameters, by name.
        options: The plan's: rows that are missing come back only of units as urgent as it asks.
        tell: Called with the dataset that is about to be computed.
    """

    datasets: frozenset[str] = frozenset()
    full: bool = False
    parameters: Mapping[str, int | str] = field(default_factory=dict)
    options: PlanOptions = field(default_factory=PlanOptions)
    tell: Callable[[str], None] = untold


def derive_all(
    workspace: Workspace,
    system: System,
    claim: Claim,
    *,
    work: Deriving = Deriving(),
) -> Counter[State]:
    """Recompute every derivation whose inputs changed, each in a transaction of its own.

    Args:
        workspace: Where.
        system: Of which.
        claim: The run this belongs to.
        work: What is to be recomputed; all that changed unless told otherwise.
    """
    units: Counter[State] = Counter()
    for derivation in in_order(system.derivations):
        if work.datasets and derivation.dataset not in work.datasets:
            continue
        work.tell(derivation.dataset)
        units.update(again(partial(_derive_one, workspace, system, derivation, claim, work=work)))
    again(partial(_redate, workspace, system, claim))
    return units


def _redate(workspace: Workspace, system: System, claim: Claim) -> None:
    with workspace.database.connection() as conn:
        claims.hold(conn, claim, requests=0, now=workspace.clock())
        redate(conn, system)


def _derive_one(
    workspace: Workspace,
    system: System,
    derivation: Derivation,
    claim: Claim,
    *,
    work: Deriving,
) -> Mapping[State, int]:
    now = workspace.clock()
    own = {
        name: value
        for name, value in work.parameters.items()
        if name in dict(derivation.parameters)
    }
    chosen = replace(derivation, parameters=tuple({**dict(derivation.parameters), **own}.items()))
    with workspace.database.connection() as conn:
        claims.hold(conn, claim, requests=0, now=now)
        done = derive(
            conn,
            system,
            chosen,
            full=work.full,
            lacking=_lacking(conn, workspace, system, chosen, options=work.options),
            run_id=claim.run_id,
            now=now,
        )
        reach("derive_merged")
        # Columns beside fetched ones: rows that stay as they are were counted by their load.
        if done.touched_keys and (done.counts.updated or not derivation.columns):
            _write_receipt(conn, done, run_id=claim.run_id, now=now)
        units: Mapping[State, int] = {}
        if not derivation.columns:
            dataset = system.dataset(done.dataset)
            empty = empty_above(conn, system, dataset)
            touched = dict.fromkeys(
                (*done.units, *(key for key, is_new in empty.items() if is_new))
            )
            outcomes = [
                UnitOutcome(
                    key,
                    datasets=(done.dataset,),
                    # Without rows above nothing can come of them; elsewhere none are a gap.
                    none_is_empty=key in empty or not follows_units(system, dataset),
                )
                for key in touched
            ]
            if outcomes:
                units = record(
                    conn, system, "derive", outcomes, values={}, run_id=claim.run_id, now=now
                )
        reach("derive_before_commit")
    reach("derive_after_commit")
    return units


def _lacking(
    conn: Connection[Any],
    workspace: Workspace,
    system: System,
    derivation: Derivation,
    *,
    options: PlanOptions,
) -> list[str]:
    """Return the units that are missing for no want of inputs: rows that somebody deleted."""
    if derivation.columns or not unit_column(system, derivation):
        return []
    dataset = system.dataset(derivation.dataset)
    looking = Looking(now=workspace.clock(), lifted=workspace.lifted(system))
    found = ranked_needs(
        conn, system, [dataset], options=options, looking=looking, states=(State.MISSING,)
    )
    ordinals = [at for need in found for at in members(need.ranges)]
    return sorted(member_keys(conn, system, dataset, ordinals).values())


def _write_receipt(conn: Connection[Any], done: Derived, *, run_id: int, now: datetime) -> None:
    counts = done.counts
    conn.execute(
        SQL.write_derived_receipt,
        {
            "run_id": run_id,
            "dataset": done.dataset,
            "read": counts.read,
            "inserted": counts.inserted,
            "updated": counts.updated,
            "unchanged": counts.read - counts.inserted - counts.updated,
            "at": now,
        },
    )


def derive_system(
    workspace: Workspace,
    system: System,
    datasets: Sequence[Dataset],
    *,
    full: bool,
    parameters: Mapping[str, int | str],
) -> RunReport:
    """Run derivations on their own, as a run with a report."""
    started = time.monotonic()
    with claims.system_lock(workspace.database, system.name):
        with workspace.database.connection() as conn:
            claims.park_interrupted(conn, system.name, now=workspace.clock())
            asked = {"datasets": [one.name for one in datasets], "full": full, **parameters}
            claim = claims.start(
                conn, system.name, "derive", options=asked, plan_id=None, now=workspace.clock()
            )
        units = derive_all(
            workspace,
            system,
            claim,
            work=Deriving(
                frozenset(one.name for one in datasets), full=full, parameters=parameters
            ),
        )
        with workspace.database.connection() as conn:
            ending = claims.Ending("done", units, time.monotonic() - started)
            return claims.finish(conn, claim, ending, now=workspace.clock())


def verify_system(workspace: Workspace, system: System, *, full: bool, seed: int) -> list[Verdict]:
    """Recompute derived keys and recount every unit; nothing is changed.

    A sample of 1 % (at least 200 keys) of each derivation, everything with ``full``.
    """
    verdicts = []
    for derivation in in_order(system.derivations):
        with workspace.database.connection() as conn:
            found = verify(
                conn,
                system,
                derivation,
                share=1.0 if full else SAMPLE,
                seed=seed,
                now=workspace.clock(),
            )
        verdicts.append(
            Verdict(
                f"derived {derivation.dataset} ({derivation.sql})",
                found.keys,
                found.count,
                [
                    f"{'/'.join(map(str, key.values()))} {how}"
                    for key, how in found.examples[:EXAMPLES]
                ],
            )
        )
    with workspace.database.connection() as conn:
        drift = recount(
            conn, system, system.datasets, window=Range(), now=workspace.clock(), repair=False
        )
    by_dataset = Counter(one.dataset for one in drift)
    for dataset in system.datasets:
        examples = [
            f"{'/'.join(one.key)}: {one.kind}" for one in drift if one.dataset == dataset.name
        ]
        verdicts.append(
            Verdict(f"ledger of {dataset.name}", 1, by_dataset[dataset.name], examples[:EXAMPLES])
        )
    return verdicts
