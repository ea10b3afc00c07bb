"""One request and its redirects: guarded, gated, credentials only for their own origin."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urljoin

from stocktake.errors import RequestRefused
from stocktake.fetch.answer import Try
from stocktake.fetch.gate import Held
from stocktake.observe.failpoints import reach

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from stocktake.fetch.gate import Permit, RateGate
    from stocktake.fetch.guard import Guard
    from stocktake.fetch.transport import Response, Transport
    from stocktake.model import Endpoint

FAILURES = (
    ("no complete answer", "timeout"),
    ("host name", "dns"),
    ("TLS", "tls"),
    ("refused or unreachable", "unreachable"),
)
"""How a flaw of the transport is counted; any other is ``broken``."""
MOST_REDIRECTS = 5
REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class Exchanged:
    """The last answer of an exchange.

    Args:
        response: It.
        permit: The leave it was asked under; the gate still waits to hear how it went.
    """

    response: Response
    permit: Permit


@dataclass(frozen=True, slots=True)
class Disallowed:
    """Why a site does not want a request, so that it was not sent, and until when that holds."""

    reason: str
    until: datetime


class Rules(Protocol):
    """What a site asks of programs; consulted before every request, redirects too."""

    async def admit(
        self, exchange: Exchange, url: str, *, endpoint: Endpoint, headers: Mapping[str, str]
    ) -> Endpoint | Disallowed | Held:
        """Return the endpoint as slow as the site wants it, or why ``url`` may not be asked."""
        ...


@dataclass(slots=True)
class Exchange:
    """How requests of one source are sent; ``tries`` has each of them, redirects included."""

    transport: Transport
    gate: RateGate
    guard: Guard
    source: str
    authorization: str | None = field(repr=False)
    rules: Rules | None = None
    requests: int = 0
    tries: list[Try] = field(default_factory=list)

    async def send(
        self, url: str, *, endpoint: Endpoint, headers: Mapping[str, str]
    ) -> Exchanged | Disallowed | Held:
        """Ask ``url`` and follow at most five redirects; each hop is guarded and takes a slot.

        Raises:
            RequestRefused: The address, or one it redirects to, may not be asked; or too many hops.
        """
        own = self.guard.check(self.source, url)
        for _ in range(MOST_REDIRECTS + 1):
            origin = self.guard.check(self.source, url)
            if self.rules is not None:
                ruled = await self.rules.admit(self, url, endpoint=endpoint, headers=headers)
                if isinstance(ruled, Disallowed | Held):
                    return ruled
                endpoint = ruled
            asked_at = time.monotonic()
            admitted = await self.gate.acquire(self.source, endpoint)
            if isinstance(admitted, Held):
                return admitted
            reach("gate_passed")
            self.requests += 1
            waited = time.monotonic() - asked_at
            response = await self.transport.get(
                url,
                headers=self._headers(headers, is_own=origin == own),
                timeout_seconds=endpoint.timeout_seconds,
                max_bytes=endpoint.max_bytes,
            )
            self.tries.append(_try(response, waited))
            target = response.headers.get("location", "")
            if response.flaw or response.status not in REDIRECTS or not target:
                return Exchanged(response, admitted)
            await self.gate.succeeded(admitted, seconds=response.seconds)
            url = _next_hop(url, target)
        raise RequestRefused(f"{self.source}: more than {MOST_REDIRECTS} redirects.")

    def _headers(self, headers: Mapping[str, str], *, is_own: bool) -> Mapping[str, str]:
        if self.authorization is None or not is_own:
            return headers
        return {**headers, "Authorization": self.authorization}


def _try(response: Response, waited: float) -> Try:
    code = str(response.status)
    if not response.status or response.flaw:
        code = next((word for mark, word in FAILURES if mark in response.flaw), "broken")
    return Try(code, response.seconds, len(response.body), waited)


def _next_hop(url: str, target: str) -> str:
    try:
        following = urljoin(url, target)
    except ValueError as error:
        raise RequestRefused("A redirect leads to an address that is not well-formed.") from error
    if url.lower().startswith("https:") and not following.lower().startswith("https:"):
        raise RequestRefused("A redirect leads from https to an unencrypted address.")
    return following
