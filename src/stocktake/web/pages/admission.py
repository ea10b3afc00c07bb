"""One's own password and second factor; and tenants, for admins of the installation."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

import segno
from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from stocktake.access import factors, tenants
from stocktake.access.audit import write_audit
from stocktake.api.identity import begin_visit, end_visit, set_session, visitor_of
from stocktake.api.problems import Problem, named_in_path
from stocktake.api.sessions import change_password
from stocktake.api.shared import shared
from stocktake.errors import UsageError
from stocktake.web.access import Landlord, Viewer
from stocktake.web.site import Visitor, go, show, site_of

router = APIRouter()
UNPROCESSABLE = HTTPStatus.UNPROCESSABLE_ENTITY
HERE = "/settings/password"
QR_SCALE = 4
Text = Annotated[str, Form(max_length=400)]
Code = Annotated[str, Form(max_length=40)]


@router.get("/settings/password")
def password_page(request: Request, visitor: Viewer, changed: str = "") -> Response:
    """Show what the visitor's login asks for."""
    return _page(request, visitor, done="Your password was changed." if changed else "")


@router.post("/settings/password")
def set_password(
    request: Request, visitor: Viewer, old_password: Text = "", password: Text = ""
) -> Response:
    """Change the visitor's password: all sessions end, and this browser gets a new one."""
    try:
        token = change_password(
            site_of(request).workspace,
            visitor.identity,
            old=old_password,
            new=password,
            visitor=visitor_of(request),
        )
    except (UsageError, Problem) as error:
        return _page(request, visitor, password_problem=_text_of(error), status=UNPROCESSABLE)
    shared(request).identities.clear()
    answer = go(f"{HERE}?changed=1")
    set_session(request, answer, token)
    return answer


@router.post("/settings/password/factor")
def offer_factor(request: Request, visitor: Viewer) -> Response:
    """Make a secret for an authenticator program."""
    workspace = site_of(request).workspace
    try:
        with workspace.database.connection() as conn:
            now, user_id = workspace.clock(), _user_id(visitor)
            factors.offer_factor(conn, user_id, visitor.name, now=now)
    except UsageError as error:
        return _page(request, visitor, factor_problem=_text_of(error), status=UNPROCESSABLE)
    return go(HERE)


@router.post("/settings/password/factor/confirm")
def confirm_factor(request: Request, visitor: Viewer, code: Code = "") -> Response:
    """Ask for a code from now on; the recovery codes are shown in this answer and never again."""
    workspace = site_of(request).workspace
    with workspace.database.connection() as conn:
        codes = factors.confirm_factor(
            conn, _user_id(visitor), code, by=visitor.identity.actor, now=workspace.clock()
        )
    if codes is None:
        text = "That is not the code of now. Look at the clock of your telephone, and try again."
        return _page(request, visitor, factor_problem=text, status=UNPROCESSABLE)
    return _page(request, visitor, recovery=codes)


@router.post("/settings/password/factor/remove")
def remove_factor(request: Request, visitor: Viewer, code: Code = "") -> Response:
    """Let the password alone be enough again; a code of now, or a recovery code, is needed."""
    workspace, user_id = site_of(request).workspace, _user_id(visitor)
    with workspace.database.connection() as conn:
        now, by = workspace.clock(), visitor.identity.actor
        is_right = factors.passes(conn, user_id, code, now=now)
        if is_right:
            factors.remove_factor(conn, user_id, visitor.name, by=by, now=now)
    if not is_right:
        text = "That is neither the code of now nor one of your recovery codes."
        return _page(request, visitor, factor_problem=text, status=UNPROCESSABLE)
    return go(HERE)


@router.get("/settings/tenants")
def tenants_page(request: Request, visitor: Landlord) -> Response:
    """List the organisations that share the installation."""
    return _tenants(request, visitor)


@router.post("/settings/tenants")
def add_tenant(
    request: Request, visitor: Landlord, *, slug: Text = "", name: Text = "", zone: Text = "UTC"
) -> Response:
    """Make a tenant."""
    workspace = site_of(request).workspace
    try:
        with workspace.database.connection() as conn:
            by, now = visitor.identity.actor, workspace.clock()
            tenants.add_tenant(conn, slug.strip(), by=by, now=now, name=name, zone=zone)
    except UsageError as error:
        typed = {"slug": slug, "name": name, "zone": zone}
        return _tenants(request, visitor, problem=_text_of(error), typed=typed)
    return go("/settings/tenants")


@router.post("/settings/tenants/{slug}/visit")
def visit(request: Request, slug: str, visitor: Landlord) -> Response:
    """Look at the pages as the tenant's admin would; noted in its audit and in ours."""
    workspace = site_of(request).workspace
    with workspace.database.connection() as conn, named_in_path():
        found = tenants.find_tenant(conn, slug)
    for place in (workspace, workspace.of(found.tenant_id)):
        with place.database.connection() as conn:
            now, by = workspace.clock(), visitor.identity.actor
            write_audit(conn, by, "tenant.visit", subject=found.slug, now=now)
    answer = go("/")
    begin_visit(request, answer, found)
    return answer


@router.post("/settings/visit/end")
def leave(request: Request, visitor: Viewer) -> Response:
    """Be of the installation again."""
    del visitor
    answer = go("/settings/tenants")
    end_visit(request, answer)
    return answer


@router.post("/settings/tenants/{slug}")
def change_tenant(
    request: Request, slug: str, visitor: Landlord, tier: Text = "", status: Text = ""
) -> Response:
    """Give a tenant another tier or status."""
    workspace = site_of(request).workspace
    try:
        with workspace.database.connection() as conn:
            by, now = visitor.identity.actor, workspace.clock()
            tenants.change_tenant(
                conn, slug, by=by, now=now, tier=tier or None, status=status or None
            )
    except UsageError as error:
        return _tenants(request, visitor, problem=_text_of(error))
    shared(request).identities.clear()
    return go("/settings/tenants")


def _page(request: Request, visitor: Visitor, *, status: int = 200, **more: Any) -> Response:
    workspace, user_id = site_of(request).workspace, _user_id(visitor)
    with workspace.database.connection() as conn:
        offered = factors.offered_factor(conn, user_id, visitor.name)
        factor = factors.factor_of(conn, user_id)
    picture = segno.make(offered.address, micro=False) if offered else None
    return show(
        request,
        "password.html",
        visitor=visitor,
        status=status,
        title="Password and second factor",
        offered=offered,
        picture=picture.svg_data_uri(scale=QR_SCALE, light="white") if picture else "",
        factor=factor if factor and factor.confirmed_at else None,
        **{"done": "", "password_problem": "", "factor_problem": "", "recovery": (), **more},
    )


def _tenants(
    request: Request, visitor: Visitor, *, problem: str = "", typed: dict[str, str] | None = None
) -> Response:
    with site_of(request).workspace.database.connection() as conn:
        found = tenants.list_tenants(conn)
    return show(
        request,
        "tenants.html",
        visitor=visitor,
        status=UNPROCESSABLE if problem else 200,
        title="Tenants",
        tenants=found,
        tiers=tenants.TIERS,
        statuses=tenants.STATUSES,
        problem=problem,
        typed=typed or {"slug": "", "name": "", "zone": "UTC"},
        cli_same="stocktake tenants list",
        api_same="/api/v1/tenants",
    )


def _user_id(visitor: Visitor) -> int:
    if visitor.identity.user_id is None:
        raise Problem(HTTPStatus.FORBIDDEN, "forbidden", "A key has no login of its own.")
    return visitor.identity.user_id


def _text_of(error: UsageError | Problem) -> str:
    text = error.detail if isinstance(error, Problem) else error.message
    return f"{text[:1].upper()}{text[1:]} {error.hint or ''}".strip()
