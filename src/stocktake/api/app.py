"""The application: every route under ``/api/v1``, guarded; pages are mounted by who serves them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import anyio.to_thread
from fastapi import FastAPI

from stocktake.api import sessions
from stocktake.api.guard import Guard, Limits
from stocktake.api.identity import KnownIdentities
from stocktake.api.problems import install_problems
from stocktake.run.workspace import Workspace

API = "/api/v1"
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
        identity_seconds: How long a key or session is known without looking it up again.
    """

    public_url: str = ""
    hosts: tuple[str, ...] | None = ()
    limits: Limits = field(default_factory=Limits)
    identity_seconds: float = 1.0


def make_app(workspace: Workspace, *, serving: Serving = Serving()) -> FastAPI:
    """Return the application of an open installation.

    ``app.state.problems.page`` may be set to a function ``(request, problem) -> Response`` that
    shows problems to browsers; ``app.state.workspace`` is the installation.

    Args:
        workspace: What it serves; the caller closes it after the application ended.
        serving: How.
    """
    public = urlsplit(serving.public_url)
    app = FastAPI(
        title="Stocktake",
        version="1",
        summary="Counts the rows of long histories against what should exist.",
        openapi_url=f"{API}/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
        separate_input_output_schemas=False,
    )
    app.state.workspace = workspace
    app.state.is_behind_https = public.scheme == "https"
    app.state.identities = KnownIdentities(serving.identity_seconds)
    app.state.problems = install_problems(app)
    app.include_router(sessions.router, prefix=API)
    app.add_middleware(
        Guard,
        limits=serving.limits,
        hosts=_hosts(serving.hosts, public.hostname),
        is_behind_https=public.scheme == "https",
    )
    return app


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    del app
    anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
    yield


def _hosts(given: Iterable[str] | None, public: str | None) -> tuple[str, ...] | None:
    if given is None:
        return None
    return (*given, public.lower()) if public else tuple(given)
