"""Sources: health, limits and failures; pause, resume, verify."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from stocktake.access.audit import storable
from stocktake.api.answers import answer
from stocktake.api.asked import MOST_NAME, Name, Text, TheSystem
from stocktake.api.forms import Endpoints, Paused
from stocktake.api.idempotency import OnceRoute
from stocktake.api.identity import Installation, Keeper, Watcher
from stocktake.api.noted import note
from stocktake.api.problems import named_in_path
from stocktake.api.recent import served
from stocktake.api.shapes import Asked
from stocktake.model import Source, System
from stocktake.run.asked import ask as ask_source
from stocktake.run.asked import find_endpoint
from stocktake.run.sourced import find_source, pause, resume, source_robots, sources_now
from stocktake.run.tried import verify_source

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
    """Show every endpoint's limits, use, circuit and last failure, and what waits for it."""

    def told() -> dict[str, Any]:
        return {
            "system": system.name,
            "endpoints": sources_now(workspace, system),
            "robots": source_robots(workspace, system),
        }

    return await served(request, told)


class QuestionAsked(Asked):
    """One question to a source, by hand."""

    endpoint: Annotated[str, Field(min_length=1, max_length=300, examples=["/v1/horses/search"])]
    values: Annotated[dict[Name, Text], Field(max_length=50, examples=[{"name": "Bold"}])] = {}


class Answered(BaseModel):
    """The captures a question brought; their bytes are at ``/captures``."""

    source: str
    endpoint: str
    captures: list[int]


@router.post("/systems/{system}/ask", response_model=Answered, summary="Ask a source by hand")
def ask(
    request: Request,
    who: Keeper,
    workspace: Installation,
    system: TheSystem,
    asked: QuestionAsked,
) -> Response:
    """Send one question at the allowed rate and keep the answer as a capture."""
    source, endpoint = find_endpoint(system, asked.endpoint)
    pages = ask_source(workspace, system, endpoint.name, list(asked.values.items()))
    note(request, who, "source.ask", subject=f"{source.name} {endpoint.name}")
    found = [page.capture_id for page in pages]
    return answer({"source": source.name, "endpoint": endpoint.name, "captures": found})


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
    note(request, who, "source.pause", subject=name)
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
    note(request, who, "source.resume", subject=name)
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
    note(request, who, "source.verify", subject=source[1].name)
    is_sound = not any(sample.problem for sample in samples)
    system, name = source[0], source[1].name
    robots = [one for one in source_robots(workspace, system) if one.source == name]
    return answer({"source": name, "is_sound": is_sound, "robots": robots, "samples": samples})
