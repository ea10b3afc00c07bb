"""The pages as an application of their own, to be mounted at ``/`` beside the API."""

from __future__ import annotations

import contextlib
from http import HTTPStatus
from types import MappingProxyType
from urllib.parse import urlsplit

import psycopg
from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse, Response

from stocktake.api.identity import csrf_of, identity_now
from stocktake.api.problems import Problem, install_problems, not_found
from stocktake.errors import StocktakeError
from stocktake.run.workspace import Workspace
from stocktake.web import live
from stocktake.web.access import Anybody
from stocktake.web.entrance import Entrance, login_for
from stocktake.web.meant import meant
from stocktake.web.pages import (
    accounts,
    admission,
    alerts,
    checks,
    configured,
    datasets,
    duplicates,
    evidence,
    gaps,
    overview,
    own,
    plans,
    ranges,
    reference,
    rejects,
    runs,
    schedules,
    search,
    session,
    settings,
    signoff,
    sources,
    systems,
    units,
)
from stocktake.web.site import Site, Visitor, go, show, site_of
from stocktake.web.vendor import require_vendor_files
from stocktake.web.words import own_path

PAGES = (
    *(session, live, overview, plans, runs, datasets, units, ranges, gaps, systems),
    *(sources, checks, rejects, duplicates, evidence, signoff, schedules, search),
    *(accounts, admission, settings, alerts, configured, reference, own),
)
TITLES = MappingProxyType(
    {
        400: "The request cannot be read",
        401: "Please sign in",
        403: "Not allowed",
        404: "There is no such page",
        405: "This page does not do that",
        409: "It does not fit what is there now",
        413: "Too large",
        422: "Something in the address or form does not fit",
        429: "Too many tries",
        500: "Something went wrong here",
        502: "The source could not be read",
        503: "The database is away or busy",
    }
)


def mount_pages(app: FastAPI, workspace: Workspace, *, entrance: Entrance | None = None) -> FastAPI:
    """Serve the pages on the application of the API, at every address it does not have itself.

    Args:
        app: As ``stocktake.api.app.make_app`` makes it.
        workspace: The installation that it serves.
        entrance: A link that lets in once, for demos.

    Returns:
        The pages' own application.

    Raises:
        ConfigurationError: A third-party file is absent or changed.
    """
    require_vendor_files()
    pages = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    pages.state.site = app.state.site = Site(workspace)
    pages.state.entrance = entrance
    pages.state.api = app
    pages.add_api_route("/static/{address:path}", _static)
    for module in PAGES:
        pages.include_router(module.router)
    pages.add_api_route("/{path:path}", _nowhere)
    install_problems(pages).page = problem_page
    app.state.problems.page = problem_page  # of what the guard itself refuses
    app.router.default = pages  # a mount would answer for methods that paths of the API lack
    return pages


def _static(request: Request, address: str) -> Response:
    found = site_of(request).assets.answer(request, address)
    return found or PlainTextResponse("no such file\n", status_code=HTTPStatus.NOT_FOUND)


def _nowhere(path: str, visitor: Anybody) -> None:
    """Answer for what is not there: by a route, so that it is known who asks."""
    del path, visitor
    raise not_found("There is nothing at this address.")


def problem_page(request: Request, problem: Problem) -> Response:
    """Return a problem as a page: what failed, what to do, no internals; 401 leads to the login."""
    if problem.status == HTTPStatus.UNAUTHORIZED and request.url.path != "/login":
        return _to_login(request)
    identity = None
    with contextlib.suppress(Problem, StocktakeError, psycopg.Error):  # then nobody is known
        identity = identity_now(request)
    is_lost = problem.status == HTTPStatus.NOT_FOUND and identity is not None
    made = show(
        request,
        "error.html",
        visitor=Visitor(identity, csrf_of(request)) if identity else None,
        status=problem.status,
        number=problem.status,
        title=TITLES.get(problem.status, "It did not work"),
        text=problem.detail,
        hint=problem.hint or "",
        errors=problem.errors,
        meant=meant(request.url.path, site_of(request).systems.values()) if is_lost else (),
        request_id=request.scope.get("request_id", ""),
        is_get=request.method == "GET",
        retry=_retried(request),
    )
    made.headers.update(problem.headers)
    if problem.status == HTTPStatus.SERVICE_UNAVAILABLE and request.method == "GET":
        made.headers["Refresh"] = problem.headers.get("Retry-After", "5")  # without script too
    return made


def _retried(request: Request) -> str:
    """Return where to try again: what was asked for, or the page whose form was sent."""
    if request.method == "GET":
        return own_path(request.url.path + (f"?{request.url.query}" if request.url.query else ""))
    came_from = urlsplit(request.headers.get("referer", ""))
    return own_path(came_from.path) if came_from.netloc == request.url.netloc else "/"


def _to_login(request: Request) -> Response:
    target = login_for(request)
    if request.headers.get("hx-request"):
        return Response(status_code=HTTPStatus.NO_CONTENT, headers={"HX-Redirect": target})
    return go(target)
