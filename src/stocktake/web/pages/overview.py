"""The overview: one card per system, and what needs somebody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from stocktake.model import Severity
from stocktake.run.checked import last_checked
from stocktake.run.lately import storage_bytes
from stocktake.run.listed import list_runs
from stocktake.run.sourced import source_health
from stocktake.web.access import Viewer
from stocktake.web.site import Site, show, site_of
from stocktake.web.words import plural

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stocktake.model import System
    from stocktake.run.lately import Standing
    from stocktake.run.listed import RunLine

router = APIRouter()
SHOWN_RUNS = 6
LOOKED_AT_RUNS = 40


@dataclass(frozen=True, slots=True)
class Call:
    """One thing that needs somebody, with the one next action."""

    kind: str
    tone: str
    text: str
    address: str
    action: str


@router.get("/")
def overview(request: Request, visitor: Viewer, wait: str = "") -> Response:
    """Show where every system stands; before the first count only that it is being counted."""
    site = site_of(request)
    if not wait and not all(map(site.standings.is_known, site.systems.values())):
        return show(request, "counting.html", visitor=visitor, title="Overview")
    stands = {name: site.standings.of(system) for name, system in site.systems.items()}
    runs = list_runs(site.workspace, None, limit=LOOKED_AT_RUNS)
    latest: dict[str, RunLine] = {}
    for run in runs:
        latest.setdefault(run.system, run)
    return show(
        request,
        "overview.html",
        visitor=visitor,
        title="Overview",
        stands=stands,
        runs=runs[:SHOWN_RUNS],
        runs_of=latest,
        attention=[
            call
            for name, system in site.systems.items()
            for call in calls(site, system, stands[name], latest.get(name))
        ],
        storage=storage_bytes(site.workspace),
        counted_at=min((one.at for one in stands.values()), default=site.workspace.clock()),
        cli_same="stocktake status",
        api_same="/api/v1/status",
    )


def calls(site: Site, system: System, stand: Standing, last: RunLine | None) -> Iterator[Call]:
    """Yield what needs somebody in one system, gravest first."""
    here = f"/s/{system.name}"
    bad = [
        one.result
        for one in last_checked(site.workspace, system)
        if one.result.severity in {Severity.FAIL, Severity.ERROR}
    ]
    if bad:
        count = plural(len(bad), "check")
        text = f"{system.name}: {count} below what was promised, first {bad[0].check}"
        yield Call("check", "bad", text, f"{here}/checks?severity=fail", "See checks")
    for name, reason in paused_sources(site, system).items():
        text = f"{system.name}: source {name} is paused: {reason}"
        yield Call("source", "bad", text, f"{here}/sources", "See source")
    if last is not None and last.state in {"failed", "paused"}:
        tone = "bad" if last.state == "failed" else "warn"
        text = f"{system.name}: run {last.run_id} is {last.state}: {last.error or last.message}"
        yield Call("run", tone, text, f"/runs/{last.run_id}", "See run")
    if not stand.held:
        return
    below = [one for one in stand.counted if one.needed_for_target and one.held]
    for one in sorted(below, key=lambda one: -one.needed_for_target):
        text = (
            f"{one.dataset}: {plural(one.missing, 'unit')} missing, "
            f"{one.needed_for_target:,} needed for its target"
        )
        plan = f"{here}/plans/new?dataset={one.dataset}"
        yield Call("gap", "warn", text, plan, "Plan")


def paused_sources(site: Site, system: System) -> dict[str, str]:
    """Return the system's paused sources with the reason."""
    states = source_health(site.workspace, system)
    return {one.source: one.source_pause for one in states if one.source_pause}
