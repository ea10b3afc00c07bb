"""Tenants, for admins of the installation; second factors, for everybody's own and for admins."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from stocktake.access import factors, tenants, users
from stocktake.api.answers import answer
from stocktake.api.asked import MOST_NAME
from stocktake.api.identity import Admin, Identity, Installation, Landlord, identity_of
from stocktake.api.problems import Problem, depending_on_state, named_in_path
from stocktake.api.shapes import Asked
from stocktake.api.shared import shared

router = APIRouter()
Somebody = Annotated[Identity, Depends(identity_of)]
Slug = Annotated[str, Path(min_length=1, max_length=63, examples=["north-radio"])]
UserName = Annotated[str, Path(min_length=1, max_length=MOST_NAME, examples=["ann"])]


class TenantAsked(Asked):
    """A tenant to be made."""

    slug: Annotated[str, Field(min_length=1, max_length=63, examples=["north-radio"])]
    name: Annotated[str, Field(max_length=tenants.MOST_NAME)] = ""
    zone: Annotated[str, Field(max_length=60)] = "UTC"


class TenantChange(Asked):
    """What changes of a tenant; what is left out stays."""

    tier: tenants.Tier | None = None
    status: tenants.Status | None = None


class TenantLine(BaseModel):
    """One tenant."""

    tenant_id: UUID
    slug: str
    name: str
    tier: tenants.Tier
    status: tenants.Status
    zone: str
    currency: str
    created_at: datetime
    created_by: str


class Tenants(BaseModel):
    """Every tenant, by its short name."""

    items: list[TenantLine]


class OfferedFactor(BaseModel):
    """A secret for an authenticator program; its first code makes it count."""

    secret: str
    address: str


class CodeAsked(Asked):
    """A code of the authenticator program."""

    code: Annotated[str, Field(min_length=6, max_length=40, examples=["123456"])]


class Recovery(BaseModel):
    """Codes that each let in once without the program: shown here once, stored as hashes."""

    recovery_codes: list[str]


@router.get("/tenants", response_model=Tenants, tags=["accounts"], summary="Tenants")
def list_tenants(_: Landlord, workspace: Installation) -> Response:
    """List every tenant."""
    with workspace.database.connection() as conn:
        return answer({"items": tenants.list_tenants(conn)})


@router.post(
    "/tenants",
    status_code=201,
    response_model=TenantLine,
    tags=["accounts"],
    summary="Make a tenant",
)
def add_tenant(who: Landlord, workspace: Installation, asked: TenantAsked) -> Response:
    """Make a tenant. Its first account is made with ``stocktake users add --tenant``."""
    with workspace.database.connection() as conn, depending_on_state():
        made = tenants.add_tenant(
            conn,
            asked.slug,
            by=who.actor,
            now=workspace.clock(),
            name=asked.name,
            zone=asked.zone,
        )
    return answer(made, status=201)


@router.patch(
    "/tenants/{slug}", response_model=TenantLine, tags=["accounts"], summary="Change a tenant"
)
def change_tenant(
    request: Request, who: Landlord, workspace: Installation, slug: Slug, asked: TenantChange
) -> Response:
    """Give a tenant another tier or status; unless active, it lets nobody in."""
    with workspace.database.connection() as conn, named_in_path():
        found = tenants.change_tenant(
            conn,
            slug,
            by=who.actor,
            now=workspace.clock(),
            tier=asked.tier,
            status=asked.status,
        )
    shared(request).identities.clear()
    return answer(found)


@router.post(
    "/session/factor",
    status_code=201,
    response_model=OfferedFactor,
    tags=["session"],
    summary="Begin with a second factor",
)
def offer_factor(who: Somebody, workspace: Installation) -> Response:
    """Make a secret for an authenticator program; it counts once its first code was right."""
    user_id = _user_id(who)
    with workspace.database.connection() as conn, depending_on_state():
        made = factors.offer_factor(conn, user_id, who.name, now=workspace.clock())
    return answer(made, status=201)


@router.post(
    "/session/factor/confirm",
    response_model=Recovery,
    tags=["session"],
    summary="Confirm the second factor",
)
def confirm_factor(who: Somebody, workspace: Installation, asked: CodeAsked) -> Response:
    """Ask for a code at every login from now on, and show the recovery codes once."""
    user_id, now = _user_id(who), workspace.clock()
    with workspace.database.connection() as conn:
        codes = factors.confirm_factor(conn, user_id, asked.code, by=who.actor, now=now)
    if codes is None:
        raise Problem(409, "code_refused", "The code is not the one of now.")
    return answer({"recovery_codes": codes})


@router.post(
    "/session/factor/remove", status_code=204, tags=["session"], summary="Remove my second factor"
)
def remove_factor(who: Somebody, workspace: Installation, asked: CodeAsked) -> Response:
    """Let the password alone be enough again; a code of now, or a recovery code, is needed."""
    user_id, now = _user_id(who), workspace.clock()
    with workspace.database.connection() as conn:
        if not factors.passes(conn, user_id, asked.code, now=now):
            raise Problem(409, "code_refused", "The code is not the one of now.")
        factors.remove_factor(conn, user_id, who.name, by=who.actor, now=now)
    return Response(status_code=204)


@router.delete(
    "/users/{name}/factor", status_code=204, tags=["accounts"], summary="Remove a lost factor"
)
def remove_lost_factor(who: Admin, workspace: Installation, name: UserName) -> Response:
    """Let a user's password alone be enough again: the program and its codes are lost."""
    with workspace.database.connection() as conn, named_in_path():
        user_id, known = users.find_user(conn, name)[:2]
        factors.remove_factor(conn, user_id, known, by=who.actor, now=workspace.clock())
    return Response(status_code=204)


def _user_id(who: Identity) -> int:
    if who.user_id is None:
        raise Problem(403, "forbidden", "A key has no second factor.")
    return who.user_id
