"""Parts of a plan whose units nobody knows yet: what it brings first will name them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from stocktake.model import Days, FromDataset, PlanPart, Scheduled, axis_index, dimensions
from stocktake.model.ordinals import size, union
from stocktake.plan.cost import new_members
from stocktake.plan.wanted import Wanted, rank_of
from stocktake.plan.waves import MEMBERS, Piece, member_label, ranks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stocktake.model import Feed, Observed, PlanOptions, System


@dataclass(frozen=True, slots=True)
class Naming:
    """What of a plan names units of a feed.

    Args:
        dataset: Whose rows name them.
        column: The column that does; ``days`` where units are days.
        label: What their wave is called.
        days: Days of the plan that bring such rows.
        units: Other units that do.
        priority: How urgent the units named are, where the plan tells.
    """

    dataset: str
    column: str
    label: str
    days: int = 0
    units: int = 0
    priority: int | None = None


def still_unnamed(
    system: System,
    wanted: Sequence[Wanted],
    pieces: list[Piece],
    *,
    options: PlanOptions,
    observed: Observed,
) -> list[Piece]:
    """Return parts for units that the plan's own rows will name; they take in the known ones."""
    found: list[Piece] = []
    if options.only:
        return found
    for _, feed in system.feeds():
        naming = _named_by(system, feed)
        is_on = feed.enabled_by in {"", *observed.settings}
        stands_by = feed.instead_of and not feed.assumed.new_per_unit[1]
        if naming is None or stands_by or not is_on or not _asks_for(options, feed):
            continue
        seen = (0, 0)
        for priority in ranks(system, feed, options):
            brought = _bringing(wanted, naming.dataset, priority)
            days, units = brought[0] - seen[0], brought[1] - seen[1]
            seen = brought
            if days or units:
                known = [
                    piece
                    for piece in pieces
                    if (piece.part.feed, piece.part.priority) == (feed.name, priority)
                ]
                for piece in known:
                    pieces.remove(piece)
                one = replace(naming, days=days, units=units, priority=priority)
                found.append(_piece(feed, one, [piece.part for piece in known], observed))
    return found


def _named_by(system: System, feed: Feed) -> Naming | None:
    """Return whose rows name the feed's units, ``None`` where a rule does."""
    dataset = system.dataset(feed.fills[0])
    axis = dimensions(dataset.partitions)[axis_index(dataset.partitions)]
    if isinstance(axis, FromDataset):
        return Naming(axis.dataset, axis.column, member_label(system, feed, axis))
    if isinstance(dataset.expect, Scheduled) and dataset.expect.named_by:
        by = dataset.expect.named_by
        return Naming(by, "days", f"listed in {by}")
    return None


def _piece(feed: Feed, naming: Naming, known: Sequence[PlanPart], observed: Observed) -> Piece:
    column = (naming.dataset, naming.column)
    days, units = naming.days, naming.units
    estimate = new_members(feed, observed, days=days, column=column) if days else 0
    per_unit, requests_per_unit = feed.assumed.new_per_unit
    named, requests = round(units * per_unit), round(units * requests_per_unit)
    if feed.window.days_back is not None and naming.column == "days":
        named = requests = feed.window.days_back
    part = PlanPart(
        0,
        naming.label,
        "fetch",
        feed.name,
        {},
        estimate + max(named, sum(part.units for part in known)),
        estimate + max(requests, sum(part.requests for part in known)),
        dynamic=True,
        reason=f"about {estimate or named} {naming.column} new in "
        + (f"{days} days of {naming.dataset}" if days else f"{units} units of {naming.dataset}"),
        priority=naming.priority,
    )
    return Piece(MEMBERS, 0, part, feed.turn, len(feed.fills))


def _asks_for(options: PlanOptions, feed: Feed) -> bool:
    return not options.datasets or not set(options.datasets).isdisjoint(feed.fills)


def _bringing(wanted: Sequence[Wanted], dataset: str, priority: int | None) -> tuple[int, int]:
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
