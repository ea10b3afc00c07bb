"""The HTTP API as its own document tells it: every request, what it takes and who may send it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from stocktake.web.access import Viewer
from stocktake.web.site import show

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

router = APIRouter()
METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True, slots=True)
class Call:
    """One request the API takes.

    Attributes:
        tag: The group it belongs to.
        method: In capitals.
        path: With its parameters in braces.
        summary: What it does, in a few words.
        text: The same at length.
        parameters: Name, place (``path`` or ``query``), whether needed, and what it means.
        takes: The name of the document sent along, empty for none.
    """

    tag: str
    method: str
    path: str
    summary: str
    text: str
    parameters: list[tuple[str, str, bool, str]]
    takes: str


@router.get("/docs/api")
def api_page(request: Request, visitor: Viewer) -> Response:
    """List every request of the API."""
    groups: dict[str, list[Call]] = defaultdict(list)
    for call in calls_of(request.app.state.api.openapi()):
        groups[call.tag].append(call)
    return show(
        request,
        "api.html",
        visitor=visitor,
        title="HTTP API",
        groups=dict(groups),
        total=sum(map(len, groups.values())),
    )


def calls_of(document: Mapping[str, Any]) -> Iterator[Call]:
    """Yield the requests of an OpenAPI document, in its order."""
    for path, methods in document["paths"].items():
        for method in METHODS:
            if told := methods.get(method):
                yield Call(
                    (told.get("tags") or ["other"])[0],
                    method.upper(),
                    path,
                    told.get("summary", ""),
                    told.get("description", ""),
                    [
                        (
                            one["name"],
                            one["in"],
                            bool(one.get("required")),
                            one.get("description", ""),
                        )
                        for one in told.get("parameters", ())
                    ],
                    _document_of(told),
                )


def _document_of(told: Mapping[str, Any]) -> str:
    content: Mapping[str, Any] = told.get("requestBody", {}).get("content", {})
    found: Mapping[str, Any] = next(iter(content.values()), {})
    schema = found.get("schema", {})
    return str(schema.get("$ref", "")).rpartition("/")[2] or schema.get("title", "")
