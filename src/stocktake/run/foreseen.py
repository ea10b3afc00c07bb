"""What a plan will do: its first requests, as they will be sent, and what it leaves missing."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from stocktake.count.states import View, question, ranges_in
from stocktake.fetch.login import shown_params
from stocktake.model import GAP_STATES, Range
from stocktake.model.ordinals import size, subtract, union
from stocktake.run.registry import find_datasets
from stocktake.run.supply import Supply

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stocktake.model import Plan, System
    from stocktake.run.workspace import Workspace

Series = tuple[str, ...]
NO_RUN = 0
FIRST = 20


@dataclass(frozen=True, slots=True)
class FirstRequest:
    """A request that a plan will send.

    Args:
        wave: Label of its wave.
        source: Who is asked.
        feed: For which feed.
        path: Path below the source's address.
        params: Its parameters in order, without credentials.
        units: How many units its answer covers.
    """

    wave: str
    source: str
    feed: str
    path: str
    params: tuple[tuple[str, str], ...]
    units: int


@dataclass(frozen=True, slots=True)
class Leaves:
    """What a plan leaves of a fetched dataset's gaps.

    Args:
        dataset: Its name.
        missing: Units missing now, of the days the plan was asked for.
        after: Those of them that would still be missing when all its requests bring their units.
    """

    dataset: str
    missing: int
    after: int


def leaves_missing(workspace: Workspace, system: System, plan: Plan) -> list[Leaves]:
    """Return what a plan leaves missing, of the fetched datasets that lack units.

    Units that only the plan's own rows will name are no gaps yet. What is computed follows.
    """
    options = plan.options
    feeds = {feed.name: feed for _, feed in system.feeds()}
    planned: dict[tuple[str, Series], list[tuple[int, int]]] = defaultdict(list)
    whole = set()
    for part in plan.parts:
        for name in feeds[part.feed].fills if part.feed in feeds else ():
            whole |= {name} if part.dynamic else set()
            for series, ranges in part.ordinals.items():
                planned[name, series].extend(ranges)
    view = View(workspace.clock(), Range(options.since, options.until), workspace.lifted(system))
    found = []
    with workspace.database.connection() as conn:
        for dataset in find_datasets(system, options.datasets):
            if not system.feeds_of(dataset.name):
                continue
            asked = question(conn, system, dataset, view=view)
            missing = after = 0
            for key, _, _, _, first, last in ranges_in(conn, asked, states=GAP_STATES):
                missing += last - first
                left = subtract(((first, last),), union(planned[dataset.name, tuple(key)]))
                after += 0 if dataset.name in whole else size(left)
            if missing:
                found.append(Leaves(dataset.name, missing, after))
    return found


def first_requests(
    workspace: Workspace, system: System, plan: Plan, *, limit: int = FIRST
) -> list[FirstRequest]:
    """Return the first requests of a plan, wave by wave, made as a run makes them.

    Parts of one wave are asked side by side; here the one that stands first comes first. Members
    that earlier waves will name are not known yet, so none are told for them.
    """
    return list(islice(_requests(workspace, system, plan), limit))


def _requests(workspace: Workspace, system: System, plan: Plan) -> Iterator[FirstRequest]:
    supply = Supply(workspace, system, NO_RUN, plan, looks_again=False)
    for number, part in enumerate(plan.parts):
        if part.kind != "fetch" or not part.ordinals:
            continue
        assigned = supply.assigned(number, part, supply.order(part))
        for errand in supply.errands(assigned, part.ordinals):
            request = errand.request
            yield FirstRequest(
                part.label,
                errand.source.name,
                request.feed,
                request.path,
                tuple(shown_params(request.params)),
                len(request.units),
            )
