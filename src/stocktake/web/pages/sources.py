"""Sources: health per endpoint; pausing, resuming and trying them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from stocktake.access.audit import storable
from stocktake.api.problems import not_found
from stocktake.errors import StocktakeError
from stocktake.fetch.sources import EndpointState
from stocktake.model import Source, System, Window
from stocktake.observe.events import headline
from stocktake.run.sourced import (
    pause,
    resume,
    source_days,
    source_health,
    source_log,
    source_requests,
    source_robots,
    sources_now,
)
from stocktake.run.tried import verify_source
from stocktake.web.access import Keeper, Watcher
from stocktake.web.drawn import Bar, bars_of
from stocktake.web.naming import system_named
from stocktake.web.noted import note
from stocktake.web.site import Visitor, go, show, site_of
from stocktake.web.words import plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stocktake.fetch.usage import EndpointDay
    from stocktake.run.workspace import Workspace

router = APIRouter()
SHOWN_DAYS = 30
RECENT_DAYS = 7
SHOWN_REQUESTS = 50
SHOWN_EVENTS = 20
TONES = {"ok": "good", "not asked yet": "", "circuit open": "bad", "unauthorised": "bad"}
SECRETS = {"basic": ("user", "password"), "bearer": ("token",), "key": ("token",)}


@router.get("/s/{system}/sources")
def sources_page(request: Request, system: str, visitor: Watcher) -> Response:
    """Show every endpoint's health."""
    site = site_of(request)
    found = system_named(system)
    states = source_health(site.workspace, found)
    return show(
        request,
        "sources.html",
        visitor=visitor,
        title=f"Sources of {found.name}",
        system=found,
        sources=[
            (one, [state for state in states if state.source == one.name]) for one in found.sources
        ],
        words={(state.source, state.endpoint): state_word(state) for state in states},
        enabled={one.name: site.workspace.enabled(found, one) for one in found.sources},
        recent=recent_of(source_days(site.workspace, found, days=RECENT_DAYS)),
        cli_same=f"stocktake sources {found.name}",
        api_same=f"/api/v1/systems/{found.name}/sources",
    )


@router.get("/s/{system}/rates")
def rates_page(request: Request, system: str, visitor: Watcher) -> Response:
    """Show how hard every endpoint is asked now, what is left of its quota, and what waits."""
    found = system_named(system)
    return show(
        request,
        "rates.html",
        visitor=visitor,
        title=f"Rates of the sources of {found.name}",
        system=found,
        states=sources_now(site_of(request).workspace, found),
        cli_same=f"stocktake sources {found.name}",
        api_same=f"/api/v1/systems/{found.name}/sources",
    )


def window_words(window: Window) -> str:
    """Return which days a feed can deliver.

    >>> window_words(Window())
    'any day'
    """
    told = []
    if window.since:
        told.append(f"from {window.since}")
    if window.days_back is not None:
        told.append(f"the last {plural(window.days_back, 'day')}")
    if window.lifted_by:
        told.append(f"any day with {window.lifted_by}")
    return ", ".join(told) or "any day"


def state_word(state: EndpointState) -> tuple[str, str]:
    """Return an endpoint's state in a word, and its tone."""
    return state.state, TONES.get(state.state, "warn")


@router.get("/s/{system}/sources/{name}")
def source_page(request: Request, system: str, name: str, visitor: Watcher) -> Response:
    """Show one source: its feeds, limits, windows, and whether it has credentials."""
    found, source = _source(system, name)
    return _source_page(request, visitor, found, source)


@router.post("/s/{system}/sources/{name}/pause")
def pause_source(
    request: Request,
    system: str,
    name: str,
    visitor: Keeper,
    reason: Annotated[str, Form(max_length=300)] = "",
) -> Response:
    """Let nobody ask the source until it is resumed."""
    found, source = _source(system, name)
    told = storable(reason.strip()) or "by hand"
    pause(site_of(request).workspace, source.name, reason=f"{told} ({visitor.name})")
    note(request, visitor, "source.pause", subject=source.name)
    return go(f"/s/{found.name}/sources/{source.name}")


@router.post("/s/{system}/sources/{name}/resume")
def resume_source(request: Request, system: str, name: str, visitor: Keeper) -> Response:
    """Allow requests again."""
    found, source = _source(system, name)
    resume(site_of(request).workspace, source.name)
    note(request, visitor, "source.resume", subject=source.name)
    return go(f"/s/{found.name}/sources/{source.name}")


@router.post("/s/{system}/sources/{name}/verify")
def verify(request: Request, system: str, name: str, visitor: Keeper) -> Response:
    """Ask every feed once for one small answer; nothing is stored."""
    found, source = _source(system, name)
    try:
        samples = verify_source(site_of(request).workspace, found, source)
    except StocktakeError as error:
        problem = f"{error.message} {error.hint or ''}".strip()
        return _source_page(request, visitor, found, source, problem=problem)
    note(request, visitor, "source.verify", subject=source.name)
    return _source_page(request, visitor, found, source, samples=samples)


def _source(system: str, name: str) -> tuple[System, Source]:
    found = system_named(system)
    for source in found.sources:
        if source.name == name:
            return found, source
    known = ", ".join(source.name for source in found.sources)
    raise not_found(f"{found.name} has no source {name}.", hint=f"Sources: {known}.")


@dataclass(frozen=True, slots=True)
class Use:
    """What one source did on the days of a month.

    Attributes:
        lines: Per endpoint and day, newest day first.
        bars: A bar per day, oldest first, all endpoints together.
        failures: Failures of all days by class, most first.
        requests: Requests of all days.
    """

    lines: Sequence[EndpointDay]
    bars: Sequence[Bar]
    failures: Sequence[tuple[str, int]]
    requests: int


def _use(workspace: Workspace, system: System, source: Source) -> Use:
    lines = [
        one for one in source_days(workspace, system, days=SHOWN_DAYS) if one.source == source.name
    ]
    today = workspace.clock().date()
    days = [today - timedelta(days=ago) for ago in range(SHOWN_DAYS)][::-1]
    told = [
        (
            day.isoformat(),
            sum(one.requests for one in lines if one.day == day),
            sum(one.errors for one in lines if one.day == day),
        )
        for day in days
    ]
    failures: Counter[str] = Counter()
    for one in lines:
        failures.update(
            {name: n for name, n in one.classes.items() if name not in {"good", "redirects"}}
        )
    return Use(lines, bars_of(told), failures.most_common(), sum(one.requests for one in lines))


def recent_of(lines: Sequence[EndpointDay]) -> dict[tuple[str, str], EndpointDay]:
    """Return the newest day of each endpoint, by source and endpoint; lines are newest first."""
    found: dict[tuple[str, str], EndpointDay] = {}
    for one in lines:
        found.setdefault((one.source, one.endpoint), one)
    return found


def _source_page(
    request: Request, visitor: Visitor, system: System, source: Source, **more: Any
) -> Response:
    site = site_of(request)
    _, events = source_log(site.workspace, system, source, limit=SHOWN_EVENTS)
    states = [one for one in source_health(site.workspace, system) if one.source == source.name]
    own = site.workspace.settings.source(source.name)
    return show(
        request,
        "source.html",
        visitor=visitor,
        title=f"{source.name}, {system.name}",
        system=system,
        source=source,
        states=states,
        words={one.endpoint: state_word(one) for one in states},
        secrets={name: bool(own.get(name)) for name in SECRETS.get(source.auth, ())},
        renew=[
            f"STOCKTAKE_SOURCE_{source.name}_{name}".upper()
            for name in SECRETS.get(source.auth, ())
            if any(one.state == "unauthorised" for one in states)
        ],
        paused=next((one.source_pause for one in states if one.source_pause), ""),
        use=_use(site.workspace, system, source),
        latest=source_requests(site.workspace, system, source, limit=SHOWN_REQUESTS),
        events=events,
        headline=headline,
        windows={feed.name: window_words(feed.window) for feed in source.feeds},
        robots=[one for one in source_robots(site.workspace, system) if one.source == source.name],
        cli_same=f"stocktake sources {system.name} --days {SHOWN_DAYS}",
        api_same=f"/api/v1/systems/{system.name}/sources",
        **{"samples": None, "problem": "", **more},
    )
