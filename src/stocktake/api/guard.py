"""What stands before every route: size, time and load limits, foreign origins, safe headers."""

from __future__ import annotations

import asyncio
import math
import secrets
import time
from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stocktake.api.identity import address_of, credential_text
from stocktake.api.pace import Pace
from stocktake.api.problems import Problem, Rendering
from stocktake.api.shared import SCOPE, Shared
from stocktake.observe.traces import span

log = structlog.get_logger()
READS = frozenset({"GET", "HEAD", "OPTIONS"})
SERVER_ERRORS = 500
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'none'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'; object-src 'none'; require-trusted-types-for 'script'; "
    "trusted-types htmx stocktake"
)
NO_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"
_FEATURES = (
    *("accelerometer", "autoplay", "browsing-topics", "camera", "clipboard-read"),
    *("display-capture", "encrypted-media", "fullscreen", "gamepad", "geolocation", "gyroscope"),
    *("hid", "identity-credentials-get", "idle-detection", "interest-cohort", "local-fonts"),
    *("magnetometer", "microphone", "midi", "payment", "picture-in-picture", "screen-wake-lock"),
    *("publickey-credentials-get", "serial", "storage-access", "usb"),
    "xr-spatial-tracking",
)
_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": ", ".join(f"{feature}=()" for feature in _FEATURES),
}
_STRICT_TRANSPORT = "max-age=31536000"
_LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})
_UNLIMITED = "/events"
"""Paths that end so are streams: they last as long as somebody listens."""
_FILES = "/static/"
_ALIVE = frozenset({"/livez", "/readyz"})


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one request, and all together, may take.

    Args:
        body_bytes: Largest body.
        upload_bytes: Largest body of kind ``multipart/form-data``.
        body_seconds: Longest time in which a body must have arrived.
        answer_seconds: Longest time until an answer begins; the caller gets 503 then.
        at_once: Requests being answered; further ones get 503 at once.
        streams: Event streams open at the same time.
        caller_per_second: Requests of one account or key, after a burst of ten seconds' worth; it
            gets 429 then.
        address_per_second: The same for an address whose callers are not known (yet).
    """

    body_bytes: int = 1 << 20
    upload_bytes: int = 64 << 20
    body_seconds: float = 60.0
    answer_seconds: float = 60.0
    at_once: int = 400
    streams: int = 2_000
    caller_per_second: float = 1_000.0
    address_per_second: float = 100.0


class Guard:
    """ASGI middleware around the whole application."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        shared: Shared,
        rendering: Rendering,
        limits: Limits,
        hosts: Iterable[str] | None,
    ) -> None:
        """Wrap ``app``.

        Args:
            app: What answers.
            shared: What all requests share.
            rendering: How errors are shown that nobody foresaw.
            limits: As named.
            hosts: Names the server may be asked by (DNS rebinding); ``None`` lets any pass.
        """
        self._app = app
        self._limits = limits
        self._hosts = None if hosts is None else frozenset(hosts) | _LOOPBACK_NAMES
        self._shared = shared
        self._rendering = rendering
        self._active = 0
        self._streams = 0
        self._callers = Pace(limits.caller_per_second)
        self._addresses = Pace(limits.address_per_second)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let the application answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope["request_id"] = secrets.token_hex(8)
        begun = time.monotonic()
        scope[SCOPE] = self._shared
        scope.setdefault("state", {})  # so that mounted applications have the same
        headers = Headers(scope=scope)
        guarded = self._with_headers(scope, send, begun=begun)
        problem = self._refusal(scope, headers)
        if problem is None and scope["path"].endswith(_UNLIMITED):
            self._streams += 1
            try:
                await self._answer(scope, receive, guarded)
            finally:
                self._streams -= 1
            return
        if problem is not None:
            await self._send_problem(scope, guarded, problem)
            return
        self._active += 1
        try:
            await self._answer(scope, self._limited(headers, receive), guarded)
        finally:
            self._active -= 1

    def _refusal(self, scope: Scope, headers: Headers) -> Problem | None:
        """Return why a request goes no further."""
        is_stream = scope["path"].endswith(_UNLIMITED)
        full = self._streams >= self._limits.streams if is_stream else self._is_full(scope)
        if full:
            wait = {"Retry-After": "1"}
            return Problem(503, "overloaded", "Too many requests at once.", headers=wait)
        if self._hosts is not None and _host_name(headers.get("host", "")) not in self._hosts:
            return Problem(
                421,
                "wrong_host",
                "The server is not known by this name.",
                hint="Start it with --public-url, the address that browsers use.",
            )
        if scope["method"] not in READS and _is_foreign(headers):
            return Problem(403, "cross_site", "Another site sent this request.")
        if wait_seconds := self._wait(scope):
            return Problem(
                429,
                "too_many_requests",
                "You ask more often than one caller may.",
                hint=f"Wait {wait_seconds} s.",
                headers={"Retry-After": str(wait_seconds)},
            )
        length = headers.get("content-length", "")
        if length.isdecimal() and int(length[:20]) > self._most_bytes(headers):
            return _too_large(self._most_bytes(headers))
        return None

    def _wait(self, scope: Scope) -> int:
        """Return how many seconds this caller must wait; 0 when it may ask now."""
        if scope["path"].startswith(_FILES) or scope["path"] in _ALIVE:
            return 0
        request = Request(scope)
        known = self._shared.identities.get(credential_text(request))
        pace, caller = self._callers, known.key if known else ""
        if known is None:
            pace, caller = self._addresses, address_of(request)
        return math.ceil(pace.wait(caller, time.monotonic()))

    def _is_full(self, scope: Scope) -> bool:
        return self._active >= self._limits.at_once and scope["path"] not in _ALIVE

    def _most_bytes(self, headers: Headers) -> int:
        is_upload = headers.get("content-type", "").lower().startswith("multipart/form-data")
        return self._limits.upload_bytes if is_upload else self._limits.body_bytes

    def _limited(self, headers: Headers, receive: Receive) -> Receive:
        """Return ``receive`` that ends a body that is too large or too slow."""
        most, got = self._most_bytes(headers), 0
        is_complete = False
        deadline = asyncio.get_running_loop().time() + self._limits.body_seconds

        async def limited() -> Message:
            nonlocal got, is_complete
            if is_complete:  # now it only waits for the caller to go away
                return await receive()
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                raise Problem(408, "too_slow", "The request's body took too long.") from None
            got += len(message.get("body", b""))
            is_complete = not message.get("more_body", False)
            if got > most:
                raise _too_large(most)
            return message

        return limited

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the application answer; when it takes too long, answer for it and let it end."""
        begun = asyncio.Event()
        is_over = False

        async def watched(message: Message) -> None:
            if not is_over:
                begun.set()
                await send(message)

        work = asyncio.ensure_future(self._work(scope, receive, watched, begun=begun))
        started = asyncio.ensure_future(begun.wait())
        try:
            await asyncio.wait(
                {work, started},
                timeout=self._limits.answer_seconds,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if not (work.done() or begun.is_set()):
                is_over = True
                wait = {"Retry-After": "5"}
                slow = Problem(503, "timeout", "The answer took too long.", headers=wait)
                await self._send_problem(scope, send, slow)
            await work
        except asyncio.CancelledError:
            work.cancel()
            raise
        finally:
            started.cancel()

    async def _work(
        self, scope: Scope, receive: Receive, send: Send, *, begun: asyncio.Event
    ) -> None:
        """Let the application answer; an error that nobody foresaw gets an answer too."""
        try:
            with span(
                scope["method"], kind="SERVER", http__request__method=scope["method"]
            ) as note:
                await self._app(scope, receive, send)
                note("http__route", getattr(scope.get("route"), "path", ""))
        except Exception as error:  # noqa: BLE001 -- the last resort: logged, and told as a problem
            made = await self._rendering.unforeseen(Request(scope), error)
            if not begun.is_set():
                await made(scope, receive, send)

    async def _send_problem(self, scope: Scope, send: Send, problem: Problem) -> None:
        """Answer for the application: as a page for who asks for one."""
        made = await self._rendering.answer(Request(scope), problem)
        await made(scope, _nothing, send)

    def _with_headers(self, scope: Scope, send: Send, *, begun: float) -> Send:
        is_https = self._shared.is_behind_https or scope["scheme"] == "https"

        async def guarded(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _ALWAYS.items():
                    headers.setdefault(name, value)
                is_page = headers.get("content-type", "").startswith("text/html")
                headers.setdefault("Content-Security-Policy", PAGE_POLICY if is_page else NO_POLICY)
                headers.setdefault("Cache-Control", "no-store")
                if is_https:
                    headers.setdefault("Strict-Transport-Security", _STRICT_TRANSPORT)
                headers["X-Request-ID"] = scope["request_id"]
                _note(scope, message["status"], seconds=time.monotonic() - begun)
            await send(message)

        return guarded


def _note(scope: Scope, status: int, *, seconds: float) -> None:
    """Log an answer: by its route, without the query, which may hold what nobody should read."""
    route = scope.get("route")
    told = log.debug if status < SERVER_ERRORS and scope["method"] in READS else log.info
    told(
        "answered",
        method=scope["method"],
        route=getattr(route, "path", ""),
        status=status,
        milliseconds=round(seconds * 1000),
        request_id=scope["request_id"],
    )


def _host_name(host: str) -> str:
    """Return the name in a Host header, without its port."""
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
    return name.lower()


def _is_foreign(headers: Headers) -> bool:
    """Return whether a browser says that another site made it send this."""
    site = headers.get("sec-fetch-site", "")
    if site:
        return site not in {"same-origin", "none"}
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc.lower() != headers.get("host", "").lower()


def _too_large(most: int) -> Problem:
    return Problem(413, "too_large", f"The body is larger than {most:,} bytes.")


async def _nothing() -> Message:
    """Tell that nothing more comes: the body of a request that is refused is not read."""
    return {"type": "http.disconnect"}
