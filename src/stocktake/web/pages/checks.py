"""Checks: the newest results, one check's trend, and measuring anew."""

from __future__ import annotations

from collections import Counter
from operator import attrgetter
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import Response

from stocktake.api.problems import not_found
from stocktake.check.results import RANK, Standing
from stocktake.model import Check, Severity, System
from stocktake.report.figures import threshold
from stocktake.run.alerted import alerts_of_checks
from stocktake.run.checked import (
    check_trend,
    check_trends,
    checks_of,
    last_checked,
    statement_of,
)
from stocktake.run.queue import check_work
from stocktake.web.access import Operator, Viewer
from stocktake.web.drawn import trend_of
from stocktake.web.naming import system_named
from stocktake.web.pages.plans import start_work
from stocktake.web.site import go, show, site_of
from stocktake.web.sorting import sorting

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

router = APIRouter()
SHARES = frozenset({"missing", "invalid", "failed", "share", "coverage"})
TREND = 30
SHOWN = 500


COLUMNS: Mapping[str, Callable[[Standing], Any]] = {
    "check": attrgetter("result.check"),
    "result": lambda one: RANK.index(one.result.severity),
    "dataset": attrgetter("result.dataset"),
    "group": attrgetter("result.group"),
    "value": attrgetter("result.value"),
    "rows": attrgetter("result.measured_rows"),
    "since": attrgetter("first_seen_at"),
    "at": attrgetter("result.at"),
}
"""What the table of checks is sorted by; the gravest come first unless it is."""


@router.get("/s/{system}/checks")
def checks_page(
    request: Request, system: str, visitor: Viewer, *, dataset: str = "", severity: str = ""
) -> Response:
    """List the newest result of every check, gravest first."""
    found = system_named(system)
    standings = last_checked(site_of(request).workspace, found)
    tally = Counter(one.result.severity for one in standings)
    chosen = [one for one in standings if not dataset or one.result.dataset == dataset]
    if severity in set(Severity):
        chosen = [one for one in chosen if one.result.severity == severity]
    chosen.sort(key=lambda one: -RANK.index(one.result.severity))
    order = sorting(request, COLUMNS)
    declared = declared_checks(found)
    trends = check_trends(site_of(request).workspace, found, latest=TREND)
    return show(
        request,
        "checks.html",
        visitor=visitor,
        title=f"Checks of {found.name}",
        system=found,
        standings=order.rows(chosen)[:SHOWN],
        order=order,
        tally=tally,
        severities=[one for one in reversed(RANK) if tally[one]],
        declared=declared,
        limits={name: limit_words(one) for name, one in declared.items()},
        units={name: unit_of(one) for name, one in declared.items()},
        link=lambda one: _address(found, one),
        lines={key: trend_of(values) for key, values in trends.items()},
        alerts=alerts_of_checks(site_of(request).workspace, found),
        cli_same=f"stocktake check {found.name}",
        api_same=f"/api/v1/systems/{found.name}/checks",
    )


def declared_checks(system: System) -> dict[str, Check]:
    """Return every check of a system by name."""
    return {check.name: check for check in checks_of(system, system.datasets)}


def limit_words(check: Check) -> str:
    """Return what a check allows, in words."""
    return threshold(check.warn, check.fail, unit_of(check))


def unit_of(check: Check) -> str:
    """Return what a check's figure is: a share, or plain."""
    return "share" if check.kind in SHARES else ""


def _address(system: System, one: Standing) -> str:
    return _page_of(system, one.result.check, one.result.group)


def _page_of(system: System, check: str, group: str) -> str:
    told = f"?{urlencode({'group': group})}" if group else ""
    return f"/s/{system.name}/checks/{check}{told}"


@router.get("/s/{system}/checks/{name}")
def check_page(
    request: Request, system: str, name: str, visitor: Viewer, *, group: str = ""
) -> Response:
    """Show one check: promise, trend, what fails."""
    workspace = site_of(request).workspace
    found = system_named(system)
    check = declared_checks(found).get(name)
    if check is None:
        raise not_found(f"{found.name} declares no check {name}.")
    standing = next(
        (
            one
            for one in last_checked(workspace, found)
            if one.result.check == name and one.result.group == group
        ),
        None,
    )
    trend = check_trend(workspace, found, check=name, group=group, latest=TREND)
    return show(
        request,
        "check.html",
        visitor=visitor,
        title=f"{name}, {found.name}",
        system=found,
        check=check,
        group=group,
        standing=standing,
        trend=trend,
        points=[
            (int(at.timestamp()), value) for at, _, value in reversed(trend) if value is not None
        ],
        unit=unit_of(check),
        limit=limit_words(check),
        keys=_keys(found, check, standing),
        alert=alerts_of_checks(workspace, found).get(f"{check.dataset}:{name}"),
        here=f"/s/{found.name}/checks/{name}"
        + (f"?{urlencode({'group': group})}" if group else ""),
        gaps_link=_gaps_link(found, check, standing),
        statement=statement_of(found, check),
        cli_same=f"stocktake check {found.name} {check.dataset}",
        api_same=f"/api/v1/systems/{found.name}/checks",
    )


def _gaps_link(system: System, check: Check, standing: Standing | None) -> str:
    """Return where the units that a coverage check counts are listed, empty for other kinds."""
    if check.kind != "coverage":
        return ""
    days = (("since", standing.result.since), ("until", standing.result.until)) if standing else ()
    told = {name: day.isoformat() for name, day in days if day}
    return f"/s/{system.name}/gaps?{urlencode({'dataset': check.dataset, **told})}"


def _keys(system: System, check: Check, standing: Standing | None) -> list[tuple[str, str]]:
    """Return the failing row keys as texts, with where each row's origin is told."""
    if standing is None:
        return []
    dataset = system.dataset(check.dataset)
    found = []
    for key in standing.result.failing_keys:
        text = ", ".join(f"{name} {value}" for name, value in key.items())
        is_row = set(dataset.key) <= set(key)
        told = [
            ("dataset", dataset.name),
            *(("key", f"{one}={key.get(one)}") for one in dataset.key),
        ]
        found.append((text, f"/s/{system.name}/trace?{urlencode(told)}" if is_row else ""))
    return found


@router.post("/s/{system}/checks")
def measure(request: Request, system: str, visitor: Operator, dataset: str = "") -> Response:
    """Queue the measuring of all checks, or of one dataset's."""
    found = system_named(system)
    names = [one.name for one in found.datasets if one.name == dataset]
    return go(f"/runs/{start_work(request, visitor, found, check_work(names))}")
