"""Whether the server lives, and whether it can answer: for whoever starts and watches it."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

import msgspec
from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from stocktake.api.answers import answer
from stocktake.api.identity import Watcher
from stocktake.api.shared import shared
from stocktake.observe.metrics import CONTENT_TYPE
from stocktake.run import healthy
from stocktake.run.workspace import Workspace

router = APIRouter(tags=["health"], include_in_schema=False)
PATIENCE_SECONDS = 5.0
MEDIA_TYPE = "application/health+json"


@router.get("/livez")
async def livez() -> Response:
    """Say that the program answers at all; nothing else is looked at."""
    return _told("pass")


@router.get("/readyz")
async def readyz(request: Request) -> Response:
    """Say whether the database answers and is migrated, as ``/health`` judges it; 503 while not."""
    workspace = shared(request).workspace
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            kept = await shared(request).recent.get(
                request.url.path, lambda: {"status": _readiness(workspace)}
            )
    except TimeoutError:
        return _told("fail")
    return _told(msgspec.json.decode(kept.body)["status"])


@router.get("/health")
async def health(request: Request, _: Watcher) -> Response:
    """Say how the installation is: database, disk, workers, schedules, sources, messages."""
    report = await run_in_threadpool(healthy.health, shared(request).workspace)
    made = answer(report.as_json(), status=report.http_status)
    made.headers["Content-Type"] = MEDIA_TYPE
    return made


@router.get("/metrics")
async def metrics(request: Request, _: Watcher) -> Response:
    """Give every figure in Prometheus' text format; measured at most every 15 seconds."""
    text = await run_in_threadpool(request.app.state.meter.text)
    return Response(text, media_type=CONTENT_TYPE)


def _readiness(workspace: Workspace) -> str:
    is_ready = healthy.readyz(workspace).http_status == HTTPStatus.OK
    return "pass" if is_ready else "fail"


def _told(status: str) -> Response:
    code = HTTPStatus.OK if status == "pass" else HTTPStatus.SERVICE_UNAVAILABLE
    made = answer({"status": status}, status=code)
    made.headers["Content-Type"] = MEDIA_TYPE
    if status != "pass":
        made.headers["Retry-After"] = "5"
    return made
