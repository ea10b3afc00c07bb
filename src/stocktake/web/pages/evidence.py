"""Where rows come from: trace and captures."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from stocktake.api.problems import depending_on_state, not_found
from stocktake.errors import StocktakeError, UsageError
from stocktake.load.spots import read_text, row_spot, spot_of
from stocktake.observe.plain import without_secrets, without_secrets_in
from stocktake.run.explained import rows_near, show_capture, show_edit, trace_row
from stocktake.run.reviewed import load_again, rehearse_answer
from stocktake.web.access import Operator, Viewer
from stocktake.web.naming import dataset_named, missing, system_named
from stocktake.web.noted import note
from stocktake.web.site import Visitor, go, show, site_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stocktake.fetch.captures import StoredCapture
    from stocktake.load.provenance import Provenance
    from stocktake.model import Dataset, System

router = APIRouter()
MOST_TEXT = 200_000


@router.get("/s/{system}/trace")
def trace_page(
    request: Request,
    system: str,
    visitor: Viewer,
    *,
    dataset: str = "",
    key: Annotated[tuple[str, ...], Query(max_length=20)] = (),
) -> Response:
    """Show where a row comes from, down to the captured bytes."""
    found = system_named(system)
    own = dataset_named(found, dataset) if dataset else found.datasets[0]
    values = dict(part.split("=", 1) for part in key if "=" in part)
    values |= {
        name: request.query_params[f"k.{name}"]
        for name in own.key
        if request.query_params.get(f"k.{name}")
    }
    told, problem, near = None, "", list[tuple[str, str]]()
    if set(own.key) <= set(values):
        try:
            told = trace_row(site_of(request).workspace, found, own, values)
        except UsageError as error:
            problem = error.message
            for one in rows_near(site_of(request).workspace, found, own, values):
                parts = [f"{name}={one[name]}" for name in own.key]
                asked = [("dataset", own.name), *(("key", part) for part in parts)]
                near.append((", ".join(parts), f"/s/{found.name}/trace?{urlencode(asked)}"))
    named = " ".join(f"{name}={values.get(name, '…')}" for name in own.key)
    return show(
        request,
        "trace.html",
        visitor=visitor,
        status=404 if problem else 200,
        title=f"Trace, {found.name}",
        system=found,
        dataset=own,
        values=values,
        told=told,
        fields=fields_of(found, own, told) if told else [],
        problem=problem,
        near=near,
        cli_same=f"stocktake trace {found.name} {own.name} {named}",
        api_same=f"/api/v1/systems/{found.name}/trace/{own.name}",
    )


@router.get("/s/{system}/captures/{capture_id}")
def capture_page(
    request: Request,
    system: str,
    capture_id: int,
    visitor: Viewer,
    *,
    raw: str = "",
    k: Annotated[tuple[str, ...], Query(max_length=20)] = (),
    v: Annotated[str, Query(max_length=500)] = "",
) -> Response:
    """Show a stored answer as text; with keys of a row its place, with a value the value's."""
    found = system_named(system)
    return _capture(request, visitor, found, capture_id, is_raw=bool(raw), keys=k, value=v)


@router.post("/s/{system}/captures/{capture_id}/parse")
def parse_again(request: Request, system: str, capture_id: int, visitor: Operator) -> Response:
    """Parse a stored answer again and show what loading it would change."""
    found = system_named(system)
    _stored(request, found, capture_id)
    told, problem = None, ""
    try:
        told = rehearse_answer(site_of(request).workspace, found, capture_id)
    except StocktakeError as error:
        problem = f"{error.message} {error.hint or ''}".strip()
    return _capture(request, visitor, found, capture_id, told=told, problem=problem)


@router.post("/s/{system}/captures/{capture_id}/load")
def load(request: Request, system: str, capture_id: int, visitor: Operator) -> Response:
    """Load a stored answer again, as a run of its own."""
    found = system_named(system)
    _stored(request, found, capture_id)
    with depending_on_state():
        done = load_again(site_of(request).workspace, found, capture_id)
    note(request, visitor, "capture.load", subject=f"capture {capture_id}")
    return go(f"/runs/{done.run_id}")


def _stored(request: Request, system: System, capture_id: int) -> StoredCapture:
    try:
        stored = show_capture(site_of(request).workspace, capture_id)
    except UsageError as error:
        raise missing(error) from None
    if stored.system != system.name:
        raise not_found(f"{system.name} has no capture {capture_id}.")
    return stored


def _capture(
    request: Request,
    visitor: Visitor,
    system: System,
    capture_id: int,
    *,
    is_raw: bool = False,
    keys: Sequence[str] = (),
    value: str = "",
    **more: Any,
) -> Response:
    workspace = site_of(request).workspace
    stored = _stored(request, system, capture_id)
    secrets = workspace.settings.secrets()
    text, is_pretty = readable(stored, is_raw=is_raw)
    shown = marked(without_secrets(text, secrets), keys, value)
    return show(
        request,
        "capture.html",
        visitor=visitor,
        title=f"Capture {capture_id}, {system.name}",
        system=system,
        stored=stored,
        capture=stored.capture,
        headers=without_secrets_in(dict(stored.capture.headers), secrets),
        edit=show_edit(workspace, capture_id),
        shown=shown,
        looked_for=bool(keys),
        value=value,
        is_pretty=is_pretty,
        is_raw=is_raw,
        cli_same=f"stocktake capture show {capture_id}",
        api_same=f"/api/v1/captures/{capture_id}",
        **{"told": None, "problem": "", **more},
    )


@dataclass(frozen=True, slots=True)
class Shown:
    """A body as text, in stretches.

    Attributes:
        parts: Texts with ``row`` or ``value`` where they stand in the row looked for or are the
            value looked for; empty else.
        is_row_found: Whether the row's place was found.
        is_value_found: Whether the value stands in it as it is.
        is_cut: Whether text is left out.
    """

    parts: Sequence[tuple[str, str]]
    is_row_found: bool
    is_value_found: bool
    is_cut: bool


def marked(text: str, keys: Sequence[str], value: str) -> Shown:
    """Return a text with the place of a row in it, and of a value in the row."""
    row = row_spot(text, keys) if keys else None
    if row is None:
        return Shown([(text[:MOST_TEXT], "")], False, False, len(text) > MOST_TEXT)  # noqa: FBT003
    first, last = row
    begin = 0 if last <= MOST_TEXT else max(0, first - MOST_TEXT // 4)
    inside = text[first:last]
    spot = spot_of(inside, [json.dumps(value, ensure_ascii=False), value]) if value else None
    parts = [(text[begin:first], "")]
    if spot is None:
        parts.append((inside, "row"))
    else:
        parts += [(inside[: spot.start], "row"), (inside[spot.start : spot.end], "value")]
        parts.append((inside[spot.end :], "row"))
    parts.append((text[last : begin + MOST_TEXT], ""))
    is_cut = begin > 0 or len(text) > begin + MOST_TEXT
    return Shown(parts, True, spot is not None, is_cut)  # noqa: FBT003 -- fields by their order


def readable(stored: StoredCapture, *, is_raw: bool) -> tuple[str, bool]:
    """Return a body as text, JSON indented unless it is wanted raw, and whether it was."""
    text, _ = read_text(stored.capture.body[: 4 * MOST_TEXT])
    text = text.encode(errors="surrogateescape").decode(errors="replace")
    if is_raw:
        return text, False
    try:
        return json.dumps(json.loads(text), indent=1, ensure_ascii=False), True
    except ValueError:
        return text, False


@dataclass(frozen=True, slots=True)
class Field:
    """A value of a row, and where in which capture it may stand."""

    name: str
    value: Any
    capture_id: int | None
    address: str


def fields_of(system: System, dataset: Dataset, told: Provenance) -> list[Field]:
    """Return the values of a row, each with its place in the capture of who told it."""
    found = []
    keys = [str(told.row.get(name, "")) for name in dataset.key]
    columns = {facet.name: facet.columns for facet in dataset.facets}
    for name, value in told.row.items():
        teller = next(
            (
                one
                for one in reversed(told.origins)
                if one.capture_id and name in columns.get(one.facet, ())
            ),
            None,
        )
        address = ""
        if teller is not None and value is not None:
            asked = urlencode([*(("k", key) for key in keys), ("v", str(value))])
            address = f"/s/{system.name}/captures/{teller.capture_id}?{asked}#row"
        found.append(Field(name, value, teller.capture_id if teller else None, address))
    return found
