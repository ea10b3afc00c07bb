"""Plans, as every door of the product makes them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from stocktake.count.states import View, needs
from stocktake.model import HELD_STATES, TO_FILL_STATES, Range, State
from stocktake.plan.planner import make_plan
from stocktake.plan.saved import observed, save_plan
from stocktake.run.registry import find_datasets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    import psycopg

    from stocktake.model import Feed, Plan, PlanOptions, System
    from stocktake.run.clock import Clock
    from stocktake.run.workspace import Workspace
    from stocktake.store.database import Database

OUT_OF_REACH = frozenset({State.UNRECOVERABLE, State.BLOCKED})

Ranges = dict[tuple[str, ...], list[tuple[int, int]]]


def plan_for(
    conn: psycopg.Connection,
    workspace: Workspace,
    system: System,
    options: PlanOptions,
    *,
    now: datetime,
    due_only: bool = False,
) -> Plan:
    """Count what is needed and return the plan that fills it. Nothing is stored.

    With ``due_only`` failures that wait for their next try are left out, and held units whose
    re-check is due are added.
    """
    states = set(options.states or TO_FILL_STATES) | OUT_OF_REACH
    if options.refetch:
        states |= HELD_STATES
    view = View(
        now=now,
        window=Range(options.since, options.until),
        lifted=workspace.lifted(system),
    )
    names = [dataset.name for dataset in find_datasets(system, options.datasets)]
    wanted = needs(conn, system, names, view=view, states=states, due_only=due_only)
    return make_plan(system, wanted, options, observed=observed(conn, system), now=now)


def make_and_save(
    workspace: Workspace, system: System, options: PlanOptions, *, save: bool, clock: Clock
) -> Plan:
    """Return a plan, stored when ``save`` is set (then it has a ``plan_id``)."""
    with workspace.database.connection() as conn:
        made = plan_for(conn, workspace, system, options, now=clock())
        if not save:
            return made
        return dataclasses.replace(made, plan_id=save_plan(conn, made))


def dynamic_ranges(
    conn: psycopg.Connection,
    workspace: Workspace,
    system: System,
    feed: Feed,
    *,
    now: datetime,
) -> Ranges:
    """Return what a feed needs at this moment: the units a dynamic part stands for."""
    found: Ranges = {}
    view = View(now=now, lifted=workspace.lifted(system))
    states = (State.MISSING, State.FAILED, State.THIN)
    for need in needs(conn, system, [feed.fills[0]], view=view, states=states, due_only=True):
        if need.feed == feed.name:
            found.setdefault(need.series, []).extend(need.ranges)
    return found


def member_names(
    database: Database,
    system: System,
    feed: Feed,
    series: tuple[str, ...],
    ordinals: Sequence[int],
) -> Mapping[int, str]:
    """Return the keys of members by ordinal."""
    with database.connection() as conn:
        return member_keys(conn, system, feed.fills[0], feed.name, series, ordinals)


def options_json(options: PlanOptions) -> dict[str, Any]:
    """Return plan options as JSON; equal options give equal JSON."""
    return {
        **dataclasses.asdict(options),
        "datasets": sorted(options.datasets),
        "since": options.since.isoformat() if options.since else None,
        "until": options.until.isoformat() if options.until else None,
        "states": [state.value for state in options.states],
    }
