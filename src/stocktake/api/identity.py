"""Who a request is from: a session's cookie or an API key, never both; and what they may do."""

from __future__ import annotations

import dataclasses
import hashlib
import ipaddress
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from stocktake.access import roles
from stocktake.access.audit import Actor
from stocktake.access.keys import find_key
from stocktake.access.login import Visitor
from stocktake.access.roles import Role
from stocktake.access.sessions import csrf_token, find_session, is_csrf_token
from stocktake.api.problems import Problem, named_in_path
from stocktake.api.shared import shared
from stocktake.run.registry import find_system
from stocktake.run.workspace import Workspace

if TYPE_CHECKING:
    from stocktake.access.tenants import Tenant

PLAIN_COOKIE, SECURE_COOKIE = "stocktake", "__Host-stocktake"
VISIT_COOKIE = "stocktake-visit"
"""Of use to admins of the installation alone, who may see what it names anyway."""
CSRF_HEADER, CSRF_FIELD = "x-csrf-token", "csrf_token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
COOKIE_SECONDS = 7 * 86400
MOST_KNOWN = 1_000
_SCOPES = {Role.VIEWER: roles.READ, Role.OPERATOR: roles.WRITE, Role.ADMIN: roles.ADMIN}


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a request is from.

    Args:
        name: Of the account, or of the key.
        role: What it may do at most.
        via: ``session`` or ``key``.
        address: Where the request came from.
        scopes: What a key is cut down to; empty means all of its role.
        user_id: Of the account; ``None`` for a key.
        session_id: Of the session; ``None`` for a key.
        key_id: Of the key; ``None`` for a session.
        tenant_id: Whose account or key it is; ``None`` for the installation's.
        visits: Short name of the tenant as which an admin of the installation looks at pages;
            until that ends, it may do what an admin of the tenant may.
        ends_at: When the session ends if it is not used again; ``None`` for a key.
    """

    name: str
    role: Role
    via: str
    address: str
    scopes: frozenset[str] = frozenset()
    user_id: int | None = None
    session_id: int | None = None
    key_id: int | None = None
    tenant_id: UUID | None = None
    visits: str = ""
    ends_at: datetime | None = None

    @property
    def actor(self) -> Actor:
        """Who the audit names."""
        return Actor(self.name, self.via, self.address)

    @property
    def key(self) -> str:
        """One text per account or key, for what is kept per caller."""
        return f"{self.via}:{self.user_id or self.key_id}"

    def seconds_left(self, now: datetime) -> int | None:
        """Return how long its session lasts if it is not used again; ``None`` for a key."""
        return None if self.ends_at is None else max(0, int((self.ends_at - now).total_seconds()))

    def may(self, role: Role, *, scope: str = "") -> bool:
        """Return whether it has the role, and the scope where it is cut down to some."""
        needed = scope or _SCOPES[role]
        return self.role.covers(role) and (not self.scopes or needed in self.scopes)


class KnownIdentities:
    """Identities looked up a moment ago: a thousand requests a second need not be as many reads.

    What another program of the installation changes is noticed after ``seconds``; what this one
    changes, at once.
    """

    def __init__(self, seconds: float) -> None:
        """Keep each for ``seconds``; 0 keeps none."""
        self._seconds = seconds
        self._found: dict[bytes, tuple[float, Identity]] = {}

    def get(self, credential: str) -> Identity | None:
        """Return the identity of a credential seen a moment ago."""
        kept = self._found.get(_digest(credential))
        if kept is None or time.monotonic() - kept[0] >= self._seconds:
            return None
        return kept[1]

    def put(self, credential: str, identity: Identity) -> None:
        """Remember an identity."""
        if self._seconds <= 0:
            return
        if len(self._found) >= MOST_KNOWN:
            self._found.clear()
        self._found[_digest(credential)] = (time.monotonic(), identity)

    def clear(self) -> None:
        """Forget all: somebody's rights changed."""
        self._found.clear()


def workspace_of(request: Request) -> Workspace:
    """Return the installation that is served, as the caller's tenant sees it."""
    return shared(request).workspace


Installation = Annotated[Workspace, Depends(workspace_of)]
"""The parameter of a route that works in the installation."""


async def maybe_identity(request: Request) -> Identity | None:
    """Return who the request is from, ``None`` for nobody.

    Raises:
        Problem: 401 when a key or cookie is not valid (any more), 400 when both were sent.
    """
    if not hasattr(request.state, "identity"):
        credential = _credential_in(request)
        found = None if credential is None else shared(request).identities.get(credential.text)
        if found is None and credential is not None:
            found = await run_in_threadpool(_looked_up, request, credential)
        request.state.identity = _placed(request, found)
    placed: Identity | None = request.state.identity
    return placed


def identity_now(request: Request) -> Identity | None:
    """Return who the request is from, as ``maybe_identity`` does, for code that runs in a thread.

    Raises:
        Problem: As ``maybe_identity``.
    """
    if not hasattr(request.state, "identity"):
        credential = _credential_in(request)
        found = None if credential is None else shared(request).identities.get(credential.text)
        if found is None and credential is not None:
            found = _looked_up(request, credential)
        request.state.identity = _placed(request, found)
    placed: Identity | None = request.state.identity
    return placed


async def identity_of(request: Request) -> Identity:
    """Return who the request is from; a session's unsafe request must carry its form token.

    Raises:
        Problem: 401 for nobody, 403 without the form token.
    """
    found = await maybe_identity(request)
    if found is None:
        raise unauthenticated("This needs a login or an API key.")
    if found.via == "session" and request.method not in SAFE_METHODS:
        await require_csrf(request)
    return found


def require(
    role: Role, *, scope: str = "", of_installation: bool = False
) -> Callable[[Request], Awaitable[Identity]]:
    """Return the dependency of routes that need at least ``role``.

    Args:
        role: At least.
        scope: Which scope a cut-down key needs; the role's own (``read``, ``write``, ``admin``)
            when empty.
        of_installation: Whether it concerns all tenants, so that no tenant's account may.
    """

    async def allowed(request: Request) -> Identity:
        found = await identity_of(request)
        if not found.may(role, scope=scope):
            needed = scope or _SCOPES[role]
            raise Problem(
                HTTPStatus.FORBIDDEN,
                "forbidden",
                f"This needs the role {role.value}"
                + (f" and the scope {needed}." if found.scopes else "."),
                hint=f"You are {found.name}, {found.role.value}; an admin can change that.",
                extra={"needed_role": role.value, "needed_scope": needed},
            )
        if found.tenant_id is not None:
            _keep_within(request, of_installation=of_installation)
        return found

    allowed.__name__ = f"require_{role.value}"
    return allowed


def _keep_within(request: Request, *, of_installation: bool) -> None:
    """Refuse a tenant what is the installation's; systems without tenants do not exist for it."""
    if of_installation:
        raise Problem(
            HTTPStatus.FORBIDDEN,
            "forbidden",
            "This concerns the whole installation.",
            hint="An account of the installation itself can do it.",
        )
    if "system" in request.path_params:
        with named_in_path():
            find_system(str(request.path_params["system"]), workspace_of(request).systems)


Viewer = Annotated[Identity, Depends(require(Role.VIEWER))]
Operator = Annotated[Identity, Depends(require(Role.OPERATOR))]
Admin = Annotated[Identity, Depends(require(Role.ADMIN))]
"""Parameters of routes: who asks, and at least which role that takes."""

Watcher = Annotated[Identity, Depends(require(Role.VIEWER, of_installation=True))]
Keeper = Annotated[Identity, Depends(require(Role.OPERATOR, of_installation=True))]
Landlord = Annotated[Identity, Depends(require(Role.ADMIN, of_installation=True))]
"""The same where it concerns the whole installation: accounts of tenants are refused."""


def unauthenticated(detail: str) -> Problem:
    """Return the answer for a request from nobody we know."""
    return Problem(
        HTTPStatus.UNAUTHORIZED,
        "unauthenticated",
        detail,
        hint="Send a key as 'Authorization: Bearer stk_…', or log in.",
        headers={"WWW-Authenticate": 'Bearer realm="stocktake"'},
    )


def visitor_of(request: Request) -> Visitor:
    """Return where a request comes from; of an IPv6 address the network a site has."""
    return Visitor(address_of(request), request.headers.get("user-agent", ""))


def address_of(request: Request) -> str:
    """Return the caller's address as limits and lists know it."""
    text = request.client.host if request.client else ""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return text
    if found.version == 6 and found.ipv4_mapped is not None:  # noqa: PLR2004 -- the version
        return str(found.ipv4_mapped)
    if found.version == 6 and not found.is_loopback:  # noqa: PLR2004 -- the version
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)


def session_token(request: Request) -> str | None:
    """Return the token in the session's cookie."""
    return request.cookies.get(_cookie_name(request)) or None


def csrf_of(request: Request) -> str:
    """Return the token forms of this session carry; empty without a session."""
    token = session_token(request)
    return csrf_token(token) if token else ""


def set_session(request: Request, response: Response, token: str) -> None:
    """Give the browser a session's cookie.

    Raises:
        Problem: 403 over plain HTTP from elsewhere: the cookie could be read on the way.
    """
    if not is_secure(request) and not is_local(request):
        raise Problem(
            HTTPStatus.FORBIDDEN,
            "insecure",
            "Sessions need HTTPS, except on this machine itself.",
            hint="Put a proxy with a certificate before it (see the guide on serving), "
            "or use an API key over a connection you trust.",
        )
    _set_cookie(request, response, _cookie_name(request), token)


def _set_cookie(request: Request, response: Response, name: str, text: str) -> None:
    response.set_cookie(
        name,
        text,
        max_age=COOKIE_SECONDS,
        path="/",
        secure=is_secure(request),
        httponly=True,
        samesite="lax",
    )


def clear_session(request: Request, response: Response) -> None:
    """Take the session's cookie back."""
    response.delete_cookie(
        _cookie_name(request), path="/", secure=is_secure(request), httponly=True, samesite="lax"
    )


def is_secure(request: Request) -> bool:
    """Return whether the request came over HTTPS, or through a proxy that says so."""
    return request.url.scheme == "https" or shared(request).is_behind_https


def is_local(request: Request) -> bool:
    """Return whether the request comes from this machine."""
    try:
        return ipaddress.ip_address(address_of(request)).is_loopback
    except ValueError:
        return False


async def require_csrf(request: Request) -> None:
    """Refuse an unsafe request of a session without the token its forms carry.

    Raises:
        Problem: 403.
    """
    given = request.headers.get(CSRF_HEADER, "")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not given and kind in {"application/x-www-form-urlencoded", "multipart/form-data"}:
        field = (await request.form()).get(CSRF_FIELD)
        given = field if isinstance(field, str) else ""
    check_csrf(request, given)


def check_csrf(request: Request, given: str) -> None:
    """Refuse what was not sent by a form of this session.

    Raises:
        Problem: 403.
    """
    token = session_token(request)
    if token is None or not is_csrf_token(token, given):
        raise Problem(
            HTTPStatus.FORBIDDEN,
            "csrf",
            "The request lacks the token of your session, or has an old one.",
            hint="Load the page again and repeat what you did.",
        )


def credential_text(request: Request) -> str:
    """Return the key or session's token a request carries; empty when it carries none."""
    return _key_in(request) or session_token(request) or ""


@dataclass(frozen=True, slots=True)
class _Credential:
    text: str
    is_key: bool


def _credential_in(request: Request) -> _Credential | None:
    key, token = _key_in(request), session_token(request)
    if key is not None and token is not None:
        raise Problem(
            HTTPStatus.BAD_REQUEST,
            "two_credentials",
            "An API key and a session's cookie were sent together.",
            hint="Send one of them.",
        )
    if key is not None:
        return _Credential(key, is_key=True)
    return None if token is None else _Credential(token, is_key=False)


def _looked_up(request: Request, credential: _Credential) -> Identity | None:
    common = shared(request)
    look = _key_identity if credential.is_key else _session_identity
    found = look(common.workspace, credential.text)
    if found is not None:
        common.identities.put(credential.text, found)
    elif credential.is_key:
        raise unauthenticated("The API key is not valid: unknown, revoked or expired.")
    return found


def begin_visit(request: Request, response: Response, tenant: Tenant) -> None:
    """Let an admin of the installation look at pages as a tenant's admin would."""
    _set_cookie(request, response, VISIT_COOKIE, f"{tenant.slug}:{tenant.tenant_id}")


def end_visit(request: Request, response: Response) -> None:
    """Let the admin be of the installation again."""
    response.delete_cookie(
        VISIT_COOKIE, path="/", secure=is_secure(request), httponly=True, samesite="lax"
    )


def _placed(request: Request, found: Identity | None) -> Identity | None:
    if found is None:
        return None
    placed = dataclasses.replace(found, address=address_of(request))
    slug, _, tenant = request.cookies.get(VISIT_COOKIE, "").partition(":")
    is_landlord = found.via == "session" and found.role is Role.ADMIN and found.tenant_id is None
    if not (is_landlord and slug):
        return placed
    try:
        return dataclasses.replace(placed, tenant_id=UUID(tenant), visits=slug)
    except ValueError:
        return placed


def _key_in(request: Request) -> str | None:
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return text.strip()
    return request.headers.get("x-api-key")


def _key_identity(workspace: Workspace, text: str) -> Identity | None:
    with workspace.database.connection() as conn:
        found = find_key(conn, text, now=workspace.clock())
    if found is None:
        return None
    name = f"key {found.name}"
    return Identity(
        name,
        found.role,
        "key",
        "",
        found.scopes,
        key_id=found.key_id,
        tenant_id=found.tenant_id,
    )


def _session_identity(workspace: Workspace, token: str) -> Identity | None:
    with workspace.database.connection() as conn:
        found = find_session(conn, token, now=workspace.clock())
    if found is None:
        return None
    return Identity(
        found.name,
        found.role,
        "session",
        "",
        user_id=found.user_id,
        session_id=found.session_id,
        tenant_id=found.tenant_id,
        ends_at=found.ends_at,
    )


def _cookie_name(request: Request) -> str:
    return SECURE_COOKIE if is_secure(request) else PLAIN_COOKIE


def _digest(credential: str) -> bytes:
    return hashlib.sha256(credential.encode("utf-8", "surrogatepass")).digest()
