"""Users, API keys and the audit: for admins."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response
from pydantic import Field

from stocktake.access import keys, users
from stocktake.access.audit import list_audit, storable
from stocktake.access.passwords import MOST
from stocktake.access.roles import Role
from stocktake.api.answers import Cursor, Limit, answer, page, read_cursor
from stocktake.api.asked import MOST_NAME, Name, Number
from stocktake.api.forms import (
    Audit,
    InvitationDocument,
    Keys,
    NewKeyDocument,
    NewUser,
    UserLine,
    Users,
)
from stocktake.api.identity import Admin, Installation
from stocktake.api.problems import depending_on_state, named_in_path
from stocktake.api.shapes import Asked
from stocktake.api.shared import shared

router = APIRouter(tags=["accounts"])
LONGEST_KEY_DAYS = 3_660
UserName = Annotated[str, Path(min_length=1, max_length=MOST_NAME, examples=["ann"])]


class UserAsked(Asked):
    """An account to be made; without a password one is generated."""

    name: Name
    role: Role = Role.VIEWER
    password: Annotated[str, Field(max_length=MOST)] = ""


class InviteAsked(Asked):
    """Who is invited, as what."""

    name: Name
    role: Role = Role.VIEWER


class UserChange(Asked):
    """What changes of an account; what is left out stays."""

    role: Role | None = None
    is_active: bool | None = None


class KeyAsked(Asked):
    """An API key to be made."""

    name: Name
    role: Role = Role.VIEWER
    scopes: Annotated[list[Annotated[str, Field(max_length=40)]], Field(max_length=20)] = []
    days: Annotated[int, Field(ge=1, le=LONGEST_KEY_DAYS)] | None = None


@router.get("/users", response_model=Users, summary="Accounts")
def list_users(
    _: Admin,
    workspace: Installation,
) -> Response:
    """List every account."""
    with workspace.database.connection() as conn:
        return answer({"items": users.list_users(conn, now=workspace.clock())})


@router.post("/users", status_code=201, response_model=NewUser, summary="Make an account")
def add_user(
    who: Admin,
    workspace: Installation,
    asked: UserAsked,
) -> Response:
    """Make an account. A generated password is shown in this answer and never again."""
    with workspace.database.connection() as conn, depending_on_state():
        made = users.add_user(
            conn,
            asked.name,
            role=asked.role,
            by=who.actor,
            now=workspace.clock(),
            password=asked.password,
        )
    shown = None if asked.password else made.password
    return answer({"name": made.name, "role": asked.role, "password": shown}, status=201)


@router.post(
    "/users/invite", status_code=201, response_model=InvitationDocument, summary="Invite somebody"
)
def invite_user(
    who: Admin,
    workspace: Installation,
    asked: InviteAsked,
) -> Response:
    """Make an account whose holder chooses the password, within seven days."""
    with workspace.database.connection() as conn, depending_on_state():
        made = users.invite_user(
            conn, asked.name, role=asked.role, by=who.actor, now=workspace.clock()
        )
    return answer(made, status=201)


@router.post(
    "/users/{name}/invite", response_model=InvitationDocument, summary="Let a password be chosen"
)
def renew_invitation(
    who: Admin,
    workspace: Installation,
    name: UserName,
) -> Response:
    """Make a link by which a user chooses a password anew."""
    with workspace.database.connection() as conn, named_in_path():
        return answer(users.renew_invitation(conn, name, by=who.actor, now=workspace.clock()))


@router.patch("/users/{name}", response_model=UserLine, summary="Change an account")
def change_user(
    request: Request,
    who: Admin,
    workspace: Installation,
    name: UserName,
    asked: UserChange,
) -> Response:
    """Give an account another role, shut it or open it; a new role ends its sessions."""
    now = workspace.clock()
    with workspace.database.connection() as conn:
        with named_in_path():
            known = users.find_user(conn, name)[1]
        with depending_on_state():
            if asked.role is not None:
                users.set_role(conn, known, role=asked.role, by=who.actor, now=now)
            if asked.is_active is not None:
                users.set_active(conn, known, is_active=asked.is_active, by=who.actor, now=now)
        (line,) = [one for one in users.list_users(conn, now=now) if one.name == known]
    shared(request).identities.clear()
    return answer(line)


@router.get("/keys", response_model=Keys, summary="API keys")
def list_keys(
    _: Admin,
    workspace: Installation,
) -> Response:
    """List every key, ended ones too; secrets are not known any more."""
    with workspace.database.connection() as conn:
        return answer({"items": keys.list_keys(conn)})


@router.post("/keys", status_code=201, response_model=NewKeyDocument, summary="Make an API key")
def add_key(
    who: Admin,
    workspace: Installation,
    asked: KeyAsked,
) -> Response:
    """Make a key. It is shown in this answer and never again."""
    now = workspace.clock()
    ends = now + timedelta(days=asked.days) if asked.days else None
    with workspace.database.connection() as conn:
        made = keys.add_key(
            conn,
            asked.name,
            role=asked.role,
            by=who.actor,
            now=now,
            scopes=asked.scopes,
            expires_at=ends,
        )
    return answer({"key_id": made.key_id, "key": made.text}, status=201)


@router.delete("/keys/{key_id}", status_code=204, summary="Revoke an API key")
def revoke_key(
    request: Request,
    who: Admin,
    workspace: Installation,
    key_id: Number,
) -> Response:
    """End a key for good, at once."""
    with workspace.database.connection() as conn, named_in_path():
        keys.revoke_key(conn, key_id, by=who.actor, now=workspace.clock())
    shared(request).identities.clear()
    return Response(status_code=204)


@router.get("/audit", response_model=Audit, summary="Who did what")
def audit(
    _: Admin,
    workspace: Installation,
    actor: Name | None = None,
    action: Name | None = None,
    limit: Limit = 50,
    cursor: Cursor = "",
) -> Response:
    """List the audit, the newest line first."""
    before = read_cursor(cursor, int)
    with workspace.database.connection() as conn:
        found = list_audit(
            conn,
            limit=limit + 1,
            before=before,
            actor=storable(actor) if actor else None,
            action=storable(action) if action else None,
        )
    return answer(page(found, limit, lambda line: line.audit_id))
