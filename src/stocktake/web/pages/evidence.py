"""Where rows come from: trace and captures."""

from __future__ import annotations

import json
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from stocktake.api.problems import not_found
from stocktake.errors import UsageError
from stocktake.fetch.captures import StoredCapture
from stocktake.run.explained import show_capture, trace_row
from stocktake.web.access import Viewer
from stocktake.web.naming import dataset_named, missing, system_named
from stocktake.web.site import show, site_of

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
    told, problem = None, ""
    if set(own.key) <= set(values):
        try:
            told = trace_row(site_of(request).workspace, found, own, values)
        except UsageError as error:
            problem = f"{error.message} {error.hint or ''}".strip()
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
        problem=problem,
        cli_same=f"stocktake trace {found.name} {own.name} {named}",
        api_same=f"/api/v1/systems/{found.name}/trace/{own.name}",
    )


@router.get("/s/{system}/captures/{capture_id}")
def capture_page(
    request: Request, system: str, capture_id: int, visitor: Viewer, *, raw: str = ""
) -> Response:
    """Show a stored answer: how it was asked for, and its bytes as text."""
    found = system_named(system)
    try:
        stored = show_capture(site_of(request).workspace, capture_id)
    except UsageError as error:
        raise missing(error) from None
    if stored.system != found.name:
        raise not_found(f"{found.name} has no capture {capture_id}.")
    text, is_pretty = readable(stored, is_raw=bool(raw))
    return show(
        request,
        "capture.html",
        visitor=visitor,
        title=f"Capture {capture_id}, {found.name}",
        system=found,
        stored=stored,
        capture=stored.capture,
        text=text[:MOST_TEXT],
        is_cut=len(text) > MOST_TEXT,
        is_pretty=is_pretty,
        is_raw=bool(raw),
        cli_same=f"stocktake capture show {capture_id}",
        api_same=f"/api/v1/captures/{capture_id}",
    )


def readable(stored: StoredCapture, *, is_raw: bool) -> tuple[str, bool]:
    """Return a body as text, JSON indented unless it is wanted raw, and whether it was."""
    text = stored.capture.body[: 4 * MOST_TEXT].decode("utf-8", "replace")
    if is_raw:
        return text, False
    try:
        return json.dumps(json.loads(text), indent=1, ensure_ascii=False), True
    except ValueError:
        return text, False
