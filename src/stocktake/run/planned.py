"""Plans, as every door of the product makes them."""

from __future__ import annotations

import dataclasses
import shutil
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from stocktake.count.coverage import count
from stocktake.count.dated import redate
from stocktake.count.needs import member_keys, newest_members
from stocktake.count.states import Looking
from stocktake.errors import PlanRefused
from stocktake.model import TO_FILL_STATES, Range
from stocktake.model.ordinals import intersect, members, union
from stocktake.plan.planner import make_plan
from stocktake.plan.saved import observed, save_plan
from stocktake.run.chosen import datasets_chosen, last_chosen, only_chosen
from stocktake.run.ranked import ranked_needs
from stocktake.run.registry import find_datasets
from stocktake.run.shipped import load_shipped
from stocktake.run.sourced import at_asked_rates
from stocktake.run.stale import find_stale
from stocktake.store.bodies import read_place

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    import psycopg

    from stocktake.model import Feed, Need, Plan, PlanOptions, System
    from stocktake.run.workspace import Workspace
    from stocktake.store.database import Database

SPACE_FACTOR = 2
"""How many times the estimated size must be free before a run starts."""

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
    find_stale(conn, workspace, system)
    chosen = find_datasets(system, options.datasets)
    if options.only:
        chosen = datasets_chosen(system, options.only, chosen)
    looking = Looking(
        now=now, window=asked_range(system, options, now=now), lifted=workspace.lifted(system)
    )
    wanted = ranked_needs(
        conn,
        system,
        chosen,
        options=options,
        looking=looking,
        states=options.states,
        refetch=options.refetch,
        due_only=due_only,
    )
    if options.only:
        wanted = only_chosen(conn, system, wanted, options.only)
    counted = count(conn, system, chosen, **looking) if options.until_target else ()
    seen = dataclasses.replace(
        observed(conn, system, counted),
        settings=workspace.lifted(system),
        names=_bulk_names(conn, system, wanted),
    )
    paced = at_asked_rates(conn, workspace, system)
    return make_plan(paced, wanted, options, observed=seen, now=now)


def _bulk_names(
    conn: psycopg.Connection, system: System, wanted: Sequence[Need]
) -> dict[str, Mapping[int, str]]:
    """Return the names of the members that bulk feeds are to ask for, by feed."""
    bulk = {feed.name: feed for _, feed in system.feeds() if feed.bulk}
    ordinals: dict[str, list[int]] = {}
    for need in wanted:
        if need.feed in bulk:
            ordinals.setdefault(need.feed, []).extend(members(need.ranges))
    return {
        name: member_keys(conn, system, system.dataset(bulk[name].fills[0]), chosen)
        for name, chosen in ordinals.items()
    }


def asked_range(system: System, options: PlanOptions, *, now: datetime) -> Range:
    """Return the days options ask for; a sample is the newest ``sample`` days of them."""
    if options.sample is None:
        return Range(options.since, options.until)
    today = now.astimezone(ZoneInfo(system.zone)).date()
    last = options.until or min(today, last_chosen(options.only) or today)
    first = last - timedelta(days=options.sample - 1)
    return Range(max(first, options.since or first), last)


def make_and_save(
    workspace: Workspace, system: System, options: PlanOptions, *, save: bool
) -> Plan:
    """Return a plan, stored when ``save`` is set (then it has a ``plan_id``)."""
    load_shipped(workspace, system)
    with workspace.database.connection() as conn:
        made = plan_for(conn, workspace, system, options, now=workspace.clock())
        if not save:
            return made
        return dataclasses.replace(made, plan_id=save_plan(conn, made))


def require_space(workspace: Workspace, plan: Plan) -> None:
    """Refuse a plan for which the local cluster's disk may be too small.

    Raises:
        PlanRefused: Less than twice the plan's estimate is free. Your own server is not examined,
            nor is a store of captures, where most of the bytes go.
    """
    if workspace.settings.database_url is not None:
        return
    with workspace.database.connection() as conn:
        place = read_place(conn)
    if place is not None and place.is_used:
        return
    free = shutil.disk_usage(workspace.settings.home).free
    if free < SPACE_FACTOR * plan.bytes:
        raise PlanRefused(
            f"the plan needs about {plan.bytes / 1e9:.1f} GB and {free / 1e9:.1f} GB are free in "
            f"{workspace.settings.home}; {SPACE_FACTOR} times the estimate must be.",
            hint="Make room, use another --home, or plan less: --since, --max-requests.",
        )


def dynamic_ranges(
    conn: psycopg.Connection,
    workspace: Workspace,
    system: System,
    feed: Feed,
    *,
    options: PlanOptions,
    due_only: bool,
) -> Ranges:
    """Return what a feed needs at this moment: the units a dynamic part stands for.

    Members that have days are asked for within the days of the plan. With ``due_only`` failures
    that wait for their next try are left out, as in the plan itself.
    """
    now = workspace.clock()
    redate(conn, system)  # what this run loaded named members by its own days
    found: Ranges = {}
    for need in ranked_needs(
        conn,
        system,
        [system.dataset(feed.fills[0])],
        options=options,
        looking=Looking(
            now=now,
            window=asked_range(system, options, now=now),
            lifted=workspace.lifted(system),
        ),
        states=TO_FILL_STATES,
        refetch=options.refetch,
        due_only=due_only,
    ):
        if need.feed == feed.name:
            found.setdefault(need.series, []).extend(need.ranges)
    return found


def still_lacking(
    conn: psycopg.Connection,
    workspace: Workspace,
    system: System,
    feed: Feed,
    *,
    options: PlanOptions,
    left: Mapping[tuple[str, ...], Sequence[tuple[int, int]]],
) -> Ranges:
    """Return what of ``left`` is still wanted of a feed that stands in for another.

    Both are planned for units that both failed at; what the first one brought since is not asked
    for again.
    """
    now = workspace.clock()
    wanted: Ranges = {}
    for need in ranked_needs(
        conn,
        system,
        [system.dataset(feed.fills[0])],
        options=options,
        looking=Looking(
            now=now,
            window=asked_range(system, options, now=now),
            lifted=workspace.lifted(system),
        ),
        states=options.states,
        refetch=True,  # a second look at what it holds itself stays in
    ):
        if need.feed == feed.name:
            wanted.setdefault(need.series, []).extend(need.ranges)
    found = {
        series: list(intersect(union(ranges), union(wanted.get(series, ()))))
        for series, ranges in left.items()
    }
    return {series: ranges for series, ranges in found.items() if ranges}


def member_order(database: Database, system: System, feed: Feed) -> Sequence[int]:
    """Return the ordinals of a feed's members, the latest seen first; none for other units."""
    with database.connection() as conn:
        return newest_members(conn, system, system.dataset(feed.fills[0]))


def member_names(
    database: Database, system: System, feed: Feed, ordinals: Sequence[int]
) -> Mapping[int, str]:
    """Return the keys of members by ordinal."""
    with database.connection() as conn:
        return member_keys(conn, system, system.dataset(feed.fills[0]), ordinals)


def options_json(options: PlanOptions) -> dict[str, Any]:
    """Return plan options as JSON; equal options give equal JSON, also that of earlier versions."""
    told = dataclasses.asdict(options)
    if not options.only:
        del told["only"]
    return {
        **told,
        "datasets": sorted(options.datasets),
        "since": options.since.isoformat() if options.since else None,
        "until": options.until.isoformat() if options.until else None,
        "states": [state.value for state in options.states],
    }
