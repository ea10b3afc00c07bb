"""Sign-off: the list as it measures now, signing, and what was signed."""

from __future__ import annotations

from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from starlette.datastructures import FormData

from stocktake.access.audit import storable
from stocktake.api.problems import not_found
from stocktake.errors import UsageError
from stocktake.model import Item
from stocktake.report.figures import UNITS
from stocktake.run.counted import today_of
from stocktake.run.signed import drift, list_signoffs, show_signoff, sign_off
from stocktake.web.access import Operator, Viewer
from stocktake.web.naming import missing, read_window, system_named
from stocktake.web.noted import note
from stocktake.web.site import Visitor, go, show, site_of

if TYPE_CHECKING:
    from collections.abc import Mapping

router = APIRouter()
CONFLICT = 409
EVIDENCE: Mapping[str, str] = MappingProxyType(
    {
        "coverage": "gaps",
        "gaps": "gaps",
        "states": "gaps?state=stale",
        "surplus": "gaps?state=surplus",
        "checks": "checks",
        "second_run": "plans/new?estimate=now",
        "duplicates": "duplicates",
    }
)
"""Pages below a system's own that show what an item of a kind counts."""


def evidence_of(system: str, item: Item) -> str:
    """Return the address of the page that shows what an item counts; empty: there is none.

    >>> from stocktake.model import Severity
    >>> evidence_of("racing", Item("g", "", "gaps", Severity.PASS, 0.0, "", ""))
    '/s/racing/gaps'
    """
    if item.kind == "unfinished_runs":
        return f"/runs?system={system}"
    if item.kind == "schedules":
        return "/schedules"
    place = EVIDENCE.get(item.kind)
    return f"/s/{system}/{place}" if place else ""


@router.get("/s/{system}/signoff")
def signoff_page(
    request: Request, system: str, visitor: Viewer, *, since: str = "", until: str = ""
) -> Response:
    """Show what was signed off, and measure the list over a range when one is asked for."""
    return _page(request, visitor, system, since=since, until=until)


@router.post("/s/{system}/signoff")
async def sign(request: Request, system: str, visitor: Operator) -> Response:
    """Sign a history off; refused while an item fails that is not waived."""
    told = await request.form()
    made: Response = await run_in_threadpool(_sign, request, visitor, system, told)
    return made


def _sign(request: Request, visitor: Visitor, system: str, told: FormData) -> Response:
    site = site_of(request)
    found = system_named(system)
    window = read_window(str(told.get("since", "")), str(told.get("until", "")))
    waivers = {
        name.removeprefix("waive."): storable(str(text).strip()[:500])
        for name, text in told.items()
        if name.startswith("waive.") and str(text).strip()
    }
    signed = sign_off(site.workspace, found, window.range, by=visitor.name, waivers=waivers)
    if signed.refused:
        return _page(
            request,
            visitor,
            system,
            since=str(told.get("since", "")),
            until=str(told.get("until", "")),
            refused=[item.name for item in signed.refused],
            typed=waivers,
        )
    note(request, visitor, "signoff", subject=f"signoff {signed.signoff_id}")
    return go(f"/s/{found.name}/signoff/{signed.signoff_id}")


@router.get("/s/{system}/signoff/{signoff_id}")
def signed_page(
    request: Request, system: str, signoff_id: int, visitor: Viewer, *, now: str = ""
) -> Response:
    """Show one sign-off with the figures it froze, beside today's when they are asked for."""
    found = system_named(system)
    try:
        signed = show_signoff(site_of(request).workspace, signoff_id)
    except UsageError as error:
        raise missing(error) from None
    if signed.system != found.name:
        raise not_found(f"{found.name} has no sign-off {signoff_id}.")
    return show(
        request,
        "signed.html",
        visitor=visitor,
        title=f"Sign-off {signoff_id}, {found.name}",
        system=found,
        signed=signed,
        drifts=drift(site_of(request).workspace, found, signed) if now else None,
        units=UNITS,
        evidence_of=lambda item: evidence_of(found.name, item),
        cli_same=f"stocktake signoff show {signoff_id}",
        api_same=f"/api/v1/signoffs/{signoff_id}",
    )


def _page(
    request: Request,
    visitor: Visitor,
    system: str,
    *,
    since: str,
    until: str,
    refused: list[str] | None = None,
    typed: dict[str, str] | None = None,
) -> Response:
    site = site_of(request)
    found = system_named(system)
    window = read_window(since, until)
    measured = None
    if (since or until) and not window.problem and found.signoff:
        measured = sign_off(
            site.workspace, found, window.range, by=visitor.name, waivers={}, record=False
        )
    today = today_of(site.workspace, found)
    return show(
        request,
        "signoff.html",
        visitor=visitor,
        status=CONFLICT if refused else 200,
        title=f"Sign-off of {found.name}",
        system=found,
        measured=measured,
        problem=window.problem,
        refused=refused or [],
        typed=typed or {},
        since=since or (today - timedelta(days=31)).isoformat(),
        until=until or (today - timedelta(days=1)).isoformat(),
        units=UNITS,
        evidence_of=lambda item: evidence_of(found.name, item),
        earlier=list_signoffs(site.workspace, found),
        cli_same=f"stocktake signoff {found.name} --dry-run",
        api_same=f"/api/v1/systems/{found.name}/signoffs",
    )
