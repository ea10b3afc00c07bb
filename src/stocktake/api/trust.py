"""Trust it: check results, gates, sign-offs, reports, exports."""

from __future__ import annotations

import tempfile
from pathlib import Path as FilePath
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import FileResponse, Response
from pydantic import Field
from starlette.background import BackgroundTask

from stocktake.access.audit import storable, write_audit
from stocktake.api.answers import answer
from stocktake.api.asked import MOST_NAME, DaysAsked, Number, TheDataset, TheDays, TheSystem
from stocktake.api.forms import CheckResults, GateDocument, SignOffDocument, SignOffs
from stocktake.api.idempotency import OnceRoute
from stocktake.api.identity import Installation, Operator, Viewer
from stocktake.api.problems import Problem, named_in_path, not_found
from stocktake.api.recent import served
from stocktake.api.shared import shared
from stocktake.run.documents import gate_json, health_json, signoff_json
from stocktake.run.exported import export_dataset
from stocktake.run.measured import measure_gate
from stocktake.run.operations import last_results
from stocktake.run.reported import examine, written
from stocktake.run.signed import list_signoffs, show_signoff, sign_off

router = APIRouter(tags=["trust"], route_class=OnceRoute)
ReportFormat = Literal["json", "md", "html"]
ExportFormat = Literal["csv", "jsonl"]
_TYPES = {
    "json": "application/json",
    "md": "text/markdown; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/jsonl",
}
REPORT_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""A report carries its own style and pictures; it runs nothing and fetches nothing."""
_FILE: dict[int | str, dict[str, Any]] = {
    200: {"content": {_TYPES[kind]: {"schema": {"type": "string"}} for kind in ("csv", "jsonl")}}
}
_REPORT: dict[int | str, dict[str, Any]] = {
    200: {"content": {_TYPES[kind]: {"schema": {"type": "string"}} for kind in ("md", "html")}}
}


class SignOffAsked(DaysAsked):
    """Which days are signed off, and what may fail, with reasons."""

    waivers: Annotated[
        dict[
            Annotated[str, Field(max_length=MOST_NAME)],
            Annotated[str, Field(min_length=1, max_length=1_000)],
        ],
        Field(max_length=50),
    ] = {}
    dry_run: bool = False


@router.get(
    "/systems/{system}/checks", response_model=CheckResults, summary="Last results of checks"
)
async def checks(
    request: Request,
    _: Viewer,
    workspace: Installation,
    system: TheSystem,
) -> Response:
    """Show the newest result of every check; `check` measures them anew."""

    def told() -> dict[str, Any]:
        return {"system": system.name, "results": last_results(workspace, system.name)}

    return await served(request, told)


@router.get(
    "/systems/{system}/gates/{gate}", response_model=GateDocument, summary="Are the data ready"
)
async def gate(
    request: Request,
    _: Viewer,
    workspace: Installation,
    system: TheSystem,
    gate: Annotated[str, Path(max_length=MOST_NAME)],
    days: TheDays,
) -> Response:
    """Measure a gate: ready, ready but degraded, or not ready, with the reasons."""
    if gate not in {one.name for one in system.gates}:
        known = ", ".join(one.name for one in system.gates) or "none"
        raise not_found(f"{system.name} has no gate of that name.", hint=f"Gates: {known}.")

    def told() -> dict[str, Any]:
        window = days.of(workspace, system)
        return gate_json(system, measure_gate(workspace, system, gate, window))

    return await served(request, told)


@router.get("/systems/{system}/signoffs", response_model=SignOffs, summary="What was signed off")
async def signoffs(
    request: Request,
    _: Viewer,
    workspace: Installation,
    system: TheSystem,
) -> Response:
    """List the sign-offs of a system, the newest first."""

    def told() -> dict[str, Any]:
        found = list_signoffs(workspace, system)
        return {"system": system.name, "signoffs": [signoff_json(one) for one in found]}

    return await served(request, told)


@router.get("/signoffs/{signoff_id}", response_model=SignOffDocument, summary="A sign-off")
async def signoff(
    request: Request,
    _: Viewer,
    workspace: Installation,
    signoff_id: Number,
) -> Response:
    """Show one sign-off with every figure measured for it."""

    def told() -> dict[str, Any]:
        with named_in_path():
            return signoff_json(show_signoff(workspace, signoff_id))

    return await served(request, told)


@router.post(
    "/systems/{system}/signoffs",
    status_code=201,
    response_model=SignOffDocument,
    responses={200: {"model": SignOffDocument, "description": "Only measured: `dry_run`."}},
    summary="Sign a history off",
)
def sign(
    request: Request,
    who: Operator,
    workspace: Installation,
    system: TheSystem,
    asked: SignOffAsked,
) -> Response:
    """Measure all a history must show, and sign it in your name; refused while an item fails."""
    window = asked.window(workspace, system)
    waivers = {name: storable(reason) for name, reason in asked.waivers.items()}
    signed = sign_off(
        workspace, system, window, by=who.name, waivers=waivers, record=not asked.dry_run
    )
    if asked.dry_run:
        return answer(signoff_json(signed))
    if signed.refused:
        names = ", ".join(item.name for item in signed.refused)
        raise Problem(
            409,
            "refused",
            f"{system.name} cannot be signed off: {names}.",
            hint="Mend it, or waive an item with a reason.",
            extra={"signoff": signoff_json(signed)},
        )
    with workspace.database.connection() as conn:
        subject, now = f"signoff {signed.signoff_id}", workspace.clock()
        write_audit(conn, who.actor, "signoff", subject=subject, now=now)
    shared(request).recent.clear()
    place = {"Location": f"/api/v1/signoffs/{signed.signoff_id}"}
    return answer(signoff_json(signed), status=201, headers=place)


@router.get("/systems/{system}/report", responses=_REPORT, summary="A health report")
def report(
    _: Viewer,
    workspace: Installation,
    system: TheSystem,
    days: TheDays,
    form: Annotated[ReportFormat, Query(alias="format")] = "json",
) -> Response:
    """Report coverage by year, gaps, checks, and when each loss would have been noticed."""
    health = examine(workspace, system, days.of(workspace, system))
    if form == "json":
        return answer(health_json(health))
    headers = {
        "Content-Disposition": f'attachment; filename="{system.name}.{form}"',
        "Content-Security-Policy": REPORT_POLICY,
    }
    return Response(written(health, f".{form}"), headers=headers, media_type=_TYPES[form])


@router.get(
    "/systems/{system}/export/{dataset}",
    summary="A dataset as a file",
    response_class=Response,
    responses=_FILE,
)
def export(
    _: Viewer,
    workspace: Installation,
    system: TheSystem,
    dataset: TheDataset,
    form: Annotated[ExportFormat, Query(alias="format")] = "csv",
) -> Response:
    """Send a dataset ordered by its key; formula cells of CSV are made harmless."""
    folder = tempfile.TemporaryDirectory(prefix="stocktake-export-")
    try:
        path = FilePath(folder.name) / f"{dataset.name}.{form}"
        made = export_dataset(workspace, system, dataset, path=path, file_format=form)
    except BaseException:
        folder.cleanup()
        raise
    return FileResponse(
        path,
        filename=path.name,
        media_type=_TYPES[form],
        headers={"ETag": f'"{made.sha256}"', "X-Rows": str(made.rows)},
        background=BackgroundTask(folder.cleanup),
    )
