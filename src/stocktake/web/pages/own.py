"""Pages that belong to one system: those it declares, its gates, and a key through all datasets."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Request
from fastapi.responses import Response

from stocktake.api.problems import not_found
from stocktake.errors import UsageError
from stocktake.model import System
from stocktake.model.pages import Page
from stocktake.report.figures import UNITS
from stocktake.run.explained import explain_everywhere
from stocktake.run.measured import measure_gate
from stocktake.run.paged import Shown, chosen, matched, panels_of
from stocktake.web.access import Viewer
from stocktake.web.naming import dataset_named, missing, read_window, system_named
from stocktake.web.site import Visitor, show, site_of

router = APIRouter()
_FIELD = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Matrix:
    """Rows by columns, with a text per cell."""

    corner: str
    columns: Sequence[str]
    rows: Mapping[str, Mapping[str, Any]]


@router.get("/s/{system}/gates/{name}")
def gate_page(
    request: Request,
    system: str,
    name: str,
    visitor: Viewer,
    *,
    since: str = "",
    until: str = "",
) -> Response:
    """Measure a gate over a range, with the reasons."""
    found = system_named(system)
    if name not in {gate.name for gate in found.gates}:
        known = ", ".join(gate.name for gate in found.gates) or "none"
        raise not_found(f"{found.name} has no gate {name}.", hint=f"Gates: {known}.")
    window = read_window(since, until)
    verdict = None
    if (since or until) and not window.problem:
        verdict = measure_gate(site_of(request).workspace, found, name, window.range)
    return show(
        request,
        "gate.html",
        visitor=visitor,
        title=f"Gate {name}, {found.name}",
        system=found,
        gate=name,
        verdict=verdict,
        problem=window.problem,
        units=UNITS,
        cli_same=f"stocktake check {found.name} --gate {name}",
        api_same=f"/api/v1/systems/{found.name}/gates/{name}",
    )


@router.get("/s/{system}/k/{dataset}/{key}")
def key_page(request: Request, system: str, dataset: str, key: str, visitor: Viewer) -> Response:
    """Show one key, such as a game, in every dataset that promises it."""
    site = site_of(request)
    found = system_named(system)
    home = dataset_named(found, dataset)
    told = [(one.unit.dataset, one) for one in explain_everywhere(site.workspace, found, home, key)]
    if not told:
        raise not_found(f"No dataset of {found.name} promises {key} of {home.name}.")
    return show(
        request,
        "key.html",
        visitor=visitor,
        title=f"{key}, {found.name}",
        system=found,
        home=home,
        key=key,
        told=told,
        cli_same=f"stocktake why {found.name} {told[0][0]} {key}",
    )


@router.get("/s/{system}/{path:path}")
def own_page(request: Request, system: str, path: str, visitor: Viewer) -> Response:
    """Show a page that the system declares."""
    found = system_named(system)
    for page in found.pages:
        given = matched(page, path)
        if given is not None:
            return _own(request, visitor, found, page, given=given)
    raise not_found(f"{found.name} has no page {path}.")


def _own(
    request: Request, visitor: Visitor, system: System, page: Page, *, given: Mapping[str, str]
) -> Response:
    typed = chosen(page, request.query_params)
    try:
        shown = panels_of(site_of(request).workspace, system, page, {**given, **typed})
    except UsageError as error:
        raise missing(error) from None
    first = shown[0].rows[0] if shown and shown[0].rows else {}
    if given and not first:
        raise not_found(f"{system.name} holds no {'/'.join(given.values())}.")
    title = _FIELD.sub(lambda field: str(first.get(field[1], "")), page.title)
    return show(
        request,
        "own.html",
        visitor=visitor,
        title=f"{title}, {system.name}",
        system=system,
        page=page,
        heading=title,
        typed=typed,
        shown=[(one, matrix_of(one) if one.panel.shape == "matrix" else None) for one in shown],
        link=lambda one, column, row: _link(system, one, column, row),
        trace=_trace(system, page, given),
    )


def _link(system: System, one: Shown, column: str, row: Mapping[str, Any]) -> str:
    """Return where a cell leads, empty when nowhere."""
    pattern = dict(one.panel.links).get(column)
    if pattern is None or any(row.get(name) is None for name in _FIELD.findall(pattern)):
        return ""
    path = _FIELD.sub(lambda field: quote(str(row[field[1]]), safe=""), pattern)
    return f"/s/{system.name}/{path}"


def _trace(system: System, page: Page, given: Mapping[str, str]) -> str:
    if not page.trace:
        return ""
    dataset, *names = page.trace
    told = [("dataset", dataset), *(("key", f"{name}={given[name]}") for name in names)]
    return f"/s/{system.name}/trace?{urlencode(told)}"


def matrix_of(one: Shown) -> Matrix:
    """Return rows of row name, column name and cell as a table of cells."""
    corner, across, cell = one.columns[:3]
    rows: dict[str, dict[str, Any]] = {}
    columns: dict[str, None] = {}
    for row in one.rows:
        columns.setdefault(str(row[across]))
        rows.setdefault(str(row[corner]), {})[str(row[across])] = row[cell]
    return Matrix(corner, sorted(columns), rows)
