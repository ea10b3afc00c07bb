"""Paths that systems declare (``System.views``), served like the engine's own."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response
from pydantic import Field

from stocktake.api.answers import Cursor, Limit, page, read_cursor
from stocktake.api.asked import FIRST, LAST, MOST_NAME, PeriodName, Since, Until, days_of
from stocktake.api.identity import Viewer, workspace_of
from stocktake.api.problems import named_in_path, not_found
from stocktake.api.recent import served
from stocktake.api.shapes import NUMBER
from stocktake.model import Range, System
from stocktake.model.views import Ask, View
from stocktake.run.documents import gate_json
from stocktake.run.measured import measure_gate
from stocktake.run.viewed import view_layers, view_one, view_rows, view_unit
from stocktake.run.workspace import Workspace

Make = Callable[[Workspace, dict[str, Any]], Any]
_KIND = inspect.Parameter.KEYWORD_ONLY
_PLACE = Annotated[str, Path(min_length=1, max_length=MOST_NAME)]


def views_router(systems: Iterable[System]) -> APIRouter:
    """Return the routes of every view the systems declare."""
    router = APIRouter()
    for system in systems:
        for view in system.views:
            router.add_api_route(
                f"/{system.name}/{view.path}",
                _endpoint(system, view),
                methods=["GET"],
                tags=[system.name],
                summary=view.title,
                name=f"{system.name}:{view.path}",
                response_class=Response,
                responses={
                    200: {"content": {"application/json": {"schema": _SCHEMAS[view.shows]}}}
                },
            )
    return router


def _endpoint(system: System, view: View) -> Callable[..., Awaitable[Response]]:
    make = _MAKERS[view.shows](system, view)

    async def shown(**given: Any) -> Response:
        request: Request = given.pop("request")
        del given["who"]
        workspace = workspace_of(request)
        if system.name not in workspace.systems:
            raise not_found("There is nothing at this address.")
        return await served(request, lambda: make(workspace, given))

    shown.__doc__ = f"{view.title}."
    shown.__signature__ = inspect.Signature(  # type: ignore[attr-defined] # FastAPI reads it
        [
            inspect.Parameter("request", _KIND, annotation=Request),
            inspect.Parameter("who", _KIND, annotation=Viewer),
            *(inspect.Parameter(name, _KIND, annotation=_PLACE) for name in view.places),
            *(_parameter(ask) for ask in view.asks),
            *(
                inspect.Parameter(name, _KIND, annotation=annotation, default=default)
                for name, annotation, default in _SHARED[view.shows]
            ),
        ]
    )
    return shown


def _parameter(ask: Ask) -> inspect.Parameter:
    limits: dict[str, Any] = {}
    if ask.kind is str:
        limits["max_length"] = MOST_NAME
    elif ask.kind is int:
        limits |= {"ge": -NUMBER, "le": NUMBER}
    elif ask.kind is not bool:
        limits |= {"ge": FIRST, "le": LAST}
    kind: Any = Annotated[ask.kind, Field(**limits)]
    annotation: Any = Annotated[kind | None, Query(description=ask.title)]
    return inspect.Parameter(ask.name, _KIND, annotation=annotation, default=ask.default)


def _rows(system: System, view: View) -> Make:
    def make(workspace: Workspace, given: dict[str, Any]) -> Any:
        limit, cursor = given["limit"], read_cursor(given["cursor"], list[str])
        asked = {name: value for name, value in given.items() if name not in ("limit", "cursor")}
        found = view_rows(workspace, system, view, asked, after=cursor, limit=limit + 1)
        return page(found, limit, lambda row: [str(row[name]) for name in view.key])

    return make


def _one(system: System, view: View) -> Make:
    def make(workspace: Workspace, given: dict[str, Any]) -> Any:
        found = view_one(workspace, system, view, given)
        if found is None:
            raise not_found(f"{system.name} has no such {view.path.partition('/')[0]}.")
        return found

    return make


def _layers(system: System, view: View) -> Make:
    del view

    def make(workspace: Workspace, given: dict[str, Any]) -> Any:
        found = view_layers(workspace, system, _window(workspace, system, given))
        return {"system": system.name, "layers": found}

    return make


def _window(workspace: Workspace, system: System, given: dict[str, Any]) -> Range:
    period = given["season"] or given["period"]
    return days_of(given["since"], given["until"], period).of(workspace, system)


def _gate(system: System, view: View) -> Make:
    def make(workspace: Workspace, given: dict[str, Any]) -> Any:
        window = _window(workspace, system, given)
        return gate_json(system, measure_gate(workspace, system, view.named, window))

    return make


def _unit(system: System, view: View) -> Make:
    def make(workspace: Workspace, given: dict[str, Any]) -> Any:
        key = given[view.places[0]]
        with named_in_path():
            found = view_unit(workspace, system, view.named, key)
        return {"system": system.name, view.named: key, "datasets": found}

    return make


_DAYS: tuple[tuple[str, Any, Any], ...] = (
    ("since", Since, None),
    ("until", Until, None),
    ("period", PeriodName, ""),
    ("season", PeriodName, ""),
)
_PAGES: tuple[tuple[str, Any, Any], ...] = (("limit", Limit, 50), ("cursor", Cursor, ""))
_SHARED: dict[str, tuple[tuple[str, Any, Any], ...]] = {
    "rows": _PAGES,
    "one": (),
    "layers": _DAYS,
    "gate": _DAYS,
    "unit": (),
}
_MAKERS = {"rows": _rows, "one": _one, "layers": _layers, "gate": _gate, "unit": _unit}
_SCHEMAS: dict[str, dict[str, Any]] = {
    "rows": {
        "type": "object",
        "required": ["items", "next_cursor"],
        "properties": {
            "items": {"type": "array", "items": {"type": "object"}},
            "next_cursor": {"type": ["string", "null"]},
        },
    },
    "one": {"type": "object"},
    "layers": {"type": "object", "required": ["system", "layers"]},
    "gate": {"$ref": "#/components/schemas/GateDocument"},
    "unit": {"type": "object", "required": ["system", "datasets"]},
}
