"""``backfill``, ``sync``, ``load`` and ``replay``: commands that start a run."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from stocktake.cli.arguments import (
    DatasetNames,
    Period,
    Since,
    States,
    SystemName,
    Until,
    checked,
    read_range,
    read_states,
)
from stocktake.cli.output import output_of
from stocktake.cli.plan import (
    MaxRequests,
    Only,
    Order,
    Priority,
    Refetch,
    Sample,
    UntilTarget,
)
from stocktake.cli.progress import Announcer, shown_progress
from stocktake.cli.queued import USUAL, Detach, Rank, queue_up
from stocktake.cli.reports import print_planned, print_report
from stocktake.model import PlanOptions
from stocktake.run.backfill import Conduct
from stocktake.run.backfill import backfill as run_backfill
from stocktake.run.files import load_files
from stocktake.run.periods import window_of
from stocktake.run.queue import SYNC_DAYS, backfill_work, replay_work, sync_work
from stocktake.run.ranked import read_priorities
from stocktake.run.registry import find_datasets, find_system
from stocktake.run.replay import replay as run_replay
from stocktake.run.sync import sync as run_sync


def backfill(
    context: typer.Context,
    system: SystemName,
    datasets: DatasetNames = None,
    since: Since = "",
    until: Until = "",
    period: Period = "",
    state: States = None,
    order: Order = "newest",
    priority: Priority = None,
    sample: Sample = None,
    max_requests: MaxRequests = None,
    until_target: UntilTarget = False,
    refetch: Refetch = False,
    only: Only = None,
    plan: Annotated[int | None, typer.Option(help="Run this saved plan.")] = None,
    detach: Detach = False,
    rank: Rank = USUAL,
) -> int:
    """Fill past gaps, here or by workers. Interrupt it whenever you like: it goes on from there."""
    out = output_of(context)
    found = find_system(system)
    names = [dataset.name for dataset in find_datasets(found, datasets)] if datasets else []
    window = read_range(since, until)
    options = checked(
        PlanOptions(
            datasets=tuple(names),
            since=window.since,
            until=window.until,
            states=read_states(state),
            order=order,
            sample=sample,
            max_requests=max_requests,
            until_target=until_target,
            refetch=refetch,
            priorities=read_priorities(found, priority or ()),
            only=tuple(only or ()),
        )
    )
    with out.workspace("backfill") as workspace, shown_progress(out) as report:
        window = window_of(workspace, found, window, period=period)
        options = dataclasses.replace(options, since=window.since, until=window.until)
        if detach:
            work = backfill_work(options, plan_id=plan)
            return queue_up(out, workspace, found, work, priority=rank)
        announced = Announcer(out)
        conduct = Conduct(report=report, announce=announced)
        done = run_backfill(workspace, found, options, conduct=conduct, plan_id=plan)
        return print_planned(out, workspace, found, done, plan=announced.plan)


def sync(
    context: typer.Context,
    system: SystemName,
    datasets: DatasetNames = None,
    days: Annotated[int, typer.Option(min=1, help="Look back this many days.")] = SYNC_DAYS,
    detach: Detach = False,
    rank: Rank = USUAL,
) -> int:
    """Fetch what is new, what was not final, and what is due for a re-check."""
    out = output_of(context)
    found = find_system(system)
    names = tuple(dataset.name for dataset in find_datasets(found, datasets)) if datasets else ()
    with out.workspace("sync") as workspace, shown_progress(out) as report:
        if detach:
            return queue_up(out, workspace, found, sync_work(names, days=days), priority=rank)
        done = run_sync(workspace, found, names, days=days, conduct=Conduct(report=report))
        return print_report(out, workspace, found, done)


def load(
    context: typer.Context,
    system: SystemName,
    dataset: Annotated[str, typer.Argument(help="Dataset the files hold, old names too.")],
    files: Annotated[list[Path], typer.Argument(help="Files or folders; .gz and .zst are read.")],
    source: Annotated[
        str, typer.Option(help="File source; found by dataset and ending when unambiguous.")
    ] = "",
) -> int:
    """Load files through a file source, captured, parsed and merged like any answer."""
    out = output_of(context)
    found = find_system(system)
    (target,) = find_datasets(found, [dataset])
    with out.workspace("load") as workspace, shown_progress(out) as report:
        done = load_files(workspace, found, target, files, source=source, report=report)
        return print_report(out, workspace, found, done, datasets=None)


def replay(
    context: typer.Context,
    system: SystemName,
    datasets: DatasetNames = None,
    since: Since = "",
    until: Until = "",
    detach: Detach = False,
    rank: Rank = USUAL,
) -> int:
    """Parse stored captures again and merge what comes out; no request is made."""
    out = output_of(context)
    found = find_system(system)
    chosen = find_datasets(found, datasets or [])
    window = read_range(since, until)
    with out.workspace("replay") as workspace, shown_progress(out) as report:
        if detach:
            names = [one.name for one in chosen] if datasets else []
            work = replay_work(names, window=window)
            return queue_up(out, workspace, found, work, priority=rank)
        done = run_replay(workspace, found, chosen, window, report=report)
        return print_report(out, workspace, found, done, window=window, datasets=None)
