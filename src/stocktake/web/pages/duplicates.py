"""Duplicates: two rows with one key side by side, merged field by field, kept or told apart."""

from __future__ import annotations

from typing import Any, cast, get_args
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from starlette.datastructures import FormData

from stocktake.api.problems import depending_on_state, not_found
from stocktake.errors import StocktakeError, UsageError
from stocktake.load.duplicates import Choice, Decision
from stocktake.load.rehearsal import Rehearsal
from stocktake.model import System
from stocktake.run.decided import list_duplicates
from stocktake.run.reviewed import (
    home_of_duplicate,
    rehearse_duplicate,
    reopen_duplicate,
    settle_duplicate,
)
from stocktake.web.access import Operator, Viewer
from stocktake.web.naming import dataset_named, missing, system_named
from stocktake.web.noted import note
from stocktake.web.site import Visitor, go, show, site_of

router = APIRouter()
SHOWN = 20
DECISIONS = get_args(Decision)
UNPROCESSABLE = 422


@router.get("/s/{system}/duplicates")
def duplicates_page(
    request: Request,
    system: str,
    visitor: Viewer,
    *,
    dataset: str = "",
    state: str = "open",
    before: int = 0,
) -> Response:
    """List keys that came twice with different values, side by side."""
    found = system_named(system)
    return _page(request, visitor, found, dataset=dataset, state=state, before=before)


def _page(
    request: Request,
    visitor: Visitor,
    system: System,
    *,
    dataset: str = "",
    state: str = "open",
    before: int = 0,
    tried: tuple[int, Choice, Rehearsal | None, str] | None = None,
) -> Response:
    chosen = (dataset_named(system, dataset),) if dataset else system.datasets
    listed = list_duplicates(
        site_of(request).workspace,
        system,
        chosen,
        limit=SHOWN + 1,
        before=before or None,
        state="open" if state == "open" else None,
    )
    older = listed[SHOWN - 1].duplicate_id if len(listed) > SHOWN else 0
    asked = {"dataset": dataset, "state": "" if state == "open" else state}
    query = urlencode({name: text for name, text in asked.items() if text})
    return show(
        request,
        "duplicates.html",
        visitor=visitor,
        status=UNPROCESSABLE if tried and tried[3] else 200,
        title=f"Duplicates of {system.name}",
        system=system,
        duplicates=listed[:SHOWN],
        is_open=state == "open",
        chosen_dataset=dataset,
        tried=tried,
        older=f"/s/{system.name}/duplicates?{query}&before={older}" if older else "",
        cli_same=f"stocktake duplicates {system.name} {dataset}".strip(),
        api_same=f"/api/v1/systems/{system.name}/duplicates",
    )


@router.post("/s/{system}/duplicates/{duplicate_id}")
async def decide(request: Request, system: str, duplicate_id: int, visitor: Operator) -> Response:
    """Decide about a pair; where the row changes, its answer is loaded again."""
    told = await request.form()
    return cast(
        "Response",
        await run_in_threadpool(_decide, request, system, duplicate_id, visitor, told),
    )


@router.post("/s/{system}/duplicates/{duplicate_id}/preview")
async def preview(request: Request, system: str, duplicate_id: int, visitor: Operator) -> Response:
    """Show what a merge would change in the tables."""
    told = await request.form()
    return cast(
        "Response",
        await run_in_threadpool(_preview, request, system, duplicate_id, visitor, told),
    )


@router.post("/s/{system}/duplicates/{duplicate_id}/reopen")
def reopen(request: Request, system: str, duplicate_id: int, visitor: Operator) -> Response:
    """Take a decision back."""
    found = _home(request, system, duplicate_id)
    with depending_on_state():
        reopen_duplicate(site_of(request).workspace, found, duplicate_id)
    note(request, visitor, "duplicate.reopen", subject=f"duplicate {duplicate_id}")
    return go(f"/s/{found.name}/duplicates")


def read_choice(told: FormData) -> Choice:
    """Return a decision from a form: a merge takes the fields whose other value was picked."""
    decision = str(told.get("decision", "merged"))
    if decision not in DECISIONS:
        raise UsageError(f"{decision!r} is no decision.", hint=", ".join(DECISIONS))
    taken = tuple(
        name.removeprefix("take.")
        for name, value in told.multi_items()
        if name.startswith("take.") and value == "other"
    )
    if decision == "merged" and not taken:
        return Choice("kept")
    return Choice(cast("Decision", decision), taken if decision == "merged" else ())


def _decide(
    request: Request, system: str, duplicate_id: int, visitor: Visitor, told: FormData
) -> Response:
    found = _home(request, system, duplicate_id)
    choice = read_choice(told)
    workspace = site_of(request).workspace
    with depending_on_state():
        settle_duplicate(workspace, found, duplicate_id, choice, by=visitor.name)
    note(request, visitor, "duplicate.decide", subject=f"duplicate {duplicate_id}")
    return go(f"/s/{found.name}/duplicates?{urlencode({'dataset': str(told.get('dataset', ''))})}")


def _preview(
    request: Request, system: str, duplicate_id: int, visitor: Visitor, told: FormData
) -> Response:
    found = _home(request, system, duplicate_id)
    choice, seen, problem = read_choice(told), None, ""
    try:
        seen = rehearse_duplicate(
            site_of(request).workspace, found, duplicate_id, choice, by=visitor.name
        )
    except StocktakeError as error:
        problem = f"{error.message} {error.hint or ''}".strip()
    tried: Any = (duplicate_id, choice, seen, problem)
    return _page(request, visitor, found, dataset=str(told.get("dataset", "")), tried=tried)


def _home(request: Request, system: str, duplicate_id: int) -> System:
    found = system_named(system)
    try:
        home = home_of_duplicate(site_of(request).workspace, duplicate_id)
    except UsageError as error:
        raise missing(error) from None
    if home.name != found.name:
        raise not_found(f"{found.name} has no duplicate {duplicate_id}.")
    return found
