"""A system: its datasets, months, and what waits for what."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from stocktake.model import State
from stocktake.run.checked import last_checked
from stocktake.run.queue import sync_work
from stocktake.run.workspace import lacking_credentials
from stocktake.web.access import Operator, Viewer
from stocktake.web.naming import system_named, unit_word
from stocktake.web.pages.datasets import LEGEND
from stocktake.web.pages.plans import start_work
from stocktake.web.site import Site, go, show, site_of
from stocktake.web.sorting import sorting
from stocktake.web.tiles import tile_response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from stocktake.model import Coverage, System
    from stocktake.run.lately import Standing

router = APIRouter()


@dataclass(slots=True)
class Node:
    """A dataset with what waits for it."""

    name: str
    blocked: int
    below: list[Node] = field(default_factory=list)


FIGURES: Mapping[str, Callable[[Coverage], Any]] = {
    "dataset": attrgetter("dataset"),
    "coverage": attrgetter("coverage"),
    "held": attrgetter("held"),
    "expected": attrgetter("expected"),
    "missing": attrgetter("missing"),
    "needed": attrgetter("needed_for_target"),
    "rows": attrgetter("rows"),
}
"""What the table of datasets is sorted by."""


def _dates(
    stand: Standing, changed: Mapping[str, datetime]
) -> dict[str, Callable[[Coverage], Any]]:
    return {
        "settled": lambda one: stand.newest.get(one.dataset),
        "changed": lambda one: changed.get(one.dataset),
    }


@router.get("/s/{system}")
def system_page(request: Request, system: str, visitor: Viewer, count: str = "") -> Response:
    """Show a system's datasets; ``count`` counts anew what is remembered for a moment."""
    site = site_of(request)
    found = system_named(system)
    if count:
        site.standings.forget(found.name)
    stand = site.standings.of(found)
    changed = site.changes.of(found)
    tally: dict[str, Counter[str]] = {}
    for one in last_checked(site.workspace, found):
        tally.setdefault(one.result.dataset, Counter())[one.result.severity.value] += 1
    return show(
        request,
        "system.html",
        visitor=visitor,
        title=found.name,
        system=found,
        stand=stand,
        unit_words={one.name: unit_word(one) for one in found.datasets},
        checks=tally,
        lags=stand.latest,
        changed=changed,
        order=sorting(request, {**FIGURES, **_dates(stand, changed)}),
        states=[one for one in LEGEND if any(each.states.get(one) for each in stand.counted)],
        lacking=_lacking(site, found),
        roots=_forest(found, stand),
        cli_same=f"stocktake count {found.name}",
        api_same=f"/api/v1/systems/{found.name}/count",
    )


def _lacking(site: Site, system: System) -> list[tuple[str, str]]:
    """Return the sources that cannot be asked for want of an address or a login, and what to set.

    What is to be set is named as the environment has it.
    """
    if site.workspace.kind == "sandbox" and system.sandbox:
        return []
    found = []
    for one in system.sources:
        if one.feeds and site.workspace.enabled(system, one):
            own = site.workspace.settings.source(one.name)
            lacking = lacking_credentials(one, own)
            if not (one.base_url or own.get("base_url")):
                lacking = ("base_url", *lacking)
            if lacking:
                start = f"STOCKTAKE_SOURCE_{one.name}_"
                found.append((one.name, " and ".join((start + name).upper() for name in lacking)))
    return found


@router.post("/s/{system}/sync")
def sync(request: Request, system: str, visitor: Operator) -> Response:
    """Queue a run that brings recent days up to date."""
    found = system_named(system)
    return go(f"/runs/{start_work(request, visitor, found, sync_work())}")


@router.get("/s/{system}/months")
def months_page(request: Request, system: str, visitor: Viewer) -> Response:
    """Show what each month and year holds of what it promises, all datasets below one another."""
    site = site_of(request)
    found = system_named(system)
    months = site.monthly.of(found)
    years = sorted({month.year for month in months.months})
    return show(
        request,
        "months.html",
        visitor=visitor,
        title=f"{found.name} by month",
        system=found,
        month_rows=list(months.shares),
        years=years,
        year_rows={name: months.by_year(name, years) for name in months.shares},
        cli_same=f"stocktake report {found.name}",
    )


@router.get("/s/{system}/tile.bin")
def months_tile(request: Request, system: str, visitor: Viewer) -> Response:
    """Send the months picture: a byte per dataset and month."""
    del visitor
    site = site_of(request)
    months = site.monthly.of(system_named(system))
    first = months.months[0] if months.months else date(1970, 1, 1)
    return tile_response(
        request,
        months.as_bytes(),
        {
            "axis": "month",
            "rows": len(months.shares),
            "width": len(months.months),
            "origin": first.isoformat(),
        },
    )


def _forest(system: System, stand: Standing) -> list[Node]:
    """Return each dataset under the last it comes after: the drawing of what waits for what."""
    nodes = {
        one.dataset: Node(one.dataset, one.states.get(State.BLOCKED, 0)) for one in stand.counted
    }
    roots: list[Node] = []
    for dataset in system.datasets:
        above = [name for name in dataset.after if name in nodes]
        place = nodes[above[-1]].below if above else roots
        place.append(nodes[dataset.name])
    return roots
