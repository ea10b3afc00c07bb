"""Sources: their health, what they did day by day, what failed, and pausing them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from stocktake.count.needs import needs
from stocktake.errors import UsageError
from stocktake.fetch.robots import RobotsState, agent_of, robots_states, slowed
from stocktake.fetch.sources import (
    EndpointState,
    FailedTry,
    RequestLine,
    asked_since,
    endpoint_states,
    failed_tries,
    latest_requests,
    pause_source,
    resume_source,
)
from stocktake.fetch.usage import EndpointDay, endpoint_days
from stocktake.model.ordinals import size
from stocktake.observe.alerts import EventLine, events_about
from stocktake.plan.cost import SPACING
from stocktake.plan.wanted import wanted_of
from stocktake.run.registry import installed_systems
from stocktake.run.workspace import RATE_FACTOR

if TYPE_CHECKING:
    import psycopg

    from stocktake.model import Feed, Source, System
    from stocktake.run.workspace import Workspace

MINUTE = timedelta(minutes=1)


def source_health(workspace: Workspace, system: System) -> list[EndpointState]:
    """Return the state of every endpoint of the system's sources."""
    with workspace.database.connection() as conn:
        return endpoint_states(conn, system.sources)


def source_robots(workspace: Workspace, system: System) -> list[RobotsState]:
    """Return what is known of robots.txt of the hosts of the system's sources."""
    with workspace.database.connection() as conn:
        return robots_states(conn, _agents(workspace, system))


def at_asked_rates(conn: psycopg.Connection, workspace: Workspace, system: System) -> System:
    """Return the system with endpoints as slow as robots.txt of their hosts is known to want."""
    delays: dict[str, float] = {}
    for one in robots_states(conn, _agents(workspace, system)):
        delays[one.source] = max(one.delay_seconds, delays.get(one.source, 0.0))
    if not any(delays.values()):
        return system

    def slow(feed: Feed, source: Source) -> Feed:
        return replace(feed, endpoint=slowed(feed.endpoint, delays.get(source.name, 0.0)))

    sources = (
        replace(one, feeds=tuple(slow(feed, one) for feed in one.feeds)) for one in system.sources
    )
    return replace(system, sources=tuple(sources))


def _agents(workspace: Workspace, system: System) -> dict[str, str]:
    """Return under which name each source's robots.txt is read, empty for none."""
    return {
        source.name: agent_of(source, workspace.settings.source(source.name))
        for source in system.sources
        if source.feeds
    }


def sources_now(workspace: Workspace, system: System) -> list[EndpointState]:
    """Return the state of every endpoint, how much waits for it, and how often it is asked now."""
    now, lifted = workspace.clock(), workspace.lifted(system)
    states = source_health(workspace, system)
    with workspace.database.connection() as conn:
        lately = asked_since(conn, system, since=now - MINUTE)
        paced = at_asked_rates(conn, workspace, system)
        wanted = wanted_of(system, needs(conn, system, system.datasets, now=now, lifted=lifted), {})
    waiting: Counter[tuple[str, str]] = Counter()
    units = {one.feed.name: sum(map(size, one.units.values())) for one in wanted}
    rates: dict[tuple[str, str], float] = {}
    for source, feed in paced.feeds():
        rates[source.name, feed.endpoint.name] = feed.endpoint.per_second
        waiting[source.name, feed.endpoint.name] += units.get(feed.name, 0)
    return [
        replace(
            one,
            last_minute=lately[one.source, one.endpoint],
            per_minute=_per_minute(workspace, one, rates[one.source, one.endpoint]),
            units_waiting=waiting[one.source, one.endpoint],
        )
        for one in states
    ]


def _per_minute(workspace: Workspace, one: EndpointState, per_second: float) -> float:
    factor = float(str(workspace.settings.source(one.source).get(RATE_FACTOR) or 1))
    rate = one.learned_per_second or per_second * factor
    return MINUTE.total_seconds() * rate / SPACING


def source_days(workspace: Workspace, system: System, *, days: int) -> list[EndpointDay]:
    """Return what the endpoints of the system's sources did in the last ``days`` days (UTC).

    Newest day first; endpoints that were not asked on a day have no line for it.
    """
    since = workspace.clock().date() - timedelta(days=days - 1)
    with workspace.database.connection() as conn:
        return endpoint_days(conn, [source.name for source in system.sources], since=since)


def source_log(
    workspace: Workspace, system: System, source: Source, *, limit: int
) -> tuple[list[FailedTry], list[EventLine]]:
    """Return a source's latest failed tries, and when it was paused or its circuits opened.

    Both newest first, at most ``limit`` of each.
    """
    places = [source.name, *(f"{source.name}/{feed.endpoint.name}" for feed in source.feeds)]
    with workspace.database.connection() as conn:
        return (
            failed_tries(conn, system.name, source, limit=limit),
            events_about(conn, places, limit=limit),
        )


def source_requests(
    workspace: Workspace, system: System, source: Source, *, limit: int
) -> list[RequestLine]:
    """Return the latest requests sent to a source, newest first."""
    with workspace.database.connection() as conn:
        return latest_requests(conn, system.name, source, limit=limit)


def pause(workspace: Workspace, name: str, *, reason: str) -> None:
    """Let no process send a request to the source until it is resumed."""
    with workspace.database.connection() as conn:
        pause_source(conn, name, reason=reason, by="by hand", now=workspace.clock())


def resume(workspace: Workspace, name: str) -> None:
    """Allow requests again."""
    with workspace.database.connection() as conn:
        resume_source(conn, name, now=workspace.clock())


def find_source(name: str) -> tuple[System, Source]:
    """Return a source that is asked over the network, by name, and its system.

    Raises:
        UsageError: There is none of this name.
    """
    pairs = [
        (system, source)
        for system in installed_systems().values()
        for source in system.sources
        if source.feeds
    ]
    for system, source in pairs:
        if source.name == name:
            return system, source
    known = ", ".join(sorted(source.name for _, source in pairs))
    raise UsageError(
        f"there is no source {name!r}." if name else "name the source.", hint=f"Sources: {known}."
    )
