"""The application: every route under ``/api/v1``, guarded; pages are mounted by who serves them."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import anyio.to_thread
import psycopg
import structlog
from fastapi import FastAPI

from stocktake.access.tenants import list_tenants
from stocktake.access.tidied import tidy
from stocktake.api import (
    accounts,
    alerts,
    decide,
    fill,
    health,
    review,
    runs,
    schedules,
    see,
    sessions,
    sources,
    tenants,
    trust,
)
from stocktake.api.events import Looks
from stocktake.api.guard import Guard, Limits
from stocktake.api.identity import KnownIdentities
from stocktake.api.openapi import PROBLEMS, described
from stocktake.api.problems import install_problems
from stocktake.api.recent import RecentAnswers
from stocktake.api.shared import Shared
from stocktake.api.views import views_router
from stocktake.errors import StocktakeError
from stocktake.run.metered import Meter
from stocktake.run.registry import installed_systems
from stocktake.run.workspace import Workspace

log = structlog.get_logger()
API = "/api/v1"
TIDY_SECONDS = 3_600.0
PARTS = (
    *(sessions, see, fill, runs, schedules, sources, trust, decide, review),
    *(accounts, tenants, alerts),
)
THREADS = 16
"""Routes that run at the same time; each waits briefly for one of the pool's connections."""


@dataclass(frozen=True, slots=True)
class Serving:
    """How the application is served.

    Args:
        public_url: Address browsers use, when it is not the server's own; its host is let in, and
            with ``https`` cookies are secure.
        hosts: Further names the server may be asked by; ``None`` lets any name pass.
        limits: Sizes and times.
        fresh_seconds: How long an answer to a read is given again before it is made anew; while
            that is done, up to three times as long.
        identity_seconds: How long a key or session is known without looking it up again.
    """

    public_url: str = ""
    hosts: tuple[str, ...] | None = ()
    limits: Limits = field(default_factory=Limits)
    fresh_seconds: float = 1.0
    identity_seconds: float = 1.0


def make_app(workspace: Workspace, *, serving: Serving = Serving()) -> FastAPI:
    """Return the application of an open installation.

    ``app.state.problems.page`` may be set to a function ``(request, problem) -> Response`` that
    shows problems to browsers. Applications mounted into it share sessions and keys:
    ``identity.identity_now(request)`` tells them who asks.

    Args:
        workspace: What it serves; the caller closes it after the application ended.
        serving: How.
    """
    public = urlsplit(serving.public_url)
    app = _with_routes()
    common = Shared(
        workspace,
        KnownIdentities(serving.identity_seconds),
        RecentAnswers(serving.fresh_seconds),
        Looks(),
        is_behind_https=public.scheme == "https",
    )
    for one in dataclasses.fields(common):  # for applications mounted beside it
        setattr(app.state, one.name, getattr(common, one.name))
    app.state.problems = install_problems(app)
    app.state.meter = Meter(workspace)
    app.add_middleware(
        Guard,
        shared=common,
        rendering=app.state.problems,
        limits=serving.limits,
        hosts=_hosts(serving.hosts, public.hostname),
    )
    return app


def openapi_document() -> dict[str, Any]:
    """Return the OpenAPI document of the API with every installed system's paths."""
    return _with_routes().openapi()


def _with_routes() -> FastAPI:
    app = _Application(
        title="Stocktake",
        version="1",
        summary="Counts the rows of long histories against what should exist.",
        openapi_url=f"{API}/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
        separate_input_output_schemas=False,
    )
    app.include_router(health.router)
    for part in PARTS:
        app.include_router(part.router, prefix=API, responses=PROBLEMS)
    app.include_router(views_router(installed_systems().values()), prefix=API, responses=PROBLEMS)
    return app


class _Application(FastAPI):
    def openapi(self) -> dict[str, Any]:
        return described(self)


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
    tidying = asyncio.create_task(_keep_tidy(app.state.workspace))
    yield
    tidying.cancel()


async def _keep_tidy(workspace: Workspace) -> None:
    """Remove old sessions, tries and answers now and every hour; a database away is waited for."""
    while True:
        try:
            await anyio.to_thread.run_sync(_tidy, workspace)
        except (StocktakeError, psycopg.Error) as error:
            log.warning("not tidied", reason=type(error).__name__)
        await asyncio.sleep(TIDY_SECONDS)


def _tidy(workspace: Workspace) -> None:
    with workspace.database.connection() as conn:
        tidy(conn, now=workspace.clock())
        found = list_tenants(conn)
    for tenant in found:
        with workspace.database.of(tenant.tenant_id).connection() as conn:
            tidy(conn, now=workspace.clock())


def _hosts(given: Iterable[str] | None, public: str | None) -> tuple[str, ...] | None:
    if given is None:
        return None
    return (*given, public.lower()) if public else tuple(given)
