"""``Idempotency-Key``: a request sent twice is done once, and answered the same."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from fastapi.routing import APIRoute
from psycopg import Connection
from psycopg.types.json import Jsonb

from stocktake.access.audit import SQL
from stocktake.access.tidied import ANSWERS_KEPT_FOR
from stocktake.api.identity import maybe_identity, workspace_of
from stocktake.api.problems import Problem
from stocktake.run.workspace import Workspace

HEADER = "idempotency-key"
MOST_KEY = 200
CLAIMED_FOR = timedelta(minutes=5)
"""After this a claim without an answer is given up: its server died."""
KEPT_HEADERS = ("content-type", "location", "retry-after")


@dataclass(frozen=True, slots=True)
class Claimed:
    """A key whose first request is being answered."""

    actor: str
    key: str

    def keep(self, conn: Connection[Any], made: Response) -> None:
        """Keep the answer in the caller's transaction, with what was begun."""
        headers = {name: made.headers[name] for name in KEPT_HEADERS if name in made.headers}
        conn.execute(
            SQL.keep_answer,
            {
                "actor": self.actor,
                "key": self.key,
                "status": made.status_code,
                "headers": Jsonb(headers),
                "content": bytes(made.body),
            },
        )


class OnceRoute(APIRoute):
    """A route whose unsafe requests may carry an ``Idempotency-Key``."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler, answering a known key with the answer kept."""
        original = super().get_route_handler()

        async def once(request: Request) -> Response:
            key = request.headers.get(HEADER)
            if key is None or request.method == "GET":
                return await original(request)
            identity = await maybe_identity(request)
            if identity is None:
                return await original(request)  # which refuses it
            if not 0 < len(key) <= MOST_KEY or not key.isprintable():
                raise Problem(
                    HTTPStatus.BAD_REQUEST,
                    "bad_idempotency_key",
                    f"An Idempotency-Key has 1 to {MOST_KEY} printable characters.",
                )
            workspace, claimed = workspace_of(request), Claimed(identity.key, key)
            asked = await _hash_of(request)
            kept = await run_in_threadpool(_claim, workspace, claimed, asked)
            if kept is not None:
                return kept
            request.state.claimed = claimed
            try:
                made = await original(request)
            except BaseException:
                await run_in_threadpool(_drop, workspace, claimed)
                raise
            if made.status_code < HTTPStatus.BAD_REQUEST:
                await run_in_threadpool(_keep, workspace, claimed, made)
            return made

        return once


def claimed_of(request: Request) -> Claimed | None:
    """Return the key a request claimed; ``None`` when it carried none."""
    found: Claimed | None = getattr(request.state, "claimed", None)
    return found


async def _hash_of(request: Request) -> bytes:
    digest = hashlib.sha256(f"{request.method} {request.url.path}?{request.url.query}\n".encode())
    digest.update(await request.body())
    return digest.digest()


def _claim(workspace: Workspace, claimed: Claimed, asked: bytes) -> Response | None:
    now = workspace.clock()
    where = {"actor": claimed.actor, "key": claimed.key}
    with workspace.database.connection() as conn:
        since = {"kept_since": now - ANSWERS_KEPT_FOR, "claimed_since": now - CLAIMED_FOR}
        told = {**where, "request_hash": asked, "now": now, **since}
        if conn.execute(SQL.claim_answer, told).fetchone() is not None:
            return None
        row = conn.execute(SQL.kept_answer, where).fetchone()
    if row is not None and bytes(row[0]) != asked:
        raise Problem(
            HTTPStatus.CONFLICT,
            "idempotency_mismatch",
            "This Idempotency-Key was used for another request.",
            hint="Use a new key for a new request.",
        )
    if row is None or row[1] is None:
        raise Problem(
            HTTPStatus.CONFLICT,
            "in_progress",
            "The first request with this Idempotency-Key is still being answered.",
            headers={"Retry-After": "1"},
        )
    return Response(bytes(row[3]), row[1], headers={**row[2], "Idempotent-Replayed": "true"})


def _drop(workspace: Workspace, claimed: Claimed) -> None:
    with workspace.database.connection() as conn:
        conn.execute(SQL.drop_claim, {"actor": claimed.actor, "key": claimed.key})


def _keep(workspace: Workspace, claimed: Claimed, made: Response) -> None:
    with workspace.database.connection() as conn:
        claimed.keep(conn, made)
