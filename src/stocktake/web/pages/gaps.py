"""Gaps of a system: filtered, sorted, with what fills them."""

from __future__ import annotations

import dataclasses
from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from stocktake.model import GAP_STATES, TO_FILL_STATES, Range, State
from stocktake.run.counted import LISTED_STATES, today_of
from stocktake.web.access import Viewer
from stocktake.web.naming import (
    dataset_named,
    gap_address,
    read_window,
    system_named,
    wanted_states,
)
from stocktake.web.site import Listing, show, site_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stocktake.model import Coverage, Dataset, Gap, System

router = APIRouter()
PAGE = 100
MOST = 20_000
MOST_REASONS = 5
UNPROCESSABLE = 422


@dataclass(frozen=True, slots=True)
class Line:
    """One range of units alike."""

    dataset: str
    first: str
    last: str
    series: str
    units: int
    state: State
    reason: str
    address: str
    since: str
    until: str
    plan: str


@dataclass(frozen=True, slots=True)
class Asked:
    """Which gaps a visitor asks for, as typed."""

    dataset: str = ""
    state: str = ""
    since: str = ""
    until: str = ""
    reason: str = ""
    sort: str = ""
    below: str = ""

    @property
    def told(self) -> dict[str, str]:
        """What was typed, by field."""
        return {name: text for name, text in dataclasses.asdict(self).items() if text}

    def address(self, here: str, **more: object) -> str:
        """Return the address of the same list with something changed."""
        return f"{here}?{urlencode({**self.told, **more})}"


@router.get("/s/{system}/gaps")
def gaps_page(
    request: Request,
    system: str,
    visitor: Viewer,
    asked: Annotated[Asked, Depends()],
    *,
    page: int = 1,
) -> Response:
    """List the gaps asked for."""
    found = system_named(system)
    chosen = [dataset_named(found, asked.dataset)] if asked.dataset else list(found.datasets)
    window = read_window(asked.since, asked.until)
    states, problem = wanted_states([asked.state])
    counted = _counted(request, found, chosen, window.range)
    if asked.below == "target":
        short = {one.dataset for one in counted if one.needed_for_target}
        chosen = [one for one in chosen if one.name in short]
    workspace = site_of(request).workspace
    names = tuple(one.name for one in chosen)
    listed = site_of(request).gaps.of(found, Listing(names, window.range, states, MOST))
    is_cut = len(listed) >= MOST
    wanted = asked.reason.casefold()
    listed = _sorted([gap for gap in listed if wanted in gap.reason.casefold()], asked.sort)
    problem = window.problem or problem
    here = f"/s/{found.name}/gaps"
    plan = [pair for pair in asked.told.items() if pair[0] in {"dataset", "since", "until"}]
    return show(
        request,
        "gaps.html",
        visitor=visitor,
        status=UNPROCESSABLE if problem else 200,
        title=f"Gaps of {found.name}",
        system=found,
        problem=problem,
        missing=sum(one.missing for one in counted),
        needed=sum(one.needed_for_target for one in counted),
        **_figures(listed, asked, here),
        **_paged(found, listed, asked, page=max(1, page), here=here),
        states=LISTED_STATES,
        is_cut=is_cut,
        plan_link=f"/s/{found.name}/plans/new?{urlencode(plan)}",
        today=today_of(workspace, found),
        cli_same=_command(found, asked.dataset, window.range, state=asked.state),
        api_same=f"/api/v1/systems/{found.name}/gaps?{urlencode(asked.told)}",
    )


def _figures(listed: Sequence[Gap], asked: Asked, here: str) -> dict[str, Any]:
    """Return how many units there are of each state, can be had now, and cannot, and why."""
    tally: Counter[State] = Counter()
    reasons: Counter[tuple[State, str]] = Counter()
    for gap in listed:
        tally[gap.state] += gap.units
        if gap.state in GAP_STATES and gap.state not in TO_FILL_STATES:
            reasons[gap.state, gap.reason] += gap.units
    return {
        "by_state": dict(tally),
        "state_links": {one: asked.address(here, state=one.value) for one in tally},
        "reachable": sum(tally[state] for state in TO_FILL_STATES),
        "unreachable": reasons.most_common(MOST_REASONS),
        "units": sum(gap.units for gap in listed),
    }


def _paged(
    system: System, listed: Sequence[Gap], asked: Asked, *, page: int, here: str
) -> dict[str, Any]:
    """Return the lines of one page and where the pages beside it are."""
    begin = (page - 1) * PAGE
    shown = listed[begin : begin + PAGE]
    is_last = begin + PAGE >= len(listed)
    return {
        "lines": [_line(system, gap) for gap in shown],
        "total": len(listed),
        "first": begin + 1,
        "last": begin + len(shown),
        "previous": asked.address(here, page=page - 1) if page > 1 else "",
        "next": "" if is_last else asked.address(here, page=page + 1),
    }


def _counted(
    request: Request, system: System, chosen: Sequence[Dataset], window: Range
) -> list[Coverage]:
    """Return the shared count when the whole history is asked for, else one of the range."""
    site = site_of(request)
    if window == Range():
        stand = site.standings.of(system)
        return [stand.of(one.name) for one in chosen]
    return site.counts.of(system, tuple(one.name for one in chosen), window)


def _sorted(listed: list[Gap], sort: str) -> list[Gap]:
    if sort == "size":
        return sorted(listed, key=lambda gap: -gap.units)
    if sort in {"newest", "oldest"}:
        return sorted(listed, key=lambda gap: gap.first, reverse=sort == "newest")
    return listed


def _line(system: System, gap: Gap) -> Line:
    days = (_day(gap.first), _day(gap.last))
    since, until = days if all(days) else ("", "")
    window = f"&since={since}&until={until}" if since else ""
    fills = gap.state in TO_FILL_STATES
    return Line(
        gap.dataset,
        gap.first,
        gap.last,
        "/".join(gap.series),
        gap.units,
        gap.state,
        gap.reason,
        gap_address(system, gap),
        since,
        until,
        f"/s/{system.name}/plans/new?dataset={gap.dataset}{window}" if fills else "",
    )


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return ""


def _command(system: System, dataset: str, window: Range, *, state: str) -> str:
    parts = [f"stocktake gaps {system.name}", dataset]
    parts += [
        f"--{name} {value}"
        for name, value in (("state", state), ("since", window.since), ("until", window.until))
        if value
    ]
    return " ".join(part for part in parts if part)
