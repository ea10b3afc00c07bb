"""The pages as an application of their own, to be mounted at ``/`` beside the API."""

from __future__ import annotations

from http import HTTPStatus
from types import MappingProxyType
from urllib.parse import urlsplit

from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse, Response

from stocktake.api.identity import csrf_of
from stocktake.api.problems import Problem, install_problems
from stocktake.run.workspace import Workspace
from stocktake.web import live
from stocktake.web.entrance import Entrance, login_for
from stocktake.web.pages import (
    accounts,
    alerts,
    checks,
    configured,
    datasets,
    gaps,
    overview,
    own,
    plans,
    ranges,
    reference,
    review,
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
    *(sources, checks, review, signoff, schedules, search),
    *(accounts, settings, alerts, configured, reference, own),
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
    pages.state.site = Site(workspace)
    pages.state.entrance = entrance
    pages.state.api = app
    pages.add_api_route("/static/{address:path}", _static)
    for module in PAGES:
        pages.include_router(module.router)
    install_problems(pages).page = problem_page
    app.router.default = pages  # a mount would answer for methods that paths of the API lack
    return pages


def _static(request: Request, address: str) -> Response:
    found = site_of(request).assets.answer(request, address)
    return found or PlainTextResponse("no such file\n", status_code=HTTPStatus.NOT_FOUND)


def problem_page(request: Request, problem: Problem) -> Response:
    """Return a problem as a page: what failed, what to do, no internals; 401 leads to the login."""
    if problem.status == HTTPStatus.UNAUTHORIZED and request.url.path != "/login":
        return _to_login(request)
    identity = getattr(request.state, "identity", None)
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
        request_id=request.scope.get("request_id", ""),
        is_get=request.method == "GET",
        retry=_retried(request),
    )
    made.headers.update(problem.headers)
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
