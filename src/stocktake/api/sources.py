"""Sources: health, limits and failures; pause, resume, verify."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import Response
from pydantic import Field

from stocktake.access.audit import storable, write_audit
from stocktake.api.answers import answer
from stocktake.api.asked import MOST_NAME, TheSystem
from stocktake.api.forms import Endpoints, Paused
from stocktake.api.idempotency import OnceRoute
from stocktake.api.identity import Identity, Installation, Keeper, Watcher
from stocktake.api.problems import named_in_path
from stocktake.api.recent import served
from stocktake.api.shapes import Asked
from stocktake.api.shared import shared
from stocktake.model import Source, System
from stocktake.run.sourced import find_source, pause, resume, source_health
from stocktake.run.tried import verify_source
from stocktake.run.workspace import Workspace

router = APIRouter(tags=["sources"], route_class=OnceRoute)


class PauseAsked(Asked):
    """Why a source is paused."""

    reason: Annotated[str, Field(min_length=1, max_length=300)] = "by hand"


def source_of(
    name: Annotated[str, Path(max_length=MOST_NAME, examples=["theracingapi"])],
) -> tuple[System, Source]:
    """Return the source a path names, and its system.

    Raises:
        Problem: 404.
    """
    with named_in_path():
        return find_source(name)


TheSource = Annotated[tuple[System, Source], Depends(source_of)]


@router.get("/systems/{system}/sources", response_model=Endpoints, summary="Health of sources")
async def sources(
    request: Request,
    _: Watcher,
    workspace: Installation,
    system: TheSystem,
) -> Response:
    """Show every endpoint's limits, use, circuit and last failure."""

    def told() -> dict[str, Any]:
        return {"system": system.name, "endpoints": source_health(workspace, system)}

    return await served(request, told)


@router.post("/sources/{name}/pause", response_model=Paused, summary="Pause a source")
def pause_source(
    request: Request,
    who: Keeper,
    workspace: Installation,
    source: TheSource,
    asked: PauseAsked,
) -> Response:
    """Let no worker send a request to the source until it is resumed."""
    name = source[1].name
    pause(workspace, name, reason=f"{storable(asked.reason)} ({who.name})")
    _noted(request, workspace, who, "source.pause", name=name)
    return answer({"source": name, "state": "paused"})


@router.post("/sources/{name}/resume", response_model=Paused, summary="Resume a source")
def resume_source(
    request: Request,
    who: Keeper,
    workspace: Installation,
    source: TheSource,
) -> Response:
    """Allow requests again, and forget pauses, open circuits and learned limits."""
    name = source[1].name
    resume(workspace, name)
    _noted(request, workspace, who, "source.resume", name=name)
    return answer({"source": name, "state": "active"})


@router.post("/sources/{name}/verify", summary="Try a source")
def verify(
    request: Request,
    who: Keeper,
    workspace: Installation,
    source: TheSource,
) -> Response:
    """Ask every feed once for one small answer and show the rows parsed; nothing is stored."""
    samples = verify_source(workspace, *source)
    _noted(request, workspace, who, "source.verify", name=source[1].name)
    is_sound = not any(sample.problem for sample in samples)
    return answer({"source": source[1].name, "is_sound": is_sound, "samples": samples})


def _noted(
    request: Request, workspace: Workspace, who: Identity, action: str, *, name: str
) -> None:
    with workspace.database.connection() as conn:
        write_audit(conn, who.actor, action, subject=name, now=workspace.clock())
    shared(request).recent.clear()
