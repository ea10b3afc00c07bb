"""The queue of runs: what is asked of workers, kept in the transaction of who asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb

from stocktake.errors import UsageError
from stocktake.model import PlanOptions, Range
from stocktake.plan.saved import load_plan
from stocktake.run.planned import options_json
from stocktake.run.registry import find_datasets
from stocktake.store.queries import load_queries

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    import psycopg

    from stocktake.model import System

SQL = load_queries("stocktake.store", "sql/queue.sql")

RUNS_QUEUE = "runs"
"""Procrastinate's queue of runs; each source's chunks have a queue named after the source."""
CONDUCT = "conduct"
"""Task that takes a run one step on: plan it, cut a wave, derive, end it."""

NORMAL = 0
"""Priority of what a person asks for without saying more."""
SCHEDULED = 10
"""Priority of what recurs: a long backfill gives way to it, and goes on afterwards."""
URGENT = 20

EVER = Range()
WORKED = ("backfill", "sync", "derive", "check", "verify", "train", "replay", "load", "undo")
"""Kinds of run that workers execute."""
EXCLUSIVE = frozenset({"backfill", "sync", "derive", "replay", "load", "undo"})
"""Kinds that bring or change rows: of these a system has one run at a time."""
SYNC_DAYS = 14
"""How many days a sync looks back unless told."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a run is to do, as one of the functions below makes it.

    Args:
        kind: The verb, which is the run's kind.
        options: Its options, as kept with the run: plain JSON.
    """

    kind: str
    options: Mapping[str, Any]


def backfill_work(options: PlanOptions, *, plan_id: int | None = None) -> Work:
    """Fill what ``options`` ask for, or run a saved plan."""
    return Work("backfill", {**options_json(options), "plan": plan_id})


def sync_work(datasets: Sequence[str] = (), *, days: int = SYNC_DAYS) -> Work:
    """Bring the last ``days`` days of some datasets up to date; none named means all."""
    return Work("sync", {"datasets": list(datasets), "days": days})


def derive_work(
    datasets: Sequence[str] = (),
    *,
    full: bool = False,
    parameters: Mapping[str, int | str] | None = None,
) -> Work:
    """Recompute derived datasets, all when none is named."""
    asked = {"datasets": list(datasets), "full": full, "parameters": dict(parameters or {})}
    return Work("derive", asked)


def check_work(datasets: Sequence[str] = (), *, window: Range = EVER) -> Work:
    """Measure the checks of some datasets over a range of days."""
    return Work("check", {"datasets": list(datasets), **_days(window)})


def verify_work(datasets: Sequence[str] = (), *, full: bool = False, seed: int = 1) -> Work:
    """Prove that derived tables, ledger and rows agree: a sample, or everything."""
    return Work("verify", {"datasets": list(datasets), "full": full, "seed": seed})


def train_work(
    *, window: Range = EVER, target: str = "points", seed: int = 42, is_forced: bool = False
) -> Work:
    """Train a system's model on a range of days."""
    asked = {
        "target": target,
        "seed": seed,
        "is_forced": is_forced,
        "only_if_ready": False,
        **_days(window),
    }
    return Work("train", asked)


def replay_work(
    datasets: Sequence[str] = (), *, window: Range = EVER, captures: Sequence[int] = ()
) -> Work:
    """Parse stored captures of some datasets' feeds again; none named means all.

    With ``captures`` only these answers, by their first pages.
    """
    asked = {"datasets": list(datasets), **_days(window)}
    return Work("replay", {**asked, "captures": list(captures)} if captures else asked)


def load_work(dataset: str, *, source: str, files: Sequence[str]) -> Work:
    """Load files that were stored as captures of this run, in the transaction that queues it."""
    return Work("load", {"datasets": [dataset], "source": source, "files": list(files)})


def undo_work(run_id: int) -> Work:
    """Take a run back."""
    return Work("undo", {"undoes": run_id})


def work_of(verb: str, datasets: Sequence[str] = ()) -> Work:
    """Return what a verb alone asks for, as schedules name it.

    Raises:
        UsageError: Workers do no such thing.
    """
    if verb == "backfill":
        return backfill_work(PlanOptions(datasets=tuple(datasets)))
    if verb == "train":
        return train_work()
    simple: dict[str, Callable[[Sequence[str]], Work]] = {
        "sync": sync_work,
        "derive": derive_work,
        "check": check_work,
        "verify": verify_work,
        "replay": replay_work,
    }
    if verb not in simple:
        known = ", ".join(("backfill", *simple, "train"))
        raise UsageError(f"workers do not {verb}.", hint=f"What can be queued: {known}.")
    return simple[verb](datasets)


def enqueue(
    conn: psycopg.Connection,
    system: System,
    work: Work,
    *,
    priority: int = NORMAL,
    by: str,
    now: datetime,
) -> int:
    """Queue a run for workers, in the caller's transaction, and return its number.

    The run is ``queued`` until a worker takes it up. Of one system a worker executes one run at a
    time that brings rows; a run of greater priority goes first, and one under way gives way to it.

    Args:
        conn: A connection of the application; nothing is committed.
        system: Of which.
        work: What is to be done.
        priority: Greater goes first, -1000 to 1000.
        by: Who asks, for people: a login, ``schedule racing.horses``.
        now: The present instant.

    Raises:
        UsageError: No such dataset, or a plan of another system.
    """
    find_datasets(system, work.options.get("datasets", ()))
    plan_id = work.options.get("plan")
    if plan_id is not None and load_plan(conn, plan_id).system != system.name:
        raise UsageError(
            f"plan {plan_id} is not of {system.name}.", hint=f"stocktake plan {system.name} --save"
        )
    row = conn.execute(
        SQL.queue_run,
        {
            "system": system.name,
            "kind": work.kind,
            "plan_id": plan_id,
            "options": Jsonb(dict(work.options)),
            "exclusive": work.kind in EXCLUSIVE,
            "priority": priority,
            "by": by,
            "now": now,
        },
    ).fetchone()
    assert row is not None  # noqa: S101 -- insert … returning gives a row
    run_id = int(row[0])
    call_conductor(conn, run_id, priority=priority)
    return run_id


def call_conductor(conn: psycopg.Connection, run_id: int, *, priority: int) -> None:
    """Let some worker take a run one step on, once this transaction is committed."""
    defer(conn, CONDUCT, [(RUNS_QUEUE, priority, {"run_id": run_id})])


def defer(
    conn: psycopg.Connection, task: str, calls: Sequence[tuple[str, int, Mapping[str, Any]]]
) -> None:
    """Hand calls of one task to Procrastinate: queue, priority and arguments of each."""
    if not calls:
        return
    conn.execute(
        SQL.defer_tasks,
        {
            "task": task,
            "queues": [queue for queue, _, _ in calls],
            "priorities": [priority for _, priority, _ in calls],
            "arguments": [Jsonb(dict(arguments)) for _, _, arguments in calls],
            "not_before": None,
        },
    )


def _days(window: Range) -> dict[str, str | None]:
    return {
        "since": window.since.isoformat() if window.since else None,
        "until": window.until.isoformat() if window.until else None,
    }
