"""See what is there: systems, status, count, gaps, why, trace, captures."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from stocktake.api.answers import Cursor, Limit, answer, page, read_cursor
from stocktake.api.asked import (
    MOST_TEXT,
    AsOf,
    Number,
    StateNames,
    TheDataset,
    TheDatasets,
    TheDays,
    TheSystem,
)
from stocktake.api.identity import Installation, Operator, Viewer
from stocktake.api.problems import Problem, named_in_path
from stocktake.api.recent import served
from stocktake.api.shapes import Counted, Gaps, Recounted, Status, Systems
from stocktake.errors import UsageError
from stocktake.model import Gap, System
from stocktake.run.counted import count_system, recount_system
from stocktake.run.documents import capture_json, coverage_json, system_json, up_to_today
from stocktake.run.explained import explain_unit, show_capture, trace_row
from stocktake.run.gapped import GapFilter, figures_json, find_gaps
from stocktake.run.listed import list_runs
from stocktake.run.standing import stand_json, stand_of
from stocktake.run.workspace import Workspace

router = APIRouter()
SHOWN_RUNS = 5
UnitKey = Annotated[
    str, Path(max_length=MOST_TEXT, description="The unit's key.", examples=["2024-03-05/ire"])
]


@router.get("/systems", response_model=Systems, tags=["see"], summary="The systems installed")
async def systems(
    request: Request,
    _: Viewer,
    workspace: Installation,
) -> Response:
    """List the systems installed."""
    found = workspace.systems.values()
    return await served(request, lambda: {"systems": [system_json(one) for one in found]})


@router.get("/status", response_model=Status, tags=["see"], summary="Where everything stands")
async def status(
    request: Request,
    _: Viewer,
    workspace: Installation,
) -> Response:
    """Show coverage, newest final days and last runs of every system."""
    chosen = list(workspace.systems.values())
    return await served(request, lambda: _status(workspace, chosen, None))


@router.get(
    "/systems/{system}/status", response_model=Status, tags=["see"], summary="Where it stands"
)
async def status_of(
    request: Request,
    _: Viewer,
    workspace: Installation,
    system: TheSystem,
) -> Response:
    """Show coverage, newest final days and last runs of one system."""
    return await served(request, lambda: _status(workspace, [system], system.name))


def _status(workspace: Workspace, chosen: list[System], name: str | None) -> dict[str, Any]:
    return {
        "kind": workspace.kind,
        "systems": {one.name: stand_json(stand_of(workspace, one)) for one in chosen},
        "runs": [line.as_json() for line in list_runs(workspace, name, limit=SHOWN_RUNS)],
    }


@router.get("/systems/{system}/count", response_model=Counted, tags=["see"], summary="Count")
async def count(
    request: Request,
    _: Viewer,
    workspace: Installation,
    system: TheSystem,
    datasets: TheDatasets,
    days: TheDays,
    as_of: AsOf = None,
) -> Response:
    """Count held units and rows against what should exist, up to today unless `until` is later."""

    def counted() -> dict[str, Any]:
        window = days.of(workspace, system)
        found = count_system(workspace, system, datasets, window, as_of=as_of)
        told = [up_to_today(one) for one in found] if days.is_open else found
        return {"system": system.name, "datasets": [coverage_json(one) for one in told]}

    return await served(request, counted)


@router.post(
    "/systems/{system}/recount", response_model=Recounted, tags=["see"], summary="Count the rows"
)
def recount(
    _: Operator,
    workspace: Installation,
    system: TheSystem,
    datasets: TheDatasets,
    days: TheDays,
) -> Response:
    """Count the rows anew, mend the ledger where it was wrong, and report what had differed."""
    window = days.of(workspace, system)
    drift = recount_system(workspace, system, datasets, window)
    found = count_system(workspace, system, datasets, window)
    told = [up_to_today(one) for one in found] if days.is_open else found
    counted = [coverage_json(one) for one in told]
    return answer({"system": system.name, "datasets": counted, "drift": drift})


@router.get("/systems/{system}/gaps", response_model=Gaps, tags=["see"], summary="Name every gap")
async def gaps(
    request: Request,
    _: Viewer,
    workspace: Installation,
    system: TheSystem,
    datasets: TheDatasets,
    days: TheDays,
    state: StateNames = [],
    reason: Annotated[
        str, Query(max_length=MOST_TEXT, description="Only gaps whose reason holds this.")
    ] = "",
    sort: Literal["declared", "size", "age", "newest", "oldest", "priority"] = "declared",
    limit: Limit = 50,
    cursor: Cursor = "",
) -> Response:
    """Name every gap and its reason, neighbouring units joined to ranges, and what they come to."""
    after = read_cursor(cursor, tuple[str, ...])

    def listed() -> dict[str, Any]:
        window = days.of(workspace, system)
        asked = GapFilter(tuple(state), reason, sort)
        told = find_gaps(workspace, system, datasets, window, asked=asked)
        found = told.gaps
        places = {_gap_key(gap): place for place, gap in enumerate(found)}
        first = 0 if after is None else places.get(after, -1) + 1
        if after is not None and not first:
            raise Problem(
                409,
                "list_changed",
                "The gap this page begins after is none any more.",
                hint="Begin with the first page again.",
            )
        items = page(found[first : first + limit + 1], limit, _gap_key)
        return {"system": system.name, **items, **figures_json(told)}

    return await served(request, listed)


def _gap_key(gap: Gap) -> tuple[str, ...]:
    return (gap.dataset, gap.first, gap.state.value, *gap.series)


@router.get("/systems/{system}/why/{dataset}/{unit:path}", tags=["see"], summary="Explain a unit")
async def why(
    request: Request,
    _: Viewer,
    workspace: Installation,
    system: TheSystem,
    dataset: TheDataset,
    unit: UnitKey,
) -> Response:
    """Explain one unit: promise, state per feed, attempts, captures, rejects, next try."""

    def told() -> Any:
        with named_in_path():
            return explain_unit(workspace, system, dataset, unit)

    return await served(request, told)


@router.get("/systems/{system}/trace/{dataset}", tags=["see"], summary="A row's provenance")
async def trace(
    request: Request,
    _: Viewer,
    workspace: Installation,
    system: TheSystem,
    dataset: TheDataset,
    key: Annotated[
        list[Annotated[str, Query(max_length=MOST_TEXT)]],
        Query(
            max_length=20,
            description="The row key, a `COLUMN=VALUE` for each of its columns.",
            examples=[["race_id=rac_11745682"]],
        ),
    ],
) -> Response:
    """Show a row's provenance: runs, captures, receipts, and what it was before."""
    values = dict(part.split("=", 1) for part in key if "=" in part)
    if len(values) != len(key) or set(values) != set(dataset.key):
        wanted = " and ".join(dataset.key)
        raise UsageError(
            f"a row of {dataset.name} is named by {wanted}.", hint="key=COLUMN=VALUE, for each."
        )

    def told() -> Any:
        with named_in_path():
            return trace_row(workspace, system, dataset, values)

    return await served(request, told)


@router.get("/captures/{capture_id}", tags=["see"], summary="A capture")
async def capture(
    request: Request,
    _: Viewer,
    workspace: Installation,
    capture_id: Number,
) -> Response:
    """Tell everything of a capture but its bytes."""

    def told() -> Any:
        with named_in_path():
            return capture_json(show_capture(workspace, capture_id))

    return await served(request, told)


@router.get(
    "/captures/{capture_id}/bytes",
    tags=["see"],
    summary="Bytes as received",
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {}}}},
)
def capture_bytes(
    _: Viewer,
    workspace: Installation,
    capture_id: Number,
) -> Response:
    """Send a capture's body byte for byte, as a file to be kept: it is never run or shown."""
    with named_in_path():
        stored = show_capture(workspace, capture_id)
    headers = {
        "Content-Disposition": f'attachment; filename="capture-{capture_id}.bin"',
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "ETag": f'"{stored.capture.sha256.hex()}"',
    }
    return Response(stored.capture.body, headers=headers, media_type="application/octet-stream")
