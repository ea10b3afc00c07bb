"""The pages as an application of their own, to be mounted at ``/`` beside the API."""

from __future__ import annotations

import secrets
import traceback
from typing import TYPE_CHECKING

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from stocktake.errors import (
    DatabaseUnavailable,
    PlanRefused,
    StocktakeError,
    StoreError,
    UsageError,
)
from stocktake.web.access import Forbidden, NotSignedIn
from stocktake.web.naming import Missing
from stocktake.web.pages import datasets, gaps, overview, settings, systems, units
from stocktake.web.site import Identify, Site, Visitor, go, show, site_of
from stocktake.web.vendor import require_vendor_files

if TYPE_CHECKING:
    from stocktake.run.workspace import Workspace

PAGES = (overview, datasets, units, gaps, systems, settings)
TITLES = {
    400: "The request cannot be read",
    403: "Not allowed",
    404: "There is no such page",
    405: "This page does not do that",
    409: "It changed meanwhile",
    413: "Too large",
    422: "Something in the address or form does not fit",
    429: "Too many requests",
    500: "Something went wrong here",
    503: "The database is not available",
}
NOT_FOUND, UNPROCESSABLE, FORBIDDEN = 404, 422, 403
BROKEN, UNAVAILABLE, CONFLICT = 500, 503, 409
logger = structlog.get_logger(__name__)


def make_pages(workspace: Workspace, *, identify: Identify) -> FastAPI:
    """Return the application that serves the pages.

    Args:
        workspace: The open installation.
        identify: Tells who asks; ``None`` for nobody known.

    Raises:
        ConfigurationError: A third-party file is absent or changed.
    """
    require_vendor_files()
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.state.site = Site(workspace, identify)
    app.add_api_route("/static/{address:path}", _static, include_in_schema=False)
    for module in PAGES:
        app.include_router(module.router)
    _handle_errors(app)
    return app


def _static(request: Request, address: str) -> Response:
    found = site_of(request).assets.answer(request, address)
    return found or PlainTextResponse("no such file\n", status_code=NOT_FOUND)


def _handle_errors(app: FastAPI) -> None:
    @app.exception_handler(NotSignedIn)
    def _login(request: Request, error: NotSignedIn) -> Response:
        if request.headers.get("hx-request"):
            answer = Response(status_code=204)
            answer.headers["hx-redirect"] = error.login
            return answer
        return go(error.login)

    @app.exception_handler(Forbidden)
    def _forbidden(request: Request, error: Forbidden) -> Response:
        text = f"This needs the role {error.role}."
        return failure(request, FORBIDDEN, text, "An admin can give it to you.")

    @app.exception_handler(Missing)
    def _missing(request: Request, error: Missing) -> Response:
        return failure(request, NOT_FOUND, error.text, error.hint)

    @app.exception_handler(RequestValidationError)
    def _invalid(request: Request, error: RequestValidationError) -> Response:
        told = "; ".join(f"{one['loc'][-1]}: {one['msg']}" for one in error.errors())
        return failure(request, UNPROCESSABLE, told)

    @app.exception_handler(HTTPException)
    def _http(request: Request, error: HTTPException) -> Response:
        text = f"{request.url.path} leads nowhere." if error.status_code == NOT_FOUND else ""
        return failure(request, error.status_code, text or str(error.detail))

    @app.exception_handler(StocktakeError)
    def _told(request: Request, error: StocktakeError) -> Response:
        return failure(request, status_of(error), error.message, error.hint or "")

    @app.exception_handler(Exception)
    def _broken(request: Request, error: Exception) -> Response:
        number = secrets.token_hex(6)
        told = "".join(traceback.format_exception(error))
        logger.error("a page broke", request=number, path=request.url.path, trace=told)
        text = "The page could not be made. Nothing was changed by showing it."
        return failure(request, BROKEN, text, request_id=number)


def status_of(error: StocktakeError) -> int:
    """Return the HTTP status that tells an error best."""
    kinds: tuple[tuple[type[StocktakeError], int], ...] = (
        (DatabaseUnavailable, UNAVAILABLE),
        (StoreError, UNAVAILABLE),
        (PlanRefused, CONFLICT),
        (UsageError, UNPROCESSABLE),
    )
    return next((status for kind, status in kinds if isinstance(error, kind)), BROKEN)


def failure(
    request: Request, status: int, text: str, hint: str = "", *, request_id: str = ""
) -> Response:
    """Return an error page: what failed, what to do, no internals."""
    if "application/problem+json" in request.headers.get("accept", ""):
        return _problem(status, text, hint)
    return show(
        request,
        "error.html",
        visitor=_known(request, status),
        status=status,
        number=status,
        title=TITLES.get(status, "It did not work"),
        text=text,
        hint=hint,
        request_id=request_id,
        retry=request.url.path,
    )


def _known(request: Request, status: int) -> Visitor | None:
    """Return who asks, without asking a database that is away."""
    return None if status in {BROKEN, UNAVAILABLE} else site_of(request).identify(request)


def _problem(status: int, text: str, hint: str) -> Response:
    told = {"type": "about:blank", "title": TITLES.get(status, ""), "status": status}
    return JSONResponse(
        {**told, "detail": f"{text} {hint}".strip()},
        status_code=status,
        media_type="application/problem+json",
    )
