"""Gaps of a system: filtered, sorted, with what fills them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from stocktake.model import TO_FILL_STATES, Range
from stocktake.run.chosen import chosen_text
from stocktake.run.counted import LISTED_STATES
from stocktake.run.gapped import SORTS, GapFilter, find_gaps, noticed_day
from stocktake.web.access import Viewer
from stocktake.web.naming import (
    dataset_named,
    gap_address,
    read_window,
    system_named,
    wanted_states,
)
from stocktake.web.site import Listing, show, site_of
from stocktake.web.words import command

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
    """One range of units alike; ``chosen`` names it in a plan, empty where none can fill it."""

    gap: Gap
    series: str
    address: str
    since: str
    until: str
    chosen: str
    above: str
    noticed: str


@dataclass(frozen=True, slots=True)
class Asked:
    """Which gaps a visitor asks for, as typed."""

    dataset: str = ""
    state: str = ""
    since: str = ""
    until: str = ""
    reason: str = ""
    sort: str = "declared"
    below: str = ""

    @property
    def told(self) -> dict[str, str]:
        """What was typed, by field."""
        own = dataclasses.asdict(self)
        return {name: text for name, text in own.items() if text not in {"", "declared"}}

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
        counted = [one for one in counted if one.needed_for_target]
        short = {one.dataset for one in counted}
        chosen = [one for one in chosen if one.name in short]
    names = tuple(one.name for one in chosen)
    told = find_gaps(
        site_of(request).workspace,
        found,
        chosen,
        window.range,
        asked=GapFilter(states, asked.reason, asked.sort, limit=MOST),
        counted=counted,
        listed=site_of(request).gaps.of(found, Listing(names, window.range, states, MOST)),
    )
    problem = window.problem or problem
    here = f"/s/{found.name}/gaps"
    kept = {"dataset", "since", "until", *({"state"} if asked.state in TO_FILL_STATES else ())}
    plan = [pair for pair in asked.told.items() if pair[0] in kept]
    return show(
        request,
        "gaps.html",
        visitor=visitor,
        status=UNPROCESSABLE if problem else 200,
        title=f"Gaps of {found.name}",
        system=found,
        problem=problem,
        told=told,
        unreachable=told.unreachable[:MOST_REASONS],
        state_links={one: asked.address(here, state=one.value) for one in told.states},
        **_paged(found, told.gaps, asked, page=max(1, page), here=here),
        states=LISTED_STATES,
        sorts=SORTS,
        file_link="" if asked.below else asked.address(f"/s/{found.name}/gaps.csv"),
        plan_link=f"/s/{found.name}/plans/new?{urlencode(plan)}",
        cli_same=_command(found, asked, window.range),
        api_same=f"/api/v1/systems/{found.name}/gaps?{urlencode(asked.told)}",
    )


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


def _line(system: System, gap: Gap) -> Line:
    days = (_day(gap.first), _day(gap.last))
    since, until = days if all(days) else ("", "")
    window = f"&since={since}&until={until}" if since else ""
    above = f"/s/{system.name}/gaps?dataset={gap.blocked_by}{window}" if gap.blocked_by else ""
    return Line(
        gap,
        "/".join(gap.series),
        gap_address(system, gap),
        since,
        until,
        chosen_text(gap) if gap.state in TO_FILL_STATES else "",
        above,
        noticed_day(system, gap),
    )


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return ""


def _command(system: System, asked: Asked, window: Range) -> str:
    told = (
        ("state", asked.state),
        ("since", window.since),
        ("until", window.until),
        ("reason", asked.reason),
        ("sort", "" if asked.sort == "declared" else asked.sort),
    )
    parts = [part for name, value in told if value for part in (f"--{name}", value)]
    return command(["gaps", system.name, asked.dataset, *parts])
