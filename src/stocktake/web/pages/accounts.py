"""Accounts, API keys and the audit: for admins."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from stocktake.access import keys, users
from stocktake.access.audit import list_audit, storable
from stocktake.access.roles import Role
from stocktake.api.shared import shared
from stocktake.errors import UsageError
from stocktake.web.access import Admin
from stocktake.web.site import Visitor, go, show, site_of

router = APIRouter()
UNPROCESSABLE = 422
SHOWN = 100
MOST_DAYS = 3650
Text = Annotated[str, Form(max_length=120)]
RoleWord = Annotated[Role, Form()]


@router.get("/settings/users")
def users_page(request: Request, visitor: Admin) -> Response:
    """List accounts."""
    return _users(request, visitor)


@router.post("/settings/users")
def invite(
    request: Request, visitor: Admin, name: Text = "", role: RoleWord = Role.VIEWER
) -> Response:
    """Make an account whose holder chooses the password; the link is shown once."""
    workspace = site_of(request).workspace
    try:
        with workspace.database.connection() as conn:
            made = users.invite_user(
                conn, name, role=role, by=visitor.identity.actor, now=workspace.clock()
            )
    except UsageError as error:
        problem = f"{error.message} {error.hint or ''}".strip()
        return _users(request, visitor, problem=problem, typed=name, status=UNPROCESSABLE)
    link = f"{request.base_url}invitation/{made.token}"
    return _users(request, visitor, invited=made.name, link=link)


@router.post("/settings/users/{name}")
def change(
    request: Request,
    name: str,
    visitor: Admin,
    *,
    role: Annotated[Role | None, Form()] = None,
    active: Annotated[str, Form()] = "",
) -> Response:
    """Give an account another role, shut it or open it."""
    workspace = site_of(request).workspace
    now, by = workspace.clock(), visitor.identity.actor
    try:
        with workspace.database.connection() as conn:
            known = users.find_user(conn, name)[1]
            if role is not None:
                users.set_role(conn, known, role=role, by=by, now=now)
            if active:
                users.set_active(conn, known, is_active=active == "yes", by=by, now=now)
    except UsageError as error:
        problem = f"{error.message} {error.hint or ''}".strip()
        return _users(request, visitor, problem=problem, status=UNPROCESSABLE)
    shared(request).identities.clear()
    return go("/settings/users")


def _users(request: Request, visitor: Visitor, *, status: int = 200, **more: Any) -> Response:
    workspace = site_of(request).workspace
    with workspace.database.connection() as conn:
        found = users.list_users(conn, now=workspace.clock())
    return show(
        request,
        "users.html",
        visitor=visitor,
        status=status,
        title="Users",
        users=found,
        roles=list(Role),
        **{"problem": "", "typed": "", "invited": "", "link": "", **more},
    )


@router.get("/settings/keys")
def keys_page(request: Request, visitor: Admin) -> Response:
    """List API keys; secrets are not known any more."""
    return _keys(request, visitor)


@router.post("/settings/keys")
def add_key(
    request: Request,
    visitor: Admin,
    name: Text = "",
    role: RoleWord = Role.VIEWER,
    days: Annotated[str, Form(max_length=6)] = "",
) -> Response:
    """Make a key; it is shown in this answer and never again."""
    workspace = site_of(request).workspace
    now = workspace.clock()
    problem = "" if name.strip() else "Say what the key is for."
    if days and not (days.isdecimal() and 1 <= int(days) <= MOST_DAYS):
        problem = f"{days} is no number of days from 1 to {MOST_DAYS}."
    if problem:
        return _keys(request, visitor, problem=problem, typed=name, status=UNPROCESSABLE)
    with workspace.database.connection() as conn:
        made = keys.add_key(
            conn,
            storable(name.strip()),
            role=role,
            by=visitor.identity.actor,
            now=now,
            expires_at=now + timedelta(days=int(days)) if days else None,
        )
    return _keys(request, visitor, secret=made.text)


@router.post("/settings/keys/{key_id}/revoke")
def revoke(request: Request, key_id: int, visitor: Admin) -> Response:
    """End a key at once, for good."""
    workspace = site_of(request).workspace
    try:
        with workspace.database.connection() as conn:
            keys.revoke_key(conn, key_id, by=visitor.identity.actor, now=workspace.clock())
    except UsageError as error:
        return _keys(request, visitor, problem=error.message, status=UNPROCESSABLE)
    shared(request).identities.clear()
    return go("/settings/keys")


def _keys(request: Request, visitor: Visitor, *, status: int = 200, **more: Any) -> Response:
    with site_of(request).workspace.database.connection() as conn:
        found = keys.list_keys(conn)
    return show(
        request,
        "keys.html",
        visitor=visitor,
        status=status,
        title="API keys",
        keys=found,
        roles=list(Role),
        **{"problem": "", "typed": "", "secret": "", **more},
    )


@router.get("/settings/audit")
def audit_page(
    request: Request, visitor: Admin, *, actor: str = "", action: str = "", before: int = 0
) -> Response:
    """List who did what, newest first."""
    with site_of(request).workspace.database.connection() as conn:
        found = list_audit(
            conn,
            limit=SHOWN + 1,
            before=before or None,
            actor=storable(actor) or None,
            action=storable(action) or None,
        )
    older = found[SHOWN - 1].audit_id if len(found) > SHOWN else 0
    return show(
        request,
        "audit.html",
        visitor=visitor,
        title="Audit",
        lines=found[:SHOWN],
        older=older,
        api_same="/api/v1/audit",
    )
