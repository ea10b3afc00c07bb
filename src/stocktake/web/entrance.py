"""The way in: the login's address, and links that let in once."""

from __future__ import annotations

import hmac
import secrets
import threading
from urllib.parse import quote

from fastapi import Request

__all__ = ["Entrance", "login_for"]

TOKEN_BYTES = 24


class Entrance:
    """A link that lets one browser in as one account, once, while the server runs.

    For demos: nobody should have to type a password to look at made-up rows.
    """

    def __init__(self, user: str) -> None:
        """Make a link for the account ``user``."""
        self.user = user
        self._token: str | None = secrets.token_urlsafe(TOKEN_BYTES)
        self._lock = threading.Lock()

    @property
    def path(self) -> str:
        """The link's path; it leads to the login once it was used."""
        return f"/enter/{self._token or 'used'}"

    def opens_for(self, token: str) -> bool:
        """Return whether ``token`` is the link's, and close it."""
        with self._lock:
            fits = self._token is not None and hmac.compare_digest(
                self._token.encode(), token.encode()
            )
            if fits:
                self._token = None
            return fits


def login_for(request: Request) -> str:
    """Return the login's address, which leads back to what was asked for."""
    back = "/"
    if request.method == "GET":
        back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return f"/login?next={quote(back, safe='')}" if back != "/" else "/login"
