"""Whether the server lives and can be of use, how all is, and figures: for whoever watches it."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST

from stocktake.api.answers import answer
from stocktake.api.identity import Installation, Viewer
from stocktake.api.shared import shared
from stocktake.observe.health import CONTENT_TYPE, HealthReport
from stocktake.run import healthy
from stocktake.run.metered import metrics_text

router = APIRouter(tags=["health"], include_in_schema=False)
PATIENCE_SECONDS = 5.0


@router.get("/livez")
async def livez() -> Response:
    """Say that the program answers at all; nothing else is looked at."""
    return answer(healthy.livez(), headers={"Content-Type": CONTENT_TYPE})


@router.get("/readyz")
async def readyz(request: Request) -> Response:
    """Say whether it can be of use; 503 while it cannot. What is wrong, only ``/health`` tells."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            found = await run_in_threadpool(healthy.readyz, shared(request).workspace)
    except TimeoutError:
        return _told({"status": "fail"}, HTTPStatus.SERVICE_UNAVAILABLE)
    return _told({"status": found.status}, found.http_status)


@router.get("/health")
def health(_: Viewer, workspace: Installation) -> Response:
    """Tell how the whole installation is, one thing examined after the other."""
    found: HealthReport = healthy.health(workspace)
    return _told(found.as_json(), found.http_status)


@router.get("/metrics")
def metrics(_: Viewer, workspace: Installation) -> Response:
    """Tell figures in Prometheus' text format."""
    return Response(metrics_text(workspace), media_type=CONTENT_TYPE_LATEST)


def _told(document: object, status: int) -> Response:
    headers = {"Content-Type": CONTENT_TYPE}
    if status != HTTPStatus.OK:
        headers["Retry-After"] = "5"
    return answer(document, status=status, headers=headers)
