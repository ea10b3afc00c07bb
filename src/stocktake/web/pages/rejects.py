"""Rejects: by reason, one by one, edited and tried again, dismissed, as a file."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response

from stocktake.access.audit import storable
from stocktake.api.problems import not_found
from stocktake.errors import StocktakeError, UsageError
from stocktake.load.rejects import RejectEnd, RejectKind
from stocktake.model import System
from stocktake.run.decided import dismiss_rejects, list_rejects, reject_groups, rejects_in_all
from stocktake.run.documents import REJECT_COLUMNS, reject_cells
from stocktake.run.explained import show_reject
from stocktake.run.reviewed import rehearse_edit, rehearse_rejects, retry_edited, retry_work
from stocktake.web.access import Operator, Viewer
from stocktake.web.download import csv_file
from stocktake.web.naming import dataset_named, missing, system_named
from stocktake.web.noted import note
from stocktake.web.pages.plans import start_work
from stocktake.web.site import Visitor, go, show, site_of

router = APIRouter()
SHOWN = 50
MOST_EXPORTED = 100_000
MANY, NEWEST = 250_000, 10_000
"""Of more rejects than that in all, reasons are told of so many of the newest."""
UNPROCESSABLE, CONFLICT = 422, 409
MOST_ROW = 70_000
Row = Annotated[str, Form(max_length=MOST_ROW)]
Reason = Annotated[str, Form(max_length=500)]
Word = Annotated[str, Form(max_length=500)]


def kind_asked(system: str, dataset: str = "", code: str = "", shape: str = "") -> RejectKind:
    """Return which rejects an address means; empty texts mean all."""
    datasets = (dataset_named(system_named(system), dataset).name,) if dataset else ()
    return RejectKind(datasets, code or None, shape or None)


def kind_sent(system: str, dataset: Word = "", code: Word = "", shape: Word = "") -> RejectKind:
    """Return which rejects a form means; empty texts mean all."""
    return kind_asked(system, dataset, code, shape)


Asked = Annotated[RejectKind, Depends(kind_asked)]
Sent = Annotated[RejectKind, Depends(kind_sent)]


def query_of(kind: RejectKind) -> str:
    """Return a kind as the query of an address."""
    told = {"dataset": "".join(kind.datasets), "code": kind.code, "shape": kind.shape}
    return urlencode({name: text for name, text in told.items() if text})


@router.get("/s/{system}/rejects")
def rejects_page(
    request: Request,
    system: str,
    visitor: Viewer,
    kind: Asked,
    *,
    before: int = 0,
) -> Response:
    """Show why rows could not be stored, and the rows, newest first."""
    found = system_named(system)
    workspace = site_of(request).workspace
    listed = list_rejects(workspace, found, kind, limit=SHOWN + 1, before=before or None)
    older = listed[SHOWN - 1].reject_id if len(listed) > SHOWN else 0
    query = query_of(kind)
    datasets = [found.dataset(name) for name in kind.datasets]
    about = rejects_in_all(workspace)
    newest = NEWEST if about > MANY else None
    return show(
        request,
        "rejects.html",
        visitor=visitor,
        title=f"Rejects of {found.name}",
        system=found,
        groups=reject_groups(workspace, found, datasets, newest=newest),
        newest=newest,
        about=about,
        kind=kind,
        kind_query=query,
        query_of=lambda group: query_of(RejectKind((group.dataset,), group.code, group.shape)),
        rejects=listed[:SHOWN],
        older=f"?{query}&before={older}".replace("?&", "?") if older else "",
        cli_same=" ".join(("stocktake rejects", found.name, *kind.datasets)),
        api_same=f"/api/v1/systems/{found.name}/rejects",
    )


@router.get("/s/{system}/rejects.csv")
def rejects_file(
    request: Request,
    system: str,
    visitor: Viewer,
    kind: Asked,
) -> Response:
    """Send open rejects as CSV, formulas neutralised."""
    del visitor
    found = system_named(system)
    listed = list_rejects(site_of(request).workspace, found, kind, limit=MOST_EXPORTED)
    return csv_file(f"{found.name}-rejects.csv", REJECT_COLUMNS, reject_cells(listed))


@router.get("/s/{system}/rejects/retry")
def retry_page(
    request: Request,
    system: str,
    visitor: Operator,
    kind: Asked,
) -> Response:
    """Show what parsing the answers of some rejects again would change."""
    found = system_named(system)
    told, problem = None, ""
    try:
        told = rehearse_rejects(site_of(request).workspace, found, kind)
    except StocktakeError as error:
        problem = f"{error.message} {error.hint or ''}".strip()
    return show(
        request,
        "reject_retry.html",
        visitor=visitor,
        title=f"Retry rejects of {found.name}",
        system=found,
        kind=kind,
        kind_query=query_of(kind),
        retrial=told,
        told=told.told if told else None,
        problem=problem,
        cli_same=" ".join(("stocktake rejects retry", found.name, *kind.datasets, "--dry-run")),
        api_same=f"/api/v1/systems/{found.name}/rejects/preview",
    )


@router.post("/s/{system}/rejects/retry")
def retry(
    request: Request,
    system: str,
    visitor: Operator,
    kind: Sent,
) -> Response:
    """Queue the loading of the answers that hold some rejects."""
    found = system_named(system)
    work = retry_work(site_of(request).workspace, found, kind)
    return go(f"/runs/{start_work(request, visitor, found, work)}")


@router.post("/s/{system}/rejects/dismiss")
def dismiss(
    request: Request,
    system: str,
    visitor: Operator,
    kind: Sent,
    *,
    reason: Reason = "",
) -> Response:
    """End the open rejects of one kind, with a reason."""
    found = system_named(system)
    count = dismiss_rejects(
        site_of(request).workspace, found, kind, by=visitor.name, reason=storable(reason)
    )
    note(request, visitor, "reject.dismiss", subject=f"{count} of {found.name}")
    return go(f"/s/{found.name}/rejects")


@router.get("/s/{system}/rejects/{reject_id}")
def reject_page(request: Request, system: str, reject_id: int, visitor: Viewer) -> Response:
    """Show one refused row as it came, to be edited and tried again."""
    found = system_named(system)
    return _reject(request, visitor, found, _end(request, found, reject_id))


@router.post("/s/{system}/rejects/{reject_id}/preview")
def preview(
    request: Request, system: str, reject_id: int, visitor: Operator, *, text: Row = ""
) -> Response:
    """Show what an edited row would change."""
    found = system_named(system)
    end = _end(request, found, reject_id)
    try:
        told = rehearse_edit(site_of(request).workspace, found, reject_id, text=_lines(text))
    except StocktakeError as error:
        return _reject(request, visitor, found, end, text=text, problem=_sentence(error))
    return _reject(request, visitor, found, end, text=text, told=told)


@router.post("/s/{system}/rejects/{reject_id}/edit")
def edit(
    request: Request,
    system: str,
    reject_id: int,
    visitor: Operator,
    *,
    text: Row = "",
    reason: Reason = "",
) -> Response:
    """Load an edited row; the answer as it came stays."""
    found = system_named(system)
    end = _end(request, found, reject_id)
    try:
        done = retry_edited(
            site_of(request).workspace,
            found,
            reject_id,
            text=_lines(text),
            by=visitor.name,
            reason=storable(reason.strip()),
        )
    except StocktakeError as error:
        return _reject(request, visitor, found, end, text=text, problem=_sentence(error))
    note(request, visitor, "reject.edit", subject=f"reject {reject_id}")
    return go(f"/runs/{done.run_id}")


@router.post("/s/{system}/rejects/{reject_id}/dismiss")
def dismiss_one(
    request: Request, system: str, reject_id: int, visitor: Operator, *, reason: Reason = ""
) -> Response:
    """End one reject, with a reason."""
    found = system_named(system)
    end = _end(request, found, reject_id)
    try:
        dismiss_rejects(
            site_of(request).workspace,
            found,
            reject_id,
            by=visitor.name,
            reason=storable(reason),
        )
    except UsageError as error:
        return _reject(request, visitor, found, end, problem=_sentence(error))
    note(request, visitor, "reject.dismiss", subject=f"reject {reject_id}")
    return go(f"/s/{found.name}/rejects/{reject_id}")


def _lines(text: str) -> str:
    """Return what a browser sends of a text area with the line ends that were shown in it."""
    return text.replace("\r\n", "\n")


def _sentence(error: StocktakeError) -> str:
    return f"{error.message} {error.hint or ''}".strip()


def _end(request: Request, system: System, reject_id: int) -> RejectEnd:
    try:
        end = show_reject(site_of(request).workspace, reject_id)
    except UsageError as error:
        raise missing(error) from None
    if end.system != system.name:
        raise not_found(f"{system.name} has no reject {reject_id}.")
    return end


def _reject(
    request: Request,
    visitor: Visitor,
    system: System,
    end: RejectEnd,
    **more: Any,
) -> Response:
    problem = more.get("problem", "")
    return show(
        request,
        "reject.html",
        visitor=visitor,
        status=UNPROCESSABLE if problem else 200,
        title=f"Reject {end.reject.reject_id}, {system.name}",
        system=system,
        end=end,
        reject=end.reject,
        cli_same=f"stocktake rejects edit {end.reject.reject_id} --file ROW --dry-run",
        api_same=f"/api/v1/rejects/{end.reject.reject_id}/edit/preview",
        **{"text": end.reject.raw, "told": None, "problem": problem, **more},
    )
