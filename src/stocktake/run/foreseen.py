"""The first requests of a plan, as they will be sent."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from stocktake.fetch.login import shown_params
from stocktake.run.supply import Supply

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stocktake.model import Plan, System
    from stocktake.run.workspace import Workspace

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
