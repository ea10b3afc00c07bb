"""The overview: one card per system, and what needs somebody."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

import psycopg
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from stocktake.api.problems import Problem
from stocktake.errors import StocktakeError
from stocktake.model import PlanOptions
from stocktake.run.lately import storage_of
from stocktake.run.listed import list_runs
from stocktake.run.operations import find_operation, list_operations
from stocktake.run.queue import backfill_work
from stocktake.run.scheduled import upcoming
from stocktake.run.workspace import load_place
from stocktake.web.access import Operator, Viewer, Watcher
from stocktake.web.attention import calls
from stocktake.web.drawn import Line, line_of
from stocktake.web.naming import system_named
from stocktake.web.pages.plans import start_work
from stocktake.web.site import Site, go, show, site_of

if TYPE_CHECKING:
    from stocktake.model import System
    from stocktake.run.lately import Standing
    from stocktake.run.listed import RunLine
    from stocktake.run.operations import Operation
    from stocktake.testing import Story

router = APIRouter()
SHOWN_RUNS = 6
LOOKED_AT_RUNS = 40
SHOWN_FIRES = 5
SHOWN_RUNNING = 5


@dataclass(frozen=True, slots=True)
class Card:
    """A system on the overview.

    Attributes:
        system: Which.
        stand: Where it stands, or stood when ``problem`` is told; ``None`` when never counted.
        problem: Why it could not be counted now, else empty.
        spark: Its trend, when it costs nothing; else the page asks for it later.
    """

    system: System
    stand: Standing | None
    problem: str = ""
    spark: Line | None = None


@router.get("/")
def overview(request: Request, visitor: Viewer, wait: str = "") -> Response:
    """Show where every system stands; before the first count only that it is being counted."""
    site = site_of(request)
    if not wait and not all(map(site.standings.is_known, site.systems.values())):
        return show(
            request,
            "counting.html",
            visitor=visitor,
            title="Overview",
            cli_same="stocktake status",
            api_same="/api/v1/status",
        )
    cards = [_card(site, system) for system in site.systems.values()]
    runs = list_runs(site.workspace, None, limit=LOOKED_AT_RUNS)
    latest: dict[str, RunLine] = {}
    for run in runs:
        latest.setdefault(run.system, run)
    counted = [(one.system, one.stand) for one in cards if one.stand and not one.problem]
    return show(
        request,
        "overview.html",
        visitor=visitor,
        title="Overview",
        cards=cards,
        is_untouched=all(run.options.get("shipped") for run in runs),
        runs=runs[:SHOWN_RUNS],
        runs_of=latest,
        running=_running(site),
        attention=calls(site, counted, latest),
        fires=upcoming(site.workspace, most=SHOWN_FIRES),
        storage=None,
        counted_at=min((stand.at for _, stand in counted), default=site.workspace.clock()),
        request_id=request.scope.get("request_id", ""),
        cli_same="stocktake status",
        api_same="/api/v1/status",
    )


@router.post("/s/{system}/demo")
def start_demo(request: Request, system: str, visitor: Operator) -> Response:
    """Queue the run that fills what a system's demo fills; only where all rows are made up."""
    found = system_named(system)
    workspace = site_of(request).workspace
    if workspace.kind != "sandbox" or not found.story:
        raise Problem(
            HTTPStatus.CONFLICT,
            "refused",
            f"{found.name} ships no demo."
            if not found.story
            else "This installation is for real rows; a demo would put made-up ones among them.",
            hint=f"stocktake demo {found.name} makes an installation of its own.",
        )
    story: Story = load_place(found.story)(workspace.clock().date())
    options = PlanOptions(datasets=story.datasets, since=story.since, until=story.until)
    return go(f"/runs/{start_work(request, visitor, found, backfill_work(options))}")


def _card(site: Site, system: System) -> Card:
    try:
        stand = site.standings.of(system)
    except (StocktakeError, psycopg.Error) as error:
        told = error.message if isinstance(error, StocktakeError) else type(error).__name__
        return Card(system, site.standings.last(system), told)
    return Card(system, stand, spark=_spark(site, system) if site.trends.is_known(system) else None)


def _spark(site: Site, system: System) -> Line:
    return line_of([(one.at, one.coverage) for one in site.trends.of(system)])


def _running(site: Site) -> list[Operation]:
    found = list_operations(site.workspace, limit=SHOWN_RUNNING, state="running")
    return [find_operation(site.workspace, one.line.run_id) for one in found]


@router.get("/storage")
def storage_page(request: Request, visitor: Watcher) -> Response:
    """Show how much room the installation takes."""
    return show(
        request,
        "storage.html",
        visitor=visitor,
        title="Storage",
        storage=storage_of(site_of(request).workspace),
    )


@router.get("/s/{system}/trend")
def trend_page(request: Request, system: str, visitor: Viewer) -> Response:
    """Show what was known of a system's coverage on days gone by."""
    site = site_of(request)
    found = system_named(system)
    points = site.trends.of(found)
    return show(
        request,
        "trend.html",
        visitor=visitor,
        title=f"Coverage of {found.name} as it was known",
        system=found,
        points=points,
        chart=[
            (int(one.at.timestamp()), one.coverage) for one in points if one.coverage is not None
        ],
        spark=line_of([(one.at, one.coverage) for one in points]),
        cli_same=f"stocktake count {found.name} --as-of {points[0].at.date()}",
        api_same=f"/api/v1/systems/{found.name}/count?as_of={points[0].at.date()}T23:59:59Z",
    )
