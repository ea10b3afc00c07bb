"""Parts of a plan whose units nobody knows yet: what it brings first will name them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stocktake.model import Days, FromDataset, PlanPart, axis_index, dimensions
from stocktake.model.ordinals import size, union
from stocktake.plan.cost import new_members
from stocktake.plan.wanted import Wanted, rank_of
from stocktake.plan.waves import MEMBERS, Piece, member_label, ranks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stocktake.model import Feed, Observed, PlanOptions, System


@dataclass(frozen=True, slots=True)
class Naming:
    """What of a plan names members of a feed: days and other units, and the members known."""

    axis: FromDataset
    days: int
    units: int
    known_units: int
    known_requests: int
    priority: int | None


def still_unnamed(
    system: System,
    wanted: Sequence[Wanted],
    pieces: list[Piece],
    *,
    options: PlanOptions,
    observed: Observed,
) -> list[Piece]:
    """Return parts for members that the plan's own days will name; they take in the known ones."""
    found: list[Piece] = []
    for _, feed in system.feeds():
        partitions = system.dataset(feed.fills[0]).partitions
        axis = dimensions(partitions)[axis_index(partitions)]
        if not isinstance(axis, FromDataset) or not _asks_for(options, feed):
            continue
        is_on = feed.enabled_by in {"", *observed.settings}
        stands_by = feed.instead_of and not feed.assumed.new_per_unit[1]
        if stands_by or not is_on:
            continue
        seen = (0, 0)
        for priority in ranks(system, feed, options):
            named = _naming(wanted, axis.dataset, priority)
            days, units = named[0] - seen[0], named[1] - seen[1]
            seen = named
            if days or units:
                known = [
                    piece
                    for piece in pieces
                    if (piece.part.feed, piece.part.priority) == (feed.name, priority)
                ]
                for piece in known:
                    pieces.remove(piece)
                naming = Naming(
                    axis,
                    days,
                    units,
                    sum(one.part.units for one in known),
                    sum(one.part.requests for one in known),
                    priority,
                )
                found.append(_dynamic_piece(system, feed, naming, observed))
    return found


def _dynamic_piece(system: System, feed: Feed, naming: Naming, observed: Observed) -> Piece:
    axis, days = naming.axis, naming.days
    per_unit, requests_per_unit = feed.assumed.new_per_unit
    column = (axis.dataset, axis.column)
    estimate = new_members(feed, observed, days=days, column=column) if days else 0
    named = round(naming.units * per_unit)
    part = PlanPart(
        0,
        member_label(system, feed, axis),
        "fetch",
        feed.name,
        {},
        estimate + max(named, naming.known_units),
        estimate + max(round(naming.units * requests_per_unit), naming.known_requests),
        dynamic=True,
        reason=f"about {estimate or named} {axis.column} new in "
        + (f"{days} days of {axis.dataset}" if days else f"{naming.units} units of {axis.dataset}"),
        priority=naming.priority,
    )
    return Piece(MEMBERS, 0, part, feed.turn, len(feed.fills))


def _asks_for(options: PlanOptions, feed: Feed) -> bool:
    return not options.datasets or not set(options.datasets).isdisjoint(feed.fills)


def _naming(wanted: Sequence[Wanted], dataset: str, priority: int | None) -> tuple[int, int]:
    """Return how many days, and how many other units, bring rows of ``dataset`` by then."""
    bringing = [
        one
        for one in wanted
        if dataset in (*one.feed.fills, *one.feed.also)
        and (priority is None or rank_of(one.priority) <= priority)
    ]
    days = [
        part
        for one in bringing
        if isinstance(one.axis, Days)
        for ranges in one.units.values()
        for part in ranges
    ]
    others = [
        size(ranges)
        for one in bringing
        if not isinstance(one.axis, Days) and dataset in one.feed.fills
        for ranges in one.units.values()
    ]
    return size(union(days)), sum(others)
