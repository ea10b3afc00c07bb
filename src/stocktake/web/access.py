"""Who may see a page: dependencies of routes."""

from __future__ import annotations

from urllib.parse import quote

from starlette.requests import Request

from stocktake.web.site import Visitor, site_of

__all__ = ["Forbidden", "NotSignedIn", "admin", "operator", "viewer"]


class NotSignedIn(Exception):
    """Nobody known asks: to the login, and back afterwards."""

    def __init__(self, back: str) -> None:
        """Remember where to return to."""
        super().__init__(back)
        self.login = f"/login?next={quote(back, safe='')}"


class Forbidden(Exception):
    """Somebody known asks for what their role does not allow."""

    def __init__(self, role: str) -> None:
        """Remember which role would do."""
        super().__init__(role)
        self.role = role


def viewer(request: Request) -> Visitor:
    """Return who asks, anybody who is known."""
    found = site_of(request).identify(request)
    if found is None:
        query = f"?{request.url.query}" if request.url.query else ""
        raise NotSignedIn(request.url.path + query if request.method == "GET" else "/")
    return found


def operator(request: Request) -> Visitor:
    """Return who asks, an operator at least."""
    return _at_least(request, "operator")


def admin(request: Request) -> Visitor:
    """Return who asks, an admin."""
    return _at_least(request, "admin")


def _at_least(request: Request, role: str) -> Visitor:
    found = viewer(request)
    if not found.may(role):
        raise Forbidden(role)
    return found
