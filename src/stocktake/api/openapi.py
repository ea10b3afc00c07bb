"""The OpenAPI document: FastAPI's, with problems as such, credentials, and what routes share."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from stocktake.api.examples import example_of
from stocktake.api.problems import PROBLEM
from stocktake.api.shapes import ProblemDocument

_MEANINGS = {
    400: "Two credentials, or an ill-formed Idempotency-Key.",
    401: "Nobody we know: no credential, or one that is not valid any more.",
    403: "The role or scope does not cover it, or the session's token is missing.",
    404: "There is no such thing, or it is somebody else's.",
    409: "It does not fit the present state, or the Idempotency-Key was used for something else.",
    413: "The body is too large.",
    422: "A field does not fit; `errors` has one entry per field.",
    429: "Too many tries; `Retry-After` says when.",
    502: "A source could not be read.",
    503: "Too busy, or the database is away; `Retry-After` says when.",
}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": ProblemDocument, "description": meaning}
    for status, meaning in _MEANINGS.items()
}
_CREDENTIALS = {
    "key": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key, `stk_…`; also accepted as X-API-Key.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-stocktake",
        "description": "A session; unsafe requests also need its token as X-CSRF-Token. Over plain "
        "HTTP on this machine the cookie is called stocktake.",
    },
}
_OPEN = frozenset(
    {("post", "/api/v1/session"), ("post", "/api/v1/setup"), ("post", "/api/v1/invitation")}
)
_ONCE = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Any text of yours: the request is done once in 24 hours, and answered the same "
    "when it is repeated.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"},
}


def described(app: FastAPI) -> dict[str, Any]:
    """Return the application's OpenAPI document, made once."""
    if app.openapi_schema is None:
        made = get_openapi(
            title=app.title,
            version=app.version,
            summary=app.summary,
            description=_ABOUT,
            routes=app.routes,
            separate_input_output_schemas=False,
        )
        made["components"]["securitySchemes"] = _CREDENTIALS
        for path, methods in made["paths"].items():
            for method, route in methods.items():
                _complete(path, method, route)
                _exemplify(route, made["components"]["schemas"])
        app.openapi_schema = made
    return app.openapi_schema


def _complete(path: str, method: str, route: dict[str, Any]) -> None:
    is_open = (method, path) in _OPEN
    route["security"] = [] if is_open else [{"key": []}, {"session": []}]
    if method == "post" and not is_open and not path.startswith("/api/v1/session"):
        route.setdefault("parameters", []).append(_ONCE)
    for status, told in route["responses"].items():
        content = told.get("content", {})
        if int(status) >= 400 and "application/json" in content:  # noqa: PLR2004 -- errors
            told["content"] = {PROBLEM: content["application/json"]}


def _exemplify(route: dict[str, Any], shapes: dict[str, Any]) -> None:
    """Give every body and every answer in JSON an example."""
    told = [route.get("requestBody", {}), *route["responses"].values()]
    for kind, content in (pair for one in told for pair in one.get("content", {}).items()):
        if kind.endswith("json") and "schema" in content and "example" not in content:
            content["example"] = example_of(content["schema"], shapes)


_ABOUT = """\
Everything the command line can do, with the same verbs and words. Long work answers 202 with an
operation: poll it, or listen to its events. Errors are problem documents (RFC 9457). Lists come in
pages: pass `next_cursor` back as `cursor`. Answers to reads may be a few seconds old and carry an
ETag.
"""
