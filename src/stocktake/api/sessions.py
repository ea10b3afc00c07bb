"""Logging in and out, one's own sessions and password, and the first start.

``let_in``, ``leave`` and ``set_up`` are what pages call too; the routes add JSON to them.
"""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from stocktake.access import users
from stocktake.access.audit import Actor, write_audit
from stocktake.access.login import (
    Entered,
    Halfway,
    Refused,
    Visitor,
    finish_login,
    log_in,
)
from stocktake.access.passwords import MOST
from stocktake.access.roles import Role
from stocktake.access.sessions import (
    LONGEST_IDLE,
    begin_session,
    csrf_token,
    end_session,
    list_sessions,
)
from stocktake.access.tries import Blocked
from stocktake.api.answers import answer
from stocktake.api.identity import (
    Identity,
    Installation,
    clear_session,
    csrf_of,
    identity_of,
    is_local,
    maybe_identity,
    set_session,
    visitor_of,
)
from stocktake.api.problems import Problem, not_found
from stocktake.api.shared import shared
from stocktake.run.workspace import Workspace

router = APIRouter(tags=["session"])

Anybody = Annotated[Identity | None, Depends(maybe_identity)]
Somebody = Annotated[Identity, Depends(identity_of)]
SessionId = Annotated[int, Path(ge=1, le=2**63 - 1)]


class Credentials(BaseModel):
    """What is typed to log in."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"name": "ann", "password": "four words in a row"}},
    )

    name: str = Field(min_length=1, max_length=120)
    password: str = Field(min_length=1, max_length=MOST)
    code: str = Field("", max_length=40, description="Of the second factor, or a recovery code.")


class NewPassword(BaseModel):
    """A change of one's own password."""

    model_config = ConfigDict(extra="forbid")

    old_password: str = Field(min_length=1, max_length=MOST)
    password: str = Field(min_length=1, max_length=MOST)


class Accepted(BaseModel):
    """An invitation's token and the password chosen."""

    model_config = ConfigDict(extra="forbid")

    token: str = Field(min_length=1, max_length=100)
    password: str = Field(min_length=1, max_length=MOST)


class Who(BaseModel):
    """Who the caller is."""

    name: str
    role: Role
    via: str
    scopes: list[str]
    csrf_token: str = Field(description="Send it back as X-CSRF-Token; empty for keys.")
    seconds_left: int | None = Field(
        description="So long the session lasts if it is not used again; null for keys."
    )


class OpenSession(BaseModel):
    """One open session of the caller."""

    session_id: int
    address: str
    agent: str
    created_at: datetime
    seen_at: datetime
    is_current: bool


class OpenSessions(BaseModel):
    """The caller's open sessions, the latest used first."""

    items: list[OpenSession]


def let_in(
    workspace: Workspace, name: str, password: str, *, visitor: Visitor, code: str = ""
) -> Entered | Halfway:
    """Begin a session, or half of one where a code is still to come.

    Raises:
        Problem: 401, with one text whatever was wrong; 429 after too many tries.
    """
    now = workspace.clock()
    found = log_in(workspace.database, name, password, visitor=visitor, now=now, code=code)
    return _entered(found, now=now)


def let_in_by_code(workspace: Workspace, token: str, code: str, *, visitor: Visitor) -> Entered:
    """Begin the session of somebody whose password was right.

    Raises:
        Problem: As ``let_in``.
    """
    now = workspace.clock()
    found = finish_login(workspace.database, token, code, visitor=visitor, now=now)
    return _whole(_entered(found, now=now))


def let_in_whole(
    workspace: Workspace, name: str, password: str, *, visitor: Visitor, code: str = ""
) -> Entered:
    """Begin a session in one step.

    Raises:
        Problem: As ``let_in``; 401 too when the code of the second factor is absent.
    """
    return _whole(let_in(workspace, name, password, visitor=visitor, code=code))


def _whole(found: Entered | Halfway) -> Entered:
    if isinstance(found, Halfway):
        raise Problem(
            HTTPStatus.UNAUTHORIZED,
            "code_needed",
            "This account has a second factor.",
            hint="Send its code too, as code.",
            headers={"WWW-Authenticate": 'Session realm="stocktake"'},
        )
    return found


def _entered(found: Entered | Halfway | Refused | Blocked, *, now: datetime) -> Entered | Halfway:
    if isinstance(found, Blocked):
        wait = max(1, round((found.until - now).total_seconds()))
        raise Problem(
            HTTPStatus.TOO_MANY_REQUESTS,
            "too_many_tries",
            "Too many logins were tried.",
            hint=f"Try again in {-(-wait // 60)} min.",
            headers={"Retry-After": str(wait)},
            extra={"until": found.until},
        )
    if isinstance(found, Refused):
        raise Problem(
            HTTPStatus.UNAUTHORIZED,
            "login_refused",
            "The name or the password is wrong.",
            headers={"WWW-Authenticate": 'Session realm="stocktake"'},
        )
    return found


def leave(request: Request, workspace: Workspace, identity: Identity | None) -> None:
    """End the session a request is part of; nothing without one."""
    if identity is None or identity.session_id is None or identity.user_id is None:
        return
    with workspace.database.connection() as conn:
        now = workspace.clock()
        if end_session(conn, identity.session_id, user_id=identity.user_id, now=now):
            write_audit(conn, identity.actor, "logout", subject=identity.name, now=now)
    shared(request).identities.clear()


def can_set_up(request: Request, workspace: Workspace) -> bool:
    """Return whether the caller may make the first account: there is none, and they sit here."""
    with workspace.database.connection() as conn:
        return is_local(request) and not users.has_users(conn)


def set_up(
    workspace: Workspace, name: str, password: str, *, visitor: Visitor
) -> users.Login | None:
    """Make the first account, an admin; ``None`` when there is one already.

    Raises:
        UsageError: The name cannot be one, or the password is too weak.
    """
    by = Actor("setup", "session", visitor.address)
    with workspace.database.connection() as conn:
        return users.make_first_admin(
            conn, by=by, now=workspace.clock(), name=name, password=password
        )


def change_password(
    workspace: Workspace, identity: Identity, *, old: str, new: str, visitor: Visitor
) -> str:
    """Change the caller's own password; all sessions end, and the token of a new one is returned.

    Raises:
        Problem: 403 for a key, 401 when the old password is wrong, 429 after too many tries.
        UsageError: The new one is too weak.
    """
    if identity.user_id is None:
        raise Problem(HTTPStatus.FORBIDDEN, "forbidden", "A key has no password.")
    let_in(workspace, identity.name, old, visitor=visitor)
    now = workspace.clock()
    with workspace.database.connection() as conn:
        users.set_password(conn, identity.name, password=new, by=identity.actor, now=now)
        return begin_session(
            conn, identity.user_id, address=visitor.address, agent=visitor.agent, now=now
        )


@router.post("/session", response_model=Who, summary="Log in")
def log_in_route(
    request: Request, workspace: Installation, given: Credentials, before: Anybody
) -> Response:
    """Begin a session: the answer sets its cookie. A session the request came with ends."""
    probe = Response()
    set_session(request, probe, "")  # refuses an insecure way before a password is compared
    entered = let_in_whole(
        workspace, given.name, given.password, visitor=visitor_of(request), code=given.code
    )
    leave(request, workspace, before)
    made = answer(_who_entered(entered))
    set_session(request, made, entered.token)
    return made


@router.get("/session", response_model=Who, summary="Who am I")
def who_am_i(request: Request, workspace: Installation, identity: Somebody) -> Response:
    """Tell who the caller is, what they may do, and the token their forms carry."""
    return answer(
        {
            "name": identity.name,
            "role": identity.role,
            "via": identity.via,
            "scopes": sorted(identity.scopes),
            "csrf_token": csrf_of(request),
            "seconds_left": identity.seconds_left(workspace.clock()),
        }
    )


@router.delete("/session", status_code=204, summary="Log out")
def log_out(request: Request, workspace: Installation, identity: Somebody) -> Response:
    """End the session."""
    leave(request, workspace, identity)
    made = Response(status_code=204)
    clear_session(request, made)
    return made


@router.get("/session/all", response_model=OpenSessions, summary="My sessions")
def my_sessions(workspace: Installation, identity: Somebody) -> Response:
    """List the caller's open sessions; a key has none."""
    items: list[dict[str, object]] = []
    if identity.user_id is not None:
        with workspace.database.connection() as conn:
            found = list_sessions(conn, identity.user_id, now=workspace.clock())
        items = [
            {
                "session_id": one.session_id,
                "address": one.address,
                "agent": one.agent,
                "created_at": one.created_at,
                "seen_at": one.seen_at,
                "is_current": one.session_id == identity.session_id,
            }
            for one in found
        ]
    return answer({"items": items})


@router.delete("/session/all/{session_id}", status_code=204, summary="End one of my sessions")
def revoke_session(
    request: Request, workspace: Installation, identity: Somebody, session_id: SessionId
) -> Response:
    """End one of the caller's sessions; another user's is not found."""
    now = workspace.clock()
    with workspace.database.connection() as conn:
        mine = identity.user_id is not None and end_session(
            conn, session_id, user_id=identity.user_id, now=now
        )
        if not mine:
            raise not_found(f"You have no open session {session_id}.")
        write_audit(conn, identity.actor, "session.end", subject=str(session_id), now=now)
    shared(request).identities.clear()
    return Response(status_code=204)


@router.post("/session/password", response_model=Who, summary="Change my password")
def change_my_password(
    request: Request, workspace: Installation, identity: Somebody, given: NewPassword
) -> Response:
    """Change the caller's password: all sessions end, and this one goes on with a new cookie."""
    token = change_password(
        workspace,
        identity,
        old=given.old_password,
        new=given.password,
        visitor=visitor_of(request),
    )
    shared(request).identities.clear()
    made = answer(_who_entered(Entered(token, identity.name, identity.role)))
    set_session(request, made, token)
    return made


@router.post("/setup", status_code=201, response_model=Who, summary="Make the first account")
def set_up_route(request: Request, workspace: Installation, given: Credentials) -> Response:
    """Make the first account, an admin, and log it in. Only from this machine, only once."""
    if not can_set_up(request, workspace):
        raise not_found("There is nothing to set up here.")
    visitor = visitor_of(request)
    if set_up(workspace, given.name, given.password, visitor=visitor) is None:
        raise not_found("There is nothing to set up here.")
    entered = let_in_whole(workspace, given.name, given.password, visitor=visitor)
    made = answer(_who_entered(entered), status=201)
    set_session(request, made, entered.token)
    return made


@router.post("/invitation", response_model=Who, summary="Accept an invitation")
def accept(request: Request, workspace: Installation, given: Accepted) -> Response:
    """Choose the password of an account one was invited to, and log in."""
    visitor = visitor_of(request)
    with workspace.database.connection() as conn:
        name = users.accept_invitation(
            conn,
            given.token,
            password=given.password,
            address=visitor.address,
            now=workspace.clock(),
        )
    if name is None:
        raise not_found("The invitation is unknown, used, or over.", hint="Ask for a new one.")
    entered = let_in_whole(workspace, name, given.password, visitor=visitor)
    made = answer(_who_entered(entered))
    set_session(request, made, entered.token)
    return made


def _who_entered(entered: Entered) -> dict[str, object]:
    return {
        "name": entered.name,
        "role": entered.role,
        "via": "session",
        "scopes": [],
        "csrf_token": csrf_token(entered.token),
        "seconds_left": int(LONGEST_IDLE.total_seconds()),
    }
