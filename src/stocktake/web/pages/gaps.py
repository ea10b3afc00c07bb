"""Gaps of a system: filtered, sorted, with what fills them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from stocktake.model import TO_FILL_STATES, Range, State
from stocktake.run.counted import LISTED_STATES, count_system, list_gaps, today_of
from stocktake.web.access import Viewer
from stocktake.web.naming import (
    dataset_named,
    gap_address,
    read_window,
    system_named,
    wanted_states,
)
from stocktake.web.site import show, site_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stocktake.model import Coverage, Dataset, Gap, System

router = APIRouter()
PAGE = 100
MOST = 20_000
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


@router.get("/s/{system}/gaps")
def gaps_page(
    request: Request,
    system: str,
    visitor: Viewer,
    *,
    dataset: str = "",
    state: str = "",
    since: str = "",
    until: str = "",
    sort: str = "",
    below: str = "",
    page: int = 1,
) -> Response:
    """List the gaps asked for."""
    site = site_of(request)
    found = system_named(system)
    chosen = [dataset_named(found, dataset)] if dataset else list(found.datasets)
    window = read_window(since, until)
    states, problem = wanted_states([state])
    counted = _counted(request, found, chosen, window.range)
    if below == "target":
        short = {one.dataset for one in counted if one.needed_for_target}
        chosen = [one for one in chosen if one.name in short]
    listed = list_gaps(site.workspace, found, chosen, window.range, states=states, limit=MOST)
    listed = _sorted(listed, sort)
    begin = max(0, page - 1) * PAGE
    shown = listed[begin : begin + PAGE]
    problem = window.problem or problem
    asked = {
        name: text
        for name, text in (
            *(("dataset", dataset), ("state", state), ("since", since), ("until", until)),
            *(("sort", sort), ("below", below)),
        )
        if text
    }
    here = f"/s/{found.name}/gaps"
    tally: Counter[State] = Counter()
    for gap in listed:
        tally[gap.state] += gap.units
    plan = {name: text for name, text in asked.items() if name in {"dataset", "since", "until"}}
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
        by_state=dict(tally),
        state_links={one: f"{here}?{urlencode({**asked, 'state': one.value})}" for one in tally},
        states=LISTED_STATES,
        lines=[_line(found, gap) for gap in shown],
        total=len(listed),
        units=sum(gap.units for gap in listed),
        is_cut=len(listed) >= MOST,
        first=begin + 1,
        last=begin + len(shown),
        previous=f"{here}?{urlencode({**asked, 'page': page - 1})}" if page > 1 else "",
        next=(
            f"{here}?{urlencode({**asked, 'page': page + 1})}" if begin + PAGE < len(listed) else ""
        ),
        plan_link=f"/s/{found.name}/plans/new?{urlencode(plan)}",
        today=today_of(site.workspace, found),
        cli_same=_command(found, dataset, window.range, state=state),
        api_same=f"/api/v1/systems/{found.name}/gaps?{urlencode(asked)}",
    )


def _counted(
    request: Request, system: System, chosen: Sequence[Dataset], window: Range
) -> list[Coverage]:
    """Return the shared count when the whole history is asked for, else one of the range."""
    site = site_of(request)
    if window == Range():
        stand = site.standings.of(system)
        return [stand.of(one.name) for one in chosen]
    return count_system(site.workspace, system, chosen, window)


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
