"""Derived tables as part of runs and on their own, and the proof that they are right."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import psycopg

from stocktake.count.dated import redate
from stocktake.count.losses import lost_datasets
from stocktake.count.needs import member_keys
from stocktake.count.record import empty_above, follows_units, record
from stocktake.count.recount import recount
from stocktake.count.routes import axis_of
from stocktake.count.states import Looking
from stocktake.derive.recompute import derive_surveyed, in_order, unit_column
from stocktake.derive.survey import read_by, read_states, remember, survey
from stocktake.derive.verification import verify
from stocktake.model import FromDataset, PlanOptions, Range, State, UnitOutcome
from stocktake.model.ordinals import members
from stocktake.observe.failpoints import reach
from stocktake.observe.traces import span
from stocktake.run import claim as claims
from stocktake.run.again import again
from stocktake.run.claim import SQL
from stocktake.run.ending import Ending
from stocktake.run.ranked import ranked_needs
from stocktake.store.migrate import ENGINE
from stocktake.store.statistics import renew_statistics

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from psycopg import Connection

    from stocktake.derive.recompute import Derived
    from stocktake.model import Dataset, Derivation, RunReport, System
    from stocktake.run.claim import Claim
    from stocktake.run.workspace import Workspace

EXAMPLES = 5
TOGETHER_SECONDS = 0.5
"""Derivations are recomputed in one transaction until it has taken so long."""
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
        since: Members were given their days after all that was loaded before; None: never.
    """

    datasets: frozenset[str] = frozenset()
    full: bool = False
    parameters: Mapping[str, int | str] = field(default_factory=dict)
    options: PlanOptions = field(default_factory=PlanOptions)
    tell: Callable[[str], None] = untold
    since: datetime | None = None


def derive_all(
    workspace: Workspace,
    system: System,
    claim: Claim,
    *,
    work: Deriving = Deriving(),
) -> Counter[State]:
    """Recompute every derivation whose inputs changed, quick ones together in one transaction.

    Args:
        workspace: Where.
        system: Of which.
        claim: The run this belongs to.
        work: What is to be recomputed; all that changed unless told otherwise.
    """
    units: Counter[State] = Counter()
    left = [
        _chosen(derivation, work.parameters)
        for derivation in in_order(system.derivations)
        if not work.datasets or derivation.dataset in work.datasets
    ]
    renew = partial(renew_statistics, workspace.database, [ENGINE.schema, system.name])
    renew()
    since = again(partial(_seen_until, workspace, system))
    most_seconds = TOGETHER_SECONDS
    while True:
        sitting = partial(
            _derive_some,
            workspace,
            system,
            left,
            claim,
            work=replace(work, since=since),
            most_seconds=most_seconds,
        )
        try:
            done, recorded = again(sitting)
        except psycopg.OperationalError:
            raise
        except psycopg.Error:
            if not most_seconds:
                raise
            most_seconds = 0.0  # one by one: what comes before the one that fails shall be kept
            continue
        units.update(recorded)
        left = left[done:]
        renew()
        if not left:
            return units


def _chosen(derivation: Derivation, parameters: Mapping[str, int | str]) -> Derivation:
    declared = dict(derivation.parameters)
    own = {name: value for name, value in parameters.items() if name in declared}
    return replace(derivation, parameters=tuple({**declared, **own}.items()))


def _seen_until(workspace: Workspace, system: System) -> datetime | None:
    """Return the instant before which every derivation has seen what was loaded."""
    with workspace.database.connection() as conn:
        states = read_states(conn, system)
    names = {(one.dataset, one.sql) for one in system.derivations}
    seen = [state.watermark for name, state in states.items() if name in names]
    return min(seen) if len(seen) == len(names) and seen else None


def _derive_some(
    workspace: Workspace,
    system: System,
    derivations: Sequence[Derivation],
    claim: Claim,
    *,
    work: Deriving,
    most_seconds: float,
) -> tuple[int, Mapping[State, int]]:
    """Recompute the first of some derivations, and more of them until time is up.

    Returns:
        How many were recomputed, and units per state.
    """
    now = workspace.clock()
    began = time.monotonic()
    with workspace.database.connection() as conn:
        claims.hold(conn, claim, requests=0, now=now)
        sitting = _Sitting(conn, workspace, system, claim, now)
        surveyed = survey(conn, system, derivations)
        lost = lost_datasets(conn, system)
        count = 0
        for derivation in derivations:
            if (count and time.monotonic() - began >= most_seconds) or sitting.has_read(derivation):
                break
            work.tell(derivation.dataset)
            lacking = (
                sitting.lacking(derivation, work.options) if derivation.dataset in lost else ()
            )
            with span("derive", dataset=derivation.dataset):
                done = derive_surveyed(
                    conn,
                    surveyed,
                    derivation,
                    full=work.full,
                    lacking=lacking,
                    run_id=claim.run_id,
                    now=now,
                )
            sitting.keep(done, derivation)
            count += 1
        remember(conn, surveyed, run_id=claim.run_id, now=now)
        sitting.write_receipts()
        sitting.record()
        if count == len(derivations):  # with the last of them, lest what they saw is passed over
            redate(conn, system, since=work.since)
        reach("derive_before_commit")
    reach("derive_after_commit")
    return count, sitting.units


@dataclass(slots=True)
class _Sitting:
    """What the derivations of one transaction did, written together at its end."""

    conn: Connection[Any]
    workspace: Workspace
    system: System
    claim: Claim
    now: datetime
    units: Counter[State] = field(default_factory=Counter)
    outcomes: list[UnitOutcome] = field(default_factory=list)
    receipts: list[Derived] = field(default_factory=list)
    read: set[str] = field(default_factory=set)

    def has_read(self, derivation: Derivation) -> bool:
        """Return whether rows are written now that something before took for seen."""
        return not derivation.columns and derivation.dataset in self.read

    def lacking(self, derivation: Derivation, options: PlanOptions) -> list[str]:
        """Return the units that are missing for no want of inputs: rows that somebody deleted."""
        if derivation.columns or not unit_column(self.system, derivation):
            return []
        self.record()
        dataset = self.system.dataset(derivation.dataset)
        looking = Looking(now=self.now, lifted=self.workspace.lifted(self.system))
        found = ranked_needs(
            self.conn,
            self.system,
            [dataset],
            options=options,
            looking=looking,
            states=(State.MISSING,),
        )
        ordinals = [at for need in found for at in members(need.ranges)]
        return sorted(member_keys(self.conn, self.system, dataset, ordinals).values())

    def keep(self, done: Derived, derivation: Derivation) -> None:
        """Take what a derivation did."""
        reach("derive_merged")
        self.read.update(read_by(derivation))
        # Columns beside fetched ones: rows that stay as they are were counted by their load.
        if done.touched_keys and (done.counts.updated or not derivation.columns):
            self.receipts.append(done)
        if derivation.columns:
            return
        dataset = self.system.dataset(done.dataset)
        follows = follows_units(self.system, dataset)
        if follows and not isinstance(axis_of(dataset), FromDataset):
            self.record()  # what is empty above may have been found just now
        empty = empty_above(self.conn, self.system, dataset)
        touched = dict.fromkeys((*done.units, *(key for key, is_new in empty.items() if is_new)))
        self.outcomes += [
            UnitOutcome(
                key,
                datasets=(done.dataset,),
                # Without rows above nothing can come of them; elsewhere none are a gap.
                none_is_empty=key in empty or not follows,
            )
            for key in touched
        ]

    def record(self) -> None:
        """Write the units recomputed so far."""
        if self.outcomes:
            run_id = self.claim.run_id
            self.units.update(
                record(
                    self.conn,
                    self.system,
                    "derive",
                    self.outcomes,
                    values={},
                    run_id=run_id,
                    now=self.now,
                )
            )
            self.outcomes.clear()

    def write_receipts(self) -> None:
        """Write what became of the rows."""
        if self.receipts:
            values = {
                "run_id": self.claim.run_id,
                "datasets": [done.dataset for done in self.receipts],
                "read": [done.counts.read for done in self.receipts],
                "inserted": [done.counts.inserted for done in self.receipts],
                "updated": [done.counts.updated for done in self.receipts],
                "at": self.now,
            }
            self.conn.execute(SQL.write_derived_receipts, values)


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
            ending = Ending("done", units, time.monotonic() - started)
            return claims.finish(conn, claim, ending, now=workspace.clock())


def verify_system(
    workspace: Workspace,
    system: System,
    datasets: Sequence[Dataset],
    *,
    full: bool,
    seed: int,
) -> list[Verdict]:
    """Recompute derived keys of some datasets and recount their units; nothing is changed.

    A sample of 1 % (at least 200 keys) of each derivation, everything with ``full``.
    """
    verdicts = []
    names = {one.name for one in datasets}
    for derivation in in_order(system.derivations):
        if derivation.dataset not in names:
            continue
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
        drift = recount(conn, system, datasets, window=Range(), now=workspace.clock(), repair=False)
    by_dataset = Counter(one.dataset for one in drift)
    for dataset in datasets:
        examples = [
            f"{'/'.join(one.key)}: {one.kind}" for one in drift if one.dataset == dataset.name
        ]
        verdicts.append(
            Verdict(f"ledger of {dataset.name}", 1, by_dataset[dataset.name], examples[:EXAMPLES])
        )
    return verdicts
