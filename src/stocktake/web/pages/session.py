"""Login, logout, first start, and the demo's link."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from stocktake.access import users
from stocktake.access.login import Entered, Halfway
from stocktake.access.sessions import begin_session
from stocktake.api.identity import clear_session, session_token, set_session, visitor_of
from stocktake.api.problems import Problem
from stocktake.api.sessions import can_set_up, leave, let_in, let_in_by_code, set_up
from stocktake.errors import UsageError
from stocktake.web.access import Anybody, Viewer
from stocktake.web.entrance import Entrance
from stocktake.web.site import go, show, site_of
from stocktake.web.words import own_path

router = APIRouter()
Text = Annotated[str, Form(max_length=400)]


@router.get("/login")
def login_page(request: Request, visitor: Anybody) -> Response:
    """Ask for name and password; lead on who is known already."""
    back = own_path(request.query_params.get("next", "/"))
    if visitor is not None:
        return go(back)
    if can_set_up(request, site_of(request).workspace):
        return go("/setup")
    return _login(request, back=back)


@router.post("/login")
def log_in(
    request: Request, visitor: Anybody, *, name: Text = "", password: Text = "", back: Text = "/"
) -> Response:
    """Begin a session and lead back to what was asked for, by the second factor if there is one."""
    site = site_of(request)
    try:
        set_session(
            request, Response(), ""
        )  # refuses an insecure way before a password is compared
        entered = let_in(site.workspace, name, password, visitor=visitor_of(request))
    except Problem as problem:
        text = f"{problem.detail} {problem.hint or ''}".strip()
        made = _login(request, back=back, name=name, problem=text, status=problem.status)
        made.headers.update(problem.headers)
        return made
    leave(request, site.workspace, visitor.identity if visitor else None)
    return _in(request, entered, back=back)


@router.get("/login/code")
def code_page(request: Request) -> Response:
    """Ask for the code of the second factor."""
    return _code(request, back=own_path(request.query_params.get("next", "/")))


@router.post("/login/code")
def give_code(request: Request, code: Text = "", back: Text = "/") -> Response:
    """Begin the session of somebody whose password was right."""
    workspace, visitor = site_of(request).workspace, visitor_of(request)
    try:
        entered = let_in_by_code(workspace, session_token(request) or "", code, visitor=visitor)
    except Problem as problem:
        text = "The code is wrong, was used, or came too late."
        if problem.status != HTTPStatus.UNAUTHORIZED:
            text = f"{problem.detail} {problem.hint or ''}".strip()
        made = _code(request, back=back, problem=text, status=problem.status)
        made.headers.update(problem.headers)
        return made
    return _in(request, entered, back=back)


@router.post("/logout")
def log_out(request: Request, visitor: Viewer) -> Response:
    """End the session."""
    leave(request, site_of(request).workspace, visitor.identity)
    answer = go("/login")
    clear_session(request, answer)
    return answer


@router.get("/setup")
def setup_page(request: Request) -> Response:
    """Ask for the first account, while there is none."""
    if not can_set_up(request, site_of(request).workspace):
        return go("/login")
    return show(request, "setup.html", visitor=None, title="First start", name="admin", problem="")


@router.post("/setup")
def make_first(request: Request, *, name: Text = "", password: Text = "") -> Response:
    """Make the first account and let it in."""
    site = site_of(request)
    if not can_set_up(request, site.workspace):
        return go("/login")
    visitor = visitor_of(request)
    try:
        set_up(site.workspace, name, password, visitor=visitor)
    except UsageError as error:
        return show(
            request,
            "setup.html",
            visitor=None,
            status=HTTPStatus.UNPROCESSABLE_ENTITY,
            title="First start",
            name=name,
            problem=f"{error.message} {error.hint or ''}",
        )
    return _in(request, let_in(site.workspace, name, password, visitor=visitor), back="/")


@router.get("/enter/{token}")
def enter(request: Request, token: str) -> Response:
    """Let a browser in by a link that works once."""
    entrance: Entrance | None = request.app.state.entrance
    if entrance is None or not entrance.opens_for(token):
        return go("/login")
    site = site_of(request)
    visitor = visitor_of(request)
    with site.workspace.database.connection() as conn:
        user_id = users.find_user(conn, entrance.user)[0]
        made = begin_session(
            conn,
            user_id,
            address=visitor.address,
            agent=visitor.agent,
            now=site.workspace.clock(),
        )
    answer = go("/")
    set_session(request, answer, made)
    return answer


@router.get("/invitation/{token}")
def invitation_page(request: Request, token: str) -> Response:
    """Ask an invited person for a password."""
    del token
    return show(request, "invitation.html", visitor=None, title="Choose your password", problem="")


@router.post("/invitation/{token}")
def accept_invitation(request: Request, token: str, password: Text = "") -> Response:
    """Set the password an invited person chose, and let them in."""
    site = site_of(request)
    visitor = visitor_of(request)
    problem, name = "", None
    try:
        with site.workspace.database.connection() as conn:
            name = users.accept_invitation(
                conn,
                token,
                password=password,
                address=visitor.address,
                now=site.workspace.clock(),
            )
    except UsageError as error:
        problem = f"{error.message} {error.hint or ''}".strip()
    if name is None:
        return show(
            request,
            "invitation.html",
            visitor=None,
            status=HTTPStatus.UNPROCESSABLE_ENTITY,
            title="Choose your password",
            problem=problem or "The link is unknown, used, or over. Ask for a new one.",
        )
    return _in(request, let_in(site.workspace, name, password, visitor=visitor), back="/")


def _in(request: Request, entered: Entered | Halfway, *, back: str) -> Response:
    """Give the browser its session and lead on: to the second factor while that is to come."""
    is_half = isinstance(entered, Halfway)
    answer = go(f"/login/code?next={quote(own_path(back), safe='')}" if is_half else own_path(back))
    set_session(request, answer, entered.token)
    return answer


def _code(request: Request, *, back: str, problem: str = "", status: int = 200) -> Response:
    return show(
        request,
        "code.html",
        visitor=None,
        status=status,
        title="Second factor",
        back=back,
        problem=problem,
    )


def _login(
    request: Request, *, back: str, name: str = "", problem: str = "", status: int = 200
) -> Response:
    return show(
        request,
        "login.html",
        visitor=None,
        status=status,
        title="Sign in",
        back=back,
        name=name,
        problem=problem,
    )
