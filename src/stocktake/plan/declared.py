"""What a plan takes from the declaration, so that a later one can be told apart: pure."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from stocktake.model import Days, FromDataset, Values, dimensions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from stocktake.model import Partitions, Plan, PlanPart, System

MOST_VALUES = 5


def declared(system: System, parts: Iterable[PlanPart]) -> dict[str, str]:
    """Return what the parts rest on, by what it is: units of datasets, endpoints of feeds.

    What a system declares no longer is left out.
    """
    feeds = {feed.name: (source, feed) for source, feed in system.feeds()}
    derived = {one.dataset for one in system.derivations}
    found: dict[str, str] = {}
    for part in parts:
        if part.kind == "derive" and part.feed in derived:
            found[f"derived {part.feed}"] = "declared"
        if part.kind != "fetch" or part.feed not in feeds:
            continue
        source, feed = feeds[part.feed]
        found[f"feed {feed.name}"] = f"{source.name} {feed.endpoint.name}"
        for name in feed.fills:
            found[f"units of {name}"] = _units(system.dataset(name).partitions)
    return found


def outdated(system: System, plan: Plan) -> list[str]:
    """Return why a kept plan is no longer valid, a sentence each; none when it is.

    Units are kept as numbers, so a plan says something else once a dataset has other units. What
    was filled or became due since changes no plan: ``plan_changes`` tells of that.
    """
    now = declared(system, plan.parts)
    then: Mapping[str, str] = plan.declared or _names(plan)
    found = []
    for name, text in then.items():
        if name not in now:
            found.append(f"{name}: no longer declared")
        elif text and now[name] != text:
            found.append(f"{name}: {text} when it was made, now {now[name]}")
    return found


def _names(plan: Plan) -> dict[str, str]:
    """Return what a plan rests on that was kept before declarations were."""
    words = {"fetch": "feed", "derive": "derived"}
    return {f"{words[part.kind]} {part.feed}": "" for part in plan.parts}


def _units(partitions: Partitions) -> str:
    return " × ".join(_dimension(dim) for dim in dimensions(partitions))


def _dimension(dim: Days | Values | FromDataset) -> str:
    if isinstance(dim, Days):
        return f"days from {dim.since} ({dim.zone})"
    if isinstance(dim, FromDataset):
        return f"{dim.column} of {dim.dataset}"
    told = ", ".join(dim.values[:MOST_VALUES])
    more = len(dim.values) - MOST_VALUES
    if more <= 0:
        return told
    mark = blake2b("\n".join(dim.values).encode(), digest_size=4).hexdigest()
    return f"{told} and {more} more ({mark})"
