"""Errors as problem documents (RFC 9457): what went wrong and what to do; nothing internal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import psycopg
import structlog
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from stocktake.errors import (
    ConfigurationError,
    LeaseLost,
    LoadError,
    PlanRefused,
    SourceError,
    StocktakeError,
    StoreError,
    UsageError,
)
from stocktake.run.encoded import JSON
from stocktake.store.trouble import TROUBLE

log = structlog.get_logger()
PROBLEM = "application/problem+json"


class Problem(Exception):
    """An answer that is an error; raised by routes, rendered by the application.

    Attributes:
        status: HTTP status.
        code: One word for programs, such as ``not_found``.
        detail: What failed and where, for people.
        hint: What to do next, or ``None``.
        errors: One entry per field of the request that does not fit.
        headers: Sent with it, such as ``Retry-After``.
        extra: Further members of the document.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        hint: str | None = None,
        errors: tuple[FieldError, ...] = (),
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        """Keep the parts of the document."""
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail
        self.hint, self.errors = hint, errors
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})

    def document(self, request_id: str) -> dict[str, Any]:
        """Return the problem document."""
        found: dict[str, Any] = {
            "type": f"urn:stocktake:problem:{self.code}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            "hint": self.hint,
            "request_id": request_id,
            **self.extra,
        }
        if self.errors:
            found["errors"] = list(self.errors)
        return found


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field that does not fit.

    Args:
        field: Its name, with dots: ``body.since``.
        code: One word for programs.
        message: For people.
    """

    field: str
    code: str
    message: str


@dataclass(slots=True)
class Rendering:
    """How problems are shown; pages put their own in for those who ask for HTML."""

    page: Callable[[Request, Problem], Response] | None = field(default=None)

    async def answer(self, request: Request, problem: Problem) -> Response:
        """Return a problem as a page for who asks for one, else as a document."""
        if self.page is not None and wants_page(request):
            return await run_in_threadpool(self.page, request, problem)
        return problem_response(request, problem)

    async def unforeseen(self, request: Request, error: Exception) -> Response:
        """Return the answer to an error; one that nobody foresaw is logged and tells nothing."""
        problem = problem_of(error)
        if problem.status == HTTPStatus.INTERNAL_SERVER_ERROR:
            log.error(
                "request failed",
                request_id=request_id(request),
                route=getattr(request.scope.get("route"), "path", ""),
                kind=type(error).__name__,
                exc_info=error,
            )
        return await self.answer(request, problem)


def not_found(detail: str, *, hint: str | None = None) -> Problem:
    """Return the answer for what is not there, or is somebody else's."""
    return Problem(404, "not_found", detail, hint=hint)


@contextmanager
def named_in_path() -> Iterator[None]:
    """Let what a path names be *not found* where a command would call it a wrong argument."""
    try:
        yield
    except UsageError as error:
        raise not_found(_sentence(error.message), hint=error.hint) from error


@contextmanager
def depending_on_state() -> Iterator[None]:
    """Let what does not fit the present state be a conflict."""
    try:
        yield
    except UsageError as error:
        raise Problem(409, "conflict", _sentence(error.message), hint=error.hint) from error


_STATUSES: tuple[tuple[type[StocktakeError], int, str], ...] = (
    (UsageError, 422, "invalid"),
    (LoadError, 422, "invalid"),
    (PlanRefused, 409, "refused"),
    (LeaseLost, 409, "conflict"),
    (ConfigurationError, 409, "not_configured"),
    (StoreError, 503, "unavailable"),
    (SourceError, 502, "source"),
)


def problem_of(error: Exception) -> Problem:
    """Return the problem an exception is; one nobody foresaw says nothing of itself."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, StocktakeError):
        for kind, status, code in _STATUSES:
            if isinstance(error, kind):
                wait = {"Retry-After": "5"} if status == HTTPStatus.SERVICE_UNAVAILABLE else None
                text = _sentence(error.message)
                return Problem(status, code, text, hint=error.hint, headers=wait)
    if isinstance(error, psycopg.DataError | UnicodeEncodeError):
        return Problem(422, "invalid", "A value cannot be stored or compared as text or number.")
    if isinstance(error, psycopg.errors.QueryCanceled):
        return Problem(503, "timeout", "It took too long.", headers={"Retry-After": "5"})
    if isinstance(error, TROUBLE):
        wait = {"Retry-After": "5"}
        return Problem(503, "unavailable", "The database is away or busy.", headers=wait)
    return Problem(500, "internal", "This should not happen; it was logged under the request id.")


def install_problems(app: FastAPI) -> Rendering:
    """Make every error of the application a problem; return where pages may hook in."""
    rendering = Rendering()

    async def from_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 -- registered for it
        return await rendering.answer(request, _http_problem(error))

    async def from_validation(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101 -- registered for it
        return await rendering.answer(request, _validation_problem(error))

    async def from_any(request: Request, error: Exception) -> Response:
        return await rendering.unforeseen(request, error)

    app.add_exception_handler(HTTPException, from_http)
    app.add_exception_handler(RequestValidationError, from_validation)
    for kind in (Problem, StocktakeError, psycopg.Error, UnicodeEncodeError):
        app.add_exception_handler(kind, from_any)
    app.add_exception_handler(Exception, from_any)
    return rendering


def problem_response(request: Request, problem: Problem) -> Response:
    """Return the problem as ``application/problem+json``."""
    body = JSON.encode(problem.document(request_id(request)))
    return Response(body, problem.status, headers=problem.headers, media_type=PROBLEM)


def request_id(request: Request) -> str:
    """Return the id the request is logged under, which its answer carries too."""
    return str(request.scope.get("request_id", ""))


def wants_page(request: Request) -> bool:
    """Return whether the caller is a browser that navigates, not a program."""
    if request.url.path.startswith("/api/"):
        return False
    wanted = _wanted(request.headers.get("accept", ""))
    page = wanted.get("text/html", 0.0)
    return page > 0 and page >= max(wanted.get("application/json", 0.0), wanted.get(PROBLEM, 0.0))


def _wanted(accept: str) -> dict[str, float]:
    """Return kinds of answers somebody names, with how much they are wanted: 0 to 1."""
    found: dict[str, float] = {}
    for part in accept.lower().split(","):
        kind, *parameters = (one.strip() for one in part.split(";"))
        weight = next((one[2:] for one in parameters if one.startswith("q=")), "1")
        try:
            found[kind] = float(weight)
        except ValueError:
            found[kind] = 0.0
    return found


_CODES = {
    400: "bad_request",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_media",
}


def _http_problem(error: HTTPException) -> Problem:
    if isinstance(error.__cause__, Problem):  # the guard's, while a body was read
        return error.__cause__
    details = {
        404: "There is nothing at this address.",
        405: "This address does not take that method.",
        400: "The request's body cannot be read.",
    }
    detail = details.get(error.status_code, str(error.detail))
    code = _CODES.get(error.status_code, "http")
    return Problem(error.status_code, code, detail, headers=error.headers)


def _validation_problem(error: RequestValidationError) -> Problem:
    """Return which fields do not fit; what was sent is not repeated: it may hold a secret."""
    errors = tuple(
        FieldError(".".join(str(part) for part in one["loc"]), str(one["type"]), str(one["msg"]))
        for one in error.errors()
    )
    fields = ", ".join(dict.fromkeys(one.field for one in errors))
    return Problem(422, "invalid", f"The request does not fit: {fields}.", errors=errors)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
